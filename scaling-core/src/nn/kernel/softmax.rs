//! Output layer, softmax and cross-entropy on slices: N rows (positions), H hidden units, V symbols.
//!
//! Of the N x V logits of a large vocabulary only those of a chunk of rows exist at once, worked on some
//! columns at a time, which stay in the cache from the product to the exponential. The weights of the
//! losses are known beforehand, so the gradients are made in the same pass.

use super::activation::exp;
use super::buffer::Buffer;
use super::lanes::{Kernel, Lanes, dispatch};
use super::product::{Left, Out, PART, Packed, Start, add_transposed_product};
use rayon::prelude::*;
use std::ops::Range;

/// Symbols that are worked on at once; parts of a packed weight start at its multiples.
const TILE: usize = 4 * PART;
/// Probabilities (8 MiB) that stay in the cache until the gradient of the weight is made of them.
const CACHED: usize = 2 << 20;

/// Sizes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) hidden: usize,
    pub(crate) symbols: usize,
    /// Whether the weight is [V, H].
    pub(crate) is_table: bool,
}

impl Layout {
    /// The weight for products with hidden units on its left.
    fn pack(self, weight: &[f32]) -> Packed {
        let pack = if self.is_table { Packed::transposed } else { Packed::new };
        pack(weight, self.hidden, self.symbols)
    }

    /// The weight for products with gradients of logits on its left.
    fn pack_transposed(self, weight: &[f32]) -> Packed {
        let pack = if self.is_table { Packed::new } else { Packed::transposed };
        pack(weight, self.symbols, self.hidden)
    }
}

/// What is said of every row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdicts {
    /// -ln p(target), [N].
    pub(crate) losses: Vec<f32>,
    /// 1 where the target is the likeliest symbol, the first of equals, [N].
    pub(crate) hits: Vec<f32>,
}

impl Verdicts {
    fn new(count: usize) -> Self {
        Self { losses: vec![0.0; count], hits: vec![0.0; count] }
    }
}

/// What goes in.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// [N, H].
    pub(crate) hidden: &'a [f32],
    /// [H, V] or [V, H].
    pub(crate) weight: &'a [f32],
    /// [V].
    pub(crate) bias: &'a [f32],
    /// [N], all below V.
    pub(crate) targets: &'a [usize],
}

