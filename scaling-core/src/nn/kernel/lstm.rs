//! The LSTM on slices. All sequences are time-major; T steps, B rows of the batch, H hidden units.

use super::activation::{sigmoid, tanh};
use super::blocks::{block_rows, rows_of, split};
use super::buffer::Buffer;
use super::lanes::{Kernel, Lanes, dispatch};
use super::product::{Packed, add_transposed_product, column_sums};
use rayon::prelude::*;

/// Sizes, and where the gates are.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Layout {
    pub(in super::super) batch: usize,
    pub(in super::super) input: usize,
    pub(in super::super) hidden: usize,
    /// Column blocks of (input gate, forget gate, candidate, output gate).
    pub(in super::super) order: [usize; 4],
    /// Added to the forget gate.
    pub(in super::super) forget_offset: f32,
}

/// What goes in.
#[derive(Clone, Copy)]
pub(in super::super) struct Inputs<'a> {
    /// [T, B, I].
    pub(in super::super) x: &'a [f32],
    /// [B, H].
    pub(in super::super) h0: &'a [f32],
    /// [B, H].
    pub(in super::super) c0: &'a [f32],
    /// [I + H, 4 H], the rows of the input first.
    pub(in super::super) weight: &'a [f32],
    /// [4 H].
    pub(in super::super) bias: &'a [f32],
}

/// What the backward pass needs of the forward pass besides its input and output.
#[derive(Debug, Clone)]
pub(in super::super) struct Trace {
    /// Gates after their activation, [T, B, 4 H].
    gates: Buffer,
    /// Cell states, [T, B, H].
    cells: Buffer,
}

/// The gradients of all inputs.
pub(in super::super) struct Gradients {
    pub(in super::super) x: Vec<f32>,
    pub(in super::super) h0: Vec<f32>,
    pub(in super::super) c0: Vec<f32>,
    pub(in super::super) weight: Vec<f32>,
    pub(in super::super) bias: Vec<f32>,
}

/// Runs the sequence. Returns [T + 1, B, H]: the hidden state of every step, then the last cell
/// state.
pub(in super::super) fn forward(layout: Layout, inputs: Inputs<'_>) -> (Vec<f32>, Trace) {
    let Layout { batch, input, hidden, order, forget_offset } = layout;
    let steps = inputs.x.len() / (batch * input);
    let (w_input, w_hidden) = inputs.weight.split_at(input * 4 * hidden);
    let mut gates = Buffer::new(steps * batch * 4 * hidden);
    Packed::new(w_input, input, 4 * hidden).product_parallel(inputs.x, &mut gates);
    let w_hidden = Packed::new(w_hidden, hidden, 4 * hidden);
    let mut bias = inputs.bias.to_vec();
    for forget in &mut bias[order[1] * hidden..][..hidden] {
        *forget += forget_offset;
    }

    let mut cells = Buffer::new(steps * batch * hidden);
    let mut out = vec![0.0; (steps + 1) * batch * hidden];
    let rows = block_rows(batch);
    let blocks: Vec<_> = split(&mut gates, batch, 4 * hidden, rows)
        .into_iter()
        .zip(split(&mut cells, batch, hidden, rows))
        .zip(split(&mut out, batch, hidden, rows))
        .collect();
    blocks.into_par_iter().for_each(|((mut gates, mut cells), mut out)| {
        let range = gates.rows.clone();
        for t in 0..steps {
            let gates = gates.step_mut(t);
            let (c, c_before, h) = if t == 0 {
                w_hidden.add_product(rows_of(inputs.h0, 0, batch, hidden, &range), gates);
                let c_before = rows_of(inputs.c0, 0, batch, hidden, &range);
                (cells.step_mut(0), c_before, out.step_mut(0))
            } else {
                let (h, h_before) = out.step_and(t, t - 1);
                w_hidden.add_product(h_before, gates);
                let (c, c_before) = cells.step_and(t, t - 1);
                (c, c_before, h)
            };
            dispatch(CellForward { layout, bias: &bias, gates, c_before, c, h });
        }
        out.step_mut(steps).copy_from_slice(cells.step(steps - 1));
    });
    (out, Trace { gates, cells })
}

