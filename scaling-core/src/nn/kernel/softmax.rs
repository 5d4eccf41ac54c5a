//! Output layer, softmax and cross-entropy on slices: N rows (positions), H hidden units, V symbols.

use super::activation::exp;
use super::buffer::Buffer;
use super::lanes::{Kernel, Lanes, dispatch};
use super::product::{Packed, add_transposed_product, column_sums};
use rayon::prelude::*;

/// Rows that one task takes at a time: their logits stay in the cache while they are worked on.
const BLOCK: usize = 32;
/// The most probabilities (128 MiB) that are kept for the backward pass or made at once in it.
/// Keeping them saves a fourth of the arithmetic.
const LIMIT: usize = 32 << 20;

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

/// What the backward pass can reuse: e^(logit - largest) [N, V] and its sum [N], or nothing.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Trace {
    exponentials: Buffer,
    sums: Vec<f32>,
}

/// The gradients of all inputs.
pub(in super::super) struct Gradients {
    pub(in super::super) hidden: Vec<f32>,
    pub(in super::super) weight: Vec<f32>,
    pub(in super::super) bias: Vec<f32>,
}

/// The loss -ln p(target) of every row. With `keep`, the trace is filled if it is small enough.
pub(in super::super) fn forward(layout: Layout, inputs: Inputs<'_>, keep: bool) -> (Vec<f32>, Trace) {
    let Layout { hidden, symbols } = layout;
    let count = inputs.targets.len();
    let weight = Packed::new(inputs.weight, hidden, symbols);
    let mut losses = vec![0.0; count];
    let blocks = inputs.hidden.par_chunks(BLOCK * hidden).zip(inputs.targets.par_chunks(BLOCK));
    let blocks = blocks.zip(losses.par_chunks_mut(BLOCK));
    if keep && count * symbols <= LIMIT {
        let mut exponentials = Buffer::new(count * symbols);
        let mut sums = vec![0.0; count];
        blocks.zip(exponentials.par_chunks_mut(BLOCK * symbols)).zip(sums.par_chunks_mut(BLOCK)).for_each(
            |((((hidden, targets), losses), rows), sums)| {
                exponentiate(&weight, inputs.bias, hidden, rows, sums, Some((targets, losses)));
            },
        );
        return (losses, Trace { exponentials, sums });
    }
    blocks.for_each_init(
        || Buffer::new(BLOCK * symbols),
        |rows, ((hidden, targets), losses)| {
            let (rows, sums) = (&mut rows[..targets.len() * symbols], &mut [0.0; BLOCK]);
            exponentiate(&weight, inputs.bias, hidden, rows, sums, Some((targets, losses)));
        },
    );
    (losses, Trace::default())
}

/// The gradients of the inputs from those of the losses.
pub(in super::super) fn backward(
    layout: Layout,
    inputs: Inputs<'_>,
    trace: Trace,
    gradient: &[f32],
) -> Gradients {
    backward_within(LIMIT, layout, inputs, trace, gradient)
}

