//! Synthetic text: endless sentences of a small artificial language whose entropy is known exactly.
//!
//! The language is in [`grammar`]; it is always the same. Sentence `i` of a seed is a pure function
//! of both, so shards are independent samples and nothing is stored.

mod choice;
mod entropy;
mod grammar;
mod lexicon;

use crate::text::{Sentences, Specials, Text, Unit};
use entropy::Expected;
use grammar::Grammar;
use lexicon::Word;
use scaling_core::entropy::entropy;
use scaling_core::error::{Error, Result};
use scaling_core::random::Random;
use scaling_core::task::{Irreducible, Origin};
use std::sync::Arc;

/// Raised when the same seed gives other sentences.
const VERSION: u64 = 1;

const VALIDATION_SENTENCES: u64 = 20_000;

/// No sentence has as many characters: a model that predicts so many, as the paper's, sees all of each.
pub(crate) const LONGEST: u64 = 150;

/// Sentences that the marginal distribution of the tokens is estimated on: about 200,000 words.
const MARGINAL_SENTENCES: u64 = 20_000;

/// Words and how to put them together.
struct Language {
    grammar: Grammar,
    words: Vec<String>,
    /// Of every word, its letters as ids; the space has id 0.
    spelling: Vec<Vec<u16>>,
}

/// A stream of sentences.
struct Synthetic {
    language: Arc<Language>,
    unit: Unit,
    /// Streams of different purposes are independent.
    purpose: &'static str,
    seed: u64,
    count: Option<u64>,
}

/// Synthetic text. Its words are the lexicon, whatever `vocabulary` says; of its characters the
/// first 27 of `vocabulary` occur, and the others keep a model at the paper's size.
///
/// # Errors
/// A vocabulary of characters that is too small or too large.
pub(crate) fn corpus(unit: Unit, vocabulary: usize, seed: u64) -> Result<Text> {
    let language = Arc::new(Language::new());
    let (symbols, vocabulary) = match unit {
        Unit::Words => (language.words.len(), language.words.clone()),
        Unit::Characters => {
            let alphabet = alphabet();
            if !(alphabet.len()..=Specials::MOST_SYMBOLS).contains(&vocabulary) {
                return Err(Error::input(format!(
                    "synthetic text has {} characters; a vocabulary of {vocabulary} symbols does \
                     not fit: use {} to {}",
                    alphabet.len(),
                    alphabet.len(),
                    Specials::MOST_SYMBOLS
                )));
            }
            (vocabulary, alphabet)
        }
    };
    let stream =
        |purpose, seed, count| Synthetic { language: Arc::clone(&language), unit, purpose, seed, count };
    let train = stream("synthetic training text", seed, None);
    let validation = stream("synthetic validation text", seed, Some(VALIDATION_SENTENCES));
    // The seed is not in this one: it is a property of the language.
    let marginal = stream("synthetic marginal", 0, Some(MARGINAL_SENTENCES));
    let nats_per_token = language.expected().nats_per_token(unit);
    let origin = Origin {
        description: format!(
            "endless sentences of an artificial language of {} words; {nats_per_token:.4} nats per \
             predicted token",
            language.words.len()
        ),
        fingerprint: fingerprint(&train, &vocabulary),
        warnings: vec![],
        irreducible: Some(Irreducible {
            error: nats_per_token,
            note: "the entropy of the source, exact by the chain rule over the choices of its grammar"
                .to_owned(),
        }),
    };
    Ok(Text {
        origin,
        unit,
        symbols,
        best_guess: marginal_entropy(&marginal, symbols),
        train: Arc::new(train),
        validation: Arc::new(validation),
        test: None,
        #[cfg(test)]
        vocabulary,
        tokens: None,
    })
}

/// The characters of synthetic text in the order of their ids: space, then the letters.
fn alphabet() -> Vec<String> {
    std::iter::once(' ').chain('a'..='z').map(String::from).collect()
}

impl Language {
    fn new() -> Self {
        let words = lexicon::words();
        let id = |letter: u8| u16::from(letter - b'a') + 1;
        let spelling = words.iter().map(|word| word.bytes().map(id).collect()).collect();
        Self { grammar: Grammar::new(), words, spelling }
    }

    /// Exact expectations of a sentence.
    fn expected(&self) -> Expected {
        entropy::of_sentence(&self.grammar, &self.words)
    }
}

impl Expected {
    /// Entropy per predicted token; the end of the sentence is predicted too. Spelling is injective,
    /// so a sentence has the same entropy as words and as characters.
    fn nats_per_token(self, unit: Unit) -> f64 {
        self.nats / (self.tokens(unit) + 1.0)
    }

    /// Mean tokens of a sentence. Characters include a space between two words.
    fn tokens(self, unit: Unit) -> f64 {
        match unit {
            Unit::Words => self.words,
            Unit::Characters => self.letters + self.words - 1.0,
        }
    }
}

impl Synthetic {
    fn words(&self, index: u64, say: impl FnMut(Word)) {
        let mut random = Random::new(self.purpose, &[VERSION, self.seed, index]);
        self.language.grammar.sentence(&mut random, say);
    }
}

impl Sentences for Synthetic {
    fn len(&self) -> Option<u64> {
        self.count
    }

    fn read(&self, index: u64, out: &mut Vec<u16>) {
        out.clear();
        match self.unit {
            Unit::Words => self.words(index, |word| out.push(word.id() as u16)),
            Unit::Characters => self.words(index, |word| {
                if !out.is_empty() {
                    out.push(0);
                }
                out.extend_from_slice(&self.language.spelling[word.id()]);
            }),
        }
    }

    fn tokens(&self, index: u64) -> u32 {
        let (mut words, mut letters) = (0, 0);
        self.words(index, |word| {
            words += 1;
            letters += self.language.spelling[word.id()].len() as u32;
        });
        match self.unit {
            Unit::Words => words,
            Unit::Characters => letters + words - 1,
        }
    }
}

/// Entropy of the marginal distribution of the predicted tokens of some sentences, in nats.
fn marginal_entropy(sentences: &Synthetic, symbols: usize) -> f64 {
    let mut counts = vec![0; symbols];
    let mut ids = Vec::new();
    for index in 0..MARGINAL_SENTENCES {
        sentences.read(index, &mut ids);
        for id in &ids {
            counts[usize::from(*id)] += 1;
        }
    }
    counts.push(MARGINAL_SENTENCES);
    entropy(counts)
}

/// Hash of the vocabulary, the seed and the first sentences, in which all tables of the language show.
fn fingerprint(train: &Synthetic, vocabulary: &[String]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"synthetic text");
    for number in [VERSION, train.seed] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(vocabulary.join("\n").as_bytes());
    let mut ids = Vec::new();
    for index in 0..1_000 {
        train.read(index, &mut ids);
        for id in &ids {
            hasher.update(&id.to_le_bytes());
        }
        hasher.update(&u16::MAX.to_le_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests;