/// The gradients of the weighted sum of the losses.
#[derive(Debug, Clone)]
pub(crate) struct Gradients {
    pub(crate) hidden: Vec<f32>,
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// Rows that one thread takes at a time, of so many. No result depends on it.
fn block_of(rows: usize) -> usize {
    rows.div_ceil(rayon::current_num_threads()).next_multiple_of(8).clamp(8, 64)
}

/// The losses alone.
pub(crate) fn forward(layout: Layout, inputs: Inputs<'_>) -> Verdicts {
    let Layout { hidden, symbols, .. } = layout;
    let weight = layout.pack(inputs.weight);
    let mut verdicts = Verdicts::new(inputs.targets.len());
    let size = block_of(inputs.targets.len());
    let blocks = inputs.hidden.par_chunks(size * hidden).zip(inputs.targets.par_chunks(size));
    let verdicts_of = verdicts.losses.par_chunks_mut(size).zip(verdicts.hits.par_chunks_mut(size));
    blocks.zip(verdicts_of).for_each_init(
        || Buffer::new(size * TILE.min(symbols)),
        |values, ((hidden, targets), verdicts)| {
            let mut rows = Rows::new(hidden, targets);
            for tile in tiles(symbols) {
                let width = tile.len();
                rows.exponentiate(&weight, inputs.bias, tile, &mut values[..targets.len() * width], width);
            }
            rows.judge(verdicts);
        },
    );
    verdicts
}

/// Rows whose probabilities exist at once: as many as stay in the cache, but enough for the gradient of
/// the weight to be a product worth its name, and to make little of adding it to what is there.
fn chunk_of(layout: Layout) -> usize {
    const LEAST: usize = 128;
    let rows = (CACHED / layout.symbols).max(layout.hidden);
    (rows / LEAST).max(1) * LEAST
}

/// The losses, and the gradients of their sum weighted by `weights` [N].
pub(crate) fn differentiate(layout: Layout, inputs: Inputs<'_>, weights: &[f32]) -> (Verdicts, Gradients) {
    differentiate_in_chunks(chunk_of(layout), layout, inputs, weights)
}

/// The same, `chunk` rows at a time.
fn differentiate_in_chunks(
    chunk: usize,
    layout: Layout,
    inputs: Inputs<'_>,
    weights: &[f32],
) -> (Verdicts, Gradients) {
    let Layout { hidden, symbols, is_table } = layout;
    let count = inputs.targets.len();
    let chunk = chunk.min(count).max(1);
    let size = block_of(chunk);
    let weight = layout.pack(inputs.weight);
    let transposed = layout.pack_transposed(inputs.weight);
    let mut values = Buffer::new(chunk * symbols);
    let mut verdicts = Verdicts::new(count);
    let mut d_hidden = vec![0.0; count * hidden];
    let mut d_weight = vec![0.0; hidden * symbols];
    let mut d_bias = vec![0.0; symbols];
    for first in (0..count).step_by(chunk) {
        let rows = first..count.min(first + chunk);
        let values = &mut values[..rows.len() * symbols];
        let hiddens = &inputs.hidden[rows.start * hidden..rows.end * hidden];
        let d_hidden = &mut d_hidden[rows.start * hidden..rows.end * hidden];
        values
            .par_chunks_mut(size * symbols)
            .zip(hiddens.par_chunks(size * hidden))
            .zip(d_hidden.par_chunks_mut(size * hidden))
            .zip(inputs.targets[rows.clone()].par_chunks(size))
            .zip(weights[rows.clone()].par_chunks(size))
            .zip(verdicts.losses[rows.clone()].par_chunks_mut(size))
            .zip(verdicts.hits[rows].par_chunks_mut(size))
            .for_each(|((((((values, hidden), d_hidden), targets), weights), losses), hits)| {
                let mut rows = Rows::new(hidden, targets);
                for tile in tiles(symbols) {
                    let values = &mut values[tile.start..];
                    rows.exponentiate(&weight, inputs.bias, tile, values, symbols);
                }
                rows.judge((losses, hits));
                for (index, tile) in tiles(symbols).enumerate() {
                    let values = &mut values[tile.start..];
                    rows.gradient(index, &tile, weights, values, symbols);
                    let left = Left { rows: values, stride: symbols, count: targets.len() };
                    let start = if index == 0 { Start::Zero } else { Start::Present };
                    let out = Out { rows: d_hidden, stride: layout.hidden, start };
                    transposed.product_of_part([tile, 0..layout.hidden], left, out);
                }
            });
        if is_table {
            add_transposed_product(values, hiddens, &mut d_weight, [symbols, hidden], first > 0);
        } else {
            add_transposed_product(hiddens, values, &mut d_weight, [hidden, symbols], first > 0);
        }
        add_column_sums(values, &mut d_bias);
    }
    (verdicts, Gradients { hidden: d_hidden, weight: d_weight, bias: d_bias })
}

/// The symbols in parts.
fn tiles(symbols: usize) -> impl Iterator<Item = Range<usize>> {
    (0..symbols).step_by(TILE).map(move |first| first..symbols.min(first + TILE))
}

/// What is known of the softmax of a row.
#[derive(Debug, Clone, Copy)]
struct Softmax {
    /// Largest logit.
    largest: f32,
    /// Sum of e^(logit - largest).
    total: f64,
    /// Logit of the target.
    target: f32,
    /// Whether a symbol before the target is as likely.
    is_preceded: bool,
}

/// Some rows, and what is known of their softmax after the tiles so far.
struct Rows<'a> {
    hidden: &'a [f32],
    targets: &'a [usize],
    softmax: Vec<Softmax>,
    /// Largest logit of every row of every tile.
    peaks: Vec<f32>,
}

impl<'a> Rows<'a> {
    fn new(hidden: &'a [f32], targets: &'a [usize]) -> Self {
        Self {
            hidden,
            targets,
            softmax: vec![
                Softmax { largest: f32::MIN, total: 0.0, target: f32::MIN, is_preceded: false };
                targets.len()
            ],
            peaks: Vec::new(),
        }
    }

