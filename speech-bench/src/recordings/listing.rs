//! Every utterance of a data set: its recording, its transcript, its speaker and its part.

use super::layout::{Layout, Source};
use super::leftover::left_alone;
use super::mention::Mention;
use super::transcript::Transcript;
use super::{librispeech, manifest};
use rayon::prelude::*;
use scaling_core::data::cache::Key;
use scaling_core::data::held_out::{Filter, hold_out};
use scaling_core::data::quarantine::Rejected;
use scaling_core::error::{Error, Result};
use scaling_core::terminal::shown;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The largest validation part that is made where a data set has none: about as much as LibriSpeech's.
const MOST_SPEAKERS: u64 = 40;
const MOST_UTTERANCES: u64 = 3_000;

/// What the sources of a part say, by the paths of the recordings.
fn mentions(sources: &[Source]) -> Result<Vec<Mention>> {
    let mut mentions = Vec::new();
    for source in sources {
        mentions.extend(match source {
            Source::Subset(path) => librispeech::mentions(path)?,
            Source::Manifest(path) => manifest::mentions(path)?,
        });
    }
    mentions.sort_by(|a, b| a.audio.cmp(&b.audio));
    Ok(mentions)
}

/// One utterance, not heard yet.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) audio: PathBuf,
    pub(super) transcript: Transcript,
    pub(super) speaker: Option<String>,
    /// The least seconds that anything says of it.
    pub(super) duration: Option<f64>,
}

/// By what utterances were held out of the training part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HeldOut {
    Speaker,
    Utterance,
}

/// The utterances of a data set; each part in the order of the paths.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) root: PathBuf,
    pub(super) train: Vec<Item>,
    pub(super) validation: Vec<Item>,
    pub(super) test: Option<Vec<Item>>,
    /// What cannot be used, known without hearing it.
    pub(super) rejected: Vec<Rejected>,
    /// What of the data set is left alone.
    pub(super) notes: Vec<String>,
    /// `None` where the data set has a validation part.
    pub(super) held_out: Option<HeldOut>,
    /// The seed if it decides which are held out, else 0.
    pub(super) seed: u64,
}

impl Listing {
    /// Lists the utterances of a layout. Where it has no validation part, a tenth is held out, chosen by `seed`
    /// and at least one: of the speakers, such that they speak at most half of the utterances, or of the
    /// utterances, unless there are at least two speakers and all are known.
    ///
    /// # Errors
    /// Files that cannot be read, a directory that would train or validate and is not read, a part without a
    /// usable utterance, or a single one that would have to be split.
    pub(super) fn of(layout: &Layout, seed: u64) -> Result<Self> {
        let mut listing = Self {
            root: layout.root.clone(),
            train: vec![],
            validation: vec![],
            test: None,
            rejected: vec![],
            notes: vec![],
            held_out: None,
            seed: 0,
        };
        let sources = &layout.files;
        let [train, validation, test] =
            [mentions(&sources.train)?, mentions(&sources.validation)?, mentions(&sources.test)?];
        let all = [&train, &validation, &test].into_iter().flatten();
        listing.notes = [left_alone(&layout.root, &layout.unlisted, all)?, layout.notes.clone()].concat();
        // Parts of one recording may lie in several parts of the data.
        let mut offsets: BTreeMap<&PathBuf, (BTreeSet<u64>, bool)> = BTreeMap::new();
        for mention in [&train, &validation, &test].into_iter().flatten() {
            let (several, is_cut) = offsets.entry(&mention.audio).or_default();
            several.insert(mention.offset.to_bits());
            // Of one whose length is known it shows whether it was cut out already.
            *is_cut |= mention.offset != 0.0 && mention.duration.is_none();
        }
        let cut: BTreeSet<&PathBuf> = offsets
            .into_iter()
            .filter(|(_, (several, is_cut))| *is_cut || several.len() > 1)
            .map(|(a, _)| a)
            .collect();
        // Common Voice's `validated` holds the other parts too. What is in both of them validates.
        let mut measured: BTreeMap<&PathBuf, &str> = BTreeMap::new();
        for (part, mentions) in [("test", &test), ("validation", &validation)] {
            measured.extend(mentions.iter().map(|mention| (&mention.audio, part)));
        }
        listing.train = listing.part("train", &train, &cut, &measured)?;
        if sources.validation.is_empty() {
            listing.seed = seed;
            listing.hold_out()?;
        } else {
            listing.validation = listing.part("validation", &validation, &cut, &BTreeMap::new())?;
        }
        if !sources.test.is_empty() {
            listing.test = Some(listing.part("test", &test, &cut, &BTreeMap::new())?);
        }
        Ok(listing)
    }

