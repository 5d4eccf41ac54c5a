//! Recordings turned once into files of features in the cache, and the report on what was heard.

use super::frontend::Frontend;
use super::layout::{self, Layout};
use super::listing::{Item, Listing};
use super::store::{Stored, Writer};
use super::summary::Summary;
use super::tally::{BATCH, PartTally, Tally};
use crate::audio::{Normalization, Statistics};
use crate::utterances::{Speech, Utterances};
use rayon::prelude::*;
use scaling_core::data::overlap::Overlap;
use scaling_core::data::{cache, quarantine};
use scaling_core::entropy::entropy;
use scaling_core::error::Result;
use scaling_core::files;
use scaling_core::random::Random;
use scaling_core::task::{Contents, DEFAULT_SEED, Origin};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Raised with [`FEATURES_VERSION`](super::tally::FEATURES_VERSION), and when the files of the cache change
/// otherwise, as where other recordings can be read.
const FORMAT: u64 = 5;

/// Training utterances whose features decide how all are normalised (MODELS 5.1).
const MEASURED: usize = 500;

/// `meta.json` of a prepared data set.
#[derive(Debug, Serialize, Deserialize)]
struct Meta {
    /// The directory that it was made from.
    source: PathBuf,
    summary: Summary,
    /// BLAKE3 of what decides the features: the samples and the transcripts of the utterances, part by part
    /// and in their order, and of [`FEATURES_VERSION`](super::tally::FEATURES_VERSION) and the listing's
    /// seed. See [`Tally`].
    fingerprint: String,
    /// How often each symbol occurs in the training part's transcripts.
    symbols: Vec<u64>,
    normalization: Normalization,
}

/// Reads the recordings at `path` and reports on them, with the split of [`DEFAULT_SEED`] where utterances
/// must be held out; writes nothing.
///
/// # Errors
/// Bad input: a missing path, a directory of unknown layout, a damaged manifest, a part without a usable
/// utterance.
pub(crate) fn check(path: &Path) -> Result<Contents> {
    let layout = layout::recognise(path)?;
    let summary = examine(&layout)?;
    Ok(Contents { summary: summary.to_string(), files: layout.listing(), warnings: summary.warnings() })
}

/// As [`check`], in numbers.
pub(super) fn examine(layout: &Layout) -> Result<Summary> {
    Ok(survey(Listing::of(layout, DEFAULT_SEED)?, None)?.summary)
}

/// Opens the recordings at `path`, whose features are first brought to the cache directory unless that was
/// done before; that is reported in one line on stderr. `seed` matters where there is no validation part. The
/// recordings may be much more than fits in memory.
///
/// # Errors
/// As [`check`]; a cache that cannot be written, or whose files are damaged.
pub(crate) fn open(path: &Path, seed: u64) -> Result<Speech> {
    let (directory, notes) = cache::find(|cache| prepare_in(cache, path, seed))?;
    opened(&directory, notes)
}

/// Returns the directory of the prepared recordings, which is complete or absent, and what of the data set is
/// left alone.
pub(super) fn prepare_in(cache: &Path, path: &Path, seed: u64) -> Result<(PathBuf, Vec<String>)> {
    let listing = Listing::of(&layout::recognise(path)?, seed)?;
    let notes = listing.notes.clone();
    let directory = cache.join("speech").join(listing.key(FORMAT)?.name());
    cache::make(&directory, path, |draft| {
        let meta = survey(listing, Some(draft))?;
        quarantine::save(draft, &meta.summary.rejected)?;
        files::write_json(&draft.join("meta.json"), &meta)?;
        Ok(meta.summary)
    })?;
    Ok((directory, notes))
}

/// Opens what [`prepare_in`] returned.
pub(super) fn opened(directory: &Path, notes: Vec<String>) -> Result<Speech> {
    cache::open(directory, || read(directory, notes))
}

