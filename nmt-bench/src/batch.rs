//! Minibatches of pairs of similar length, each a pure function of (seed, step).

use crate::pairs::{Pairs, Specials};
use scaling_core::neural::{Batches, Passes};
use std::sync::Arc;

/// Within targets of one length, sources of this many lengths may meet in a batch: enough that batches change
/// from epoch to epoch, few enough that little is padded.
const BAND: u32 = 4;

/// One minibatch, time-major.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Pairs B.
    pub(crate) rows: usize,
    /// Source symbols, [S, B].
    pub(crate) source: Vec<i64>,
    /// Steps of every source, [B].
    pub(crate) lengths: Arc<[usize]>,
    /// Target symbols read, from the start symbol on, [T, B].
    pub(crate) inputs: Vec<i64>,
    /// Target symbols to predict, to the end symbol, [T, B].
    pub(crate) targets: Vec<i64>,
    /// 1 where the prediction counts, 0 on padding, [T, B].
    pub(crate) weights: Vec<f32>,
}

impl Batch {
    /// The pairs side by side, padded to the longest.
    pub(crate) fn new(pairs: &[[Vec<u16>; 2]], specials: Specials) -> Self {
        let rows = pairs.len();
        let longest = |side: usize| pairs.iter().map(|pair| pair[side].len()).max().unwrap_or(0);
        let (steps, predictions) = (longest(0).max(1), longest(1) + 1);
        let padding = i64::from(specials.padding);
        let mut batch = Self {
            rows,
            source: vec![padding; steps * rows],
            lengths: pairs.iter().map(|[source, _]| source.len().max(1)).collect(),
            inputs: vec![padding; predictions * rows],
            targets: vec![padding; predictions * rows],
            weights: vec![0.0; predictions * rows],
        };
        for (row, [source, target]) in pairs.iter().enumerate() {
            for (step, symbol) in source.iter().enumerate() {
                batch.source[step * rows + row] = i64::from(*symbol);
            }
            let read = std::iter::once(&specials.start).chain(target);
            for (step, (input, predicted)) in read.zip(target.iter().chain([&specials.end])).enumerate() {
                let at = step * rows + row;
                batch.inputs[at] = i64::from(*input);
                batch.targets[at] = i64::from(*predicted);
                batch.weights[at] = 1.0;
            }
        }
        batch
    }

    /// Predictions that count.
    pub(crate) fn predictions(&self) -> f64 {
        self.weights.iter().map(|w| f64::from(*w)).sum()
    }
}

/// Pairs sorted by length and cut where a budget of target tokens is used up. The order of lengths, and so
/// the cuts, are the same in every epoch; which pairs of one length meet is drawn anew.
pub(crate) struct Sorted {
    source: Arc<dyn Pairs>,
    items: Vec<u64>,
    /// Tokens of both sides of each item.
    lengths: Vec<[u32; 2]>,
    specials: Specials,
    /// Shuffles if given.
    seed: Option<u64>,
    passes: Passes,
}

impl Sorted {
    /// Batches of `rows` pairs of average length: fewer long ones, more short ones.
    pub(crate) fn new(
        source: Arc<dyn Pairs>,
        items: Vec<u64>,
        rows: usize,
        specials: Specials,
        seed: Option<u64>,
    ) -> Self {
        let lengths: Vec<[u32; 2]> = items.iter().map(|i| source.tokens(*i)).collect();
        let predictions = |i: u32| lengths[i as usize][1] as usize + 1;
        let mut order: Vec<u32> = (0..items.len() as u32).collect();
        order.sort_by_key(|i| predictions(*i));
        let total: usize = order.iter().map(|i| predictions(*i)).sum();
        let budget = total * rows / items.len().max(1);
        let (mut cuts, mut begin) = (Vec::new(), 0);
        for (at, item) in order.iter().enumerate() {
            if at > begin && (at + 1 - begin) * predictions(*item) > budget {
                cuts.push(at);
                begin = at;
            }
        }
        cuts.push(order.len());
        let passes = Passes::cut(items.len(), cuts);
        Self { source, items, lengths, specials, seed, passes }
    }
}

