//! The first pass over a corpus: its words counted and a tokenizer learned from them.

use super::layout::Layout;
use super::part::Parts;
use super::tally::{Tally, digest};
use super::tokenizer::Tokenizer;
use scaling_core::data::overlap::Overlap;
use scaling_core::error::Result;

/// A corpus after the first pass.
pub(super) struct Survey {
    pub(super) parts: Parts,
    /// The words of both sides of the training pairs, in their order.
    pub(super) words: Vec<String>,
    pub(super) tokenizer: Tokenizer,
    /// Pairs that lie in several parts.
    pub(super) overlap: Overlap,
    /// The share of training pairs that repeat others.
    pub(super) repeated: f64,
}

/// The paper's merges for its 260 million words; fewer for less text, where most sub-words would be too rare
/// to be learnt.
fn suitable_merges(words: u64) -> usize {
    const WORDS_OF_A_MERGE: u64 = 250;
    (words / WORDS_OF_A_MERGE).clamp(200, 32_000) as usize
}

impl Survey {
    /// Counts and learns. Pairs that are left out teach nothing.
    ///
    /// # Errors
    /// Files that cannot be read or do not fit each other; a part without a pair; more symbols than fit.
    pub(super) fn of(layout: &Layout, merges: usize, seed: u64) -> Result<Self> {
        let parts = Parts::of(layout, seed)?;
        let digests = |part| Tally::of(part, |tally, pair| _ = tally.digests.insert(digest(pair.tokens)));
        let validation = digests(&parts.validation)?;
        let test = parts.test.as_ref().map(digests).transpose()?;
        let measured = |digest: &u64| {
            validation.digests.contains(digest)
                || test.as_ref().is_some_and(|test| test.digests.contains(digest))
        };
        let train = Tally::of(&parts.train, |tally, pair| {
            let digest = digest(pair.tokens);
            tally.digests.extend(Some(digest).filter(measured));
            tally.repetition.add(digest);
            pair.tokens.iter().flat_map(|side| side.split(' ')).for_each(|word| tally.count(word, 1));
        })?;
        train.must_have_pairs(layout, "the training part has")?;
        let held_out = "the pairs held out for validation (add files of validation pairs) have";
        let whose = if parts.validation.is_held_out { held_out } else { "the validation part has" };
        validation.must_have_pairs(layout, whose)?;
        if let Some(test) = &test {
            test.must_have_pairs(layout, "the test part has")?;
        }
        let test = test.map(|test| test.digests);
        let overlap = Overlap::of(&train.digests, &validation.digests, test.as_ref());
        let repeated = train.repetition.share();
        let merges = if merges == 0 { suitable_merges(train.words.values().sum()) } else { merges };
        let tokenizer =
            Tokenizer::learn(train.words.iter().map(|(word, count)| (word.as_str(), *count)), merges)?;
        let mut words: Vec<String> = train.words.into_keys().collect();
        words.sort_unstable();
        Ok(Self { parts, words, tokenizer, overlap, repeated })
    }
}
