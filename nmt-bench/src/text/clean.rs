//! Which pairs are left out, as `clean-corpus-n.perl` of Moses decides with the limits of the paper's data.

use scaling_core::number::thousands;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::AddAssign;

/// The most tokens of a side of a pair that is trained on, as of one that is held out of the training text.
pub(super) const MOST_TRAINED: usize = 80;

/// The most tokens of a side in files of validation and test pairs, which the paper does not clean (MODELS
/// 4.1): a score is one of the whole set. Beyond this it is no sentence, and costs memory.
pub(super) const MOST_MEASURED: usize = 500;

/// How many times longer than the other a side may be, in tokens.
const MOST_RATIO: usize = 9;

/// The most characters of a token.
const MOST_CHARACTERS: usize = 1_000;

/// Why a pair is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Empty,
    Long,
    Uneven,
    LongToken,
}

/// What is wrong with a pair of sides of tokens separated by single spaces, of which `most` are allowed, if
/// anything is.
pub(super) fn fault(sides: [&str; 2], most: usize) -> Option<Fault> {
    if sides.iter().any(|side| side.is_empty()) {
        return Some(Fault::Empty);
    }
    let [source, target] = sides.map(|side| side.split(' ').count());
    if source.max(target) > most {
        Some(Fault::Long)
    } else if source.max(target) > MOST_RATIO * source.min(target) {
        Some(Fault::Uneven)
    } else {
        let is_long = |token: &str| token.len() > MOST_CHARACTERS && token.chars().count() > MOST_CHARACTERS;
        sides.iter().any(|side| side.split(' ').any(is_long)).then_some(Fault::LongToken)
    }
}

/// How many pairs were left out, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dropped {
    /// A side without a token.
    pub(crate) empty: u64,
    /// A side of too many tokens.
    pub(crate) long: u64,
    /// A side more than 9 times as long as the other.
    pub(crate) uneven: u64,
    /// A token of more than 1,000 characters.
    pub(crate) long_token: u64,
}

impl Dropped {
    /// Counts one more.
    pub(super) fn add(&mut self, fault: Fault) {
        *match fault {
            Fault::Empty => &mut self.empty,
            Fault::Long => &mut self.long,
            Fault::Uneven => &mut self.uneven,
            Fault::LongToken => &mut self.long_token,
        } += 1;
    }

    /// All of them.
    pub(crate) fn total(&self) -> u64 {
        self.empty + self.long + self.uneven + self.long_token
    }
}

impl AddAssign for Dropped {
    fn add_assign(&mut self, other: Self) {
        self.empty += other.empty;
        self.long += other.long;
        self.uneven += other.uneven;
        self.long_token += other.long_token;
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} with an empty side, {} longer than {MOST_TRAINED} tokens ({MOST_MEASURED} in files of validation and test), {} with one side over {MOST_RATIO} \
             times the other, {} with a token over {} characters",
            thousands(self.empty),
            thousands(self.long),
            thousands(self.uneven),
            thousands(self.long_token),
            thousands(MOST_CHARACTERS as u64)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_moses() {
        let words = |count: usize| vec!["a"; count].join(" ");
        let (letters, more_letters) = ("ß".repeat(1_000), "ß".repeat(1_001));
        for (source, target, expected) in [
            (words(80), words(80), None),
            (words(81), words(80), Some(Fault::Long)),
            (words(1), words(9), None),
            (words(10), words(1), Some(Fault::Uneven)),
            (words(3), String::new(), Some(Fault::Empty)),
            (letters, words(1), None),
            (words(1), more_letters, Some(Fault::LongToken)),
        ] {
            assert_eq!(
                fault([&source, &target], MOST_TRAINED),
                expected,
                "{} {}",
                source.len(),
                target.len()
            );
        }
        assert_eq!(fault([&words(81), &words(80)], MOST_MEASURED), None);
        let mut dropped = Dropped::default();
        for fault in [Fault::Long, Fault::Empty, Fault::Long] {
            dropped.add(fault);
        }
        dropped += dropped;
        assert_eq!((dropped.empty, dropped.long, dropped.uneven), (2, 4, 0));
    }
}
