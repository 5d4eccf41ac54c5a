//! Items that lie in a data set more than once. In two parts: what a model has been trained or selected on is
//! no test of it. In the training part: more samples than there are.

use crate::data::mapped::u64_at;
use crate::number::thousands;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// The share of validation items that may have been seen before without a word.
const NOTICEABLE: f64 = 0.02;

/// How many distinct items of the parts that models are measured on were seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// Of the validation part, those that occur in the training part too.
    pub validation: u64,
    /// Of the test part, if there is one, those that occur in the training or the validation part too.
    pub test: Option<u64>,
}

impl Overlap {
    /// Compares parts by the digests of their items. Of the training part, those that occur elsewhere are
    /// enough.
    pub fn of(train: &HashSet<u64>, validation: &HashSet<u64>, test: Option<&HashSet<u64>>) -> Self {
        let seen = |digest: &&u64| train.contains(digest) || validation.contains(digest);
        Self {
            validation: validation.intersection(train).count() as u64,
            test: test.map(|test| test.iter().filter(seen).count() as u64),
        }
    }

    /// Compares parts by the digests of all their items; and how many items of the training part repeat an
    /// earlier one.
    pub fn among(train: &[u64], validation: &[u64], test: Option<&[u64]>) -> (Self, u64) {
        let distinct = |digests: &[u64]| digests.iter().copied().collect::<HashSet<u64>>();
        let known = distinct(train);
        let overlap = Self::of(&known, &distinct(validation), test.map(distinct).as_ref());
        (overlap, (train.len() - known.len()) as u64)
    }

    /// A clause about these `items`, such as `sentences`.
    pub fn clause(&self, items: &str) -> String {
        let test = |test| format!(", {} test {items} in training or validation", thousands(test));
        let test = self.test.map_or(String::new(), test);
        format!("{} validation {items} occur in training too{test}", thousands(self.validation))
    }

    /// What a report must say if a noticeable share of `of` validation items was seen before.
    pub fn warning(&self, items: &str, of: u64) -> Option<String> {
        (self.validation as f64 > NOTICEABLE * of as f64).then(|| {
            format!(
                "{} of {} validation {items} occur in training too: errors are too low; remove what repeats",
                thousands(self.validation),
                thousands(of)
            )
        })
    }
}

/// How much of a part repeats, from a sample of its items by their digests.
#[derive(Debug, Clone, Default)]
pub struct Repetition {
    items: u64,
    distinct: HashSet<u64>,
}

impl Repetition {
    /// One digest of so many is looked at.
    const SAMPLE: u64 = 16;
    /// The share of items from which on something must be in the data twice: less is usual for short
    /// sentences.
    const NOTICEABLE: f64 = 0.25;
    /// So many say little.
    const FEW: u64 = 20;

    /// Counts an item.
    pub fn add(&mut self, digest: u64) {
        if digest.is_multiple_of(Self::SAMPLE) {
            self.items += 1;
            self.distinct.insert(digest);
        }
    }

    /// Counts what another one has counted.
    pub fn merge(&mut self, other: Self) {
        self.items += other.items;
        self.distinct.extend(other.distinct);
    }

    /// The share of items that are there already, from 0 to 1; of few, 0.
    pub fn share(&self) -> f64 {
        if self.items < Self::FEW {
            return 0.0;
        }
        1.0 - self.distinct.len() as f64 / self.items as f64
    }

    /// What a report must say if a `share` of the training `items` repeats others.
    pub fn warning(items: &str, share: f64) -> Option<String> {
        (share >= Self::NOTICEABLE).then(|| {
            format!(
                "{:.0} % of the training {items} repeat others, and each counts as a sample; remove what repeats",
                100.0 * share
            )
        })
    }
}

/// 64 bits of the hash of an item, which tell items apart.
pub fn digest(hash: &blake3::Hash) -> u64 {
    u64_at(hash.as_bytes(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_is_noticed() {
        let of = |digests: &[u64]| {
            let mut all = Repetition::default();
            for digest in digests {
                all.add(*digest);
            }
            all
        };
        let sampled: Vec<u64> = (1..=100).map(|i| i * Repetition::SAMPLE).collect();
        let mut twice = of(&sampled);
        assert!(twice.share().abs() < 1e-12 && of(&[16, 16, 16]).share().abs() < 1e-12);
        twice.merge(of(&[&sampled[..], &[1, 2, 3]].concat()));
        assert!((twice.share() - 0.5).abs() < 1e-12);
        let warning = Repetition::warning("pairs", twice.share()).unwrap_or_default();
        assert!(warning.starts_with("50 % of the training pairs repeat others, "), "{warning}");
        assert_eq!(Repetition::warning("pairs", 0.2), None);
    }

    #[test]
    fn a_test_is_compared_with_both_other_parts() {
        let set = |digests: &[u64]| digests.iter().copied().collect::<HashSet<u64>>();
        let (train, validation, test) = (set(&[1, 2, 3]), set(&[3, 4]), set(&[2, 4, 5]));
        let both = Overlap::of(&train, &validation, Some(&test));
        assert_eq!(both, Overlap { validation: 1, test: Some(2) });
        assert_eq!(Overlap::among(&[1, 2, 2, 3, 2], &[3, 4, 4], Some(&[2, 4, 5])), (both, 2));
        assert!(both.warning("pairs", 2).is_some_and(|text| text.starts_with("1 of 2 validation pairs")));
        assert_eq!(both.warning("pairs", 50), None);
        assert_eq!(
            both.clause("pairs"),
            "1 validation pairs occur in training too, 2 test pairs in training or validation"
        );
        let one = Overlap::of(&train, &validation, None);
        assert_eq!(one.clause("images"), "1 validation images occur in training too");
    }
}
