//! Continuous minibatches: parallel streams of text whose state is carried (MODELS 2.1).

use super::Batch;
use crate::text::{Sentences, Specials};
use scaling_core::neural::Batches;
use scaling_core::random::Random;
use std::sync::Arc;

/// Sentences in an order shuffled anew in every epoch, each followed by its end symbol, joined and
/// cut into equal streams; update k of an epoch reads the k-th window of every stream.
pub(crate) struct Stream {
    source: Arc<dyn Sentences>,
    items: Vec<u64>,
    /// Tokens of each item, its end symbol included.
    lengths: Vec<u32>,
    /// Tokens of all items.
    tokens: u64,
    rows: usize,
    unroll: usize,
    specials: Specials,
    /// Shuffles if given.
    seed: Option<u64>,
    epoch: Option<Epoch>,
}

/// The layout of one pass: which sentence begins where.
struct Epoch {
    number: u64,
    order: Vec<u32>,
    starts: Vec<u64>,
}

impl Stream {
    pub(crate) fn new(
        source: Arc<dyn Sentences>,
        items: Vec<u64>,
        rows: usize,
        unroll: usize,
        specials: Specials,
        seed: Option<u64>,
    ) -> Self {
        let lengths: Vec<u32> = items.iter().map(|i| source.tokens(*i) + 1).collect();
        let tokens = lengths.iter().map(|n| u64::from(*n)).sum();
        Self { source, items, lengths, tokens, rows, unroll, specials, seed, epoch: None }
    }

    /// Tokens in each stream; the last one may be shorter.
    fn stream_length(&self) -> u64 {
        self.tokens.div_ceil(self.rows as u64).max(1)
    }

    fn lay_out(&self, number: u64) -> Epoch {
        let mut order: Vec<u32> = (0..self.items.len() as u32).collect();
        if let Some(seed) = self.seed {
            Random::new("order", &[seed, number]).shuffle(&mut order);
        }
        let mut starts = Vec::with_capacity(order.len() + 1);
        let mut total = 0;
        for index in &order {
            starts.push(total);
            total += u64::from(self.lengths[*index as usize]);
        }
        starts.push(total);
        Epoch { number, order, starts }
    }

    /// Writes tokens `from..from + n` of the joined text (fewer at its end) to `out`.
    fn read(&self, epoch: &Epoch, from: u64, n: usize, out: &mut Vec<u16>, sentence: &mut Vec<u16>) {
        out.clear();
        let mut position = epoch.starts.partition_point(|start| *start <= from) - 1;
        let mut skip = (from - epoch.starts[position]) as usize;
        while out.len() < n && position < epoch.order.len() {
            self.source.read(self.items[epoch.order[position] as usize], sentence);
            sentence.push(self.specials.end);
            out.extend(sentence.iter().skip(skip).take(n - out.len()));
            skip = 0;
            position += 1;
        }
    }
}

impl Batches for Stream {
    type Batch = Batch;

    fn per_epoch(&self) -> u64 {
        self.stream_length().div_ceil(self.unroll as u64)
    }

    /// Predictions.
    fn samples(&self) -> u64 {
        self.tokens
    }

    fn batch(&mut self, step: u64) -> Batch {
        let (number, window) = (step / self.per_epoch(), step % self.per_epoch());
        let epoch = match self.epoch.take().filter(|e| e.number == number) {
            Some(epoch) => epoch,
            None => self.lay_out(number),
        };
        let (length, total) = (self.stream_length(), self.tokens);
        let mut batch = Batch::padding(self.unroll, self.rows, self.specials.padding, window == 0);
        let (mut text, mut sentence) = (Vec::new(), Vec::new());
        for row in 0..self.rows {
            let begin = row as u64 * length + window * self.unroll as u64;
            let end = (begin + self.unroll as u64).min((row as u64 + 1) * length).min(total);
            if begin >= end {
                continue;
            }
            // One token earlier, because that is the first input.
            let from = begin.saturating_sub(1);
            self.read(&epoch, from, (end - from) as usize, &mut text, &mut sentence);
            if begin == 0 {
                // Before the first sentence there is the end of one.
                text.insert(0, self.specials.end);
            }
            for (step, pair) in text.windows(2).enumerate() {
                batch.put(step, row, pair[0], pair[1]);
            }
        }
        self.epoch = Some(epoch);
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::super::padded::tests::Numbers;
    use super::*;

    fn stream(rows: usize, unroll: usize, seed: Option<u64>) -> Stream {
        Stream::new(Arc::new(Numbers), (0..20).collect(), rows, unroll, Specials::after(100), seed)
    }

    /// All (input, target) pairs that count, stream by stream, in reading order.
    fn pairs(stream: &mut Stream, epoch: u64) -> Vec<(i64, i64)> {
        let batches: Vec<Batch> =
            (0..stream.per_epoch()).map(|k| stream.batch(epoch * stream.per_epoch() + k)).collect();
        let mut pairs = Vec::new();
        for row in 0..batches[0].rows {
            for batch in &batches {
                for step in 0..batch.steps {
                    let at = step * batch.rows + row;
                    if batch.weights[at] > 0.0 {
                        pairs.push((batch.inputs[at], batch.targets[at]));
                    }
                }
            }
        }
        pairs
    }

    #[test]
    fn the_streams_together_are_the_text_and_nothing_is_lost() {
        let end = i64::from(Specials::after(100).end);
        for (rows, unroll) in [(1, 7), (3, 5), (4, 80), (7, 1)] {
            let mut stream = stream(rows, unroll, None);
            let expected: Vec<i64> =
                (0..20).flat_map(|i| Numbers::ids(i).into_iter().map(i64::from).chain([end])).collect();
            let pairs = pairs(&mut stream, 0);
            let targets: Vec<i64> = pairs.iter().map(|p| p.1).collect();
            assert_eq!(targets, expected, "{rows} x {unroll}");
            let inputs: Vec<i64> = pairs.iter().map(|p| p.0).collect();
            assert_eq!(inputs[0], end);
            assert_eq!(inputs[1..], expected[..expected.len() - 1]);
            assert_eq!(stream.samples(), expected.len() as u64);
        }
    }

    #[test]
    fn order_is_a_pure_function_of_seed_and_step() {
        let (mut a, mut b) = (stream(3, 5, Some(1)), stream(3, 5, Some(1)));
        let last = 2 * a.per_epoch() + 1;
        let late = b.batch(last);
        for step in 0..last {
            a.batch(step);
        }
        assert_eq!(a.batch(last).inputs, late.inputs);
        assert_ne!(pairs(&mut a, 0), pairs(&mut a, 1));
        assert!(a.batch(a.per_epoch()).fresh && !late.fresh);
    }
}