fn read(directory: &Path, notes: Vec<String>) -> Result<Speech> {
    let mut meta: Meta = files::read_json(&directory.join("meta.json"))?;
    meta.summary.notes = notes;
    let part = |name| -> Result<Arc<dyn Utterances>> { Ok(Arc::new(Stored::open(directory, name)?)) };
    let Summary { train, test, .. } = &meta.summary;
    Ok(Speech {
        origin: Origin::prepared(&meta.summary, meta.summary.warnings(), meta.fingerprint),
        train: part("train")?,
        validation: part("validation")?,
        test: test.as_ref().map(|_| part("test")).transpose()?,
        // Every utterance ends once.
        best_guess_loss: entropy(meta.symbols.iter().copied().chain([train.utterances])),
        characters: Some(train.characters),
        normalization: meta.normalization,
    })
}

/// Hears everything, and writes the features to `directory`, if there is one.
fn survey(listing: Listing, directory: Option<&Path>) -> Result<Meta> {
    let normalization = normalization(&listing)?;
    let mut tally = Tally::new(listing.seed);
    let mut part = |name: &str, items: &[Item]| -> Result<PartTally> {
        let writer = directory.map(|directory| Writer::create(directory, name)).transpose()?;
        let before = tally.rejected.len();
        let part = tally.part(&listing, &normalization, name, items, writer)?;
        if part.digests.is_empty() {
            return Err(listing.unusable(name, tally.rejected.get(before)));
        }
        Ok(part)
    };
    let train = part("train", &listing.train)?;
    let validation = part("validation", &listing.validation)?;
    let test = listing.test.as_ref().map(|items| part("test", items)).transpose()?;
    let test_digests = test.as_ref().map(|test| &test.digests[..]);
    let (overlap, repeated) = Overlap::among(&train.digests, &validation.digests, test_digests);
    let are_speakers_known = !train.speakers.is_empty() && !validation.speakers.is_empty();
    let shared_speakers = train.speakers.intersection(&validation.speakers).count() as u64;
    let tested = test.as_ref().map(|test| &test.speakers).filter(|speakers| !speakers.is_empty());
    let is_known =
        |speaker: &&String| train.speakers.contains(*speaker) || validation.speakers.contains(*speaker);
    let summary = Summary {
        shared_speakers: are_speakers_known.then_some(shared_speakers),
        tested_speakers: tested.map(|speakers| speakers.iter().filter(is_known).count() as u64),
        overlap,
        repeated,
        train: train.summary,
        validation: validation.summary,
        held_out: listing.held_out,
        test: test.map(|test| test.summary),
        punctuated: tally.punctuated,
        rejected: [listing.rejected, tally.rejected].concat(),
        notes: listing.notes,
    };
    Ok(Meta {
        source: listing.root,
        summary,
        fingerprint: tally.fingerprint.finalize().to_hex().to_string(),
        symbols: train.symbols,
        normalization,
    })
}

/// How features are normalised: by [`MEASURED`] training utterances, drawn independently of the order in
/// which they are listed.
fn normalization(listing: &Listing) -> Result<Normalization> {
    let mut order: Vec<&Item> = listing.train.iter().collect();
    Random::new("utterances that decide how features are normalised", &[listing.seed]).shuffle(&mut order);
    let (mut sum, mut count, mut rejected) = (Statistics::new(), 0, None);
    for batch in order.chunks(BATCH) {
        if count == MEASURED {
            break;
        }
        let measured: Vec<_> = batch
            .par_iter()
            .map_init(Frontend::new, |frontend, item| {
                frontend.measure(item).map_err(|reason| listing.reject(&item.audio, reason))
            })
            .collect();
        for statistics in measured {
            match statistics {
                Ok(statistics) if count < MEASURED => {
                    sum.merge(&statistics);
                    count += 1;
                }
                Ok(_) => {}
                Err(item) => rejected = rejected.or(Some(item)),
            }
        }
    }
    if count == 0 {
        return Err(listing.unusable("train", rejected.as_ref()));
    }
    Ok(sum.finish())
}
