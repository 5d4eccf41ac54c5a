//! What is counted in a part: its pairs, its words, and what tells the pairs apart.

use super::clean::Dropped;
use super::layout::Layout;
use super::moses::Language;
use super::part::Part;
use super::pieces::Pair;
use scaling_core::data::overlap::{self, Repetition};
use scaling_core::error::{Error, Result};
use std::collections::{HashMap, HashSet};

/// What a part holds.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) pairs: u64,
    dropped: Dropped,
    /// Whether a side has any text.
    has_text: [bool; 2],
    pub(super) words: HashMap<String, u64>,
    /// Pairs of a validation or test part; of the training part, those that are among them.
    pub(super) digests: HashSet<u64>,
    /// Of the training part.
    pub(super) repetition: Repetition,
}

impl Tally {
    /// Counts a part; `each` sees the pairs that are not left out.
    ///
    /// # Errors
    /// Text that cannot be read.
    pub(super) fn of(part: &Part, each: impl Fn(&mut Self, &Pair) + Sync) -> Result<Self> {
        let mut total = Self::default();
        part.visit(
            |tally: &mut Self, pair| {
                for side in 0..2 {
                    tally.has_text[side] |= !pair.tokens[side].is_empty();
                }
                match pair.fault {
                    Some(fault) => tally.dropped.add(fault),
                    None => {
                        tally.pairs += 1;
                        each(tally, pair);
                    }
                }
            },
            |tally| {
                total.merge(tally);
                Ok(())
            },
        )?;
        Ok(total)
    }

    /// Adds to how often a word occurs.
    pub(super) fn count(&mut self, word: &str, count: u64) {
        if let Some(known) = self.words.get_mut(word) {
            *known += count;
        } else {
            self.words.insert(word.to_owned(), count);
        }
    }

    fn merge(&mut self, other: Self) {
        self.pairs += other.pairs;
        self.dropped += other.dropped;
        self.digests.extend(other.digests);
        self.repetition.merge(other.repetition);
        for side in 0..2 {
            self.has_text[side] |= other.has_text[side];
        }
        if self.words.is_empty() {
            self.words = other.words;
        } else {
            other.words.iter().for_each(|(word, count)| self.count(word, *count));
        }
    }

    /// Refuses a part without a pair; `whose` says which has none.
    ///
    /// # Errors
    /// Why it has none.
    pub(super) fn must_have_pairs(&self, layout: &Layout, whose: &str) -> Result<()> {
        if self.pairs > 0 {
            return Ok(());
        }
        let root = layout.root.display();
        Err(Error::input(match self.has_text.iter().position(|has_text| !has_text) {
            Some(side) => {
                let language = Language::BOTH[side];
                format!("{root}: {whose} no {language} text: every line is blank")
            }
            None => format!("{root}: {whose} no pair left: {} were dropped", self.dropped),
        }))
    }
}

/// 64 bits that tell pairs apart.
pub(super) fn digest(tokens: [&str; 2]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(tokens[0].as_bytes()).update(b"\n").update(tokens[1].as_bytes());
    overlap::digest(&hasher.finalize())
}
