//! Recordings turned once into files of features in the cache, and the report on what was heard.

use super::frontend::{Frontend, Heard};
use super::layout::{self, Layout};
use super::listing::{Item, Listing};
use super::store::{Stored, Writer};
use super::summary::{PartSummary, Summary};
use super::transcript::Transcript;
use crate::audio::{Normalization, Statistics};
use crate::utterances::{ALPHABET, Speech, Utterances};
use rayon::prelude::*;
use scaling_core::entropy::entropy;
use scaling_core::error::Result;
use scaling_core::overlap::{self, Overlap};
use scaling_core::quarantine::Rejected;
use scaling_core::random::Random;
use scaling_core::task::{Contents, DEFAULT_SEED, Origin};
use scaling_core::{cache, files, pipeline, quarantine};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Raised when the features made from the same recordings change.
const FEATURES: u64 = 1;

/// Raised with [`FEATURES`], and when the files of the cache change otherwise.
const FORMAT: u64 = 4;

/// Utterances that are heard at a time, while as many are being written.
const BATCH: usize = 64;

/// Training utterances whose features decide how all are normalised (MODELS 5.1).
const MEASURED: usize = 500;

/// `meta.json` of a prepared data set.
#[derive(Debug, Serialize, Deserialize)]
struct Meta {
    /// The directory that it was made from.
    source: PathBuf,
    summary: Summary,
    /// See [`Speech::fingerprint`].
    fingerprint: String,
    /// How often each symbol occurs in the training part's transcripts.
    symbols: Vec<u64>,
    normalization: Normalization,
}

/// Reads the recordings at `path` and reports on them, with the split of [`DEFAULT_SEED`] where utterances must
/// be held out; writes nothing.
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

/// Opens the recordings at `path`, whose features are first brought to the cache directory unless that was done
/// before; that is reported in one line on stderr. `seed` matters where there is no validation part. The
/// recordings may be much more than fits in memory.
///
/// # Errors
/// As [`check`]; a cache that cannot be written, or whose files are damaged.
pub(crate) fn open(path: &Path, seed: u64) -> Result<Speech> {
    opened(&cache::find(|cache| prepare_in(cache, path, seed))?)
}

/// Returns the directory of the prepared recordings, which is complete or absent.
pub(super) fn prepare_in(cache: &Path, path: &Path, seed: u64) -> Result<PathBuf> {
    let listing = Listing::of(&layout::recognise(path)?, seed)?;
    let directory = cache.join("speech").join(listing.key(FORMAT)?.name());
    cache::make(&directory, path, |draft| {
        let meta = survey(listing, Some(draft))?;
        quarantine::save(draft, &meta.summary.rejected)?;
        files::write_json(&draft.join("meta.json"), &meta)?;
        Ok(meta.summary)
    })?;
    Ok(directory)
}

/// Opens a directory that [`prepare_in`] returned.
pub(super) fn opened(directory: &Path) -> Result<Speech> {
    cache::open(directory, || read(directory))
}

