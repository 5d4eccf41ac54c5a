//! The recurrent highway layer on slices. All sequences are time-major; T steps, B rows of the
//! batch, H hidden units, L sub-layers.

use super::activation::{sigmoid, tanh};
use super::blocks::{block_rows, rows_of, split, total};
use super::buffer::Buffer;
use super::lanes::{Kernel, Lanes, dispatch};
use super::product::{Packed, add_transposed_product, product_with_earlier};
use rayon::prelude::*;

/// Sizes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) batch: usize,
    pub(crate) input: usize,
    pub(crate) hidden: usize,
    pub(crate) depth: usize,
}

/// What goes in.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// [T, B, I].
    pub(crate) x: &'a [f32],
    /// [B, H].
    pub(crate) s0: &'a [f32],
    /// [I, 2 H].
    pub(crate) w_input: &'a [f32],
    /// [L, H, 2 H].
    pub(crate) recurrent: &'a [f32],
    /// [L, 2 H].
    pub(crate) bias: &'a [f32],
}

/// What the backward pass needs of the forward pass besides its input and output.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// Candidate and transform gate after their activation, [L, T, B, 2 H].
    gates: Buffer,
    /// The state after every sub-layer but the last, [L - 1, T, B, H].
    states: Buffer,
}

/// The gradients of all inputs.
pub(crate) struct Gradients {
    pub(crate) x: Vec<f32>,
    pub(crate) s0: Vec<f32>,
    pub(crate) w_input: Vec<f32>,
    pub(crate) recurrent: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// Runs the sequence. Returns the state after every step, [T, B, H].
pub(crate) fn forward(layout: Layout, inputs: Inputs<'_>) -> (Vec<f32>, Trace) {
    let Layout { batch, input, hidden, depth } = layout;
    let steps = inputs.x.len() / (batch * input);
    let mut gates = Buffer::new(depth * steps * batch * 2 * hidden);
    let w_input = Packed::new(inputs.w_input, input, 2 * hidden);
    let recurrent: Vec<Packed> = inputs
        .recurrent
        .par_chunks_exact(hidden * 2 * hidden)
        .map(|weight| Packed::new(weight, hidden, 2 * hidden))
        .collect();

    let mut states = Buffer::new((depth - 1) * steps * batch * hidden);
    let mut y = vec![0.0; steps * batch * hidden];
    let rows = block_rows(batch);
    let blocks: Vec<_> = split(&mut gates, batch, 2 * hidden, rows)
        .into_iter()
        .zip(split(&mut states, batch, hidden, rows))
        .zip(split(&mut y, batch, hidden, rows))
        .collect();
    blocks.into_par_iter().for_each(|((mut gates, mut states), mut y)| {
        let range = gates.rows.clone();
        let s0 = rows_of(inputs.s0, 0, batch, hidden, &range);
        for t in 0..steps {
            for (l, weight) in recurrent.iter().enumerate() {
                // The last sub-layer writes the output, the others their own states.
                let (s, before) = match (l, l + 1 == depth, t) {
                    (0, true, 0) => (y.step_mut(0), s0),
                    (0, true, _) => y.step_and(t, t - 1),
                    (0, false, 0) => (states.step_mut(0), s0),
                    (0, false, _) => (states.step_mut(t), y.step(t - 1)),
                    (_, true, _) => (y.step_mut(t), states.step((l - 1) * steps + t)),
                    (_, false, _) => states.step_and(l * steps + t, (l - 1) * steps + t),
                };
                let gates = gates.step_mut(l * steps + t);
                match l {
                    0 => {
                        w_input.product(rows_of(inputs.x, t, batch, input, &range), gates);
                        weight.add_product(before, gates);
                    }
                    _ => weight.product(before, gates),
                }
                let bias = &inputs.bias[l * 2 * hidden..][..2 * hidden];
                dispatch(CellForward { hidden, bias, gates, before, s });
            }
        }
    });
    (y, Trace { gates, states })
}

/// Runs the sequence backwards. `y` is what [`forward`] returned and `gradient` the gradient of
/// that; the gates of the trace are overwritten by their gradients.
pub(crate) fn backward(
    layout: Layout,
    inputs: Inputs<'_>,
    y: &[f32],
    trace: Trace,
    gradient: &[f32],
) -> Gradients {
    let Layout { batch, input, hidden, depth } = layout;
    let steps = inputs.x.len() / (batch * input);
    let Trace { mut gates, states } = trace;
    let recurrent: Vec<Packed> = inputs
        .recurrent
        .par_chunks_exact(hidden * 2 * hidden)
        .map(|weight| Packed::transposed(weight, 2 * hidden, hidden))
        .collect();

    let w_input = Packed::transposed(inputs.w_input, 2 * hidden, input);
    let mut x = vec![0.0; inputs.x.len()];
    // The gradient of the state, carried backwards through time; at the end that of s0.
    let mut s0 = vec![0.0; batch * hidden];
    let rows = block_rows(batch);
    // The gradient of the bias, each block's by itself so that the sum has one order.
    let mut biases = vec![0.0; batch.div_ceil(rows) * depth * 2 * hidden];
    let blocks: Vec<_> = split(&mut gates, batch, 2 * hidden, rows)
        .into_iter()
        .zip(split(&mut s0, batch, hidden, rows))
        .zip(split(&mut x, batch, input, rows))
        .zip(biases.chunks_exact_mut(depth * 2 * hidden))
        .collect();
    blocks.into_par_iter().for_each(|(((mut gates, mut ds), mut dx), bias)| {
        let range = gates.rows.clone();
        let ds = ds.step_mut(0);
        for t in (0..steps).rev() {
            for (ds, dy) in ds.iter_mut().zip(rows_of(gradient, t, batch, hidden, &range)) {
                *ds += dy;
            }
            for (l, weight) in recurrent.iter().enumerate().rev() {
                let s = match (l, t) {
                    (0, 0) => rows_of(inputs.s0, 0, batch, hidden, &range),
                    (0, _) => rows_of(y, t - 1, batch, hidden, &range),
                    _ => rows_of(&states, (l - 1) * steps + t, batch, hidden, &range),
                };
                let gates = gates.step_mut(l * steps + t);
                let bias = &mut bias[l * 2 * hidden..][..2 * hidden];
                dispatch(CellBackward { hidden, gates, s, ds, bias });
                weight.add_product(gates, ds);
                if l == 0 {
                    w_input.product(gates, dx.step_mut(t));
                }
            }
        }
    });

    let layer = steps * batch * 2 * hidden;
    let mut w_input = vec![0.0; inputs.w_input.len()];
    add_transposed_product(inputs.x, &gates[..layer], &mut w_input, [input, 2 * hidden], false);
    let mut recurrent = vec![0.0; inputs.recurrent.len()];
    let bias = total(&biases, depth * 2 * hidden);
    let sides = [hidden, 2 * hidden];
    let weights = recurrent.chunks_exact_mut(hidden * 2 * hidden);
    for (l, (weight, gates)) in weights.zip(gates.chunks_exact(layer)).enumerate() {
        if l == 0 {
            product_with_earlier(inputs.s0, y, gates, weight, sides);
        } else {
            let s = &states[(l - 1) * steps * batch * hidden..][..steps * batch * hidden];
            add_transposed_product(s, gates, weight, sides, false);
        }
    }
    Gradients { x, s0, w_input, recurrent, bias }
}

/// One sub-layer of some rows: activates the gates in place and makes the new state.
struct CellForward<'a> {
    hidden: usize,
    bias: &'a [f32],
    gates: &'a mut [f32],
    before: &'a [f32],
    s: &'a mut [f32],
}