    /// The utterances of part `name`, without those that are rejected; `cut` are recordings of several
    /// utterances, `elsewhere` those that another part has, with its name.
    fn part(
        &mut self,
        name: &str,
        mentions: &[Mention],
        cut: &BTreeSet<&PathBuf>,
        elsewhere: &BTreeMap<&PathBuf, &str>,
    ) -> Result<Vec<Item>> {
        let utterances: Vec<&[Mention]> = mentions.chunk_by(|a, b| a.audio == b.audio).collect();
        let items: Vec<_> =
            utterances.into_par_iter().map(|mentions| self.item(mentions, cut, elsewhere)).collect();
        let (mut usable, mut rejected) = (Vec::with_capacity(items.len()), Vec::new());
        for item in items {
            match item {
                Ok(item) => usable.push(item),
                Err(item) => rejected.push(item),
            }
        }
        if usable.is_empty() {
            return Err(self.unusable(name, rejected.first()));
        }
        self.rejected.append(&mut rejected);
        Ok(usable)
    }

    /// What is known of one utterance; at least one mention.
    fn item(
        &self,
        mentions: &[Mention],
        cut: &BTreeSet<&PathBuf>,
        elsewhere: &BTreeMap<&PathBuf, &str>,
    ) -> std::result::Result<Item, Rejected> {
        let audio = &mentions[0].audio;
        let mut transcripts: Vec<&str> = mentions.iter().filter_map(|m| m.transcript.as_deref()).collect();
        transcripts.sort_unstable();
        transcripts.dedup();
        let transcript = match *transcripts.as_slice() {
            _ if cut.contains(audio) => {
                Err("is a recording of several utterances (offset); cut it into files".into())
            }
            [_, _, ..] => Err(format!("has {} transcripts", transcripts.len())),
            [] => Err("has no transcript".into()),
            [_] if !audio.is_file() => Err("has a transcript, but there is no such file".into()),
            [text] => Transcript::of(text),
        };
        let transcript = transcript.and_then(|transcript| match elsewhere.get(audio) {
            Some(part) => Err(format!("is in the {part} part too")),
            None => Ok(transcript),
        });
        let speaker = mentions.iter().find_map(|m| m.speaker.clone());
        let duration = mentions.iter().filter_map(|m| m.duration).reduce(f64::min);
        match transcript {
            Ok(transcript) => Ok(Item { audio: audio.clone(), transcript, speaker, duration }),
            Err(reason) => Err(self.reject(audio, reason)),
        }
    }

    /// Moves some speakers, or some utterances, to the validation part.
    fn hold_out(&mut self) -> Result<()> {
        let (by, chosen) = match self.chosen_speakers()? {
            Some(chosen) => (HeldOut::Speaker, chosen),
            None => (HeldOut::Utterance, self.chosen_utterances()?),
        };
        self.held_out = Some(by);
        for (item, is_chosen) in std::mem::take(&mut self.train).into_iter().zip(chosen) {
            let part = if is_chosen { &mut self.validation } else { &mut self.train };
            part.push(item);
        }
        Ok(())
    }