/// The backward pass with at most `limit` probabilities at once, unless the trace has them all.
fn backward_within(
    limit: usize,
    layout: Layout,
    inputs: Inputs<'_>,
    trace: Trace,
    gradient: &[f32],
) -> Gradients {
    let Layout { hidden, symbols } = layout;
    let count = inputs.targets.len();
    let Trace { exponentials: mut rows, mut sums } = trace;
    let kept = !rows.is_empty();
    let chunk = if kept { count } else { (limit / symbols / BLOCK).max(1) * BLOCK };
    let weight = (!kept).then(|| Packed::new(inputs.weight, hidden, symbols));
    let transposed = Packed::transposed(inputs.weight, symbols, hidden);
    if !kept {
        rows = Buffer::new(chunk.min(count) * symbols);
        sums = vec![0.0; chunk.min(count)];
    }

    let mut d_hidden = vec![0.0; count * hidden];
    let mut d_weight = vec![0.0; hidden * symbols];
    let mut d_bias = vec![0.0; symbols];
    for first in (0..count).step_by(chunk) {
        let range = first..count.min(first + chunk);
        let (rows, sums) = (&mut rows[..range.len() * symbols], &mut sums[..range.len()]);
        let inside = range.start * hidden..range.end * hidden;
        rows.par_chunks_mut(BLOCK * symbols)
            .zip(sums.par_chunks_mut(BLOCK))
            .zip(inputs.hidden[inside.clone()].par_chunks(BLOCK * hidden))
            .zip(d_hidden[inside.clone()].par_chunks_mut(BLOCK * hidden))
            .zip(inputs.targets[range.clone()].par_chunks(BLOCK))
            .zip(gradient[range].par_chunks(BLOCK))
            .for_each(|(((((rows, sums), hidden), d_hidden), targets), gradient)| {
                if let Some(weight) = &weight {
                    exponentiate(weight, inputs.bias, hidden, rows, sums, None);
                }
                let factors = gradient.iter().zip(sums).zip(targets);
                for (row, ((gradient, sum), target)) in rows.chunks_exact_mut(symbols).zip(factors) {
                    dispatch(Scale { row, factor: gradient / *sum });
                    row[*target] -= gradient;
                }
                transposed.add_product(rows, d_hidden);
            });
        let sides = [hidden, symbols];
        add_transposed_product(&inputs.hidden[inside], rows, &mut d_weight, sides, first > 0);
        for (sum, part) in d_bias.iter_mut().zip(column_sums(rows, symbols)) {
            *sum += part;
        }
    }
    Gradients { hidden: d_hidden, weight: d_weight, bias: d_bias }
}

/// Fills `rows` with e^(logit - largest of the row) and `sums` with their sums; where targets are
/// given, also the losses.
fn exponentiate(
    weight: &Packed,
    bias: &[f32],
    hidden: &[f32],
    rows: &mut [f32],
    sums: &mut [f32],
    mut losses: Option<(&[usize], &mut [f32])>,
) {
    for row in rows.chunks_exact_mut(bias.len()) {
        row.copy_from_slice(bias);
    }
    weight.add_product(hidden, rows);
    for (i, (row, sum)) in rows.chunks_exact_mut(bias.len()).zip(sums).enumerate() {
        let logit = losses.as_ref().map_or(0.0, |(targets, _)| row[targets[i]]);
        let largest;
        (largest, *sum) = dispatch(Exponentiate { row });
        if let Some((_, losses)) = &mut losses {
            losses[i] = (f64::from(*sum).ln() + f64::from(largest) - f64::from(logit)) as f32;
        }
    }
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
        let largest = largest.fold(f32::max);
        let mut sum = V::splat(0.0);
        for part in self.row.chunks_mut(V::LANES) {
            let value = exp(V::read(part, f32::NEG_INFINITY).sub(V::splat(largest)));
            value.write(part);
            sum = sum.add(value);
        }
        (largest, sum.fold(|a, b| a + b))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn probabilities_made_again_in_chunks_give_the_same_gradients() {
        let layout = Layout { hidden: 9, symbols: 37 };
        let count = 3 * BLOCK + 5;
        let mut random = Random::new("test/chunks", &[]);
        let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| random.normal() as f32).collect() };
        let (hidden, weight) = (draw(count * layout.hidden), draw(layout.hidden * layout.symbols));
        let (bias, gradient) = (draw(layout.symbols), draw(count));
        let targets: Vec<usize> = (0..count).map(|i| i * 7 % layout.symbols).collect();
        let inputs = Inputs { hidden: &hidden, weight: &weight, bias: &bias, targets: &targets };

        let (losses, kept) = forward(layout, inputs, true);
        let (again, nothing) = forward(layout, inputs, false);
        assert_eq!(losses, again);
        let want = backward(layout, inputs, kept, &gradient);
        let chunks = backward_within(2 * BLOCK * layout.symbols, layout, inputs, nothing, &gradient);
        assert_eq!(chunks.hidden, want.hidden);
        let sums = chunks.weight.iter().chain(&chunks.bias).zip(want.weight.iter().chain(&want.bias));
        for (got, want) in sums {
            assert!((got - want).abs() < 1e-4, "{got} for {want}");
        }
    }
}
