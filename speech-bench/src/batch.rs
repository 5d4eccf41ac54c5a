//! Minibatches of utterances of similar length, each a pure function of (seed, step).

use crate::audio::Series;
use crate::utterances::Utterances;
use burn::tensor::{Device, Tensor};
use rayon::prelude::*;
use scaling_core::neural::{Batches, Passes};
use scaling_core::nn::upload;
use std::sync::Arc;

/// Utterances whose frames agree to this many are shuffled with each other: little is padded, and batches
/// change from epoch to epoch.
const BAND: u32 = 16;

/// One minibatch.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Features of a frame.
    pub(crate) bins: usize,
    /// Normalised features, zero beyond the end of an utterance, [B, T, bins]; many, so clones share them.
    pub(crate) features: Arc<Vec<f32>>,
    /// Frames of every utterance, [B].
    pub(crate) lengths: Arc<[usize]>,
    /// Ids of the alphabet; none at all where there is nothing but sound.
    pub(crate) transcripts: Vec<Vec<u8>>,
}

impl Batch {
    /// Utterances B.
    pub(crate) fn rows(&self) -> usize {
        self.lengths.len()
    }

    /// Frames T of the longest.
    pub(crate) fn steps(&self) -> usize {
        self.features.len() / (self.rows() * self.bins)
    }

    /// Features of utterances side by side, padded to the longest.
    pub(crate) fn new(features: &[Vec<f32>], bins: usize, transcripts: Vec<Vec<u8>>) -> Self {
        let lengths: Arc<[usize]> = features.iter().map(|values| values.len() / bins).collect();
        let steps = lengths.iter().copied().max().unwrap_or(0);
        let mut padded = vec![0.0; features.len() * steps * bins];
        for (row, values) in padded.chunks_exact_mut(steps * bins).zip(features) {
            row[..values.len()].copy_from_slice(values);
        }
        Self { bins, features: Arc::new(padded), lengths, transcripts }
    }

    /// Characters of all transcripts.
    pub(crate) fn characters(&self) -> usize {
        self.transcripts.iter().map(Vec::len).sum()
    }

    /// On a device.
    pub(crate) fn stage(self, device: &Device) -> Staged {
        let shape = [self.rows(), self.steps(), self.bins];
        let features = upload(self.features.as_slice(), shape, device);
        Staged { batch: self, features }
    }
}

/// A minibatch whose features are on a device.
pub(crate) struct Staged {
    pub(crate) batch: Batch,
    /// [B, T, bins].
    pub(crate) features: Tensor<3>,
}

/// The order in which utterances are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// From the shortest to the longest, always: to measure.
    Sorted,
    /// In batches of similar length, which are drawn anew and shuffled in every epoch; the first goes from
    /// the shortest to the longest (SortaGrad, Amodei et al. 2016) if wanted.
    Shuffled { seed: u64, sorta_grad: bool },
}

impl Order {
    /// What a pass is shuffled by, if it is.
    fn seed(self, pass: u64) -> Option<u64> {
        match self {
            Self::Shuffled { seed, sorta_grad } if pass > 0 || !sorta_grad => Some(seed),
            Self::Sorted | Self::Shuffled { .. } => None,
        }
    }
}

/// Utterances brought into batches of similar length.
pub(crate) struct ByLength {
    source: Arc<dyn Utterances>,
    series: Series,
    items: Vec<u64>,
    /// Frames of each item.
    frames: Vec<u32>,
    order: Order,
    passes: Passes,
}

impl ByLength {
    /// Batches of `rows` utterances (the last may have fewer).
    pub(crate) fn new(
        source: Arc<dyn Utterances>,
        series: Series,
        items: Vec<u64>,
        rows: usize,
        order: Order,
    ) -> Self {
        let frames = items.iter().map(|item| source.frames(*item) as u32).collect();
        let passes = Passes::of_rows(items.len(), rows.max(1));
        Self { source, series, items, frames, order, passes }
    }
}

impl Batches for ByLength {
    type Batch = Batch;

    fn per_epoch(&self) -> u64 {
        self.passes.per_epoch()
    }

    /// Frames.
    fn samples(&self) -> u64 {
        self.frames.iter().map(|frames| u64::from(*frames)).sum()
    }

