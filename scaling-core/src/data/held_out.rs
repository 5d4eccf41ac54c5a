//! What validates where a corpus has no validation part.

use crate::error::{Error, Result};
use crate::random::Random;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Which items of some files belong to a part: all, or those whose sorted indices are given, or the others.
#[derive(Debug, Clone)]
pub enum Filter {
    /// All of them.
    All,
    /// What validates.
    Only(Arc<[u64]>),
    /// What trains.
    Except(Arc<[u64]>),
}

impl Filter {
    /// Whether the item of an index belongs to the part.
    pub fn contains(&self, index: u64) -> bool {
        match self {
            Self::All => true,
            Self::Only(held_out) => held_out.binary_search(&index).is_ok(),
            Self::Except(held_out) => held_out.binary_search(&index).is_err(),
        }
    }
}

/// Holds out 2 % of `total` items called `name`, at least 1 and at most `most`, chosen by `seed`: the filters
/// of what trains and of what validates.
///
/// # Errors
/// Fewer than 2 items below `root`, which cannot be split.
pub fn hold_out_share(root: &Path, name: &str, total: u64, most: u64, seed: u64) -> Result<[Filter; 2]> {
    hold_out(root, name, total, (total / 50).clamp(1, most), seed)
}

/// As [`hold_out_share`], with `count` items held out, or all but one where there are no more.
///
/// # Errors
/// As [`hold_out_share`].
pub fn hold_out(root: &Path, name: &str, total: u64, count: u64, seed: u64) -> Result<[Filter; 2]> {
    if total < 2 {
        let count = if total == 0 { "no" } else { "one" };
        let why = format!("has {count} {name}; a training and a validation part need at least 2");
        return Err(Error::input(format!("{} {why}", root.display())));
    }
    let held_out: Arc<[u64]> = sample(total, count.min(total - 1), seed).into();
    Ok([Filter::Except(held_out.clone()), Filter::Only(held_out)])
}

/// `count` of the numbers below `total`, sorted (Floyd's algorithm, Bentley and Floyd 1987).
fn sample(total: u64, count: u64, seed: u64) -> Vec<u64> {
    let mut random = Random::new("held-out sentences", &[seed, total, count]);
    let mut chosen = BTreeSet::new();
    for last in total - count..total {
        let candidate = random.below(last + 1);
        if !chosen.insert(candidate) {
            chosen.insert(last);
        }
    }
    chosen.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_the_right_size_and_range() {
        for (total, count) in [(2, 1), (10, 10), (1_000, 20)] {
            let chosen = sample(total, count, 3);
            assert_eq!(chosen.len() as u64, count);
            assert!(chosen.is_sorted() && chosen.iter().all(|i| *i < total));
        }
    }
}
