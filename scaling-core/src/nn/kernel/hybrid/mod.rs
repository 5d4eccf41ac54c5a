//! The attending part of a speech decoder on slices: U steps, B rows of the batch, S positions of the memory, of M
//! values; a cell of A units; attention of K values; F filters of length L.
//!
//! As in the decoder of translation, a few rows are carried through all steps by one thread.

mod backward;
mod energy;

pub(crate) use backward::backward;

use super::blocks::{Block, block_rows, each, rows_of, split, swap};
use super::buffer::Buffer;
use super::lanes::dispatch;
use super::lstm::{Cell, CellForward, Still};
use super::product::Packed;
use energy::{Places, Share};
use rayon::prelude::*;
use std::ops::Range;

/// Sizes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) batch: usize,
    /// A.
    pub(crate) cell: usize,
    /// M.
    pub(crate) memory: usize,
    /// K.
    pub(crate) keys: usize,
    /// S.
    pub(crate) positions: usize,
    /// F.
    pub(crate) filters: usize,
}

/// What goes in; see `nn::hybrid_attention`.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// [U, B, 4 A].
    pub(crate) x: &'a [f32],
    /// [S, B, M].
    pub(crate) memory: &'a [f32],
    /// [S, B, K].
    pub(crate) keys: &'a [f32],
    /// [B, A].
    pub(crate) h: &'a [f32],
    /// [B, A].
    pub(crate) c: &'a [f32],
    /// [B, M].
    pub(crate) context: &'a [f32],
    /// [B, S].
    pub(crate) shares: &'a [f32],
    /// [M + A, 4 A].
    pub(crate) cell: &'a [f32],
    /// [2 A, K].
    pub(crate) query: &'a [f32],
    /// [K].
    pub(crate) query_bias: &'a [f32],
    /// [L, F].
    pub(crate) filters: &'a [f32],
    /// [F, K].
    pub(crate) location: &'a [f32],
    /// [K].
    pub(crate) energy: &'a [f32],
    /// Positions of every row, [B].
    pub(crate) lengths: Option<&'a [usize]>,
}

/// What the backward pass needs of the forward pass besides its input.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// Memory and keys by rows, [B, S, M] and [B, S, K].
    memory: Buffer,
    keys: Buffer,
    /// Gates after their activation, [U, B, 4 A].
    gates: Buffer,
    /// States and outputs of the cell, [U, B, A].
    cells: Buffer,
    states: Buffer,
    /// [U, B, K].
    queries: Buffer,
    /// [U, B, S].
    shares: Buffer,
    /// [U, B, M].
    contexts: Buffer,
}

impl Layout {
    /// With gates i, j, f, o.
    fn lstm(self) -> Cell {
        Cell { hidden: self.cell, order: [0, 2, 1, 3] }
    }

    fn steps(self, inputs: &Inputs<'_>) -> usize {
        inputs.x.len() / (self.batch * 4 * self.cell)
    }

    /// Rows that one thread carries: half of those of other sequences, as batches of speech are small.
    fn rows(self) -> usize {
        block_rows(self.batch).min(self.batch.div_ceil(2))
    }

    /// The positions of a row.
    fn length(self, inputs: &Inputs<'_>, row: usize) -> usize {
        inputs.lengths.map_or(self.positions, |lengths| lengths[row])
    }
}

/// Of one row, what attention reads.
fn of_row(data: &[f32], row: usize, values: usize) -> &[f32] {
    &data[row * values..][..values]
}

