//! The backward pass.

use super::energy::{Places, ShareBack};
use super::{Inputs, Layout, Trace, of_row, parts};
use crate::nn::kernel::blocks::{Block, accumulate, each, rows_of, split, swap};
use crate::nn::kernel::buffer::Buffer;
use crate::nn::kernel::lanes::dispatch;
use crate::nn::kernel::lstm::{CellBackward, Still};
use crate::nn::kernel::product::{Packed, add_transposed_product, product_with_earlier};
use rayon::prelude::*;

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

/// Runs the transcript backwards, given the gradient of what [`super::forward`] returned; the gates of the trace
/// are overwritten by their gradients.
pub(crate) fn backward(layout: Layout, inputs: Inputs<'_>, trace: Trace, gradient: &[f32]) -> Gradients {
    let Layout { batch, cell, memory: m, keys: k, positions, filters } = layout;
    let (steps, rows) = (layout.steps(&inputs), layout.rows());
    let [outputs, last_cells, last_shares] = parts(layout, steps).map(|part| &gradient[part]);
    let (of_context, of_state) = inputs.cell.split_at(m * 4 * cell);
    let of_context = Packed::transposed(of_context, 4 * cell, m);
    let of_state = Packed::transposed(of_state, 4 * cell, cell);
    let (query_of_cell, query_of_state) = inputs.query.split_at(cell * k);
    let query_of_cell = Packed::transposed(query_of_cell, k, cell);
    let query_of_state = Packed::transposed(query_of_state, k, cell);

    let Trace { memory, keys, mut gates, cells, states, queries, shares, contexts } = trace;
    let zeros = |len| {
        let mut zeros = Buffer::new(len);
        zeros.fill(0.0);
        zeros
    };
    let (mut d_memory, mut d_keys) = (zeros(memory.len()), zeros(keys.len()));
    let mut d_queries = zeros(queries.len());
    let mut h = vec![0.0; batch * cell];
    let (mut c, mut d_shares) = (last_cells.to_vec(), last_shares.to_vec());
    let mut context = vec![0.0; batch * m];
    let mut sums: Vec<Sums> = (0..batch.div_ceil(rows)).map(|_| Sums::zero(&inputs)).collect();
    {
        let mut of_gates = split(&mut gates, batch, 4 * cell, rows).into_iter();
        let mut of_h = split(&mut h, batch, cell, rows).into_iter();
        let mut of_c = split(&mut c, batch, cell, rows).into_iter();
        let mut of_contexts = split(&mut context, batch, m, rows).into_iter();
        let mut of_shares = split(&mut d_shares, batch, positions, rows).into_iter();
        let mut of_queries = split(&mut d_queries, batch, k, rows).into_iter();
        let by_rows = d_memory.chunks_mut(rows * positions * m).zip(d_keys.chunks_mut(rows * positions * k));
        let blocks: Vec<Carried<'_>> = by_rows
            .zip(&mut sums)
            .map(|((memory, keys), sums)| Carried {
                gates: each(&mut of_gates),
                h: each(&mut of_h),
                c: each(&mut of_c),
                context: each(&mut of_contexts),
                shares: each(&mut of_shares),
                queries: each(&mut of_queries),
                memory,
                keys,
                sums,
            })
            .collect();
        blocks.into_par_iter().for_each(|mut block| {
            let range = block.gates.rows.clone();
            let of = |data, t, width| rows_of(data, t, batch, width, &range);
            let mut places = Places::new(positions, filters);
            let mut d_places = Buffer::new(positions * filters);
            let (mut passed, mut d_state) = (vec![0.0; k], vec![0.0; range.len() * cell]);
            let (mut no_bias, mut before) = (vec![0.0; 4 * cell], vec![0.0; positions]);
            for u in (0..steps).rev() {
                // Of the output: the state's part goes to the cell, the context's to what was attended to.
                let each_row = of(outputs, u, cell + m).chunks_exact(cell + m);
                let contexts = block.context.step_mut(0).chunks_exact_mut(m);
                for ((row, state), context) in each_row.zip(d_state.chunks_exact_mut(cell)).zip(contexts) {
                    state.copy_from_slice(&row[..cell]);
                    accumulate(context, &row[cell..]);
                }
                let shares_before =
                    if u > 0 { of(&shares, u - 1, positions) } else { of(inputs.shares, 0, positions) };
                for (at, row) in range.clone().enumerate() {
                    let length = layout.length(&inputs, row);
                    let own = &of(&shares, u, positions)[at * positions..][..length];
                    let earlier = &shares_before[at * positions..][..positions];
                    places.fill(inputs.filters, earlier, length);
                    let d_shares = &mut block.shares.step_mut(0)[at * positions..][..positions];
                    let d_places = &mut d_places[..length * filters];
                    dispatch(ShareBack {
                        keys: &of_row(&keys, row, positions * k)[..length * k],
                        memory: &of_row(&memory, row, positions * m)[..length * m],
                        query: &of(&queries, u, k)[at * k..][..k],
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
                    Places::back(
                        d_places,
                        inputs.filters,
                        earlier,
                        &mut block.sums.filters,
                        &mut before,
                        filters,
                    );
                    d_shares.copy_from_slice(&before);
                }
                let d_queries = block.queries.step(u);
                for query in d_queries.chunks_exact(k) {
                    accumulate(&mut block.sums.query_bias, query);
                }
                query_of_state.add_product(d_queries, &mut d_state);
                query_of_cell.add_product(d_queries, block.c.step_mut(0));
                let gates = block.gates.step_mut(u);
                dispatch(CellBackward {
                    cell: layout.lstm(),
                    still: Still { t: u, lengths: None },
                    gates,
                    c_before: if u > 0 { of(&cells, u - 1, cell) } else { of(inputs.c, 0, cell) },
                    c: of(&cells, u, cell),
                    gradient: &d_state,
                    dh: block.h.step_mut(0),
                    dc: block.c.step_mut(0),
                    bias: &mut no_bias,
                });
                of_state.add_product(gates, block.h.step_mut(0));
                of_context.product(gates, block.context.step_mut(0));
            }
        });
    }
    let sums = sums.iter().fold(Sums::zero(&inputs), Sums::add);

    let by_steps = |by_rows: &[f32], width| {
        let mut out = vec![0.0; by_rows.len()];
        swap(by_rows, &mut out, positions, width);
        out
    };
    let mut cell_weight = vec![0.0; inputs.cell.len()];
    let (context_rows, state_rows) = cell_weight.split_at_mut(m * 4 * cell);
    product_with_earlier(inputs.context, &contexts, &gates, context_rows, [m, 4 * cell]);
    product_with_earlier(inputs.h, &states, &gates, state_rows, [cell, 4 * cell]);
    let mut query = vec![0.0; inputs.query.len()];
    let (cell_rows, state_rows) = query.split_at_mut(cell * k);
    add_transposed_product(&cells, &d_queries, cell_rows, [cell, k], false);
    add_transposed_product(&states, &d_queries, state_rows, [cell, k], false);
    Gradients {
        x: gates.to_vec(),
        memory: by_steps(&d_memory, m),
        keys: by_steps(&d_keys, k),
        h,
        c,
        context,
        shares: d_shares,
        cell: cell_weight,
        query,
        query_bias: sums.query_bias,
        filters: sums.filters,
        location: sums.location,
        energy: sums.energy,
    }
}
