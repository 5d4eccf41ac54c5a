//! What lies beside the sources of a data set and is not read: refused where a part would get lost silently.

use super::layout::Source;
use super::manifest;
use super::names::{entries, name};
use scaling_core::data::parts::{PACKED, Split, ending, means_split, split_of};
use scaling_core::error::{Error, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Endings of tables.
const TABLES: [&str; 4] = ["csv", "json", "jsonl", "tsv"];

/// Refuses a table or an archive that has a part's name and is no source; copies of a source in another form are none.
///
/// # Errors
/// Such a file, or a directory that cannot be read.
pub(super) fn refuse_unread(directory: &Path, sources: &[Source]) -> Result<()> {
    let entries = beside(directory)?;
    // An archive whose directory is there was unpacked, unless that is empty.
    let unpacked = entries.iter().filter(|entry| is_filled(entry)).map(|entry| name(entry));
    let read: BTreeSet<String> = sources.iter().map(|source| stem(source.path())).chain(unpacked).collect();
    for file in entries {
        let ending = ending(&file);
        let remedy = match ending.as_str() {
            packed if PACKED.contains(&packed) => "unpack it",
            table if TABLES.contains(&table) => "write it as CSV or JSON lines",
            _ => continue,
        };
        let is_missed = means_split(&file) && !manifest::is_of_wrong_transcripts(&file);
        if is_missed && !read.contains(&stem(&file)) && !file.is_dir() {
            return Err(unread(&file, remedy));
        }
    }
    Ok(())
}

/// The directories, other than empty ones, that have the name of a part which none of the manifests is for: those for a
/// test may be left alone.
///
/// # Errors
/// Such a directory that would train or validate, or one that cannot be read.
pub(super) fn unlisted(directory: &Path, manifests: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let listed: Vec<Split> = manifests.iter().map(|manifest| split_of(directory, manifest)).collect();
    let mut left_alone = Vec::new();
    for entry in beside(directory)? {
        let split = split_of(entry.parent().unwrap_or(directory), &entry);
        if !means_split(&entry) || listed.contains(&split) || !is_filled(&entry) {
            continue;
        }
        if split != Split::Test {
            return Err(unread(&entry, "give it a manifest as the other parts have"));
        }
        left_alone.push(entry);
    }
    Ok(left_alone)
}

/// What lies in a directory, and in the `LibriSpeech` that is in it.
fn beside(directory: &Path) -> Result<Vec<PathBuf>> {
    let below = entries(&directory.join("LibriSpeech")).unwrap_or_default();
    Ok(entries(directory)?.into_iter().chain(below).collect())
}

/// Whether a path is a directory in which anything lies, since utterances have forms that are not known here; hidden files
/// do not count.
fn is_filled(path: &Path) -> bool {
    // What cannot be read may hold some.
    path.is_dir() && entries(path).ok().is_none_or(|entries| !entries.is_empty())
}

fn unread(path: &Path, remedy: &str) -> Error {
    let path = path.display();
    Error::input(format!("{path} is named like a part, but is not read; {remedy}, or move it away"))
}

/// A name without what says how the data is written: `dev` of `dev.jsonl.gz`.
fn stem(path: &Path) -> String {
    let mut stem = PathBuf::from(name(path));
    while TABLES.iter().chain(&PACKED).any(|form| *form == ending(&stem)) {
        stem.set_extension("");
    }
    name(&stem)
}
