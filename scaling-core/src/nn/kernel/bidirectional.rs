//! An LSTM in both directions at once, on slices: two directions keep two threads busy where a small batch
//! is a single block. Both start from states of zero.

use super::blocks::accumulate;
use super::lstm::{self, Inputs, Layout, Trace};
use rayon::prelude::*;

/// What the backward pass needs of one direction.
#[derive(Debug, Clone)]
pub(crate) struct Direction {
    /// What [`lstm::forward`] returned.
    out: Vec<f32>,
    trace: Trace,
}

/// The gradients of all inputs.
pub(crate) struct Gradients {
    pub(crate) x: Vec<f32>,
    pub(crate) weights: [Vec<f32>; 2],
    pub(crate) biases: [Vec<f32>; 2],
}

/// Runs the sequence forwards and backwards, and both at once. Returns [T, B, 2 H]: the outputs of the
/// forward direction first; zero beyond the length of a row.
pub(crate) fn forward(layouts: [Layout; 2], inputs: [Inputs<'_>; 2]) -> (Vec<f32>, [Direction; 2]) {
    let Layout { batch, hidden, input, .. } = layouts[0];
    let steps = inputs[0].x.len() / (batch * input);
    let run = |k: usize| {
        let (out, trace) = lstm::forward(layouts[k], inputs[k]);
        Direction { out, trace }
    };
    let (ahead, back) = rayon::join(|| run(0), || run(1));
    let lengths = inputs[0].lengths;
    let mut joined = vec![0.0; steps * batch * 2 * hidden];
    joined.par_chunks_exact_mut(batch * 2 * hidden).enumerate().for_each(|(t, joined)| {
        for (row, joined) in joined.chunks_exact_mut(2 * hidden).enumerate() {
            if lengths.is_some_and(|lengths| t >= lengths[row]) {
                continue;
            }
            let at = (t * batch + row) * hidden;
            let (first, second) = joined.split_at_mut(hidden);
            first.copy_from_slice(&ahead.out[at..at + hidden]);
            second.copy_from_slice(&back.out[at..at + hidden]);
        }
    });
    (joined, [ahead, back])
}

/// Runs both directions backwards, given the gradient of what [`forward`] returned.
pub(crate) fn backward(
    layouts: [Layout; 2],
    inputs: [Inputs<'_>; 2],
    directions: [Direction; 2],
    gradient: &[f32],
) -> Gradients {
    let run = |k: usize, Direction { out, trace }: Direction| {
        let gradient = of_direction(layouts[k], inputs[k].lengths, gradient, k);
        lstm::backward(layouts[k], inputs[k], &out, trace, &gradient)
    };
    let [ahead, back] = directions;
    let (ahead, back) = rayon::join(|| run(0, ahead), || run(1, back));
    let mut x = ahead.x;
    let parts = x.par_chunks_mut(1 << 14).zip(back.x.par_chunks(1 << 14));
    parts.for_each(|(sums, values)| accumulate(sums, values));
    Gradients { x, weights: [ahead.weight, back.weight], biases: [ahead.bias, back.bias] }
}

/// The part of a gradient [T, B, 2 H] that belongs to one direction, with nothing beyond the lengths and
/// nothing of a last cell state, [T + 1, B, H].
fn of_direction(layout: Layout, lengths: Option<&[usize]>, gradient: &[f32], k: usize) -> Vec<f32> {
    let Layout { batch, hidden, .. } = layout;
    let mut own = vec![0.0; gradient.len() / 2 + batch * hidden];
    for (at, (own, both)) in own.chunks_exact_mut(hidden).zip(gradient.chunks_exact(2 * hidden)).enumerate() {
        let (t, row) = (at / batch, at % batch);
        if lengths.is_none_or(|lengths| t < lengths[row]) {
            own.copy_from_slice(&both[k * hidden..][..hidden]);
        }
    }
    own
}
