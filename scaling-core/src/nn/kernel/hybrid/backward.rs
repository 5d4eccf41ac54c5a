//! The backward pass.

use super::energy::{Places, ShareBack};
use super::{Inputs, Layout, Trace, Weights, of_row};
use crate::nn::kernel::blocks::{Block, accumulate, each, rows_of, split, swap};
use crate::nn::kernel::buffer::Buffer;
use crate::nn::kernel::lanes::dispatch;
use crate::nn::kernel::lstm::{CellBackward, Still};
use crate::nn::kernel::product::{Packed, add_transposed_product, product_with_earlier};
use rayon::prelude::*;
use std::ops::Range;

/// The gradients of all inputs.
pub(crate) struct Gradients {
    pub(crate) x: Vec<f32>,
    pub(crate) memory: Vec<f32>,
    pub(crate) keys: Vec<f32>,
    pub(crate) h: Vec<f32>,
    pub(crate) c: Vec<f32>,
    pub(crate) context: Vec<f32>,
    pub(crate) shares: Vec<f32>,
    pub(crate) cell: Vec<f32>,
    pub(crate) query: Vec<f32>,
    pub(crate) query_bias: Vec<f32>,
    pub(crate) filters: Vec<f32>,
    pub(crate) location: Vec<f32>,
    pub(crate) energy: Vec<f32>,
}

/// What a block carries backwards through time, and what it leaves for the products at the end.
struct Carried<'a> {
    gates: Block<'a>,
    h: Block<'a>,
    c: Block<'a>,
    context: Block<'a>,
    shares: Block<'a>,
    queries: Block<'a>,
    /// By rows, [rows, S, M] and [rows, S, K].
    memory: &'a mut [f32],
    keys: &'a mut [f32],
    sums: &'a mut Sums,
}

/// The gradients of small weights, each block's by itself so that the sum has one order.
struct Sums {
    filters: Vec<f32>,
    location: Vec<f32>,
    energy: Vec<f32>,
    query_bias: Vec<f32>,
}

impl Sums {
    fn zero(inputs: &Inputs<'_>) -> Self {
        let like = |values: &[f32]| vec![0.0; values.len()];
        Self {
            filters: like(inputs.filters),
            location: like(inputs.location),
            energy: like(inputs.energy),
            query_bias: like(inputs.query_bias),
        }
    }

    fn add(mut self, other: &Self) -> Self {
        accumulate(&mut self.filters, &other.filters);
        accumulate(&mut self.location, &other.location);
        accumulate(&mut self.energy, &other.energy);
        accumulate(&mut self.query_bias, &other.query_bias);
        self
    }
}

/// Runs the transcript backwards, given the gradient of what [`super::forward()`] returned; the gates of the
/// trace are overwritten by their gradients.
pub(crate) fn backward(layout: Layout, inputs: Inputs<'_>, mut trace: Trace, gradient: &[f32]) -> Gradients {
    let [outputs, cells, shares] = parts(layout, layout.steps(&inputs)).map(|part| &gradient[part]);
    // The gates move into `Arrays`, which overwrites them.
    let gates = std::mem::take(&mut trace.gates);
    let weights =
        Weights::new(layout, &inputs, |weight, rows, columns| Packed::transposed(weight, columns, rows));
    let mut arrays = Arrays::new(layout, &inputs, gates, cells, shares);
    let given = Given { layout, inputs, weights: &weights, trace: &trace, outputs };
    arrays.cut(layout).into_par_iter().for_each(|block| given.carry(block));
    arrays.gradients(&given)
}

/// The parts of a gradient of what [`super::forward()`] returned: of the outputs, of the last cell states, of
/// the last shares.
fn parts(layout: Layout, steps: usize) -> [Range<usize>; 3] {
    let Layout { batch, units, memory, positions, .. } = layout;
    let outputs = steps * batch * (units + memory);
    let cells = outputs + batch * units;
    [0..outputs, outputs..cells, cells..cells + batch * positions]
}

