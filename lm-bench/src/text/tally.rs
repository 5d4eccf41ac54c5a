//! The first pass over a part: its tokens counted by type, and what follows from that.

use super::Unit;
use super::lines::for_each_token;
use super::part::Part;
use scaling_core::data::overlap::{self, Repetition};
use scaling_core::entropy::entropy;
use scaling_core::error::Result;
use std::collections::{HashMap, HashSet};

/// What a part holds.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sentences: u64,
    pub(super) tokens: u64,
    /// Tokens that count in m.
    pub(super) samples: u64,
    /// Blank lines of the files.
    pub(super) blank: u64,
    types: HashMap<String, u64>,
    /// Sentences of another part that occur in this one too.
    shared: HashSet<u64>,
    repetition: Repetition,
}

impl Tally {
    /// Counts a part, of whose sentences the first `longest` tokens count in m; `others` are the digests of
    /// sentences to look out for.
    ///
    /// # Errors
    /// Text that cannot be read.
    pub(super) fn of(part: &Part, unit: Unit, longest: u64, others: &HashSet<u64>) -> Result<Self> {
        let mut total = Self::default();
        part.visit(
            |sentences, blank| {
                let mut tally = Self { blank, ..Self::default() };
                for sentence in sentences {
                    tally.add(unit, longest, sentence, others);
                }
                tally
            },
            |tally| {
                total.merge(tally);
                Ok(())
            },
        )?;
        Ok(total)
    }

    fn add(&mut self, unit: Unit, longest: u64, sentence: &str, others: &HashSet<u64>) {
        self.sentences += 1;
        let before = self.tokens;
        for_each_token(unit, sentence, |token| {
            self.tokens += 1;
            if let Some(count) = self.types.get_mut(token) {
                *count += 1;
            } else {
                self.types.insert(token.to_owned(), 1);
            }
        });
        self.samples += (self.tokens - before).min(longest);
        if !others.is_empty() {
            let digest = digest(sentence);
            self.shared.extend(others.get(&digest));
            self.repetition.add(digest);
        }
    }

    fn merge(&mut self, other: Self) {
        self.sentences += other.sentences;
        self.tokens += other.tokens;
        self.samples += other.samples;
        self.blank += other.blank;
        self.shared.extend(other.shared);
        self.repetition.merge(other.repetition);
        for (token, count) in other.types {
            *self.types.entry(token).or_default() += count;
        }
    }

    /// The number of types.
    pub(super) fn types(&self) -> u64 {
        self.types.len() as u64
    }

    /// The distinct sentences that `others` of [`Self::of`] had and this part has too.
    pub(super) fn shared(&self) -> &HashSet<u64> {
        &self.shared
    }

    /// The share of sentences that repeat others; only where there are `others` to look out for.
    pub(super) fn repeated(&self) -> f64 {
        self.repetition.share()
    }

    /// The `size` most frequent types, the most frequent first, ties in the order of the symbols.
    pub(super) fn vocabulary(&self, size: usize) -> Vec<String> {
        let mut types: Vec<(&String, u64)> = self.types.iter().map(|(t, n)| (t, *n)).collect();
        types.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        types.into_iter().take(size).map(|(token, _)| token.clone()).collect()
    }

    /// The tokens that are not in `vocabulary`.
    pub(super) fn unknown(&self, vocabulary: &[String]) -> u64 {
        self.tokens - self.known(vocabulary).sum::<u64>()
    }

    fn known(&self, vocabulary: &[String]) -> impl Iterator<Item = u64> {
        vocabulary.iter().filter_map(|token| self.types.get(token).copied())
    }

    /// Entropy of the marginal distribution of what is predicted, in nats: the symbols, the unknown
    /// token and the end of the sentence.
    pub(super) fn marginal_entropy(&self, vocabulary: &[String]) -> f64 {
        entropy(self.known(vocabulary).chain([self.unknown(vocabulary), self.sentences]))
    }
}

/// The digests of the sentences of a part.
///
/// # Errors
/// Text that cannot be read.
pub(super) fn digests(part: &Part) -> Result<HashSet<u64>> {
    let mut all = HashSet::new();
    part.visit(
        |sentences, _| sentences.iter().map(|sentence| digest(sentence)).collect::<Vec<_>>(),
        |some| {
            all.extend(some);
            Ok(())
        },
    )?;
    Ok(all)
}

/// 64 bits that tell sentences apart.
fn digest(sentence: &str) -> u64 {
    overlap::digest(&blake3::hash(sentence.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(text: &[&str]) -> Tally {
        let others = HashSet::from([digest("b a"), digest("c")]);
        let mut total = Tally::default();
        for sentence in text {
            let mut tally = Tally::default();
            tally.add(Unit::Words, 2, sentence, &others);
            total.merge(tally);
        }
        total
    }

    #[test]
    fn the_vocabulary_is_by_frequency_then_symbol() {
        let tally = tally(&["b a", "c b", "d c a", "b a"]);
        assert_eq!((tally.sentences, tally.tokens, tally.types()), (4, 9, 4));
        assert_eq!(tally.samples, 8, "one sentence has a third word");
        assert_eq!(tally.vocabulary(3), ["a", "b", "c"]);
        assert_eq!(tally.vocabulary(9), ["a", "b", "c", "d"]);
        assert_eq!(tally.unknown(&tally.vocabulary(2)), 3);
        assert_eq!(tally.shared().len(), 1, "a sentence that occurs twice counts once");
    }

    #[test]
    fn marginal_entropy_of_known_distributions() {
        // Two symbols, the unknown token and the end of the sentence, each 2 of 8.
        let tally = tally(&["a b c", "a b c"]);
        let entropy = tally.marginal_entropy(&tally.vocabulary(2));
        assert!((entropy - 4_f64.ln()).abs() < 1e-12, "{entropy}");
    }
}
