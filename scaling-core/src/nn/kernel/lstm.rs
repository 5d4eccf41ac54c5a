//! The LSTM on slices. All sequences are time-major; T steps, B rows of the batch, H hidden units.

use super::activation::{sigmoid, tanh};
use super::blocks::{block_rows, rows_of, split, total};
use super::buffer::Buffer;
use super::lanes::{Kernel, Lanes, dispatch};
use super::product::{Packed, add_transposed_product};
use rayon::prelude::*;

/// Units of a cell, and where its gates are in the columns [4 H] of weights and biases.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) hidden: usize,
    /// Column blocks of (input gate, forget gate, candidate, output gate).
    pub(super) order: [usize; 4],
}

impl Cell {
    /// Adds a number to the forget gate of a bias, [4 H].
    pub(super) fn offset_forget_gate(self, bias: &mut [f32], offset: f32) {
        for forget in &mut bias[self.order[1] * self.hidden..][..self.hidden] {
            *forget += offset;
        }
    }
}

/// Sizes, where the gates are, and in which order the steps are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) batch: usize,
    pub(crate) input: usize,
    pub(crate) hidden: usize,
    /// As in [`Cell`].
    pub(crate) order: [usize; 4],
    /// Added to the forget gate.
    pub(crate) forget_offset: f32,
    /// From the last step to the first.
    pub(crate) reverse: bool,
}

/// What goes in.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// [T, B, I].
    pub(crate) x: &'a [f32],
    /// [B, H].
    pub(crate) h0: &'a [f32],
    /// [B, H].
    pub(crate) c0: &'a [f32],
    /// [I + H, 4 H], the rows of the input first.
    pub(crate) weight: &'a [f32],
    /// [4 H].
    pub(crate) bias: &'a [f32],
    /// Steps of every row, [B]; at the others its state stands still.
    pub(crate) lengths: Option<&'a [usize]>,
}

/// What the backward pass needs of the forward pass besides its input and output.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// Gates after their activation, [T, B, 4 H].
    gates: Buffer,
    /// Cell states, [T, B, H].
    cells: Buffer,
}

/// The gradients of all inputs.
pub(crate) struct Gradients {
    pub(crate) x: Vec<f32>,
    pub(crate) h0: Vec<f32>,
    pub(crate) c0: Vec<f32>,
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl Layout {
    fn cell(self) -> Cell {
        Cell { hidden: self.hidden, order: self.order }
    }

    /// The steps in the order of reading.
    fn reading(self, steps: usize) -> impl DoubleEndedIterator<Item = usize> {
        (0..steps).map(move |k| if self.reverse { steps - 1 - k } else { k })
    }

    /// The step read before step `t`, if that is not the first.
    fn before(self, t: usize, steps: usize) -> Option<usize> {
        if self.reverse { Some(t + 1).filter(|t| *t < steps) } else { t.checked_sub(1) }
    }
}

/// Runs the sequence. Returns [T + 1, B, H]: the hidden state of every step, then the last cell
/// state.
pub(crate) fn forward(layout: Layout, inputs: Inputs<'_>) -> (Vec<f32>, Trace) {
    let (Layout { batch, input, hidden, .. }, cell) = (layout, layout.cell());
    let steps = inputs.x.len() / (batch * input);
    let (w_input, w_hidden) = inputs.weight.split_at(input * 4 * hidden);
    let mut gates = Buffer::new(steps * batch * 4 * hidden);
    let w_input = Packed::new(w_input, input, 4 * hidden);
    let w_hidden = Packed::new(w_hidden, hidden, 4 * hidden);
    let mut bias = inputs.bias.to_vec();
    cell.offset_forget_gate(&mut bias, layout.forget_offset);

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
        let lengths = inputs.lengths.map(|lengths| &lengths[range.clone()]);
        let mut last = 0;
        for t in layout.reading(steps) {
            let gates = gates.step_mut(t);
            let ((c, c_before), (h, h_before)) = match layout.before(t, steps) {
                Some(before) => (cells.step_and(t, before), out.step_and(t, before)),
                None => (
                    (cells.step_mut(t), rows_of(inputs.c0, 0, batch, hidden, &range)),
                    (out.step_mut(t), rows_of(inputs.h0, 0, batch, hidden, &range)),
                ),
            };
            // Step by step, although all inputs are known: the gates stay in the cache, and the product
            // of a few rows is as fast as that of many.
            w_input.product(rows_of(inputs.x, t, batch, input, &range), gates);
            w_hidden.add_product(h_before, gates);
            let still = Still { t, lengths };
            dispatch(CellForward { cell, still, bias: &bias, gates, c_before, h_before, c, h });
            last = t;
        }
        out.step_mut(steps).copy_from_slice(cells.step(last));
    });
    (out, Trace { gates, cells })
}