/// A block of every array that the forward pass writes.
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
        let Layout { batch, cell, memory, keys, positions, .. } = layout;
        let steps = layout.steps(inputs) * batch;
        let by_rows = |data: &[f32], width| {
            let mut out = Buffer::new(data.len());
            swap(data, &mut out, batch, width);
            out
        };
        Self {
            memory: by_rows(inputs.memory, memory),
            keys: by_rows(inputs.keys, keys),
            gates: Buffer::new(steps * 4 * cell),
            cells: Buffer::new(steps * cell),
            states: Buffer::new(steps * cell),
            queries: Buffer::new(steps * keys),
            shares: Buffer::new(steps * positions),
            contexts: Buffer::new(steps * memory),
        }
    }

    /// The arrays to be written, block by block, and memory and keys, to be read.
    fn tapes(&mut self, layout: Layout) -> (Vec<Tape<'_>>, [&[f32]; 2]) {
        let Layout { batch, cell, memory, keys, positions, .. } = layout;
        let rows = layout.rows();
        let mut gates = split(&mut self.gates, batch, 4 * cell, rows).into_iter();
        let mut cells = split(&mut self.cells, batch, cell, rows).into_iter();
        let mut states = split(&mut self.states, batch, cell, rows).into_iter();
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

/// Runs the transcript. Returns output of the cell and context of every step, [U, B, A + M], the last cell states
/// [B, A] and the last shares [B, S].
pub(crate) fn forward(layout: Layout, inputs: Inputs<'_>) -> (Vec<f32>, Trace) {
    let Layout { batch, cell, memory: m, keys: k, positions, filters } = layout;
    let steps = layout.steps(&inputs);
    let (of_context, of_state) = inputs.cell.split_at(m * 4 * cell);
    let of_context = Packed::new(of_context, m, 4 * cell);
    let of_state = Packed::new(of_state, cell, 4 * cell);
    let (query_of_cell, query_of_state) = inputs.query.split_at(cell * k);
    let query_of_cell = Packed::new(query_of_cell, cell, k);
    let query_of_state = Packed::new(query_of_state, cell, k);
    let mut bias = vec![0.0; 4 * cell];
    layout.lstm().offset_forget_gate(&mut bias, 1.0);

    let mut trace = Trace::new(layout, &inputs);
    let (tapes, [memory, keys]) = trace.tapes(layout);
    tapes.into_par_iter().for_each(|mut tape| {
        let range = tape.gates.rows.clone();
        let of = |data, t, width| rows_of(data, t, batch, width, &range);
        let mut places = Places::new(positions, filters);
        for u in 0..steps {
            let gates = tape.gates.step_mut(u);
            gates.copy_from_slice(of(inputs.x, u, 4 * cell));
            let context = if u == 0 { of(inputs.context, 0, m) } else { tape.contexts.step(u - 1) };
            of_context.add_product(context, gates);
            let ((c, c_before), (h, h_before)) = if u > 0 {
                (tape.cells.step_and(u, u - 1), tape.states.step_and(u, u - 1))
            } else {
                (
                    (tape.cells.step_mut(0), of(inputs.c, 0, cell)),
                    (tape.states.step_mut(0), of(inputs.h, 0, cell)),
                )
            };
            of_state.add_product(h_before, gates);
            let still = Still { t: u, lengths: None };
            dispatch(CellForward {
                cell: layout.lstm(),
                still,
                bias: &bias,
                gates,
                c_before,
                h_before,
                c,
                h,
            });
            let queries = tape.queries.step_mut(u);
            queries.chunks_exact_mut(k).for_each(|query| query.copy_from_slice(inputs.query_bias));
            query_of_cell.add_product(tape.cells.step(u), queries);
            query_of_state.add_product(tape.states.step(u), queries);
            let (shares, before) = if u > 0 {
                tape.shares.step_and(u, u - 1)
            } else {
                (tape.shares.step_mut(0), of(inputs.shares, 0, positions))
            };
            let each_row = range.clone().zip(shares.chunks_exact_mut(positions));
            let contexts = tape.contexts.step_mut(u).chunks_exact_mut(m);
            let read = tape.queries.step(u).chunks_exact(k).zip(before.chunks_exact(positions));
            for (((row, shares), context), (query, before)) in each_row.zip(contexts).zip(read) {
                let length = layout.length(&inputs, row);
                places.fill(inputs.filters, before, length);
                dispatch(Share {
                    keys: &of_row(keys, row, positions * k)[..length * k],
                    memory: &of_row(memory, row, positions * m)[..length * m],
                    query,
                    places: &places,
                    location: inputs.location,
                    energy: inputs.energy,
                    shares: &mut shares[..length],
                    context,
                });
                shares[length..].fill(0.0);
            }
        }
    });
    (output(layout, steps, &trace), trace)
}

fn output(layout: Layout, steps: usize, trace: &Trace) -> Vec<f32> {
    let Layout { batch, cell, memory, positions, .. } = layout;
    let mut out = Vec::with_capacity(steps * batch * (cell + memory) + batch * (cell + positions));
    for (state, context) in trace.states.chunks_exact(cell).zip(trace.contexts.chunks_exact(memory)) {
        out.extend_from_slice(state);
        out.extend_from_slice(context);
    }
    out.extend_from_slice(&trace.cells[(steps - 1) * batch * cell..]);
    out.extend_from_slice(&trace.shares[(steps - 1) * batch * positions..]);
    out
}

/// The parts of a gradient of what [`forward`] returned: of the outputs, of the last cell states, of the last
/// shares.
fn parts(layout: Layout, steps: usize) -> [Range<usize>; 3] {
    let Layout { batch, cell, memory, positions, .. } = layout;
    let outputs = steps * batch * (cell + memory);
    let cells = outputs + batch * cell;
    [0..outputs, outputs..cells, cells..cells + batch * positions]
}