/// Runs the sequence backwards. `out` is what [`forward`] returned and `gradient` the gradient of
/// that; the gates of the trace are overwritten by their gradients.
pub(in super::super) fn backward(
    layout: Layout,
    inputs: Inputs<'_>,
    out: &[f32],
    trace: Trace,
    gradient: &[f32],
) -> Gradients {
    let Layout { batch, input, hidden, .. } = layout;
    let steps = inputs.x.len() / (batch * input);
    let Trace { mut gates, cells } = trace;
    let (w_input, w_hidden) = inputs.weight.split_at(input * 4 * hidden);
    let w_hidden = Packed::transposed(w_hidden, 4 * hidden, hidden);

    let mut h0 = vec![0.0; batch * hidden];
    // The gradient of the cell state, carried backwards through time; at the end that of c0.
    let mut c0 = gradient[steps * batch * hidden..].to_vec();
    let rows = block_rows(batch);
    let blocks: Vec<_> = split(&mut gates, batch, 4 * hidden, rows)
        .into_iter()
        .zip(split(&mut h0, batch, hidden, rows))
        .zip(split(&mut c0, batch, hidden, rows))
        .collect();
    blocks.into_par_iter().for_each(|((mut gates, mut dh), mut dc)| {
        let range = gates.rows.clone();
        let (dh, dc) = (dh.step_mut(0), dc.step_mut(0));
        dh.copy_from_slice(rows_of(gradient, steps - 1, batch, hidden, &range));
        for t in (0..steps).rev() {
            let gates = gates.step_mut(t);
            let c = rows_of(&cells, t, batch, hidden, &range);
            let c_before = match t {
                0 => rows_of(inputs.c0, 0, batch, hidden, &range),
                _ => rows_of(&cells, t - 1, batch, hidden, &range),
            };
            dispatch(CellBackward { layout, gates, c_before, c, dh, dc });
            match t {
                0 => dh.fill(0.0),
                _ => dh.copy_from_slice(rows_of(gradient, t - 1, batch, hidden, &range)),
            }
            w_hidden.add_product(gates, dh);
        }
    });

    let mut x = vec![0.0; inputs.x.len()];
    Packed::transposed(w_input, 4 * hidden, input).product_parallel(&gates, &mut x);
    let mut weight = vec![0.0; inputs.weight.len()];
    let (d_input, d_hidden) = weight.split_at_mut(input * 4 * hidden);
    let (first, later) = gates.split_at(batch * 4 * hidden);
    let y = &out[..(steps - 1) * batch * hidden];
    add_transposed_product(inputs.x, &gates, d_input, [input, 4 * hidden], false);
    add_transposed_product(inputs.h0, first, d_hidden, [hidden, 4 * hidden], false);
    add_transposed_product(y, later, d_hidden, [hidden, 4 * hidden], true);
    let bias = column_sums(&gates, 4 * hidden);
    Gradients { x, h0, c0, weight, bias }
}

/// One step of some rows: activates the gates in place and makes the new states.
struct CellForward<'a> {
    layout: Layout,
    bias: &'a [f32],
    gates: &'a mut [f32],
    c_before: &'a [f32],
    c: &'a mut [f32],
    h: &'a mut [f32],
}

impl Kernel for CellForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Layout { hidden, order, .. } = self.layout;
        let bias = self.bias;
        let rows = self.gates.chunks_exact_mut(4 * hidden);
        let before = self.c_before.chunks_exact(hidden);
        let states = self.c.chunks_exact_mut(hidden).zip(self.h.chunks_exact_mut(hidden));
        for ((gates, c_before), (c, h)) in rows.zip(before).zip(states) {
            for at in (0..hidden).step_by(V::LANES) {
                let [i, f, g, o] = order.map(|k| k * hidden + at..(k + 1) * hidden);
                let input = sigmoid(V::read(&gates[i.clone()], 0.0).add(V::read(&bias[i.clone()], 0.0)));
                let forget = sigmoid(V::read(&gates[f.clone()], 0.0).add(V::read(&bias[f.clone()], 0.0)));
                let candidate = tanh(V::read(&gates[g.clone()], 0.0).add(V::read(&bias[g.clone()], 0.0)));
                let output = sigmoid(V::read(&gates[o.clone()], 0.0).add(V::read(&bias[o.clone()], 0.0)));
                let cell = V::read(&c_before[at..], 0.0).mul_add(forget, input.mul(candidate));
                input.write(&mut gates[i]);
                forget.write(&mut gates[f]);
                candidate.write(&mut gates[g]);
                output.write(&mut gates[o]);
                cell.write(&mut c[at..]);
                output.mul(tanh(cell)).write(&mut h[at..]);
            }
        }
    }
}

/// One step of some rows backwards: turns the gates into the gradients of what they were made of.
struct CellBackward<'a> {
    layout: Layout,
    gates: &'a mut [f32],
    c_before: &'a [f32],
    c: &'a [f32],
    /// The whole gradient of the hidden state of this step.
    dh: &'a [f32],
    /// The gradient of the cell state that comes from later steps; left for the step before.
    dc: &'a mut [f32],
}

impl Kernel for CellBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Layout { hidden, order, .. } = self.layout;
        let one = V::splat(1.0);
        let rows = self.gates.chunks_exact_mut(4 * hidden);
        let states = self.c_before.chunks_exact(hidden).zip(self.c.chunks_exact(hidden));
        let gradients = self.dh.chunks_exact(hidden).zip(self.dc.chunks_exact_mut(hidden));
        for ((gates, (c_before, c)), (dh, dc)) in rows.zip(states).zip(gradients) {
            for at in (0..hidden).step_by(V::LANES) {
                let [i, f, g, o] = order.map(|k| k * hidden + at..(k + 1) * hidden);
                let input = V::read(&gates[i.clone()], 0.0);
                let forget = V::read(&gates[f.clone()], 0.0);
                let candidate = V::read(&gates[g.clone()], 0.0);
                let output = V::read(&gates[o.clone()], 0.0);
                let squashed = tanh(V::read(&c[at..], 0.0));
                let dh = V::read(&dh[at..], 0.0);
                let through = one.sub(squashed.mul(squashed)).mul(output);
                let d_cell = dh.mul_add(through, V::read(&dc[at..], 0.0));
                let d_input = d_cell.mul(candidate).mul(input).mul(one.sub(input));
                let d_forget = d_cell.mul(V::read(&c_before[at..], 0.0)).mul(forget).mul(one.sub(forget));
                let d_candidate = d_cell.mul(input).mul(one.sub(candidate.mul(candidate)));
                let d_output = dh.mul(squashed).mul(output).mul(one.sub(output));
                d_input.write(&mut gates[i]);
                d_forget.write(&mut gates[f]);
                d_candidate.write(&mut gates[g]);
                d_output.write(&mut gates[o]);
                d_cell.mul(forget).write(&mut dc[at..]);
            }
        }
    }
}