/// Runs the sequence backwards. `out` is what [`forward`] returned and `gradient` the gradient of
/// that; the gates of the trace are overwritten by their gradients.
pub(crate) fn backward(
    layout: Layout,
    inputs: Inputs<'_>,
    out: &[f32],
    trace: Trace,
    gradient: &[f32],
) -> Gradients {
    let (Layout { batch, input, hidden, .. }, cell) = (layout, layout.cell());
    let steps = inputs.x.len() / (batch * input);
    let Trace { mut gates, cells } = trace;
    let (w_input, w_hidden) = inputs.weight.split_at(input * 4 * hidden);
    let w_input = Packed::transposed(w_input, 4 * hidden, input);
    let w_hidden = Packed::transposed(w_hidden, 4 * hidden, hidden);

    let mut x = vec![0.0; inputs.x.len()];
    // The gradients of the states, carried backwards through time; at the end those of h0 and c0.
    let mut h0 = vec![0.0; batch * hidden];
    let mut c0 = gradient[steps * batch * hidden..].to_vec();
    let rows = block_rows(batch);
    // The gradient of the bias, each block's by itself so that the sum has one order.
    let mut biases = vec![0.0; batch.div_ceil(rows) * 4 * hidden];
    let blocks: Vec<_> = split(&mut gates, batch, 4 * hidden, rows)
        .into_iter()
        .zip(split(&mut h0, batch, hidden, rows))
        .zip(split(&mut c0, batch, hidden, rows))
        .zip(split(&mut x, batch, input, rows))
        .zip(biases.chunks_exact_mut(4 * hidden))
        .collect();
    blocks.into_par_iter().for_each(|((((mut gates, mut dh), mut dc), mut dx), bias)| {
        let range = gates.rows.clone();
        let lengths = inputs.lengths.map(|lengths| &lengths[range.clone()]);
        let (dh, dc) = (dh.step_mut(0), dc.step_mut(0));
        for t in layout.reading(steps).rev() {
            let gates = gates.step_mut(t);
            let c_before = match layout.before(t, steps) {
                Some(before) => rows_of(&cells, before, batch, hidden, &range),
                None => rows_of(inputs.c0, 0, batch, hidden, &range),
            };
            let c = rows_of(&cells, t, batch, hidden, &range);
            let gradient = rows_of(gradient, t, batch, hidden, &range);
            let still = Still { t, lengths };
            dispatch(CellBackward { cell, still, gates, c_before, c, gradient, dh, dc, bias });
            w_hidden.add_product(gates, dh);
            w_input.product(gates, dx.step_mut(t));
        }
    });
    let bias = total(&biases, 4 * hidden);

    let read = read_at_every_step(layout, inputs, out);
    let mut weight = vec![0.0; inputs.weight.len()];
    add_transposed_product(&read, &gates, &mut weight, [input + hidden, 4 * hidden], false);
    Gradients { x, h0, c0, weight, bias }
}

/// What the weight was multiplied with: the input of every step and the hidden state before it,
/// [T, B, I + H].
fn read_at_every_step(layout: Layout, inputs: Inputs<'_>, out: &[f32]) -> Buffer {
    let Layout { batch, input, hidden, .. } = layout;
    let steps = inputs.x.len() / (batch * input);
    let mut read = Buffer::new(steps * batch * (input + hidden));
    read.par_chunks_mut(batch * (input + hidden)).enumerate().for_each(|(t, rows)| {
        let h = layout.before(t, steps).map_or(inputs.h0, |before| &out[before * batch * hidden..]);
        let x = inputs.x[t * batch * input..].chunks_exact(input);
        for ((row, x), h) in rows.chunks_exact_mut(input + hidden).zip(x).zip(h.chunks_exact(hidden)) {
            row[..input].copy_from_slice(x);
            row[input..].copy_from_slice(h);
        }
    });
    read
}

/// Which rows of a block have ended before step `t`; their state does not change.
#[derive(Clone, Copy)]
pub(super) struct Still<'a> {
    pub(super) t: usize,
    /// Of the rows of the block.
    pub(super) lengths: Option<&'a [usize]>,
}

