//! What validates where a corpus has no validation part.

use crate::random::Random;
use std::collections::BTreeSet;

/// `count` of the numbers below `total`, sorted (Floyd's algorithm, Bentley and Floyd 1987).
#[must_use]
pub fn sample(total: u64, count: u64, seed: u64) -> Vec<u64> {
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
