//! LibriSpeech's layout: `SUBSET/SPEAKER/CHAPTER/UTTERANCE.flac` and, beside them, `*.trans.txt` with a line
//! `UTTERANCE TRANSCRIPT` for each (Panayotov et al. 2015). The level of chapters may be missing where the
//! name of the subset tells it from a speaker; WAV files may take the place of FLAC.

use super::mention::Mention;
use super::names::{entries, name};
use rayon::prelude::*;
use scaling_core::data::parts::{ending, means_split};
use scaling_core::error::{Error, Result};
use scaling_core::text::lines::{Piece, cut};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Levels of directories that are looked through for utterances: one more than the layout has.
const LEVELS: u32 = 4;

/// The subsets of a directory, sorted: those of its `LibriSpeech`, itself, or those in it; none where no
/// transcripts lie below.
///
/// # Errors
/// A directory that cannot be read, a link to nothing, subsets both in `LibriSpeech` and beside it,
/// utterances beside subsets.
pub(super) fn subsets(directory: &Path) -> Result<Vec<PathBuf>> {
    let (below, beside): (Vec<PathBuf>, Vec<PathBuf>) =
        directories(directory)?.into_iter().partition(|child| child.ends_with("LibriSpeech"));
    let root = below.first().map_or(directory, PathBuf::as_path);
    let other = beside.iter().find(|other| holds(other, LEVELS, is_transcripts));
    if let (Some(root), Some(other)) = (below.first(), other) {
        let (other, root) = (other.display(), root.display());
        return Err(Error::input(format!(
            "{other} lies beside {root}, which would be read alone; move it there, or away"
        )));
    }
    if !holds(root, LEVELS, is_transcripts) {
        return Ok(vec![]);
    }
    let children = directories(root)?;
    let has_parts = children.iter().any(|child| means_split(child) && holds_utterances(child));
    if !has_parts && children.iter().any(|child| holds(child, 1, is_of_utterances)) {
        return Ok(vec![root.to_owned()]);
    }
    refuse_utterances_in(root)?;
    // A part of which nothing is there is missed later.
    Ok(children.into_iter().filter(|child| means_split(child) || holds_utterances(child)).collect())
}

/// What a subset says of its utterances: every recording, and every line of transcripts.
///
/// # Errors
/// Directories or transcripts that cannot be read, links to nothing, utterances at another depth.
pub(super) fn mentions(subset: &Path) -> Result<Vec<Mention>> {
    refuse_utterances_in(subset)?;
    let speakers = directories(subset)?;
    let may_lack_chapters = means_split(subset);
    let each: Result<Vec<Vec<Mention>>> =
        speakers.par_iter().map(|speaker| of_speaker(speaker, may_lack_chapters)).collect();
    Ok(each?.into_iter().flatten().collect())
}

fn of_speaker(directory: &Path, may_lack_chapters: bool) -> Result<Vec<Mention>> {
    refuse_part(directory)?;
    if !may_lack_chapters {
        refuse_utterances_in(directory)?;
    }
    let speaker = name(directory);
    let mut mentions = in_folder(directory, &speaker)?;
    for chapter in directories(directory)? {
        refuse_part(&chapter)?;
        mentions.extend(in_folder(&chapter, &speaker)?);
        for deeper in directories(&chapter)? {
            if let Some(file) = find(&deeper, LEVELS, is_of_utterances) {
                return Err(misplaced(&file));
            }
        }
    }
    Ok(mentions)
}

/// What one directory says, whatever the endings of its recordings.
fn in_folder(folder: &Path, speaker: &str) -> Result<Vec<Mention>> {
    let mention = |audio: PathBuf, transcript: Option<&str>| Mention {
        audio,
        transcript: transcript.map(str::to_owned),
        speaker: Some(speaker.to_owned()),
        offset: 0.0,
        duration: None,
    };
    let files = entries(folder)?;
    let mut recordings: BTreeMap<&OsStr, &PathBuf> = BTreeMap::new();
    for file in files.iter().filter(|file| is_recording(file)) {
        // Another one of the same stem is a copy in another form.
        recordings.entry(file.file_stem().unwrap_or_default()).or_insert(file);
    }
    let mut mentions: Vec<Mention> = recordings.values().map(|file| mention((*file).clone(), None)).collect();
    for file in files.iter().filter(|file| is_transcripts(file)) {
        let text = cut(file)?.iter().map(Piece::read).collect::<Result<String>>()?;
        for line in text.lines().map(str::trim) {
            let (utterance, transcript) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            if utterance.is_empty() {
                continue;
            }
            let audio = match recordings.get(OsStr::new(utterance)) {
                Some(file) => (*file).clone(),
                None => folder.join(format!("{utterance}.flac")),
            };
            mentions.push(mention(audio, Some(transcript)));
        }
    }
    Ok(mentions)
}

/// Refuses a directory with a part's name where a speaker or a chapter is expected: it may be there to test.
fn refuse_part(directory: &Path) -> Result<()> {
    if !means_split(directory) || !holds_utterances(directory) {
        return Ok(());
    }
    let above = directory.parent().unwrap_or(directory).display();
    Err(Error::input(format!(
        "{} is named like a part, but lies where a speaker or a chapter was expected; give {above} itself, or move it \
         away",
        directory.display()
    )))
}

/// Refuses recordings and transcripts directly in a directory.
fn refuse_utterances_in(directory: &Path) -> Result<()> {
    find(directory, 0, is_of_utterances).map_or(Ok(()), |file| Err(misplaced(&file)))
}

fn misplaced(file: &Path) -> Error {
    Error::input(format!(
        "{} lies at an unexpected depth: expected SUBSET/SPEAKER/CHAPTER/*.flac, or SUBSET/SPEAKER/*.flac where SUBSET \
         is named train*, dev* or test*",
        file.display()
    ))
}

/// Whether recordings or transcripts lie in a directory or below.
fn holds_utterances(directory: &Path) -> bool {
    holds(directory, LEVELS, is_of_utterances)
}

/// Whether there is a file of a kind in a directory or at most `levels` below it.
fn holds(directory: &Path, levels: u32, is: fn(&Path) -> bool) -> bool {
    find(directory, levels, is).is_some()
}

/// Such a file; what cannot be read has none.
fn find(directory: &Path, levels: u32, is: fn(&Path) -> bool) -> Option<PathBuf> {
    let entries = entries(directory).unwrap_or_default();
    if let Some(file) = entries.iter().find(|file| is(file)) {
        return Some(file.clone());
    }
    let levels = levels.checked_sub(1)?;
    entries.iter().filter(|entry| !is_of_utterances(entry)).find_map(|entry| find(entry, levels, is))
}

/// The directories in a directory, sorted.
fn directories(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut directories = Vec::new();
    for entry in entries(directory)?.into_iter().filter(|entry| !is_of_utterances(entry)) {
        let metadata = fs::metadata(&entry).map_err(|error| {
            let entry = entry.display();
            Error::input(format!("{entry} leads nowhere: {error}; restore what it links to, or remove it"))
        })?;
        if metadata.is_dir() {
            directories.push(entry);
        }
    }
    Ok(directories)
}

fn is_of_utterances(file: &Path) -> bool {
    is_recording(file) || is_transcripts(file)
}

fn is_recording(file: &Path) -> bool {
    ["flac", "wav"].contains(&ending(file).as_str())
}

fn is_transcripts(file: &Path) -> bool {
    name(file).to_lowercase().ends_with(".trans.txt")
}
