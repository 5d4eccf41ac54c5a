//! Text turned once into files of ids in the cache, and the report on what was read.

use super::encode::Encoder;
use super::layout::{self, Layout};
use super::part::Parts;
use super::summary::{PartSummary, Summary};
use super::tally::{self, Tally};
use super::{Specials, Unit, samples_clause};
use scaling_core::data::cache::{self, Key};
use scaling_core::data::overlap::Overlap;
use scaling_core::error::{Error, Result};
use scaling_core::files;
use scaling_core::task::{Contents, DEFAULT_SEED};
use scaling_core::text::files::left_out_clause;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Raised when the files of the cache change their meaning.
const FORMAT: u64 = 4;

/// `meta.json` of a prepared corpus.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Meta {
    /// The file or directory that it was made from.
    pub(super) source: PathBuf,
    pub(super) summary: Summary,
    /// See [`super::Text::symbols`].
    pub(super) symbols: usize,
    /// BLAKE3 of the vocabulary and of all ids and offsets.
    pub(super) fingerprint: String,
    /// See [`super::Text::best_guess`].
    pub(super) best_guess: f64,
    /// In the order of the ids.
    pub(super) vocabulary: Vec<String>,
}

/// Reads the text at `path` and reports on it, with what a study of `unroll` counts; writes nothing.
///
/// # Errors
/// As [`prepare_in`].
pub(crate) fn check(path: &Path, unit: Unit, vocabulary: usize, unroll: u64) -> Result<Contents> {
    check_vocabulary(vocabulary)?;
    let layout = layout::recognise(path)?;
    let longest = unit.longest(unroll);
    let Survey { summary, samples, .. } = Survey::of(&layout, unit, vocabulary, longest, DEFAULT_SEED)?;
    let clause = samples_clause(samples, summary.train.tokens, longest);
    let left_out = left_out_clause(&layout.left_out);
    let (files, warnings) = (layout.listing(), summary.warnings());
    Ok(Contents { files, warnings, summary: format!("{summary}{left_out}{clause}") })
}

/// Turns the text at `path` into files of ids below `cache`, unless that was done before, and reports on
/// it in one line on stderr. Returns their directory, which is complete or absent, and how a description
/// goes on about files that are left out. The text may be much larger than memory.
///
/// # Errors
/// Bad input: a missing path, a directory without text, a missing shard, text that is not UTF-8, no
/// sentence, a vocabulary that does not fit 16 bits; a cache that cannot be written.
pub(super) fn prepare_in(
    cache: &Path,
    path: &Path,
    unit: Unit,
    vocabulary: usize,
    seed: u64,
) -> Result<(PathBuf, String)> {
    check_vocabulary(vocabulary)?;
    let layout = layout::recognise(path)?;
    let directory = cache.join("lm").join(key(&layout, unit, vocabulary, seed)?);
    cache::make(&directory, path, |draft| {
        // What counts depends on the study.
        let survey = Survey::of(&layout, unit, vocabulary, u64::MAX, seed)?;
        survey.write(&layout, draft)?;
        Ok(survey.summary)
    })?;
    Ok((directory, left_out_clause(&layout.left_out)))
}

fn check_vocabulary(symbols: usize) -> Result<()> {
    if (1..=Specials::MOST_SYMBOLS).contains(&symbols) {
        return Ok(());
    }
    let most = Specials::MOST_SYMBOLS;
    Err(Error::input(format!("a vocabulary of {symbols} symbols is out of range; use 1 to {most}")))
}

/// Names a prepared corpus: the files with their sizes and times, and all that decides the ids. What is left
/// out for how it ends does not.
fn key(layout: &Layout, unit: Unit, vocabulary: usize, seed: u64) -> Result<String> {
    let mut key = Key::default();
    for files in layout.files.lists() {
        key.files(files)?;
    }
    // The seed only matters where sentences must be held out.
    let seed = if layout.files.validation.is_empty() { seed } else { 0 };
    for number in [FORMAT, vocabulary as u64, seed] {
        key.number(number);
    }
    key.text(&unit.to_string());
    // The summary names them.
    layout.left_alone.iter().for_each(|name| key.text(name));
    Ok(key.name())
}

/// A corpus after the first pass.
struct Survey {
    parts: Parts,
    summary: Summary,
    /// Training tokens that count in m.
    samples: u64,
    symbols: usize,
    vocabulary: Vec<String>,
    best_guess: f64,
}

impl Survey {
    fn of(layout: &Layout, unit: Unit, symbols: usize, longest: u64, seed: u64) -> Result<Self> {
        let parts = Parts::of(layout, seed)?;
        let digests = tally::digests(&parts.validation)?;
        let test_digests = parts.test.as_ref().map(tally::digests).transpose()?;
        let measured = digests.iter().chain(test_digests.iter().flatten()).copied().collect();
        let train = Tally::of(&parts.train, unit, longest, &measured)?;
        let none = HashSet::new();
        let validation = Tally::of(&parts.validation, unit, longest, &none)?;
        let test = parts.test.as_ref().map(|part| Tally::of(part, unit, longest, &none)).transpose()?;
        let parts_read =
            [("training", Some(&train)), ("validation", Some(&validation)), ("test", test.as_ref())];
        for (part, tally) in parts_read {
            if tally.is_some_and(|tally| tally.sentences == 0) {
                let root = layout.root.display();
                let why = format!("the {part} part has no sentence: every line is blank");
                return Err(Error::input(format!("{root}: {why}")));
            }
        }
        let vocabulary = train.vocabulary(symbols);
        let part = |tally: &Tally| PartSummary {
            sentences: tally.sentences,
            tokens: tally.tokens,
            unknown: tally.unknown(&vocabulary),
        };
        // Sentences that were held out lie in the files of the training part.
        let own_files = if layout.files.validation.is_empty() { 0 } else { validation.blank };
        let summary = Summary {
            unit,
            train: part(&train),
            validation: part(&validation),
            test: test.as_ref().map(part),
            types: train.types(),
            blank_lines: train.blank + own_files + test.as_ref().map_or(0, |test| test.blank),
            overlap: Overlap::of(train.shared(), &digests, test_digests.as_ref()),
            repeated: train.repeated(),
            left_alone: layout.left_alone.clone(),
        };
        let best_guess = train.marginal_entropy(&vocabulary);
        Ok(Self { parts, summary, samples: train.samples, symbols, vocabulary, best_guess })
    }

    /// Writes all files of the prepared corpus, `meta.json` last.
    fn write(&self, layout: &Layout, directory: &Path) -> Result<()> {
        let mut fingerprint = blake3::Hasher::new();
        for symbol in &self.vocabulary {
            fingerprint.update(symbol.as_bytes());
            fingerprint.update(b"\n");
        }
        let encoder = Encoder::new(self.summary.unit, &self.vocabulary, self.symbols);
        let Parts { train, validation, test } = &self.parts;
        encoder.write(train, directory, "train", &mut fingerprint)?;
        encoder.write(validation, directory, "validation", &mut fingerprint)?;
        if let Some(test) = test {
            encoder.write(test, directory, "test", &mut fingerprint)?;
        }
        let meta = Meta {
            source: layout.root.clone(),
            summary: self.summary.clone(),
            symbols: self.symbols,
            fingerprint: fingerprint.finalize().to_hex().to_string(),
            best_guess: self.best_guess,
            vocabulary: self.vocabulary.clone(),
        };
        files::write_json(&directory.join("meta.json"), &meta)
    }
}
