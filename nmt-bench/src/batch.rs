//! Minibatches of pairs of similar length, each a pure function of (seed, step).

use crate::pairs::{Pairs, Specials};
use burn::tensor::{Device, Int, Tensor};
use scaling_core::neural::{Batches, Passes};
use scaling_core::nn::{upload, upload_integers};
use scaling_core::settings::Options;
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

    /// On a device.
    pub(crate) fn stage(self, device: &Device) -> Staged {
        let (n, rows, predictions) = (self.targets.len(), self.rows, self.predictions());
        let symbols = |ids: Vec<i64>| {
            let steps = ids.len() / rows;
            upload_integers(ids, [steps, rows], device)
        };
        Staged {
            source: symbols(self.source),
            lengths: self.lengths,
            inputs: symbols(self.inputs),
            targets: upload_integers(self.targets, [n], device),
            weights: upload(self.weights, [n], device),
            predictions,
        }
    }
}

/// A minibatch on a device; see [`Batch`].
pub(crate) struct Staged {
    /// [S, B].
    pub(crate) source: Tensor<2, Int>,
    /// Steps of every source, [B].
    pub(crate) lengths: Arc<[usize]>,
    /// [T, B].
    pub(crate) inputs: Tensor<2, Int>,
    /// [T B].
    pub(crate) targets: Tensor<1, Int>,
    /// [T B].
    pub(crate) weights: Tensor<1>,
    /// Predictions that count.
    pub(crate) predictions: f64,
}

impl Staged {
    /// Pairs B.
    pub(crate) fn rows(&self) -> usize {
        self.lengths.len()
    }
}

/// Where sorted pairs are cut into minibatches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Where a budget of target tokens is used up: fewer long pairs, more short ones, by target length.
    Tokens,
    /// After so many pairs, which are sorted by source length, as OpenNMT-py does (MODELS 4.4).
    Sentences,
}

/// The ways that can be chosen.
pub(crate) const CUTS: &[&str] = &["tokens", "sentences"];

impl Cut {
    /// As the options of a study say.
    pub(crate) fn of(options: &Options) -> Self {
        match options.choice("batches") {
            "sentences" => Self::Sentences,
            _ => Self::Tokens,
        }
    }
}

/// Pairs sorted by length and cut. The order of lengths, and so the cuts, are the same in every epoch; which
/// pairs of one length meet is drawn anew.
pub(crate) struct Sorted {
    source: Arc<dyn Pairs>,
    items: Vec<u64>,
    /// Tokens of both sides of each item.
    lengths: Vec<[u32; 2]>,
    cut: Cut,
    specials: Specials,
    /// Shuffles if given.
    seed: Option<u64>,
    passes: Passes,
}

impl Sorted {
    /// Batches of `rows` pairs, on average or exactly (but for the last), as `cut` says.
    pub(crate) fn new(
        source: Arc<dyn Pairs>,
        items: Vec<u64>,
        rows: usize,
        cut: Cut,
        specials: Specials,
        seed: Option<u64>,
    ) -> Self {
        let lengths: Vec<[u32; 2]> = items.iter().map(|i| source.tokens(*i)).collect();
        let passes = match cut {
            Cut::Tokens => Passes::cut(items.len(), ends(&lengths, rows)),
            Cut::Sentences => Passes::of_rows(items.len(), rows),
        };
        Self { source, items, lengths, cut, specials, seed, passes }
    }
}

/// Where pairs in the order of target lengths are cut, so that the predictions of a batch, padding included,
/// are at most those of `rows` average pairs.
fn ends(lengths: &[[u32; 2]], rows: usize) -> Vec<usize> {
    let mut predictions: Vec<usize> = lengths.iter().map(|[_, target]| *target as usize + 1).collect();
    predictions.sort_unstable();
    let budget = predictions.iter().sum::<usize>() * rows / lengths.len().max(1);
    let (mut ends, mut begin) = (Vec::new(), 0);
    for (at, longest) in predictions.iter().enumerate() {
        if at > begin && (at + 1 - begin) * longest > budget {
            ends.push(at);
            begin = at;
        }
    }
    ends.push(lengths.len());
    ends
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
            match self.cut {
                Cut::Tokens => (target, source / BAND),
                Cut::Sentences => (source, 0),
            }
        };
        // Stable, so that those of one key stay shuffled.
        let sort = |order: &mut [u32]| order.sort_by_key(key);
        let members = self.passes.members(step, self.seed, sort);
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

    fn cut(cut: Cut, seed: Option<u64>) -> Sorted {
        Sorted::new(Arc::new(Numbers), (0..100).collect(), 6, cut, Specials::after(200), seed)
    }

    fn sorted(seed: Option<u64>) -> Sorted {
        cut(Cut::Tokens, seed)
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
    fn batches_of_sentences_have_as_many_of_similar_source_length() {
        let mut batches = cut(Cut::Sentences, Some(3));
        let all: Vec<Batch> = (0..batches.per_epoch()).map(|step| batches.batch(step)).collect();
        assert_eq!(all.iter().map(|batch| batch.rows).sum::<usize>(), 100);
        assert_eq!(all.iter().filter(|batch| batch.rows == 6).count(), 16);
        // Of two batches one has the shorter sources.
        let mut ranges: Vec<(usize, usize)> = all
            .iter()
            .map(|batch| {
                let lengths = batch.lengths.iter().copied();
                (lengths.clone().min().unwrap_or(0), lengths.max().unwrap_or(0))
            })
            .collect();
        assert!(!ranges.is_sorted(), "they are shuffled");
        ranges.sort_unstable();
        assert!(ranges.windows(2).all(|two| two[0].1 <= two[1].0), "{ranges:?}");
        let sources = |batches: &[Batch]| batches.iter().map(|b| b.source.clone()).collect::<Vec<_>>();
        let next: Vec<Batch> = (17..34).map(|step| batches.batch(step)).collect();
        assert_ne!(sources(&all), sources(&next));
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
