//! The backward pass.

use super::{Inputs, Layer, Layout, Multiply, Trace};
use crate::nn::kernel::attention::attend_back;
use crate::nn::kernel::blocks::{Block, block_rows, each, rows_of, split, swap, total};
use crate::nn::kernel::buffer::Buffer;
use crate::nn::kernel::lanes::{Kernel, Lanes, dispatch};
use crate::nn::kernel::lstm::{CellBackward, Still};
use crate::nn::kernel::product::{Packed, add_transposed_product, product_with_earlier};
use rayon::prelude::*;

/// The gradients of all inputs.
pub(crate) struct Gradients {
    pub(crate) x: Vec<f32>,
    pub(crate) memory: Vec<f32>,
    pub(crate) h: Vec<f32>,
    pub(crate) c: Vec<f32>,
    pub(crate) vector: Vec<f32>,
    pub(crate) weights: [Vec<f32>; 2],
    pub(crate) biases: Vec<f32>,
    pub(crate) attend: Vec<f32>,
    pub(crate) combine: Vec<f32>,
}

/// What a block carries backwards through time, and what it leaves for the products at the end.
struct Carried<'a> {
    gates: [Block<'a>; 2],
    /// Gradients of the states of both layers, [2, rows, D]; at the end those of the initial ones.
    h: Block<'a>,
    c: Block<'a>,
    /// Gradient of the attention vector, from the step after.
    vector: Block<'a>,
    x: Block<'a>,
    /// By rows, [rows, S, D].
    memory: &'a mut [f32],
    /// Of what `combine` makes, before it is squashed.
    combined: Block<'a>,
    queries: Block<'a>,
    /// [2, 4 D].
    biases: &'a mut [f32],
}

