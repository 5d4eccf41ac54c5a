//! Synthetic pairs: endless sentences of two small artificial languages whose irreducible error is known
//! exactly.
//!
//! What can be said is in [`grammar`], how it is translated in [`translation`]. Both languages are always the
//! same for the same options. Pair `i` of a seed is a pure function of both, so shards are independent
//! samples and nothing is stored.

mod agreement;
mod choice;
mod floor;
mod grammar;
mod lexicon;
mod speller;
mod translation;
mod word;
mod writer;

use crate::pairs::{Pairs, Parallel};
use crate::text::Tokenizer;
use floor::Expected;
use grammar::Grammar;
use lexicon::Sizes;
use scaling_core::entropy::entropy_term;
use scaling_core::error::{Error, Result};
use scaling_core::random::Random;
use scaling_core::task::{Irreducible, Origin};
use std::sync::Arc;

/// Raised when the same seed gives other pairs.
const VERSION: u64 = 1;

const VALIDATION_PAIRS: u64 = 4_000;
const TEST_PAIRS: u64 = 4_000;

/// What the languages are like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Options {
    /// Nouns, [`Options::LEAST_NOUNS`] to [`Options::MOST_NOUNS`]; other classes of words grow in proportion.
    /// There are about 8 symbols for each noun. The more there are, the longer more data keeps helping.
    pub(crate) nouns: usize,
    /// The chance of the less usual of two translations, in [0, 0.5]. It alone decides about the irreducible
    /// error.
    pub(crate) noise: f64,
}

#[cfg(test)]
impl Default for Options {
    fn default() -> Self {
        Self { nouns: 60, noise: 0.25 }
    }
}

impl Options {
    pub(crate) const LEAST_NOUNS: usize = 20;
    pub(crate) const MOST_NOUNS: usize = 4_000;

    fn check(&self) -> Result<()> {
        let (least, most) = (Self::LEAST_NOUNS, Self::MOST_NOUNS);
        if !(least..=most).contains(&self.nouns) {
            return Err(Error::input(format!(
                "synthetic pairs have {least} to {most} nouns, not {}",
                self.nouns
            )));
        }
        if !(0.0..=0.5).contains(&self.noise) {
            return Err(Error::input(format!(
                "the chance of the less usual translation is 0 to 0.5, not {}",
                self.noise
            )));
        }
        Ok(())
    }
}

/// A stream of pairs.
struct Synthetic {
    grammar: Arc<Grammar>,
    /// Streams of different purposes are independent.
    purpose: &'static str,
    seed: u64,
    count: Option<u64>,
}

/// Synthetic pairs: an endless training part, and finite ones for validation and test.
///
/// # Errors
/// Options out of their ranges.
pub(crate) fn parallel(seed: u64, options: Options) -> Result<Parallel> {
    options.check()?;
    let grammar = Arc::new(Grammar::new(Sizes::of(options.nouns), options.noise));
    let stream = |purpose, count| Synthetic { grammar: Arc::clone(&grammar), purpose, seed, count };
    let train = stream("synthetic training pairs", None);
    let expected = Expected::of(&grammar);
    let floor = expected.floor();
    let words = &grammar.lexicon.words;
    let origin = Origin {
        description: format!(
            "endless pairs of sentences of two artificial languages of {} words together; {:.4} errors per \
             predicted token at least",
            words.len(),
            floor.error
        ),
        fingerprint: fingerprint(&train, options),
        warnings: vec![],
        irreducible: Some(floor),
    };
    Ok(Parallel {
        origin,
        tokenizer: Tokenizer::words(words)?,
        best_guess: expected.best_guess(),
        best_guess_loss: expected.best_guess_loss(),
        tokens: None,
        train: Arc::new(train),
        validation: Arc::new(stream("synthetic validation pairs", Some(VALIDATION_PAIRS))),
        test: Some(Arc::new(stream("synthetic test pairs", Some(TEST_PAIRS)))),
    })
}

impl Expected {
    /// The error per token that no predictor goes below.
    fn floor(&self) -> Irreducible {
        Irreducible {
            error: self.errors / self.tokens(),
            note: "exact, as the expected sum over the places of a translation".to_owned(),
        }
    }

    /// Error of the best constant guess.
    fn best_guess(&self) -> f64 {
        1.0 - self.counts.iter().copied().fold(0.0, f64::max) / self.tokens()
    }

    /// Entropy of the marginal distribution of the target tokens.
    fn best_guess_loss(&self) -> f64 {
        self.counts.iter().map(|count| entropy_term(count / self.tokens())).sum()
    }
}

impl Pairs for Synthetic {
    fn len(&self) -> Option<u64> {
        self.count
    }

    fn read(&self, index: u64, source: &mut Vec<u16>, target: &mut Vec<u16>) {
        source.clear();
        target.clear();
        let mut random = Random::new(self.purpose, &[VERSION, self.seed, index]);
        let meaning = self.grammar.draw(&mut random);
        self.grammar.say(&meaning, source);
        self.grammar.translate(&meaning, &mut random, target);
    }

    fn tokens(&self, index: u64) -> [u32; 2] {
        let (mut source, mut target) = (Vec::new(), Vec::new());
        self.read(index, &mut source, &mut target);
        [source.len() as u32, target.len() as u32]
    }

    fn reference(&self, index: u64) -> String {
        let (mut source, mut target) = (Vec::new(), Vec::new());
        self.read(index, &mut source, &mut target);
        let words: Vec<&str> =
            target.iter().map(|id| self.grammar.lexicon.words[usize::from(*id)].as_str()).collect();
        words.join(" ")
    }
}

/// Hash of the words, the options, the seed and the first pairs, in which all tables of the languages show.
fn fingerprint(train: &Synthetic, options: Options) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"synthetic pairs");
    for number in [VERSION, train.seed, options.nouns as u64, options.noise.to_bits()] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(train.grammar.lexicon.words.join("\n").as_bytes());
    let (mut source, mut target) = (Vec::new(), Vec::new());
    for index in 0..1_000 {
        train.read(index, &mut source, &mut target);
        for side in [&source, &target] {
            for id in side {
                hasher.update(&id.to_le_bytes());
            }
            hasher.update(&u16::MAX.to_le_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests;