    fn batch(&mut self, step: u64) -> Batch {
        let seed = self.order.seed(self.passes.number(step));
        let band = if seed.is_some() { BAND } else { 1 };
        // Stable, so that those of one band stay shuffled.
        let sort = |order: &mut [u32]| order.sort_by_key(|item| self.frames[*item as usize] / band);
        let rows = self.passes.members(step, seed, sort);
        let read = |place: &u32| {
            let item = self.items[*place as usize];
            let mut features = Vec::new();
            self.source.read(item, self.series, &mut features);
            (features, self.source.transcript(item))
        };
        let (features, transcripts): (Vec<_>, Vec<_>) = rows.par_iter().map(read).unzip();
        Batch::new(&features, self.series.bins(), transcripts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Utterance i has 10 + 7 i mod 41 frames, whose features are all i + 1, and a character for every 5.
    struct Numbers;

    impl Utterances for Numbers {
        fn len(&self) -> Option<u64> {
            Some(50)
        }
        fn frames(&self, index: u64) -> usize {
            10 + (7 * index as usize) % 41
        }
        fn characters(&self, index: u64) -> usize {
            self.frames(index) / 5
        }
        fn read(&self, index: u64, series: Series, out: &mut Vec<f32>) {
            out.clear();
            out.resize(self.frames(index) * series.bins(), index as f32 + 1.0);
        }
        fn transcript(&self, index: u64) -> Vec<u8> {
            vec![index as u8 % 28; self.characters(index)]
        }
    }

    fn batches(rows: usize, order: Order) -> ByLength {
        ByLength::new(Arc::new(Numbers), Series::Mel, (0..50).collect(), rows, order)
    }

    fn seen(source: &mut ByLength, epoch: u64) -> Vec<Vec<u64>> {
        let count = source.per_epoch();
        let batch = |step| {
            let batch = source.batch(epoch * count + step);
            let row = |row: usize| batch.features[row * batch.steps() * batch.bins] as u64 - 1;
            (0..batch.rows()).map(row).collect()
        };
        (0..count).map(batch).collect()
    }

    #[test]
    fn every_epoch_sees_every_utterance_once() {
        let mut source = batches(8, Order::Shuffled { seed: 1, sorta_grad: true });
        let mut before = Vec::new();
        for epoch in 0..3 {
            let order = seen(&mut source, epoch);
            let mut all: Vec<u64> = order.concat();
            all.sort_unstable();
            assert_eq!(all, (0..50).collect::<Vec<_>>());
            assert_ne!(order, before);
            before = order;
        }
        // A pure function of seed and step.
        assert_eq!(seen(&mut batches(8, Order::Shuffled { seed: 1, sorta_grad: true }), 2), before);
        assert_ne!(seen(&mut batches(8, Order::Shuffled { seed: 2, sorta_grad: true }), 2), before);
    }

    #[test]
    fn the_first_epoch_goes_from_short_to_long() {
        let frames = |order: Vec<Vec<u64>>| -> Vec<usize> {
            order.concat().into_iter().map(|i| Numbers.frames(i)).collect()
        };
        let mut sorta = batches(8, Order::Shuffled { seed: 1, sorta_grad: true });
        assert!(frames(seen(&mut sorta, 0)).is_sorted());
        assert!(!frames(seen(&mut sorta, 1)).is_sorted());
        let mut plain = batches(8, Order::Shuffled { seed: 1, sorta_grad: false });
        assert!(!frames(seen(&mut plain, 0)).is_sorted());
        assert!(frames(seen(&mut batches(8, Order::Sorted), 3)).is_sorted());
    }

    #[test]
    fn what_lies_beyond_an_utterance_is_zero() {
        let mut source = batches(3, Order::Shuffled { seed: 4, sorta_grad: false });
        for step in 0..source.per_epoch() {
            let batch = source.batch(step);
            let rows = batch.features.chunks_exact(batch.steps() * batch.bins);
            for ((row, length), transcript) in rows.zip(batch.lengths.iter()).zip(&batch.transcripts) {
                let (within, beyond) = row.split_at(length * batch.bins);
                assert!(
                    within.iter().all(|v| *v == within[0] && *v > 0.0) && beyond.iter().all(|v| *v == 0.0)
                );
                assert_eq!(transcript.len(), length / 5);
            }
        }
    }
}
