//! What is counted while recordings are heard and written.

use super::frontend::{Frontend, Heard};
use super::listing::{Item, Listing};
use super::store::Writer;
use super::summary::PartSummary;
use super::transcript::Transcript;
use crate::audio::Normalization;
use crate::utterances::ALPHABET;
use rayon::prelude::*;
use scaling_core::data::quarantine::Rejected;
use scaling_core::data::{overlap, pipeline};
use scaling_core::error::Result;
use std::collections::BTreeSet;

/// Raised when the features made from the same recordings change.
pub(super) const FEATURES_VERSION: u64 = 1;

/// Utterances that are heard at a time, while as many are being written.
pub(super) const BATCH: usize = 64;

/// What is counted over all parts.
pub(super) struct Tally {
    pub(super) rejected: Vec<Rejected>,
    /// Of all recordings and transcripts and their order, which decide the features; the bytes of these would
    /// tell apart processors that round differently.
    pub(super) fingerprint: blake3::Hasher,
    pub(super) punctuated: u64,
}

/// What is counted in one part.
pub(super) struct PartTally {
    pub(super) summary: PartSummary,
    /// Occurrences of each.
    pub(super) symbols: Vec<u64>,
    pub(super) speakers: BTreeSet<String>,
    /// 64 bits for each recording that tell recordings apart.
    pub(super) digests: Vec<u64>,
}

impl Tally {
    pub(super) fn new(seed: u64) -> Self {
        let mut fingerprint = blake3::Hasher::new();
        fingerprint.update(&FEATURES_VERSION.to_le_bytes()).update(&seed.to_le_bytes());
        Self { rejected: vec![], fingerprint, punctuated: 0 }
    }

    /// Hears the utterances of a part in parallel, counts them in order and writes them.
    pub(super) fn part(
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