impl Kernel for CellForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let (bias_candidate, bias_transform) = self.bias.split_at(self.hidden);
        let rows = self.gates.chunks_exact_mut(2 * self.hidden);
        let states = self.before.chunks_exact(self.hidden).zip(self.s.chunks_exact_mut(self.hidden));
        for (gates, (before, s)) in rows.zip(states) {
            let (candidates, transforms) = gates.split_at_mut(self.hidden);
            for at in (0..self.hidden).step_by(V::LANES) {
                let bias = V::read(&bias_candidate[at..], 0.0);
                let candidate = tanh(V::read(&candidates[at..], 0.0).add(bias));
                let bias = V::read(&bias_transform[at..], 0.0);
                let transform = sigmoid(V::read(&transforms[at..], 0.0).add(bias));
                let state = V::read(&before[at..], 0.0);
                candidate.sub(state).mul_add(transform, state).write(&mut s[at..]);
                candidate.write(&mut candidates[at..]);
                transform.write(&mut transforms[at..]);
            }
        }
    }
}

/// One sub-layer of some rows backwards: turns the gates into the gradients of what they were made
/// of, and the gradient of the new state into the part of that of the old one that bypasses them.
struct CellBackward<'a> {
    hidden: usize,
    gates: &'a mut [f32],
    /// The state that went in.
    s: &'a [f32],
    ds: &'a mut [f32],
    /// The gradients of the gates are added to it.
    bias: &'a mut [f32],
}

impl Kernel for CellBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let one = V::splat(1.0);
        let rows = self.gates.chunks_exact_mut(2 * self.hidden);
        let states = self.s.chunks_exact(self.hidden).zip(self.ds.chunks_exact_mut(self.hidden));
        let (bias_candidate, bias_transform) = self.bias.split_at_mut(self.hidden);
        for (gates, (s, ds)) in rows.zip(states) {
            let (candidates, transforms) = gates.split_at_mut(self.hidden);
            for at in (0..self.hidden).step_by(V::LANES) {
                let candidate = V::read(&candidates[at..], 0.0);
                let transform = V::read(&transforms[at..], 0.0);
                let gradient = V::read(&ds[at..], 0.0);
                let carry = one.sub(transform);
                let through = gradient.mul(transform);
                let difference = candidate.sub(V::read(&s[at..], 0.0));
                let d_candidate = through.mul(one.sub(candidate.mul(candidate)));
                let d_transform = through.mul(difference).mul(carry);
                V::read(&bias_candidate[at..], 0.0).add(d_candidate).write(&mut bias_candidate[at..]);
                V::read(&bias_transform[at..], 0.0).add(d_transform).write(&mut bias_transform[at..]);
                d_candidate.write(&mut candidates[at..]);
                d_transform.write(&mut transforms[at..]);
                gradient.mul(carry).write(&mut ds[at..]);
            }
        }
    }
}
