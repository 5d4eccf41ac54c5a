//! Synthetic speech: endless spoken letters whose lowest possible error is known.
//!
//! An utterance is one to three words of random letters: there is no language to learn, so that all must be
//! heard. What letters sound like is in [`letter`], who says what in [`utterance`], and the sound is made in
//! [`voice`]. A share of the letters of transcripts is replaced by others; every letter can be told by its
//! sound, so that this share alone decides what no recogniser can do better. Utterance `i` of a seed is a
//! pure function of both, so shards are independent samples and nothing is stored.

mod floor;
mod letter;
mod utterance;
mod voice;

use crate::audio::{Extractor, Normalization, RATE, Series, Statistics};
use crate::utterances::{Speech, Utterances};
use scaling_core::error::{Error, Result};
use scaling_core::random::Random;
use scaling_core::task::Origin;
use std::cell::Cell;
use std::sync::Arc;
use utterance::Utterance;

/// Raised when the same seed gives other sounds or transcripts.
const VERSION: u64 = 1;

const VALIDATION_UTTERANCES: u64 = 600;
/// Utterances that the moments of features are taken of (MODELS 5.1).
const NORMALIZATION_UTTERANCES: std::ops::Range<u64> = 0..500;

/// What the utterances are like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Options {
    /// The first so many letters of the alphabet are used, 2 to 26.
    pub(crate) letters: usize,
    /// Share of the letters of transcripts that are replaced by another one, in [0, 0.3].
    pub(crate) noise: f64,
}

#[cfg(test)]
impl Default for Options {
    fn default() -> Self {
        Self { letters: 10, noise: 0.02 }
    }
}

impl Options {
    /// Refuses options that are out of their ranges.
    ///
    /// # Errors
    /// Names the first such option.
    fn check(&self) -> Result<()> {
        if !(2..=26).contains(&self.letters) {
            return Err(Error::input(format!(
                "`synthetic_letters` must lie between 2 and 26, not {}",
                self.letters
            )));
        }
        if !(0.0..=0.3).contains(&self.noise) {
            return Err(Error::input(format!(
                "`label_noise`, the share of wrong letters in transcripts, must lie between 0 and 0.3, not {}",
                self.noise
            )));
        }
        Ok(())
    }
}

/// Synthetic speech: an endless training part and a finite one for validation.
///
/// # Errors
/// Options out of their ranges.
pub(crate) fn speech(seed: u64, options: Options) -> Result<Speech> {
    options.check()?;
    let normalization = Arc::new(moments(seed, options));
    let stream = |purpose, count| Synthetic {
        source: Source { purpose, seed, options },
        count,
        normalization: Arc::clone(&normalization),
    };
    let train = stream("synthetic training utterances", None);
    let floor = floor::of(options.noise, |index| train.source.utterance(index));
    let seconds = NORMALIZATION_UTTERANCES.map(|index| train.source.utterance(index).samples()).sum::<usize>()
        as f64
        / (NORMALIZATION_UTTERANCES.end as f64 * f64::from(RATE));
    let origin = Origin {
        description: format!(
            "endless utterances of {} spoken letters, {seconds:.2} s on average; a character error rate of {:.4} \
             at least",
            options.letters, floor.error
        ),
        fingerprint: fingerprint(&train.source),
        warnings: vec![],
        irreducible: Some(floor),
    };
    Ok(Speech {
        origin,
        best_guess_loss: utterance::best_guess_loss(options.letters),
        characters: None,
        train: Arc::new(train),
        validation: Arc::new(stream("synthetic validation utterances", Some(VALIDATION_UTTERANCES))),
        test: None,
        normalization: Normalization::clone(&normalization),
    })
}

/// Utterances by their numbers.
#[derive(Debug, Clone, Copy)]
struct Source {
    /// Streams of different purposes are independent.
    purpose: &'static str,
    seed: u64,
    options: Options,
}

impl Source {
    /// Who says what in utterance `index`.
    fn utterance(&self, index: u64) -> Utterance {
        Utterance::draw(self.options, &mut Random::new(self.purpose, &[VERSION, self.seed, index]))
    }

    /// Writes the features of utterance `index`, not normalised.
    fn features(&self, index: u64, scratch: &mut Scratch) {
        let mut random = Random::new(self.purpose, &[VERSION, self.seed, index, 1]);
        voice::speak(&self.utterance(index), &mut random, &mut scratch.samples);
        scratch.extractor.extract(&scratch.samples, &mut scratch.spectrogram, &mut scratch.mel);
    }
}

/// What a thread needs to make features.
struct Scratch {
    extractor: Extractor,
    samples: Vec<f32>,
    spectrogram: Vec<f32>,
    mel: Vec<f32>,
}

impl Scratch {
    fn new() -> Self {
        Self { extractor: Extractor::new(), samples: Vec::new(), spectrogram: Vec::new(), mel: Vec::new() }
    }
}

/// A stream of utterances.
struct Synthetic {
    source: Source,
    count: Option<u64>,
    normalization: Arc<Normalization>,
}

impl Utterances for Synthetic {
    fn len(&self) -> Option<u64> {
        self.count
    }

    fn frames(&self, index: u64) -> usize {
        Extractor::frames(self.source.utterance(index).samples())
    }

    fn characters(&self, index: u64) -> usize {
        self.source.utterance(index).written.len()
    }

    fn read(&self, index: u64, series: Series, out: &mut Vec<f32>) {
        // One per thread, with its memory, over all utterances.
        thread_local!(static SCRATCH: Cell<Option<Scratch>> = const { Cell::new(None) });
        let mut scratch = SCRATCH.take().unwrap_or_else(Scratch::new);
        self.source.features(index, &mut scratch);
        out.clear();
        out.extend_from_slice(series.of(&scratch.spectrogram, &scratch.mel));
        self.normalization.of(series).apply(out);
        SCRATCH.set(Some(scratch));
    }

    fn transcript(&self, index: u64) -> Vec<u8> {
        self.source.utterance(index).written
    }
}

/// Moments of the features of utterances that are not used otherwise.
fn moments(seed: u64, options: Options) -> Normalization {
    let source = Source { purpose: "synthetic normalization utterances", seed, options };
    let (mut statistics, mut scratch) = (Statistics::new(), Scratch::new());
    for index in NORMALIZATION_UTTERANCES {
        source.features(index, &mut scratch);
        statistics.add(&scratch.spectrogram, &scratch.mel);
    }
    statistics.finish()
}

/// Hash of the letters, the options, the seed, and what is said and written in the first utterances.
fn fingerprint(train: &Source) -> String {
    let Options { letters, noise } = train.options;
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"synthetic speech");
    for number in [VERSION, train.seed, letters as u64, noise.to_bits()] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(format!("{:?}", &letter::LETTERS[..letters]).as_bytes());
    for index in 0..1_000 {
        let Utterance { segments, written, .. } = train.utterance(index);
        hasher.update(format!("{segments:?} {written:?}").as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests;