/// The arrays that are cut into blocks.
struct Arrays {
    /// [U, B, 4 A]: the gates, afterwards their gradients.
    gates: Buffer,
    h: Vec<f32>,
    c: Vec<f32>,
    context: Vec<f32>,
    shares: Vec<f32>,
    queries: Buffer,
    /// By rows, [B, S, M] and [B, S, K].
    memory: Buffer,
    keys: Buffer,
    sums: Vec<Sums>,
}

impl Arrays {
    /// From the gates and the gradients of the last cell states and shares.
    fn new(layout: Layout, inputs: &Inputs<'_>, gates: Buffer, c: &[f32], shares: &[f32]) -> Self {
        let Layout { batch, units, memory, keys, .. } = layout;
        let zeros = |len| {
            let mut zeros = Buffer::new(len);
            zeros.fill(0.0);
            zeros
        };
        Self {
            gates,
            h: vec![0.0; batch * units],
            c: c.to_vec(),
            context: vec![0.0; batch * memory],
            shares: shares.to_vec(),
            queries: zeros(layout.steps(inputs) * batch * keys),
            memory: zeros(inputs.memory.len()),
            keys: zeros(inputs.keys.len()),
            sums: (0..batch.div_ceil(layout.rows())).map(|_| Sums::zero(inputs)).collect(),
        }
    }

    fn cut<'a>(&'a mut self, layout: Layout) -> Vec<Carried<'a>> {
        let Layout { batch, units, memory: m, keys: k, positions, .. } = layout;
        let rows = layout.rows();
        let cut = |data: &'a mut [f32], width: usize| split(data, batch, width, rows).into_iter();
        let (mut gates, mut queries) = (cut(&mut self.gates, 4 * units), cut(&mut self.queries, k));
        let (mut h, mut c) = (cut(&mut self.h, units), cut(&mut self.c, units));
        let (mut context, mut shares) = (cut(&mut self.context, m), cut(&mut self.shares, positions));
        let memory = self.memory.chunks_mut(rows * positions * m);
        let keys = self.keys.chunks_mut(rows * positions * k);
        let blocks = memory.zip(keys).zip(&mut self.sums).map(|((memory, keys), sums)| Carried {
            gates: each(&mut gates),
            h: each(&mut h),
            c: each(&mut c),
            context: each(&mut context),
            shares: each(&mut shares),
            queries: each(&mut queries),
            memory,
            keys,
            sums,
        });
        blocks.collect()
    }

    /// What the blocks have left, and the gradients of the large weights, products over all steps.
    fn gradients(self, given: &Given<'_>) -> Gradients {
        let Self { gates, h, c, context, shares, queries, memory, keys, sums } = self;
        let Given { layout, inputs, trace, .. } = given;
        let Trace { cells, states, contexts, .. } = trace;
        let Layout { units: a, memory: m, keys: k, positions, .. } = *layout;
        let sums = sums.iter().fold(Sums::zero(inputs), Sums::add);
        let by_steps = |by_rows: &[f32], width| {
            let mut out = vec![0.0; by_rows.len()];
            swap(by_rows, &mut out, positions, width);
            out
        };
        let mut cell = vec![0.0; inputs.cell.len()];
        let (context_rows, state_rows) = cell.split_at_mut(m * 4 * a);
        product_with_earlier(inputs.context, contexts, &gates, context_rows, [m, 4 * a]);
        product_with_earlier(inputs.h, states, &gates, state_rows, [a, 4 * a]);
        let mut query = vec![0.0; inputs.query.len()];
        let (cell_rows, state_rows) = query.split_at_mut(a * k);
        add_transposed_product(cells, &queries, cell_rows, [a, k], false);
        add_transposed_product(states, &queries, state_rows, [a, k], false);
        Gradients {
            x: gates.to_vec(),
            memory: by_steps(&memory, m),
            keys: by_steps(&keys, k),
            h,
            c,
            context,
            shares,
            cell,
            query,
            query_bias: sums.query_bias,
            filters: sums.filters,
            location: sums.location,
            energy: sums.energy,
        }
    }
}

