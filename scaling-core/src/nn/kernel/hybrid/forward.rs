//! The forward pass.

use super::energy::{Places, Share};
use super::{Inputs, Layout, Trace, Weights, of_row};
use crate::nn::kernel::blocks::{Block, each, rows_of, split, swap};
use crate::nn::kernel::buffer::Buffer;
use crate::nn::kernel::lanes::dispatch;
use crate::nn::kernel::lstm::{CellForward, Still};
use crate::nn::kernel::product::Packed;
use rayon::prelude::*;

/// A block of every array that is written.
struct Tape<'a> {
    gates: Block<'a>,
    cells: Block<'a>,
    states: Block<'a>,
    queries: Block<'a>,
    shares: Block<'a>,
    contexts: Block<'a>,
}

impl Trace {
    fn new(layout: Layout, inputs: &Inputs<'_>) -> Self {
        let Layout { batch, units, memory, keys, positions, .. } = layout;
        let steps = layout.steps(inputs) * batch;
        let by_rows = |data: &[f32], width| {
            let mut out = Buffer::new(data.len());
            swap(data, &mut out, batch, width);
            out
        };
        Self {
            memory: by_rows(inputs.memory, memory),
            keys: by_rows(inputs.keys, keys),
            gates: Buffer::new(steps * 4 * units),
            cells: Buffer::new(steps * units),
            states: Buffer::new(steps * units),
            queries: Buffer::new(steps * keys),
            shares: Buffer::new(steps * positions),
            contexts: Buffer::new(steps * memory),
        }
    }

    /// The arrays to be written, block by block, and memory and keys, to be read.
    fn tapes(&mut self, layout: Layout) -> (Vec<Tape<'_>>, [&[f32]; 2]) {
        let Layout { batch, units, memory, keys, positions, .. } = layout;
        let rows = layout.rows();
        let mut gates = split(&mut self.gates, batch, 4 * units, rows).into_iter();
        let mut cells = split(&mut self.cells, batch, units, rows).into_iter();
        let mut states = split(&mut self.states, batch, units, rows).into_iter();
        let mut queries = split(&mut self.queries, batch, keys, rows).into_iter();
        let mut shares = split(&mut self.shares, batch, positions, rows).into_iter();
        let mut contexts = split(&mut self.contexts, batch, memory, rows).into_iter();
        let tape = |_| Tape {
            gates: each(&mut gates),
            cells: each(&mut cells),
            states: each(&mut states),
            queries: each(&mut queries),
            shares: each(&mut shares),
            contexts: each(&mut contexts),
        };
        ((0..batch.div_ceil(rows)).map(tape).collect(), [&self.memory, &self.keys])
    }
}

/// Runs the transcript. Returns output of the cell and context of every step, [U, B, A + M], the last cell
/// states [B, A] and the last shares [B, S].
pub(crate) fn forward(layout: Layout, inputs: Inputs<'_>) -> (Vec<f32>, Trace) {
    let steps = layout.steps(&inputs);
    let weights = Weights::new(layout, &inputs, Packed::new);
    let mut bias = vec![0.0; 4 * layout.units];
    layout.cell().offset_forget_gate(&mut bias, 1.0);
    let mut trace = Trace::new(layout, &inputs);
    let (tapes, [memory, keys]) = trace.tapes(layout);
    let given = Given { layout, inputs, weights: &weights, bias: &bias, memory, keys };
    tapes.into_par_iter().for_each(|mut tape| {
        let mut places = Places::new(layout.positions, layout.filters);
        for u in 0..steps {
            given.read(u, &mut tape);
            given.attend(u, &mut tape, &mut places);
        }
    });
    (output(layout, steps, &trace), trace)
}

fn output(layout: Layout, steps: usize, trace: &Trace) -> Vec<f32> {
    let Layout { batch, units, memory, positions, .. } = layout;
    let mut out = Vec::with_capacity(steps * batch * (units + memory) + batch * (units + positions));
    for (state, context) in trace.states.chunks_exact(units).zip(trace.contexts.chunks_exact(memory)) {
        out.extend_from_slice(state);
        out.extend_from_slice(context);
    }
    out.extend_from_slice(&trace.cells[(steps - 1) * batch * units..]);
    out.extend_from_slice(&trace.shares[(steps - 1) * batch * positions..]);
    out
}

/// What all blocks read.
struct Given<'a> {
    layout: Layout,
    inputs: Inputs<'a>,
    weights: &'a Weights,
    /// Of the cell, [4 A].
    bias: &'a [f32],
    /// By rows, [B, S, M] and [B, S, K].
    memory: &'a [f32],
    keys: &'a [f32],
}

impl Given<'_> {
    /// Step `u` of the cell, and what it asks of the attention.
    fn read(&self, u: usize, tape: &mut Tape<'_>) {
        let Self { layout, inputs, weights, .. } = self;
        let Layout { batch, units, memory: m, keys: k, .. } = *layout;
        let range = tape.gates.rows.clone();
        let of = |data, t, width| rows_of(data, t, batch, width, &range);
        let gates = tape.gates.step_mut(u);
        gates.copy_from_slice(of(inputs.x, u, 4 * units));
        let context = if u == 0 { of(inputs.context, 0, m) } else { tape.contexts.step(u - 1) };
        weights.of_context.add_product(context, gates);
        let ((c, c_before), (h, h_before)) = if u > 0 {
            (tape.cells.step_and(u, u - 1), tape.states.step_and(u, u - 1))
        } else {
            (
                (tape.cells.step_mut(0), of(inputs.c, 0, units)),
                (tape.states.step_mut(0), of(inputs.h, 0, units)),
            )
        };
        weights.of_state.add_product(h_before, gates);
        let (cell, still) = (layout.cell(), Still { t: u, lengths: None });
        dispatch(CellForward { cell, still, bias: self.bias, gates, c_before, h_before, c, h });
        let queries = tape.queries.step_mut(u);
        queries.chunks_exact_mut(k).for_each(|query| query.copy_from_slice(inputs.query_bias));
        weights.query_of_cell.add_product(tape.cells.step(u), queries);
        weights.query_of_state.add_product(tape.states.step(u), queries);
    }

    /// Step `u` of the attention.
    fn attend(&self, u: usize, tape: &mut Tape<'_>, places: &mut Places) {
        let Self { layout, inputs, memory, keys, .. } = self;
        let Layout { batch, memory: m, keys: k, positions, .. } = *layout;
        let range = tape.gates.rows.clone();
        let (shares, before) = if u > 0 {
            tape.shares.step_and(u, u - 1)
        } else {
            (tape.shares.step_mut(0), rows_of(inputs.shares, 0, batch, positions, &range))
        };
        let each_row = range.zip(shares.chunks_exact_mut(positions));
        let contexts = tape.contexts.step_mut(u).chunks_exact_mut(m);
        let read = tape.queries.step(u).chunks_exact(k).zip(before.chunks_exact(positions));
        for (((row, shares), context), (query, before)) in each_row.zip(contexts).zip(read) {
            let length = layout.length(inputs, row);
            places.fill(inputs.filters, before, length);
            dispatch(Share {
                keys: &of_row(keys, row, positions * k)[..length * k],
                memory: &of_row(memory, row, positions * m)[..length * m],
                query,
                places,
                location: inputs.location,
                energy: inputs.energy,
                shares: &mut shares[..length],
                context,
            });
            shares[length..].fill(0.0);
        }
    }
}
