//! Who says what, and what is written of it.

use super::Options;
use crate::audio::RATE;
use crate::utterances::SPACE;
use scaling_core::entropy::entropy_term;
use scaling_core::random::Random;
use std::ops::RangeInclusive;

/// Samples of a step, 5 ms: segments are whole numbers of steps.
pub(super) const STEP: usize = 80;

const WORDS: RangeInclusive<u64> = 1..=3;
const WORD_LETTERS: RangeInclusive<u64> = 2..=5;

/// An utterance before it sounds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Utterance {
    pub(super) speaker: Speaker,
    /// Silence, letters, and spaces between words.
    pub(super) segments: Vec<Segment>,
    /// The transcript.
    pub(super) written: Vec<u8>,
}

/// The voice, and where it is heard.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Speaker {
    /// Frequency of the voice in Hz.
    pub(super) pitch: f64,
    /// Formants relative to those of letters.
    pub(super) tract: f64,
    /// Power of the speech relative to the noise around, in dB.
    pub(super) signal_to_noise: f64,
    /// The noise: correlation of a sample with the one before.
    pub(super) rumble: f64,
}

/// A stretch of sound or silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// Which letter sounds, if any.
    pub(super) letter: Option<u8>,
    pub(super) steps: usize,
}

impl Utterance {
    /// Draws an utterance of words of independent letters, all equally frequent.
    pub(super) fn draw(options: Options, random: &mut Random) -> Self {
        let letters = options.letters as u64;
        let mut spoken = Vec::new();
        for word in 0..whole(random, WORDS) {
            if word > 0 {
                spoken.push(SPACE);
            }
            spoken.extend((0..whole(random, WORD_LETTERS)).map(|_| random.below(letters) as u8));
        }
        // Deep voices come from long tracts, more or less.
        let height = random.uniform();
        let speaker = Speaker {
            pitch: 90.0 * (240.0_f64 / 90.0).powf(height),
            tract: 0.94 + 0.08 * height + between(random, 0.0, 0.05),
            signal_to_noise: between(random, 15.0, 35.0),
            rumble: between(random, 0.0, 0.9),
        };
        // A letter takes 60 to 90 ms.
        let pace = between(random, 66.0, 82.0);
        let mut segments = vec![Segment::silence(random, 50.0, 150.0)];
        segments.extend(spoken.iter().map(|symbol| match *symbol {
            SPACE => Segment::silence(random, 90.0, 140.0),
            letter => Segment { letter: Some(letter), steps: steps(pace * between(random, 0.91, 1.09)) },
        }));
        segments.push(Segment::silence(random, 50.0, 150.0));
        for symbol in &mut spoken {
            if *symbol != SPACE && random.uniform() < options.noise {
                // One of the others: 1 to K - 1 further on.
                *symbol = ((u64::from(*symbol) + 1 + random.below(letters - 1)) % letters) as u8;
            }
        }
        Self { speaker, segments, written: spoken }
    }

    /// The length of the sound.
    pub(super) fn samples(&self) -> usize {
        STEP * self.segments.iter().map(|segment| segment.steps).sum::<usize>()
    }

    /// What is said: the transcript without errors.
    pub(super) fn spoken(&self) -> impl Iterator<Item = u8> {
        // The silence around is not said.
        let said = &self.segments[1..self.segments.len() - 1];
        said.iter().map(|segment| segment.letter.unwrap_or(SPACE))
    }
}

impl Segment {
    fn silence(random: &mut Random, least: f64, most: f64) -> Self {
        Self { letter: None, steps: steps(between(random, least, most)) }
    }
}

/// Expected letters of an utterance.
pub(super) fn expected_letters() -> f64 {
    middle(WORDS) * middle(WORD_LETTERS)
}

/// Expected characters of an utterance, spaces included.
pub(super) fn expected_characters() -> f64 {
    expected_letters() + middle(WORDS) - 1.0
}

/// Entropy of the marginal distribution of characters and ends, in nats.
pub(super) fn best_guess_loss(letters: usize) -> f64 {
    let all = expected_characters() + 1.0;
    let letter = expected_letters() / all;
    let others = [(middle(WORDS) - 1.0) / all, 1.0 / all];
    entropy_term(letter) + letter * (letters as f64).ln() + others.map(entropy_term).iter().sum::<f64>()
}

fn middle(range: RangeInclusive<u64>) -> f64 {
    (range.start() + range.end()) as f64 / 2.0
}

fn whole(random: &mut Random, range: RangeInclusive<u64>) -> u64 {
    range.start() + random.below(range.end() - range.start() + 1)
}

fn between(random: &mut Random, least: f64, most: f64) -> f64 {
    least + (most - least) * random.uniform()
}

/// Milliseconds in whole steps.
fn steps(milliseconds: f64) -> usize {
    (milliseconds * f64::from(RATE) / 1000.0 / STEP as f64).round() as usize
}