impl Still<'_> {
    #[inline(always)]
    fn at(self, row: usize) -> bool {
        self.lengths.is_some_and(|lengths| self.t >= lengths[row])
    }
}

/// One step of some rows: activates the gates in place and makes the new states.
pub(super) struct CellForward<'a> {
    pub(super) cell: Cell,
    pub(super) still: Still<'a>,
    pub(super) bias: &'a [f32],
    pub(super) gates: &'a mut [f32],
    pub(super) c_before: &'a [f32],
    pub(super) h_before: &'a [f32],
    pub(super) c: &'a mut [f32],
    pub(super) h: &'a mut [f32],
}

impl Kernel for CellForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Cell { hidden, order } = self.cell;
        let bias = self.bias;
        let rows = self.gates.chunks_exact_mut(4 * hidden);
        let before = self.c_before.chunks_exact(hidden).zip(self.h_before.chunks_exact(hidden));
        let states = self.c.chunks_exact_mut(hidden).zip(self.h.chunks_exact_mut(hidden));
        for (row, ((gates, (c_before, h_before)), (c, h))) in rows.zip(before).zip(states).enumerate() {
            if self.still.at(row) {
                c.copy_from_slice(c_before);
                h.copy_from_slice(h_before);
                continue;
            }
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
pub(super) struct CellBackward<'a> {
    pub(super) cell: Cell,
    pub(super) still: Still<'a>,
    pub(super) gates: &'a mut [f32],
    pub(super) c_before: &'a [f32],
    pub(super) c: &'a [f32],
    /// The gradient of the output of this step.
    pub(super) gradient: &'a [f32],
    /// The gradient of the hidden state that comes from the steps read later. Afterwards zero, as all of
    /// it passes through the gates, but for a row that stands still, through which it passes whole.
    pub(super) dh: &'a mut [f32],
    /// The gradient of the cell state that comes from later steps; afterwards that of the state before.
    pub(super) dc: &'a mut [f32],
    /// The gradients of the gates are added to it.
    pub(super) bias: &'a mut [f32],
}

impl Kernel for CellBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Cell { hidden, order } = self.cell;
        let one = V::splat(1.0);
        let rows = self.gates.chunks_exact_mut(4 * hidden);
        let states = self.c_before.chunks_exact(hidden).zip(self.c.chunks_exact(hidden));
        let gradients = self.dh.chunks_exact_mut(hidden).zip(self.dc.chunks_exact_mut(hidden));
        let rows = rows.zip(states).zip(self.gradient.chunks_exact(hidden)).zip(gradients);
        for (row, (((gates, (c_before, c)), gradient), (dh, dc))) in rows.enumerate() {
            if self.still.at(row) {
                gates.fill(0.0);
                dh.iter_mut().zip(gradient).for_each(|(dh, gradient)| *dh += gradient);
                continue;
            }
            for at in (0..hidden).step_by(V::LANES) {
                let [i, f, g, o] = order.map(|k| k * hidden + at..(k + 1) * hidden);
                let input = V::read(&gates[i.clone()], 0.0);
                let forget = V::read(&gates[f.clone()], 0.0);
                let candidate = V::read(&gates[g.clone()], 0.0);
                let output = V::read(&gates[o.clone()], 0.0);
                let squashed = tanh(V::read(&c[at..], 0.0));
                let total = V::read(&dh[at..], 0.0).add(V::read(&gradient[at..], 0.0));
                let through = one.sub(squashed.mul(squashed)).mul(output);
                let d_cell = total.mul_add(through, V::read(&dc[at..], 0.0));
                let d_input = d_cell.mul(candidate).mul(input).mul(one.sub(input));
                let d_forget = d_cell.mul(V::read(&c_before[at..], 0.0)).mul(forget).mul(one.sub(forget));
                let d_candidate = d_cell.mul(input).mul(one.sub(candidate.mul(candidate)));
                let d_output = total.mul(squashed).mul(output).mul(one.sub(output));
                for (columns, gradient) in [(i, d_input), (f, d_forget), (g, d_candidate), (o, d_output)] {
                    let sum = &mut self.bias[columns.clone()];
                    V::read(sum, 0.0).add(gradient).write(sum);
                    gradient.write(&mut gates[columns]);
                }
                V::splat(0.0).write(&mut dh[at..]);
                d_cell.mul(forget).write(&mut dc[at..]);
            }
        }
    }
}
