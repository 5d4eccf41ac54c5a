//! Manifests: a recording, with its transcript, in each line of a CSV file (DeepSpeech's) or in each JSON object
//! of a JSONL file (NeMo's and others').

use super::listing::Mention;
use scaling_core::error::{At, Error, Result};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Names of the column or key of the recording's path, absolute or relative to the manifest; the first counts.
const AUDIO: [&str; 5] = ["wav_filename", "audio_filepath", "audio", "key", "path"];
const TRANSCRIPT: [&str; 2] = ["transcript", "text"];
const SPEAKER: [&str; 2] = ["speaker", "speaker_id"];
/// Seconds of the recording before the utterance.
const OFFSET: &str = "offset";

/// Whether a file is named like a manifest: NeMo's are `train_manifest.json`, but many a thing is a `manifest.json`.
pub(super) fn may_be(file: &Path) -> bool {
    let name = || file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    match ending(file).as_str() {
        "csv" | "jsonl" => true,
        "json" => name().contains("manifest") && (name() != "manifest.json" || inspect(file).is_ok()),
        _ => false,
    }
}

fn ending(file: &Path) -> String {
    file.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// Whether a file is a manifest, by its first line.
///
/// # Errors
/// Why it is none.
pub(super) fn inspect(path: &Path) -> Result<()> {
    match ending(path).as_str() {
        "csv" => Columns::of(path, &mut reader(path)?).map(|_| ()),
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
    let mut add = |number, audio: Option<String>, transcript, speaker, offset| match audio {
        Some(audio) if !audio.is_empty() => {
            mentions.push(Mention { audio: directory.join(audio), transcript, speaker, offset });
            Ok(true)
        }
        _ => Err(nameless(path, number)),
    };
    if ending(path) == "csv" {
        let mut reader = reader(path)?;
        let columns = Columns::of(path, &mut reader)?;
        for row in reader.records() {
            let row = row.at("read", path)?;
            let number = row.position().map_or(0, csv::Position::line);
            let field = |column: Option<usize>| column.and_then(|i| row.get(i)).map(str::to_owned);
            let speaker = field(columns.speaker).filter(|speaker| !speaker.is_empty());
            // What cannot be read as a number is not 0 either.
            let offset = field(columns.offset).filter(|offset| !offset.is_empty());
            let offset = offset.map_or(0.0, |offset| offset.trim().parse().unwrap_or(f64::NAN));
            add(number, field(Some(columns.audio)), field(Some(columns.transcript)), speaker, offset)?;
        }
    } else {
        lines(path, |number, line| {
            let line = object(path, number, &line)?;
            let offset = line.get(OFFSET).and_then(Value::as_f64).unwrap_or(0.0);
            add(number, value(&line, &AUDIO), value(&line, &TRANSCRIPT), value(&line, &SPEAKER), offset)
        })?;
    }
    Ok(mentions)
}

/// The columns of a CSV manifest by number.
struct Columns {
    audio: usize,
    transcript: usize,
    speaker: Option<usize>,
    offset: Option<usize>,
}

impl Columns {
    fn of(path: &Path, reader: &mut csv::Reader<File>) -> Result<Self> {
        let header = reader.headers().at("read", path)?;
        let find =
            |names: &[&str]| names.iter().find_map(|name| header.iter().position(|c| c.trim() == *name));
        let need = |names: &[&str]| {
            let what = format!("is no manifest: its first line names no column {}", names.join(" or "));
            find(names).ok_or_else(|| bad(path, &what))
        };
        Ok(Self {
            audio: need(&AUDIO)?,
            transcript: need(&TRANSCRIPT)?,
            speaker: find(&SPEAKER),
            offset: find(&[OFFSET]),
        })
    }
}

fn reader(path: &Path) -> Result<csv::Reader<File>> {
    csv::Reader::from_path(path).at("read", path)
}

/// Calls `each` with the number, from 1, of each line that is not blank and with the line, while it returns true.
fn lines(path: &Path, mut each: impl FnMut(u64, String) -> Result<bool>) -> Result<()> {
    for (number, line) in (1..).zip(BufReader::new(File::open(path).at("read", path)?).lines()) {
        let line = line.at("read", path)?;
        if !line.trim().is_empty() && !each(number, line)? {
            break;
        }
    }
    Ok(())
}

/// A line that holds an object which names a recording.
fn object(path: &Path, number: u64, line: &str) -> Result<Map<String, Value>> {
    let line = line.trim_start_matches('\u{feff}');
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
    keys.iter().find_map(|key| match object.get(*key)? {
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
