//! The attending part of a speech decoder on slices: U steps, B rows of the batch, S positions of the memory,
//! of M values; a cell of A units; attention of K values; F filters of length L.
//!
//! As in the decoder of translation, a few rows are carried through all steps by one thread.

mod backward;
mod energy;
mod forward;

pub(crate) use backward::backward;
pub(crate) use forward::forward;

use super::blocks::block_rows;
use super::buffer::Buffer;
use super::lstm::Cell;
use super::product::Packed;

/// Sizes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) batch: usize,
    /// A.
    pub(crate) units: usize,
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
    fn cell(self) -> Cell {
        Cell { hidden: self.units, order: [0, 2, 1, 3] }
    }

    fn steps(self, inputs: &Inputs<'_>) -> usize {
        inputs.x.len() / (self.batch * 4 * self.units)
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

/// The weights of the products, packed.
struct Weights {
    /// Of the cell, for the context and for its output.
    of_context: Packed,
    of_state: Packed,
    /// Of the query, for state and output of the cell.
    query_of_cell: Packed,
    query_of_state: Packed,
}

impl Weights {
    /// `pack` is given a weight, its rows and its columns.
    fn new(layout: Layout, inputs: &Inputs<'_>, pack: impl Fn(&[f32], usize, usize) -> Packed) -> Self {
        let Layout { units, memory, keys, .. } = layout;
        let (of_context, of_state) = inputs.cell.split_at(memory * 4 * units);
        let (query_of_cell, query_of_state) = inputs.query.split_at(units * keys);
        Self {
            of_context: pack(of_context, memory, 4 * units),
            of_state: pack(of_state, units, 4 * units),
            query_of_cell: pack(query_of_cell, units, keys),
            query_of_state: pack(query_of_state, units, keys),
        }
    }
}

/// Of one row, what attention reads.
fn of_row(data: &[f32], row: usize, values: usize) -> &[f32] {
    &data[row * values..][..values]
}