/// What all blocks read.
struct Given<'a> {
    layout: Layout,
    inputs: Inputs<'a>,
    /// Transposed.
    weights: &'a Weights,
    trace: &'a Trace,
    /// The gradient of output of the cell and context of every step.
    outputs: &'a [f32],
}

impl Given<'_> {
    /// Carries a block from the last step to the first.
    fn carry(&self, mut block: Carried<'_>) {
        let Self { layout, inputs, weights, trace, .. } = self;
        let Layout { batch, units, memory: m, keys: k, positions, filters } = *layout;
        let Trace { memory, keys, cells, queries, shares, .. } = trace;
        let range = block.gates.rows.clone();
        let of = |data, t, width| rows_of(data, t, batch, width, &range);
        let mut places = Places::new(positions, filters);
        let mut d_places = Buffer::new(positions * filters);
        let (mut passed, mut d_state) = (vec![0.0; k], vec![0.0; range.len() * units]);
        let (mut no_bias, mut before) = (vec![0.0; 4 * units], vec![0.0; positions]);
        for u in (0..layout.steps(inputs)).rev() {
            // Of the output: the state's part goes to the cell, the context's to what was attended to.
            let each_row = of(self.outputs, u, units + m).chunks_exact(units + m);
            let contexts = block.context.step_mut(0).chunks_exact_mut(m);
            for ((row, state), context) in each_row.zip(d_state.chunks_exact_mut(units)).zip(contexts) {
                state.copy_from_slice(&row[..units]);
                accumulate(context, &row[units..]);
            }
            let shares_before =
                if u > 0 { of(shares, u - 1, positions) } else { of(inputs.shares, 0, positions) };
            for (at, row) in range.clone().enumerate() {
                let length = layout.length(inputs, row);
                let own = &of(shares, u, positions)[at * positions..][..length];
                let earlier = &shares_before[at * positions..][..positions];
                places.fill(inputs.filters, earlier, length);
                let d_shares = &mut block.shares.step_mut(0)[at * positions..][..positions];
                let d_places = &mut d_places[..length * filters];
                dispatch(ShareBack {
                    keys: &of_row(keys, row, positions * k)[..length * k],
                    memory: &of_row(memory, row, positions * m)[..length * m],
                    query: &of(queries, u, k)[at * k..][..k],
                    places: &places,
                    location: inputs.location,
                    energy: inputs.energy,
                    shares: own,
                    d_context: &block.context.step(0)[at * m..][..m],
                    d_shares: &mut d_shares[..length],
                    d_keys: &mut block.keys[at * positions * k..][..length * k],
                    d_memory: &mut block.memory[at * positions * m..][..length * m],
                    d_query: &mut block.queries.step_mut(u)[at * k..][..k],
                    d_places,
                    d_location: &mut block.sums.location,
                    d_energy: &mut block.sums.energy,
                    passed: &mut passed,
                });
                // What the step before sees of this one's attention: through the filters alone.
                before.fill(0.0);
                let d_filters = &mut block.sums.filters;
                Places::back(d_places, inputs.filters, earlier, d_filters, &mut before, filters);
                d_shares.copy_from_slice(&before);
            }
            let d_queries = block.queries.step(u);
            for query in d_queries.chunks_exact(k) {
                accumulate(&mut block.sums.query_bias, query);
            }
            weights.query_of_state.add_product(d_queries, &mut d_state);
            weights.query_of_cell.add_product(d_queries, block.c.step_mut(0));
            let gates = block.gates.step_mut(u);
            dispatch(CellBackward {
                cell: layout.cell(),
                still: Still { t: u, lengths: None },
                gates,
                c_before: if u > 0 { of(cells, u - 1, units) } else { of(inputs.c, 0, units) },
                c: of(cells, u, units),
                gradient: &d_state,
                dh: block.h.step_mut(0),
                dc: block.c.step_mut(0),
                bias: &mut no_bias,
            });
            weights.of_state.add_product(gates, block.h.step_mut(0));
            weights.of_context.product(gates, block.context.step_mut(0));
        }
    }
}
