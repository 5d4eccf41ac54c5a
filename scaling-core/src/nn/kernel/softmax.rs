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
pub(in super::super) struct Layout {
    pub(in super::super) hidden: usize,
    pub(in super::super) symbols: usize,
}

/// What goes in.
#[derive(Clone, Copy)]
pub(in super::super) struct Inputs<'a> {
    /// [N, H].
    pub(in super::super) hidden: &'a [f32],
    /// [H, V].
    pub(in super::super) weight: &'a [f32],
    /// [V].
    pub(in super::super) bias: &'a [f32],
    /// [N], all below V.
    pub(in super::super) targets: &'a [usize],
}

/// The gradients of the weighted sum of the losses.
#[derive(Debug, Clone)]
pub(in super::super) struct Gradients {
    pub(in super::super) hidden: Vec<f32>,
    pub(in super::super) weight: Vec<f32>,
    pub(in super::super) bias: Vec<f32>,
}

/// Rows that one thread takes at a time, of so many. No result depends on it.
fn block_of(rows: usize) -> usize {
    rows.div_ceil(rayon::current_num_threads()).next_multiple_of(8).clamp(8, 64)
}

/// The loss -ln p(target) of every row.
pub(in super::super) fn forward(layout: Layout, inputs: Inputs<'_>) -> Vec<f32> {
    let Layout { hidden, symbols } = layout;
    let weight = Packed::new(inputs.weight, hidden, symbols);
    let mut losses = vec![0.0; inputs.targets.len()];
    let size = block_of(inputs.targets.len());
    let blocks = inputs.hidden.par_chunks(size * hidden).zip(inputs.targets.par_chunks(size));
    blocks.zip(losses.par_chunks_mut(size)).for_each_init(
        || Buffer::new(size * TILE.min(symbols)),
        |values, ((hidden, targets), losses)| {
            let mut rows = Rows::new(hidden, targets);
            for tile in tiles(symbols) {
                let width = tile.len();
                rows.exponentiate(&weight, inputs.bias, tile, &mut values[..targets.len() * width], width);
            }
            rows.losses(losses);
        },
    );
    losses
}

/// Rows whose probabilities exist at once: as many as stay in the cache, but enough for the gradient of
/// the weight to be a product worth its name, and to make little of adding it to what is there.
fn chunk_of(layout: Layout) -> usize {
    const LEAST: usize = 128;
    let rows = (CACHED / layout.symbols).max(layout.hidden);
    (rows / LEAST).max(1) * LEAST
}

/// The losses, and the gradients of their sum weighted by `weights` [N].
pub(in super::super) fn differentiate(
    layout: Layout,
    inputs: Inputs<'_>,
    weights: &[f32],
) -> (Vec<f32>, Gradients) {
    differentiate_in_chunks(chunk_of(layout), layout, inputs, weights)
}

/// The same, `chunk` rows at a time.
fn differentiate_in_chunks(
    chunk: usize,
    layout: Layout,
    inputs: Inputs<'_>,
    weights: &[f32],
) -> (Vec<f32>, Gradients) {
    let Layout { hidden, symbols } = layout;
    let count = inputs.targets.len();
    let chunk = chunk.min(count).max(1);
    let size = block_of(chunk);
    let weight = Packed::new(inputs.weight, hidden, symbols);
    let transposed = Packed::transposed(inputs.weight, symbols, hidden);
    let mut values = Buffer::new(chunk * symbols);
    let mut losses = vec![0.0; count];
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
            .zip(losses[rows].par_chunks_mut(size))
            .for_each(|(((((values, hidden), d_hidden), targets), weights), losses)| {
                let mut rows = Rows::new(hidden, targets);
                for tile in tiles(symbols) {
                    let values = &mut values[tile.start..];
                    rows.exponentiate(&weight, inputs.bias, tile, values, symbols);
                }
                rows.losses(losses);
                for (index, tile) in tiles(symbols).enumerate() {
                    let values = &mut values[tile.start..];
                    rows.gradient(index, &tile, weights, values, symbols);
                    let left = Left { rows: values, stride: symbols, count: targets.len() };
                    let start = if index == 0 { Start::Zero } else { Start::Present };
                    let out = Out { rows: d_hidden, stride: layout.hidden, start };
                    transposed.product_of_part([tile, 0..layout.hidden], left, out);
                }
            });
        add_transposed_product(hiddens, values, &mut d_weight, [hidden, symbols], first > 0);
        add_column_sums(values, &mut d_bias);
    }
    (losses, Gradients { hidden: d_hidden, weight: d_weight, bias: d_bias })
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
            softmax: vec![Softmax { largest: f32::MIN, total: 0.0, target: f32::MIN }; targets.len()],
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
                softmax.target = row[target - tile.start];
            }
            let (peak, sum) = dispatch(Exponentiate { row });
            let above = softmax.largest.max(peak);
            let scale = |peak: f32| f64::from(peak - above).exp();
            softmax.total = softmax.total * scale(softmax.largest) + f64::from(sum) * scale(peak);
            softmax.largest = above;
            self.peaks.push(peak);
        }
    }

    /// The losses, after all tiles.
    fn losses(&self, losses: &mut [f32]) {
        for (loss, Softmax { largest, total, target }) in losses.iter_mut().zip(&self.softmax) {
            *loss = (total.ln() + f64::from(*largest) - f64::from(*target)) as f32;
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
struct Exponentiate<'a> {
    row: &'a mut [f32],
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
pub(in super::super) fn scale(values: &mut [f32], factor: f32) {
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
        let layout = Layout { hidden: 9, symbols: 2 * TILE + 37 };
        let count = 261;
        let mut random = Random::new("test/chunks", &[]);
        let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| random.normal() as f32).collect() };
        let (hidden, weight) = (draw(count * layout.hidden), draw(layout.hidden * layout.symbols));
        let (bias, weights) = (draw(layout.symbols), draw(count));
        let targets: Vec<usize> = (0..count).map(|i| i * 7 % layout.symbols).collect();
        let inputs = Inputs { hidden: &hidden, weight: &weight, bias: &bias, targets: &targets };

        let losses = forward(layout, inputs);
        // A symbol that is masked out, alone in the last tile, changes nothing but is never predicted.
        let mut masked = bias.clone();
        masked[TILE..].fill(f32::NEG_INFINITY);
        let few = Inputs { bias: &masked, targets: &vec![3; count], ..inputs };
        assert!(forward(layout, few).iter().all(|loss| loss.is_finite()));
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
        }
        let (whole_losses, whole) = differentiate(layout, inputs, &weights);
        let (chunk_losses, chunks) = differentiate_in_chunks(128, layout, inputs, &weights);
        assert_eq!([&losses; 2], [&whole_losses, &chunk_losses]);
        assert_eq!(whole.hidden, chunks.hidden);
        let sums = chunks.weight.iter().chain(&chunks.bias).zip(whole.weight.iter().chain(&whole.bias));
        for (got, want) in sums {
            assert!((got - want).abs() < 1e-4, "{got} for {want}");
        }
    }
}