impl Batches for Sorted {
    type Batch = Batch;

    fn per_epoch(&self) -> u64 {
        self.passes.per_epoch()
    }

    /// Target tokens, the ends of sentences included.
    fn samples(&self) -> u64 {
        self.lengths.iter().map(|[_, target]| u64::from(*target) + 1).sum()
    }

    fn batch(&mut self, step: u64) -> Batch {
        let key = |i: &u32| {
            let [source, target] = self.lengths[*i as usize];
            (target, source / BAND)
        };
        // Stable, so that those of one key stay shuffled.
        let sort = |order: &mut [u32], _: bool| order.sort_by_key(key);
        let members = self.passes.members(step, |_| self.seed, sort);
        let pairs: Vec<[Vec<u16>; 2]> = members
            .iter()
            .map(|member| {
                let (mut source, mut target) = (Vec::new(), Vec::new());
                self.source.read(self.items[*member as usize], &mut source, &mut target);
                [source, target]
            })
            .collect();
        Batch::new(&pairs, self.specials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pair i has 1 to 9 target tokens, all of them i, and up to 3 more in its source.
    struct Numbers;

    impl Pairs for Numbers {
        fn len(&self) -> Option<u64> {
            Some(100)
        }
        fn read(&self, index: u64, source: &mut Vec<u16>, target: &mut Vec<u16>) {
            let [s, t] = self.tokens(index);
            source.clear();
            target.clear();
            source.resize(s as usize, index as u16);
            target.resize(t as usize, index as u16);
        }
        fn tokens(&self, index: u64) -> [u32; 2] {
            let target = index as u32 * 7 % 9 + 1;
            [target + index as u32 % 4, target]
        }
        fn reference(&self, index: u64) -> String {
            index.to_string()
        }
    }

    fn sorted(seed: Option<u64>) -> Sorted {
        Sorted::new(Arc::new(Numbers), (0..100).collect(), 6, Specials::after(200), seed)
    }

    #[test]
    fn every_pair_comes_once_per_epoch_within_the_budget() {
        let mut batches = sorted(Some(3));
        let mut predictions = 0.0;
        let mut seen = Vec::new();
        let budget = 6 * batches.samples() as usize / 100;
        for step in 0..batches.per_epoch() {
            let batch = batches.batch(step);
            let steps = batch.targets.len() / batch.rows;
            assert!(batch.rows == 1 || batch.rows * steps <= budget, "{} x {steps}", batch.rows);
            predictions += batch.predictions();
            for row in 0..batch.rows {
                assert_eq!(batch.inputs[row], 202);
                assert_eq!(batch.source[row], batch.targets[row], "source and target belong together");
                let ends = (0..steps).filter(|t| batch.targets[t * batch.rows + row] == 203).count();
                assert_eq!(ends, 1);
                let own = (0..batch.source.len() / batch.rows)
                    .filter(|s| batch.source[s * batch.rows + row] == batch.source[row])
                    .count();
                assert_eq!(own, batch.lengths[row]);
                seen.push(batch.targets[row]);
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<i64>>());
        assert_eq!(predictions as u64, batches.samples());
    }

    #[test]
    fn order_is_a_pure_function_of_seed_and_step() {
        let (mut a, mut b) = (sorted(Some(1)), sorted(Some(1)));
        let last = 2 * a.per_epoch() + 1;
        let late = b.batch(last).source;
        for step in 0..last {
            a.batch(step);
        }
        assert_eq!(a.batch(last).source, late);
        let epoch = |batches: &mut Sorted, n: u64| -> Vec<Vec<i64>> {
            let per_epoch = batches.per_epoch();
            (n * per_epoch..(n + 1) * per_epoch).map(|step| batches.batch(step).source).collect()
        };
        assert_ne!(epoch(&mut a, 0), epoch(&mut a, 1));
        let mut plain = sorted(None);
        assert_eq!(epoch(&mut plain, 0), epoch(&mut plain, 1));
    }
}