    /// Whether each utterance is of a speaker that is held out, if all speakers are known. Those held out
    /// speak at most half of the utterances: they are drawn until that holds. It holds for at least half of all
    /// draws, since at most half of the speakers are drawn, and of two draws without a common speaker one has
    /// at most half of the utterances.
    fn chosen_speakers(&self) -> Result<Option<Vec<bool>>> {
        let Some(speakers) = self.train.iter().map(|item| item.speaker.as_ref()).collect::<Option<Vec<_>>>()
        else {
            return Ok(None);
        };
        let distinct: BTreeSet<&String> = speakers.iter().copied().collect();
        if distinct.len() < 2 {
            return Ok(None);
        }
        let numbers: BTreeMap<&String, u64> = distinct.into_iter().zip(0..).collect();
        let mut seed = self.seed;
        loop {
            let held_out = self.a_tenth("speaker", numbers.len(), MOST_SPEAKERS, seed)?;
            let chosen: Vec<bool> =
                speakers.iter().map(|speaker| held_out.contains(numbers[speaker])).collect();
            if 2 * chosen.iter().filter(|is_chosen| **is_chosen).count() <= chosen.len() {
                return Ok(Some(chosen));
            }
            // Far from the seeds of other studies.
            seed = seed.wrapping_add(1 << 32);
        }
    }

    /// Whether each utterance is held out.
    fn chosen_utterances(&self) -> Result<Vec<bool>> {
        let held_out = self.a_tenth("usable utterance", self.train.len(), MOST_UTTERANCES, self.seed)?;
        Ok((0..self.train.len()).map(|i| held_out.contains(i as u64)).collect())
    }

    /// A tenth of `total`, at least one and at most `most`; `name` they are.
    fn a_tenth(&self, name: &str, total: usize, most: u64, seed: u64) -> Result<Filter> {
        let total = total as u64;
        let [_, held_out] = hold_out(&self.root, name, total, (total / 10).clamp(1, most), seed)?;
        Ok(held_out)
    }

    /// Names the prepared data: a hash of all that the listing says of the utterances, and of the sizes and
    /// times of the recordings.
    ///
    /// # Errors
    /// A root that cannot be read.
    pub(super) fn key(&self, format: u64) -> Result<Key> {
        let mut key = Key::default();
        key.number(format);
        key.number(self.seed);
        for part in [Some(&self.train), Some(&self.validation), self.test.as_ref()] {
            let part = part.map(Vec::as_slice).unwrap_or_default();
            let names: Vec<OsString> = part.iter().map(|item| self.below(&item.audio).into()).collect();
            key.folder(&self.root, &names)?;
            for item in part {
                let Transcript { symbols, had_marks } = &item.transcript;
                key.number(symbols.len() as u64);
                // Ids are below 128.
                key.text(&String::from_utf8_lossy(symbols));
                key.number(u64::from(*had_marks));
                key.text(item.speaker.as_deref().unwrap_or_default());
                key.number(item.duration.map_or(0, f64::to_bits));
            }
        }
        for Rejected { name, reason } in &self.rejected {
            key.text(name);
            key.text(reason);
        }
        Ok(key)
    }

    /// Part `name` has no usable utterance; one that is not used is named.
    pub(super) fn unusable(&self, name: &str, first: Option<&Rejected>) -> Error {
        let why = first.map_or_else(String::new, |Rejected { name, reason }| format!(": {name} {reason}"));
        Error::input(format!("{}: the {name} part has no usable utterance{why}", self.root.display()))
    }

    /// A recording that is not used, named by its path below the data set.
    pub(super) fn reject(&self, audio: &Path, reason: String) -> Rejected {
        Rejected { name: shown(&self.below(audio).to_string_lossy()), reason }
    }

    /// The path of a recording below the data set, or the whole path if it lies elsewhere.
    fn below<'a>(&self, audio: &'a Path) -> &'a Path {
        audio.strip_prefix(&self.root).unwrap_or(audio)
    }
}