fn read(directory: &Path) -> Result<Speech> {
    let meta: Meta = files::read_json(&directory.join("meta.json"))?;
    let part = |name| -> Result<Arc<dyn Utterances>> { Ok(Arc::new(Stored::open(directory, name)?)) };
    let Summary { train, test, .. } = &meta.summary;
    Ok(Speech {
        origin: Origin {
            description: meta.summary.to_string(),
            warnings: meta.summary.warnings(),
            fingerprint: meta.fingerprint,
            irreducible: None,
        },
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
    let digests = |part: &PartTally| part.digests.iter().copied().collect::<HashSet<u64>>();
    let known = digests(&train);
    let overlap = Overlap::of(&known, &digests(&validation), test.as_ref().map(digests).as_ref());
    let are_speakers_known = !train.speakers.is_empty() && !validation.speakers.is_empty();
    let shared_speakers = train.speakers.intersection(&validation.speakers).count() as u64;
    let tested = test.as_ref().map(|test| &test.speakers).filter(|speakers| !speakers.is_empty());
    let is_known =
        |speaker: &&String| train.speakers.contains(*speaker) || validation.speakers.contains(*speaker);
    let summary = Summary {
        shared_speakers: are_speakers_known.then_some(shared_speakers),
        tested_speakers: tested.map(|speakers| speakers.iter().filter(is_known).count() as u64),
        overlap,
        repeated: (train.digests.len() - known.len()) as u64,
        train: train.summary,
        validation: validation.summary,
        held_out: listing.held_out,
        test: test.map(|test| test.summary),
        punctuated: tally.punctuated,
        rejected: [listing.rejected, tally.rejected].concat(),
    };
    Ok(Meta {
        source: listing.root,
        summary,
        fingerprint: tally.fingerprint.finalize().to_hex().to_string(),
        symbols: train.symbols,
        normalization,
    })
}

/// How features are normalised: by [`MEASURED`] training utterances, drawn independently of the order in which
/// they are listed.
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

/// What is counted over all parts.
struct Tally {
    rejected: Vec<Rejected>,
    /// Of all recordings and transcripts and their order, which decide the features; the bytes of these would
    /// tell apart processors that round differently.
    fingerprint: blake3::Hasher,
    punctuated: u64,
}

/// What is counted in one part.
struct PartTally {
    summary: PartSummary,
    /// Occurrences of each.
    symbols: Vec<u64>,
    speakers: BTreeSet<String>,
    /// 64 bits for each recording that tell recordings apart.
    digests: Vec<u64>,
}

impl Tally {
    fn new(seed: u64) -> Self {
        let mut fingerprint = blake3::Hasher::new();
        fingerprint.update(&FEATURES.to_le_bytes()).update(&seed.to_le_bytes());
        Self { rejected: vec![], fingerprint, punctuated: 0 }
    }

    /// Hears the utterances of a part in parallel, counts them in order and writes them.
    fn part(
        &mut self,
        listing: &Listing,
        normalization: &Normalization,
        name: &str,
        items: &[Item],
        mut writer: Option<Writer>,
    ) -> Result<PartTally> {
        self.fingerprint.update(name.as_bytes());
        let mut part = PartTally {
            summary: PartSummary::default(),
            symbols: vec![0; ALPHABET.len()],
            speakers: BTreeSet::new(),
            digests: vec![],
        };
        let hear = |frontend: &mut Frontend, item| (item, frontend.hear(item, normalization));
        pipeline::overlapped(
            items,
            BATCH,
            |batch| batch.par_iter().map_init(Frontend::new, hear).collect(),
            |(item, heard): (&Item, std::result::Result<Heard, String>)| match heard {
                Ok(heard) => {
                    self.count(item, &heard, &mut part);
                    let symbols = &item.transcript.symbols;
                    writer.as_mut().map_or(Ok(()), |writer| writer.push(&heard, symbols))
                }
                Err(reason) => {
                    // Its place among the others decides which are drawn to normalise by.
                    self.fingerprint.update(b"rejected");
                    self.rejected.push(listing.reject(&item.audio, reason));
                    Ok(())
                }
            },
        )?;
        writer.map_or(Ok(()), Writer::finish)?;
        self.fingerprint.update(&part.summary.utterances.to_le_bytes());
        Ok(part)
    }

    fn count(&mut self, item: &Item, heard: &Heard, part: &mut PartTally) {
        let Transcript { symbols, had_marks } = &item.transcript;
        self.fingerprint.update(heard.hash.as_bytes());
        self.fingerprint.update(&(symbols.len() as u64).to_le_bytes()).update(symbols);
        self.punctuated += u64::from(*had_marks);
        part.summary.utterances += 1;
        part.summary.characters += symbols.len() as u64;
        part.summary.seconds += heard.seconds;
        for symbol in symbols {
            part.symbols[*symbol as usize] += 1;
        }
        if let Some(speaker) = &item.speaker {
            part.speakers.insert(speaker.clone());
        }
        part.digests.push(overlap::digest(&heard.hash));
    }
}