    /// Fills the columns `tile` of every row, which begin `stride` values apart, with
    /// e^(logit - the largest of these).
    fn exponentiate(
        &mut self,
        weight: &Packed,
        bias: &[f32],
        tile: Range<usize>,
        values: &mut [f32],
        stride: usize,
    ) {
        let (count, depth) = (self.targets.len(), self.hidden.len() / self.targets.len());
        let left = Left { rows: self.hidden, stride: depth, count };
        let out = Out { rows: values, stride, start: Start::Row(&bias[tile.clone()]) };
        weight.product_of_part([0..depth, tile.clone()], left, out);
        let rows = values.chunks_mut(stride).zip(self.targets).zip(&mut self.softmax);
        for ((row, target), softmax) in rows {
            let row = &mut row[..tile.len()];
            if tile.contains(target) {
                let (before, own) = row.split_at(target - tile.start);
                softmax.target = own[0];
                softmax.is_preceded =
                    softmax.largest >= own[0] || before.iter().any(|logit| *logit >= own[0]);
            }
            let (peak, sum) = dispatch(Exponentiate { row });
            let above = softmax.largest.max(peak);
            let scale = |peak: f32| f64::from(peak - above).exp();
            softmax.total = softmax.total * scale(softmax.largest) + f64::from(sum) * scale(peak);
            softmax.largest = above;
            self.peaks.push(peak);
        }
    }

    /// Losses and hits, after all tiles.
    fn judge(&self, (losses, hits): (&mut [f32], &mut [f32])) {
        for ((loss, hit), softmax) in losses.iter_mut().zip(hits).zip(&self.softmax) {
            let Softmax { largest, total, target, is_preceded } = *softmax;
            *loss = (total.ln() + f64::from(largest) - f64::from(target)) as f32;
            *hit = f32::from(u8::from(target >= largest && !is_preceded));
        }
    }

    /// Turns the exponentials of a tile into the gradients of its logits.
    fn gradient(
        &self,
        index: usize,
        tile: &Range<usize>,
        weights: &[f32],
        values: &mut [f32],
        stride: usize,
    ) {
        let peaks = &self.peaks[index * self.targets.len()..];
        let rows = values.chunks_mut(stride).zip(self.targets).zip(weights);
        for (((row, target), weight), (softmax, peak)) in rows.zip(self.softmax.iter().zip(peaks)) {
            let row = &mut row[..tile.len()];
            let share = f64::from(peak - softmax.largest).exp() / softmax.total;
            dispatch(Scale { row, factor: (f64::from(*weight) * share) as f32 });
            if tile.contains(target) {
                row[target - tile.start] -= weight;
            }
        }
    }
}

/// Adds the sum of every column of `rows` to `sums`, in parallel.
fn add_column_sums(rows: &[f32], sums: &mut [f32]) {
    let columns = sums.len();
    sums.par_chunks_mut(TILE).enumerate().for_each(|(i, sums)| {
        for row in rows.chunks_exact(columns) {
            dispatch(Add { values: &row[i * TILE..][..sums.len()], sums });
        }
    });
}

/// Replaces a row by e^(value - largest); returns the largest value and the sum.
pub(super) struct Exponentiate<'a> {
    pub(super) row: &'a mut [f32],
}

impl Kernel for Exponentiate<'_> {
    type Output = (f32, f32);

    #[inline(always)]
    fn run<V: Lanes>(self) -> (f32, f32) {
        let mut largest = V::splat(f32::NEG_INFINITY);
        for part in self.row.chunks(V::LANES) {
            largest = largest.max(V::read(part, f32::NEG_INFINITY));
        }
        // Not lower, so that a tile of nothing but -infinity adds 0.
        let largest = largest.fold(f32::max).max(f32::MIN);
        let mut sum = V::splat(0.0);
        for part in self.row.chunks_mut(V::LANES) {
            let value = exp(V::read(part, f32::NEG_INFINITY).sub(V::splat(largest)));
            value.write(part);
            sum = sum.add(value);
        }
        (largest, sum.fold(|a, b| a + b))
    }
}

/// Multiplies values by a factor, in parallel.
pub(crate) fn scale(values: &mut [f32], factor: f32) {
    if factor != 1.0 {
        values.par_chunks_mut(1 << 16).for_each(|row| dispatch(Scale { row, factor }));
    }
}