/// Runs the target backwards. `out` is what [`forward`] returned and `gradient` the gradient of that; the gates
/// of the trace are overwritten by their gradients.
pub(crate) fn backward(
    layout: Layout,
    inputs: Inputs<'_>,
    out: &[f32],
    trace: Trace,
    gradient: &[f32],
) -> Gradients {
    let Layout { batch, input, width, .. } = layout;
    let (steps, sources) = (layout.steps(&inputs), layout.sources(&inputs));
    let gate_width = 4 * width;
    let pack = |weight: &[f32], rows: usize| Packed::transposed(weight, gate_width, rows);
    let layers = [0, 1].map(|l| Layer::new(layout, l, inputs.weights[l], pack));
    let w_attend = Packed::transposed(inputs.attend, width, width);
    let (context_rows, state_rows) = inputs.combine.split_at(width * width);
    let combine = [context_rows, state_rows].map(|rows| Packed::transposed(rows, width, width));

    let Trace { memory, mut gates, cells, states, between, queries, shares, contexts, vectors } = trace;
    let mut d_memory = Buffer::new(memory.len());
    d_memory.fill(0.0);
    let mut x = vec![0.0; inputs.x.len()];
    let last = &gradient[steps * batch * width..];
    let (mut h, mut c) = (last[..2 * batch * width].to_vec(), last[2 * batch * width..].to_vec());
    let mut vector = vec![0.0; batch * width];
    let (mut d_combined, mut d_queries) = (Buffer::new(queries.len()), Buffer::new(queries.len()));
    let rows = block_rows(batch);
    // Each block's by itself so that the sum has one order.
    let mut biases = vec![0.0; batch.div_ceil(rows) * 2 * gate_width];
    let cut = |data, width| split(data, batch, width, rows).into_iter();
    let mut d_gates = gates.each_mut().map(|gates| split(gates, batch, gate_width, rows).into_iter());
    let blocks: Vec<Carried<'_>> = cut(&mut h, width)
        .zip(split(&mut c, batch, width, rows))
        .zip(split(&mut vector, batch, width, rows))
        .zip(split(&mut x, batch, input, rows))
        .zip(d_memory.chunks_mut(rows * sources * width))
        .zip(split(&mut d_combined, batch, width, rows).into_iter().zip(split(
            &mut d_queries,
            batch,
            width,
            rows,
        )))
        .zip(biases.chunks_exact_mut(2 * gate_width))
        .map(|((((((h, c), vector), x), memory), (combined, queries)), biases)| Carried {
            gates: d_gates.each_mut().map(each),
            h,
            c,
            vector,
            x,
            memory,
            combined,
            queries,
            biases,
        })
        .collect();
    blocks.into_par_iter().for_each(|mut block| {
        let range = block.h.rows.clone();
        let of = |data, t, width| rows_of(data, t, batch, width, &range);
        let mut scratch = Buffer::new(2 * range.len() * width);
        let (d_context, d_z) = scratch.split_at_mut(range.len() * width);
        for t in (0..steps).rev() {
            let values = of(vectors.as_deref().unwrap_or(out), t, width);
            let mask = inputs.masks.map(|[_, mask]| of(mask, t, width));
            let (carried, combined) = (block.vector.step_mut(0), block.combined.step_mut(t));
            dispatch(Unsquash { gradient: of(gradient, t, width), carried, mask, values, combined });
            combine[0].product(combined, d_context);
            combine[1].product(combined, d_z);
            let of_rows = range.clone().zip(d_context.chunks_exact(width));
            let d_memories = block.memory.chunks_exact_mut(sources * width);
            let d_queries = block.queries.step_mut(t).chunks_exact_mut(width);
            for (((row, d_context), d_memory), d_query) in of_rows.zip(d_memories).zip(d_queries) {
                let length = inputs.lengths.map_or(sources, |lengths| lengths[row]);
                let at = t * batch + row;
                attend_back(
                    &memory[row * sources * width..][..length * width],
                    &queries[at * width..][..width],
                    &shares[at * sources..][..length],
                    d_context,
                    &mut d_memory[..length * width],
                    d_query,
                );
            }
            w_attend.add_product(block.queries.step(t), d_z);
            for (l, layer) in layers.iter().enumerate().rev() {
                let gates = block.gates[l].step_mut(t);
                let c_before = if t > 0 { of(&cells[l], t - 1, width) } else { of(inputs.c, l, width) };
                dispatch(CellBackward {
                    cell: layout.cell(),
                    still: Still { t, lengths: None },
                    gates,
                    c_before,
                    c: of(&cells[l], t, width),
                    gradient: d_z,
                    dh: block.h.step_mut(l),
                    dc: block.c.step_mut(l),
                    bias: &mut block.biases[l * gate_width..][..gate_width],
                });
                layer.state.add_product(gates, block.h.step_mut(l));
                if let Some(fed) = &layer.fed {
                    fed.add_product(gates, block.vector.step_mut(0));
                }
                if l == 0 {
                    layer.below.product(gates, block.x.step_mut(t));
                    continue;
                }
                layer.below.product(gates, d_z);
                if let Some([mask, _]) = inputs.masks {
                    dispatch(Multiply { values: d_z, mask: of(mask, t, width) });
                }
            }
        }
    });
    let biases = total(&biases, 2 * gate_width);
    let mut d_memory_by_steps = vec![0.0; d_memory.len()];
    swap(&d_memory, &mut d_memory_by_steps, sources, width);

    let below = [inputs.x, between.as_deref().unwrap_or(&states[0])];
    let weights = [0, 1].map(|l| {
        let mut weight = vec![0.0; inputs.weights[l].len()];
        let [read, fed, state] = layout.rows(l).map(|rows| rows.start * gate_width..rows.end * gate_width);
        let read_width = layout.below(l);
        add_transposed_product(below[l], &gates[l], &mut weight[read], [read_width, gate_width], false);
        if layout.fed[l] {
            product_with_earlier(inputs.vector, out, &gates[l], &mut weight[fed], [width, gate_width]);
        }
        let initial = &inputs.h[l * batch * width..][..batch * width];
        product_with_earlier(initial, &states[l], &gates[l], &mut weight[state], [width, gate_width]);
        weight
    });
    let mut attend = vec![0.0; inputs.attend.len()];
    add_transposed_product(&states[1], &d_queries, &mut attend, [width; 2], false);
    let mut combined = vec![0.0; inputs.combine.len()];
    let (context_rows, state_rows) = combined.split_at_mut(width * width);
    add_transposed_product(&contexts, &d_combined, context_rows, [width; 2], false);
    add_transposed_product(&states[1], &d_combined, state_rows, [width; 2], false);
    Gradients { x, memory: d_memory_by_steps, h, c, vector, weights, biases, attend, combine: combined }
}

/// The gradient of what was squashed: `(gradient + carried) mask (1 - values^2)`; nothing is carried on.
struct Unsquash<'a> {
    gradient: &'a [f32],
    carried: &'a mut [f32],
    mask: Option<&'a [f32]>,
    values: &'a [f32],
    combined: &'a mut [f32],
}

impl Kernel for Unsquash<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let one = V::splat(1.0);
        for at in (0..self.values.len()).step_by(V::LANES) {
            let total = V::read(&self.gradient[at..], 0.0).add(V::read(&self.carried[at..], 0.0));
            let total = match self.mask {
                Some(mask) => total.mul(V::read(&mask[at..], 0.0)),
                None => total,
            };
            let value = V::read(&self.values[at..], 0.0);
            total.mul(one.sub(value.mul(value))).write(&mut self.combined[at..]);
            V::splat(0.0).write(&mut self.carried[at..]);
        }
    }
}
