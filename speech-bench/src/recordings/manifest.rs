//! Manifests: a recording, with its transcript, in each line of a CSV file (DeepSpeech's) or in each JSON
//! object of a JSONL file (NeMo's and others').

use super::mention::Mention;
use super::names::name;
use scaling_core::data::parts::{ending, means_split};
use scaling_core::error::{At, Error, Result};
use scaling_core::terminal::shown;
use scaling_core::text::lines::cut;
use serde_json::{Map, Value};
use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Names of the column or key of the recording's path, absolute or relative to the manifest; the first
/// counts. Some call an id `key`.
const AUDIO: [&str; 7] = ["wav_filename", "audio_filepath", "audio", "wav", "path", "file_name", "key"];
const TRANSCRIPT: [&str; 5] = ["transcript", "text", "sentence", "txt", "transcription"];
const SPEAKER: [&str; 3] = ["speaker", "speaker_id", "client_id"];
/// Seconds of the recording before the utterance.
const OFFSET: [&str; 3] = ["offset", "start", "start_time"];
const DURATION: [&str; 1] = ["duration"];
const END: [&str; 2] = ["end", "end_time"];

/// Whether a file is named like a manifest: NeMo's are `train_manifest.json`, but many a thing is a
/// `manifest.json`.
pub(super) fn may_be(file: &Path) -> bool {
    match ending(file).as_str() {
        "csv" | "jsonl" => true,
        "json" => match name(file).to_lowercase().as_str() {
            "manifest.json" => inspect(file).is_ok(),
            name => name.contains("manifest") || means_split(file),
        },
        _ => false,
    }
}

/// Whether a manifest is named as one of wrong transcripts: Common Voice's `invalidated` and `reported`, or
/// its first version's `cv-invalid`.
pub(super) fn is_of_wrong_transcripts(file: &Path) -> bool {
    let name = name(file).to_lowercase();
    name.split(['-', '_', '.']).any(|word| word.starts_with("invalid")) || name.starts_with("reported.")
}

/// Whether a file is a manifest, by its first line.
///
/// # Errors
/// Why it is none.
pub(super) fn inspect(path: &Path) -> Result<()> {
    match ending(path).as_str() {
        "csv" => header(path, &mut reader(path)?).map(|_| ()),
        "jsonl" | "json" => {
            let mut is_empty = true;
            lines(path, |number, line| {
                is_empty = false;
                object(path, number, &line)?;
                Ok(false)
            })?;
            if is_empty { Err(bad(path, "is empty")) } else { Ok(()) }
        }
        _ => Err(bad(path, "is neither a directory nor a manifest (.csv, .jsonl or .json)")),
    }
}

/// What a manifest says of its utterances.
///
/// # Errors
/// A file that cannot be read, or a line that names no recording or does not have the form of the others.
pub(super) fn mentions(path: &Path) -> Result<Vec<Mention>> {
    let mut mentions = Vec::new();
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut add = |number: u64, field: &dyn Fn(&[&str]) -> Option<String>| -> Result<bool> {
        mentions.push(mention(directory, field).ok_or_else(|| nameless(path, number))?);
        Ok(true)
    };
    if ending(path) == "csv" {
        let mut reader = reader(path)?;
        let header = header(path, &mut reader)?;
        for row in reader.records() {
            let row = row.map_err(|error| unreadable(path, &error))?;
            let number = row.position().map_or(0, csv::Position::line);
            if row.iter().any(|field| field.contains(['\n', '\r'])) {
                return Err(bad(
                    path,
                    &format!(
                        "line {number}: a field goes on in the next line; is a quotation mark never closed?"
                    ),
                ));
            }
            let field = |names: &[&str]| column(&header, names).and_then(|i| row.get(i)).map(str::to_owned);
            add(number, &field)?;
        }
    } else {
        lines(path, |number, line| {
            let object = object(path, number, &line)?;
            add(number, &|names: &[&str]| value(&object, names))
        })?;
    }
    Ok(mentions)
}

/// What a line says, of which `field` returns the first of some fields; `None` if it names no recording.
fn mention(directory: &Path, field: &dyn Fn(&[&str]) -> Option<String>) -> Option<Mention> {
    let trimmed = |names: &[&str]| field(names).map(|text| text.trim().to_owned());
    let filled = |names: &[&str]| trimmed(names).filter(|text| !text.is_empty());
    let seconds = |names: &[&str]| -> Option<f64> {
        // What cannot be read as a number is not 0 either.
        Some(filled(names)?.parse().unwrap_or(f64::NAN))
    };
    let audio = field(&AUDIO).filter(|audio| !audio.trim().is_empty())?;
    let offset = seconds(&OFFSET).unwrap_or(0.0);
    let duration = seconds(&DURATION).or_else(|| Some(seconds(&END)? - offset));
    Some(Mention {
        audio: recording(directory, &audio),
        transcript: trimmed(&TRANSCRIPT),
        speaker: filled(&SPEAKER),
        offset,
        duration: duration.filter(|duration| *duration > 0.0),
    })
}