/// Multiplies a row by a factor.
struct Scale<'a> {
    row: &'a mut [f32],
    factor: f32,
}

impl Kernel for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        for part in self.row.chunks_mut(V::LANES) {
            V::read(part, 0.0).mul(V::splat(self.factor)).write(part);
        }
    }
}

/// Adds values to sums.
struct Add<'a> {
    values: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        for (sum, value) in self.sums.chunks_mut(V::LANES).zip(self.values.chunks(V::LANES)) {
            V::read(sum, 0.0).add(V::read(value, 0.0)).write(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn chunks_and_tiles_change_nothing() {
        let layout = Layout { hidden: 9, symbols: 2 * TILE + 37, is_table: false };
        let count = 261;
        let mut random = Random::new("test/chunks", &[]);
        let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| random.normal() as f32).collect() };
        let (hidden, weight) = (draw(count * layout.hidden), draw(layout.hidden * layout.symbols));
        let (bias, weights) = (draw(layout.symbols), draw(count));
        let targets: Vec<usize> = (0..count).map(|i| i * 7 % layout.symbols).collect();
        let inputs = Inputs { hidden: &hidden, weight: &weight, bias: &bias, targets: &targets };

        let Verdicts { losses, hits } = forward(layout, inputs);
        // A symbol that is masked out, alone in the last tile, changes nothing but is never predicted.
        let mut masked = bias.clone();
        masked[TILE..].fill(f32::NEG_INFINITY);
        let few = Inputs { bias: &masked, targets: &vec![3; count], ..inputs };
        assert!(forward(layout, few).losses.iter().all(|loss| loss.is_finite()));
        let (_, found) = differentiate(layout, few, &weights);
        assert!(found.weight.iter().chain(&found.hidden).all(|value| value.is_finite()));
        assert_eq!(found.bias[TILE..], vec![0.0; layout.symbols - TILE]);
        for i in [0, count - 1] {
            let logit = |s: usize| -> f64 {
                let terms = (0..layout.hidden)
                    .map(|k| f64::from(hidden[i * layout.hidden + k] * weight[k * layout.symbols + s]));
                terms.sum::<f64>() + f64::from(bias[s])
            };
            let want = (0..layout.symbols).map(|s| logit(s).exp()).sum::<f64>().ln() - logit(targets[i]);
            assert!((f64::from(losses[i]) - want).abs() < 1e-4, "{} for {want}", losses[i]);
            let is_highest = (0..layout.symbols).all(|s| logit(s) <= logit(targets[i]));
            assert_eq!(hits[i] > 0.0, is_highest);
        }
        let (whole_verdicts, whole) = differentiate(layout, inputs, &weights);
        let (chunk_verdicts, chunks) = differentiate_in_chunks(128, layout, inputs, &weights);
        let verdicts = Verdicts { losses, hits };
        assert_eq!([&verdicts; 2], [&whole_verdicts, &chunk_verdicts]);
        assert_eq!(whole.hidden, chunks.hidden);
        let sums = chunks.weight.iter().chain(&chunks.bias).zip(whole.weight.iter().chain(&whole.bias));
        for (got, want) in sums {
            assert!((got - want).abs() < 1e-4, "{got} for {want}");
        }
    }

    #[test]
    fn of_equals_the_first_is_the_guess() {
        let layout = Layout { hidden: 1, symbols: 2 * TILE, is_table: true };
        let (hidden, weight, mut bias) = ([0.0; 3], vec![1.0; 2 * TILE], vec![0.0; 2 * TILE]);
        let hits = |bias: &[f32], targets: &[usize]| {
            forward(layout, Inputs { hidden: &hidden, weight: &weight, bias, targets }).hits
        };
        assert_eq!(hits(&bias, &[0, 1, TILE]), [1.0, 0.0, 0.0]);
        (bias[5], bias[TILE + 5]) = (1.0, 1.0);
        assert_eq!(hits(&bias, &[0, 5, TILE + 5]), [0.0, 1.0, 0.0]);
        bias[TILE + 5] = 1.5;
        assert_eq!(hits(&bias, &[0, 5, TILE + 5]), [0.0, 0.0, 1.0]);
    }
}
