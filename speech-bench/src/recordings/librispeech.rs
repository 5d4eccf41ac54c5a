//! LibriSpeech's layout: `SUBSET/SPEAKER/CHAPTER/UTTERANCE.flac` and, beside them, `*.trans.txt` with a line
//! `UTTERANCE TRANSCRIPT` for each (Panayotov et al. 2015).

use super::layout::{entries, name};
use super::listing::Mention;
use rayon::prelude::*;
use scaling_core::error::{At, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The subsets of a directory, sorted: those of its `LibriSpeech`, itself, or those in it.
///
/// # Errors
/// A directory that cannot be read.
pub(super) fn subsets(directory: &Path) -> Result<Vec<PathBuf>> {
    let below = directory.join("LibriSpeech");
    let root = if below.is_dir() { &below } else { directory };
    if is_subset(root)? {
        return Ok(vec![root.to_owned()]);
    }
    let mut subsets = Vec::new();
    for directory in directories(root)? {
        if is_subset(&directory)? {
            subsets.push(directory);
        }
    }
    Ok(subsets)
}

/// What a subset says of its utterances: every recording, and every line of transcripts.
///
/// # Errors
/// Directories or transcripts that cannot be read.
pub(super) fn mentions(subset: &Path) -> Result<Vec<Mention>> {
    let speakers = directories(subset)?;
    let each: Result<Vec<Vec<Mention>>> = speakers.par_iter().map(|speaker| of_speaker(speaker)).collect();
    Ok(each?.into_iter().flatten().collect())
}

fn of_speaker(directory: &Path) -> Result<Vec<Mention>> {
    let speaker = name(directory);
    let mut mentions = Vec::new();
    let mut mention = |audio, transcript: Option<&str>| {
        let transcript = transcript.map(str::to_owned);
        mentions.push(Mention { audio, transcript, speaker: Some(speaker.clone()), offset: 0.0 });
    };
    for chapter in directories(directory)? {
        for file in entries(&chapter)? {
            if is_recording(&file) {
                mention(file, None);
            } else if is_transcripts(&file) {
                for line in fs::read_to_string(&file).at("read", &file)?.lines().map(str::trim) {
                    let (utterance, transcript) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
                    if !utterance.is_empty() {
                        mention(chapter.join(format!("{utterance}.flac")), Some(transcript));
                    }
                }
            }
        }
    }
    Ok(mentions)
}

/// Whether recordings or transcripts lie two levels below.
fn is_subset(directory: &Path) -> Result<bool> {
    for speaker in directories(directory)? {
        for chapter in directories(&speaker)? {
            if entries(&chapter)?.iter().any(|file| is_recording(file) || is_transcripts(file)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn directories(directory: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(directory)?.into_iter().filter(|entry| entry.is_dir()).collect())
}

fn is_recording(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "flac")
}

fn is_transcripts(file: &Path) -> bool {
    name(file).ends_with(".trans.txt")
}
