//! Parallel text turned once into files of ids in the cache, and the report on what was read.

use super::encode::{Encoded, Encoder};
use super::layout::{self, Layout};
use super::summary::Summary;
use super::survey::Survey;
use scaling_core::data::cache::{self, Key};
use scaling_core::entropy::entropy;
use scaling_core::error::Result;
use scaling_core::files;
use scaling_core::task::{Contents, DEFAULT_SEED};
use scaling_core::text::files::left_out_clause;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Raised when the files of the cache change their meaning, the rules of tokenisation included.
const FORMAT: u64 = 3;

/// `meta.json` of prepared text.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Meta {
    /// The directory that it was made from.
    source: PathBuf,
    pub(super) summary: Summary,
    /// BLAKE3 of the tokenizer and of all ids, offsets and references.
    pub(super) fingerprint: String,
    /// See [`crate::pairs::Parallel::best_guess`].
    pub(super) best_guess: f64,
    /// See [`crate::pairs::Parallel::best_guess_loss`].
    pub(super) best_guess_loss: f64,
}

/// Reads the text at `path` and reports on it, with the usual split where pairs must be held out; writes
/// nothing.
///
/// # Errors
/// As [`prepare_in`].
pub(crate) fn check(path: &Path, merges: usize) -> Result<Contents> {
    let layout = layout::recognise(path)?;
    let survey = Survey::of(&layout, merges, DEFAULT_SEED)?;
    let encoder = Encoder::new(&survey);
    let count = |part| Ok(encoder.count(part)?.summary);
    let parts = &survey.parts;
    let test = parts.test.as_ref().map(count).transpose()?;
    let summary = Summary::of(&layout, &survey, [count(&parts.train)?, count(&parts.validation)?], test);
    let (files, warnings) = (layout.listing(), summary.warnings());
    Ok(Contents { files, warnings, summary: summary.to_string() + &left_out_clause(&layout.left_out) })
}

/// Turns the text at `path` into files of ids below `cache`, unless that was done before, and reports on it
/// in one line on stderr. Returns their directory, which is complete or absent, and how a description goes on
/// about files that are left out for how they end. The text may be much larger than memory; its distinct
/// words may not.
///
/// # Errors
/// Bad input: a missing path, a file without its partner, numbers of lines that differ, text that is not
/// UTF-8, a part without a pair, more symbols than fit 16 bits; a cache that cannot be written.
pub(super) fn prepare_in(cache: &Path, path: &Path, merges: usize, seed: u64) -> Result<(PathBuf, String)> {
    let layout = layout::recognise(path)?;
    let directory = cache.join("nmt").join(key(&layout, merges, seed)?);
    cache::make(&directory, path, |draft| write(&Survey::of(&layout, merges, seed)?, &layout, draft))?;
    Ok((directory, left_out_clause(&layout.left_out)))
}

/// Names prepared text: the files with their sizes and times, and all that decides the ids.
fn key(layout: &Layout, merges: usize, seed: u64) -> Result<String> {
    let mut key = Key::default();
    for list in layout.files.lists() {
        let files: Vec<PathBuf> = list.iter().flat_map(|bitext| bitext.files.clone()).collect();
        key.files(&files)?;
        for bitext in list {
            key.number(bitext.tokenised.into());
        }
    }
    // The seed only matters where pairs must be held out.
    let seed = if layout.files.validation.is_empty() { seed } else { 0 };
    for number in [FORMAT, merges as u64, seed] {
        key.number(number);
    }
    // The summary names them.
    layout.left_alone.iter().for_each(|name| key.text(name));
    Ok(key.name())
}

/// Writes all files of the prepared text, `meta.json` last.
fn write(survey: &Survey, layout: &Layout, directory: &Path) -> Result<Summary> {
    survey.tokenizer.save(&directory.join("tokenizer.json"))?;
    let mut fingerprint = blake3::Hasher::new();
    fingerprint.update(survey.tokenizer.text()?.as_bytes());
    let encoder = Encoder::new(survey);
    let mut write = |part, name| encoder.write(part, directory, name, &mut fingerprint);
    let Encoded { summary: train, target_counts } = write(&survey.parts.train, "train")?;
    let validation = write(&survey.parts.validation, "validation")?.summary;
    let test = survey.parts.test.as_ref().map(|part| Ok(write(part, "test")?.summary)).transpose()?;
    // What is predicted: the target tokens and the end of every target.
    let predicted = || target_counts.iter().copied().chain([train.pairs]);
    let most = predicted().max().unwrap_or_default() as f64;
    let best_guess = 1.0 - most / predicted().sum::<u64>() as f64;
    let best_guess_loss = entropy(predicted());
    let summary = Summary::of(layout, survey, [train, validation], test);
    let meta = Meta {
        source: layout.root.clone(),
        summary: summary.clone(),
        fingerprint: fingerprint.finalize().to_hex().to_string(),
        best_guess,
        best_guess_loss,
    };
    files::write_json(&directory.join("meta.json"), &meta)?;
    Ok(summary)
}