/// The path of a recording as it is written, or where no file is called so, without white space around it and
/// with slashes for the backslashes of Windows.
fn recording(directory: &Path, written: &str) -> PathBuf {
    let path = directory.join(written);
    let usual = written.trim().replace('\\', "/");
    if usual == written || path.exists() { path } else { directory.join(usual) }
}

/// The first line of a CSV file, which names the columns.
///
/// # Errors
/// One that lacks a column.
fn header(path: &Path, reader: &mut csv::Reader<File>) -> Result<csv::StringRecord> {
    let header = reader.headers().map_err(|error| unreadable(path, &error))?.clone();
    if header.is_empty() {
        return Err(bad(path, "is empty"));
    }
    for names in [&AUDIO[..], &TRANSCRIPT[..]] {
        if column(&header, names).is_none() {
            return Err(lacking(path, &header, names));
        }
    }
    Ok(header)
}

/// The first of some columns.
fn column(header: &csv::StringRecord, names: &[&str]) -> Option<usize> {
    names.iter().find_map(|name| header.iter().position(|column| is_called(column, name)))
}

fn is_called(field: &str, name: &str) -> bool {
    field.trim().eq_ignore_ascii_case(name)
}

fn lacking(path: &Path, header: &csv::StringRecord, names: &[&str]) -> Error {
    /// Characters that are shown of a header, which may be anything.
    const SHOWN: usize = 200;
    const MARKS: [(char, &str); 3] = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")];
    let found = shown(&header.iter().map(str::trim).collect::<Vec<_>>().join(", "));
    let found: String = found.chars().take(SHOWN).collect();
    let mark = MARKS.iter().find(|(mark, _)| header.iter().any(|column| column.contains(*mark)));
    let guess =
        mark.map_or(String::new(), |(_, marks)| format!("; {marks} seem to take the place of commas"));
    let names = names.join(" or ");
    bad(path, &format!("is no manifest: its first line names no column {names}, but {found}{guess}"))
}

fn reader(path: &Path) -> Result<csv::Reader<File>> {
    csv::Reader::from_path(path).at("read", path)
}

/// Calls `each` with the number, from 1, of each line that is not blank and with the line, while it returns
/// true.
fn lines(path: &Path, mut each: impl FnMut(u64, String) -> Result<bool>) -> Result<()> {
    for (number, line) in (1..).zip(BufReader::new(File::open(path).at("read", path)?).lines()) {
        let line = line.map_err(|error| unreadable(path, &error))?;
        if !line.trim().is_empty() && !each(number, line)? {
            break;
        }
    }
    Ok(())
}

/// What is wrong with a file that could not be read on because of `error`: a line that is not UTF-8 is named.
fn unreadable(path: &Path, error: &dyn Display) -> Error {
    let pieces = cut(path);
    let text = pieces.and_then(|pieces| pieces.iter().try_for_each(|piece| piece.read().map(drop)));
    text.err().unwrap_or_else(|| Error::input(format!("cannot read {}: {error}", path.display())))
}

/// A line that holds an object which names a recording.
fn object(path: &Path, number: u64, line: &str) -> Result<Map<String, Value>> {
    let line = line.trim_start_matches('\u{feff}');
    if line.trim_start().starts_with('[') {
        return Err(bad(path, &format!("line {number}: one JSON object in each line was expected, no list")));
    }
    let object: Map<String, Value> = serde_json::from_str(line).map_err(|error| {
        bad(path, &format!("line {number}, column {}: a JSON object was expected", error.column()))
    })?;
    if value(&object, &AUDIO).is_some() {
        return Ok(object);
    }
    Err(nameless(path, number))
}

/// The text, or the number as text, of the first key that has one.
fn value(object: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| match object.iter().find(|(name, _)| is_called(name, key))?.1 {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn nameless(path: &Path, number: u64) -> Error {
    bad(path, &format!("line {number}: no recording is named; expected {}", AUDIO.join(" or ")))
}

fn bad(path: &Path, what: &str) -> Error {
    Error::input(format!("{} {what}", path.display()))
}
