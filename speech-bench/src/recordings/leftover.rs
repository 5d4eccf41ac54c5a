//! What lies beside the sources of a data set and is not read: refused where a part would get lost silently.

use super::manifest;
use super::mention::Mention;
use super::names::{entries, name};
use scaling_core::data::parts::{PACKED, Split, ending, means_split, split_of};
use scaling_core::error::{At, Error, Result};
use scaling_core::terminal::shown;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Endings of tables.
const TABLES: [&str; 4] = ["csv", "json", "jsonl", "tsv"];

/// Refuses a table or an archive that has a part's name and is not read; copies in another form of what is
/// read are passed over.
///
/// # Errors
/// Such a file, or a directory that cannot be read.
pub(super) fn refuse_unread<'a>(directory: &Path, read: impl Iterator<Item = &'a Path>) -> Result<()> {
    let entries = beside(directory)?;
    // An archive whose directory is there was unpacked, unless that is empty.
    let unpacked = entries.iter().filter(|entry| is_filled(entry)).map(|entry| name(entry));
    let read: BTreeSet<String> = read.map(stem).chain(unpacked).collect();
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

/// The directories, other than empty ones, that have the name of a part which none of the manifests is for.
///
/// # Errors
/// A directory that cannot be read.
pub(super) fn unlisted(directory: &Path, manifests: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let listed: Vec<Split> = manifests.iter().map(|manifest| split_of(directory, manifest)).collect();
    let is_unlisted =
        |entry: &PathBuf| means_split(entry) && !listed.contains(&part_of(entry)) && is_filled(entry);
    Ok(beside(directory)?.into_iter().filter(is_unlisted).collect())
}

/// Notes on those of the directories which no manifest is for that no recording of another part's manifest
/// lies in either: those for a test may be left alone.
///
/// # Errors
/// Such a directory that would train or validate.
pub(super) fn left_alone<'a>(
    root: &Path,
    unlisted: &[PathBuf],
    mentions: impl Iterator<Item = &'a Mention>,
) -> Result<Vec<String>> {
    if unlisted.is_empty() {
        return Ok(vec![]);
    }
    // Absolute paths, links and `..` may lead there too.
    let folders: BTreeSet<&Path> = mentions.filter_map(|mention| mention.audio.parent()).collect();
    let folders: Vec<PathBuf> = folders.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
    let mut notes = Vec::new();
    for part in unlisted {
        let path = part.canonicalize().at("read", part)?;
        if folders.iter().any(|folder| folder.starts_with(&path)) {
            continue;
        }
        if part_of(part) != Split::Test {
            return Err(unread(part, "give it a manifest as the other parts have"));
        }
        notes.push(note(root, part, "having no manifest as the other parts have"));
    }
    Ok(notes)
}

/// A phrase on what is left alone in a data set.
pub(super) fn note(root: &Path, path: &Path, why: &str) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    format!("{} is left alone, {why}", shown(&below.to_string_lossy()))
}

/// The part that the name of a directory means.
fn part_of(directory: &Path) -> Split {
    split_of(directory.parent().unwrap_or(Path::new("")), directory)
}

/// What lies in a directory, and in the `LibriSpeech` that is in it.
fn beside(directory: &Path) -> Result<Vec<PathBuf>> {
    let below = entries(&directory.join("LibriSpeech")).unwrap_or_default();
    Ok(entries(directory)?.into_iter().chain(below).collect())
}

/// Whether a path is a directory in which anything lies, since utterances have forms that are not known here;
/// hidden files do not count.
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
