//! Non-continuous minibatches: every sentence starts from the zero state (MODELS 3).

use super::Batch;
use crate::text::{Sentences, Specials};
use scaling_core::neural::{Batches, Passes};
use std::sync::Arc;

/// Minibatches that are sorted by length together, so that little is padded.
const POOL: usize = 8;

/// Sentences of similar length side by side, cut after `longest` predictions.
pub(crate) struct Padded {
    source: Arc<dyn Sentences>,
    items: Vec<u64>,
    /// Predictions of each item: its tokens and its end, at most `longest`.
    lengths: Vec<u32>,
    rows: usize,
    longest: usize,
    specials: Specials,
    /// Shuffles if given.
    seed: Option<u64>,
    passes: Passes,
}

impl Padded {
    pub(crate) fn new(
        source: Arc<dyn Sentences>,
        items: Vec<u64>,
        rows: usize,
        longest: usize,
        specials: Specials,
        seed: Option<u64>,
    ) -> Self {
        let lengths = items.iter().map(|i| (source.tokens(*i) + 1).min(longest as u32)).collect();
        let passes = Passes::of_rows(items.len(), rows);
        Self { source, items, lengths, rows, longest, specials, seed, passes }
    }
}

impl Batches for Padded {
    type Batch = Batch;

    fn per_epoch(&self) -> u64 {
        self.passes.per_epoch()
    }

    /// Predictions.
    fn samples(&self) -> u64 {
        self.lengths.iter().map(|n| u64::from(*n)).sum()
    }

    fn batch(&mut self, step: u64) -> Batch {
        let sort = |order: &mut [u32]| {
            for pool in order.chunks_mut(POOL * self.rows) {
                pool.sort_by_key(|i| (self.lengths[*i as usize], *i));
            }
        };
        let members = self.passes.members(step, self.seed, sort);
        let steps = members.iter().map(|i| self.lengths[*i as usize]).max().unwrap_or(1) as usize;
        let mut batch = Batch::padding(steps, members.len(), self.specials.padding, true);
        let mut sentence = Vec::new();
        for (row, member) in members.iter().enumerate() {
            self.source.read(self.items[*member as usize], &mut sentence);
            sentence.push(self.specials.end);
            let mut previous = self.specials.start;
            for (step, symbol) in sentence.iter().take(self.longest).enumerate() {
                batch.put(step, row, previous, *symbol);
                previous = *symbol;
            }
        }
        batch
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Sentence i is i % 9 + 1 tokens long and holds i, i + 1, ...
    pub(in super::super) struct Numbers;

    impl Numbers {
        pub(in super::super) fn ids(i: u64) -> Vec<u16> {
            (0..=i % 9).map(|k| (i + k) as u16).collect()
        }
    }

    impl Sentences for Numbers {
        fn len(&self) -> Option<u64> {
            Some(20)
        }
        fn read(&self, index: u64, out: &mut Vec<u16>) {
            out.clear();
            out.extend(Self::ids(index));
        }
        fn tokens(&self, index: u64) -> u32 {
            index as u32 % 9 + 1
        }
    }

    #[test]
    fn every_sentence_comes_once_per_epoch_and_long_ones_are_cut() {
        let specials = Specials::after(100);
        let mut padded = Padded::new(Arc::new(Numbers), (0..20).collect(), 6, 5, specials, Some(3));
        let mut first_targets = BTreeSet::new();
        let mut predictions = 0.0;
        for step in 0..padded.per_epoch() {
            let batch = padded.batch(step);
            predictions += batch.predictions();
            assert!(batch.fresh && batch.steps <= 5);
            for row in 0..batch.rows {
                assert_eq!(batch.inputs[row], i64::from(specials.start));
                first_targets.insert(batch.targets[row]);
            }
        }
        assert_eq!(first_targets, (0..20).collect());
        assert_eq!(predictions as u64, padded.samples());
        // Sentence 0 is one token and its end; sentence 8 is cut to five predictions without end.
        assert_eq!(padded.lengths[0], 2);
        assert_eq!(padded.lengths[8], 5);
    }
}
