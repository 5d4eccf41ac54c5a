//! Data sets of the genuine layouts, made of tones.

mod damage;
mod layouts;
mod lost;
mod manifests;
mod real;
mod same;

use super::layout;
use super::prepare::{examine, opened, prepare_in};
use super::summary::Summary;
use crate::audio::Series;
use crate::data_set::DataSet;
use crate::utterances::{ALPHABET, Speech, Utterances};
use scaling_core::error::{At, Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

fn check(path: &Path) -> Result<Summary> {
    examine(&layout::recognise(path)?)
}

impl DataSet {
    /// Recordings `0.wav` to `5.wav`, and manifests `train.csv` of the first four and `dev.csv` of the
    /// others.
    pub(super) fn manifests() -> Result<Self> {
        let data = Self::new(&[])?;
        for i in 0..6 {
            data.put(&format!("{i}.wav"), wav(&tone(8_000 + 160 * i, i)))?;
        }
        data.put(
            "train.csv",
            "wav_filename,wav_filesize,transcript\n0.wav,9,zero\n1.wav,9,one\n2.wav,9,two\n3.wav,9,three\n",
        )?;
        data.put("dev.csv", "wav_filename,wav_filesize,transcript\n4.wav,9,four\n5.wav,9,five\n")?;
        Ok(data)
    }

    /// `speakers` speakers of two recordings each in the subset `train-clean`.
    pub(super) fn subset(speakers: usize) -> Result<Self> {
        let data = Self::new(&[])?;
        for speaker in 0..speakers {
            let chapter = format!("train-clean/{speaker}/7");
            for i in 0..2 {
                let samples = tone(8_000, 2 * speaker + i);
                data.put(&format!("{chapter}/{speaker}-7-000{i}.flac"), flac(&samples))?;
            }
            let lines = format!("{speaker}-7-0000 HELLO\n{speaker}-7-0001 IT'S ME\n");
            data.put(&format!("{chapter}/{speaker}-7.trans.txt"), lines)?;
        }
        Ok(data)
    }

    /// The directory of the prepared data set.
    pub(super) fn prepare(&self, seed: u64) -> Result<PathBuf> {
        Ok(self.prepare_with_notes(seed)?.0)
    }

    fn prepare_with_notes(&self, seed: u64) -> Result<(PathBuf, Vec<String>)> {
        prepare_in(&self.cache(), &self.path(""), seed)
    }

    /// Prepares and opens; what is reported must be what `check` reports.
    pub(super) fn open(&self) -> Result<Speech> {
        let (directory, notes) = self.prepare_with_notes(0)?;
        let opened = opened(&directory, notes)?;
        assert_eq!(opened.origin.description, self.check()?.to_string());
        Ok(opened)
    }

    pub(super) fn check(&self) -> Result<Summary> {
        check(&self.path(""))
    }

    /// What is wrong, with the path of the data set left out; preparing says the same as checking.
    pub(super) fn error(&self) -> String {
        let message = |error: Option<Error>| {
            let error = error.unwrap_or_else(|| Error::failed("no error"));
            assert!(!error.to_string().contains('\n'), "{error}");
            assert_eq!(error.exit_code(), 2, "{error}");
            let path = self.path("").to_string_lossy().into_owned();
            error.to_string().replace(&path, "SET/").replace(path.trim_end_matches('/'), "SET")
        };
        let message_of_check = message(self.check().err());
        assert_eq!(message_of_check, message(self.prepare(0).err()));
        let left = fs::read_dir(self.cache().join("speech")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "a failed preparation leaves nothing behind");
        message_of_check
    }
}

/// A tone of its own for every seed.
pub(super) fn tone(samples: usize, seed: usize) -> Vec<i16> {
    let frequency = 0.05 + 0.01 * seed as f64;
    (0..samples).map(|t| (8_000.0 * (frequency * t as f64).sin()) as i16).collect()
}

/// A WAV file of 16 kHz.
pub(super) fn wav(samples: &[i16]) -> Vec<u8> {
    crate::wav::wav(crate::wav::MONO, samples.iter().copied())
}

/// A FLAC file of 16 kHz.
pub(super) fn flac(samples: &[i16]) -> Vec<u8> {
    crate::flac::flac(16_000, 1, 4_096, samples)
}

/// The transcripts of a part.
pub(super) fn texts(part: &dyn Utterances) -> Vec<String> {
    let text = |index| part.transcript(index).iter().map(|id| char::from(ALPHABET[*id as usize])).collect();
    (0..part.len().unwrap_or(0)).map(text).collect()
}

/// The rejected items with their reasons.
pub(super) fn rejected(summary: &Summary) -> Vec<String> {
    summary.rejected.iter().map(|item| format!("{} {}", item.name, item.reason)).collect()
}
