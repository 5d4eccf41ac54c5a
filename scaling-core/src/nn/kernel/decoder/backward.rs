//! The backward pass.

use super::{Inputs, Layout, Multiply, Trace, Weights};
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

/// Runs the target backwards. `out` is what [`super::forward()`] returned and `gradient` the gradient of
/// that; the gates of the trace are overwritten by their gradients.
pub(crate) fn backward(
    layout: Layout,
    inputs: Inputs<'_>,
    out: &[f32],
    mut trace: Trace,
    gradient: &[f32],
) -> Gradients {
    // The gates move into `Arrays`, which overwrites them.
    let gates = std::mem::take(&mut trace.gates);
    let weights =
        Weights::new(layout, &inputs, |weight, rows, columns| Packed::transposed(weight, columns, rows));
    let mut arrays = Arrays::new(layout, &inputs, gates, gradient);
    let given = Given { layout, inputs, weights: &weights, out, trace: &trace, gradient };
    arrays.cut(layout).into_par_iter().for_each(|block| given.carry(block));
    arrays.gradients(&given)
}

/// The arrays that are cut into blocks.
struct Arrays {
    /// Of both layers, [T, B, 4 D]: the gates, afterwards their gradients.
    gates: [Buffer; 2],
    h: Vec<f32>,
    c: Vec<f32>,
    vector: Vec<f32>,
    x: Vec<f32>,
    /// By rows, [B, S, D].
    memory: Buffer,
    combined: Buffer,
    queries: Buffer,
    /// Each block's by itself so that the sum has one order.
    biases: Vec<f32>,
}

impl Arrays {
    fn new(layout: Layout, inputs: &Inputs<'_>, gates: [Buffer; 2], gradient: &[f32]) -> Self {
        let Layout { batch, width, .. } = layout;
        let values = layout.steps(inputs) * batch * width;
        let (h, c) = gradient[values..].split_at(2 * batch * width);
        let mut memory = Buffer::new(inputs.memory.len());
        memory.fill(0.0);
        Self {
            gates,
            h: h.to_vec(),
            c: c.to_vec(),
            vector: vec![0.0; batch * width],
            x: vec![0.0; inputs.x.len()],
            memory,
            combined: Buffer::new(values),
            queries: Buffer::new(values),
            biases: vec![0.0; batch.div_ceil(block_rows(batch)) * 2 * 4 * width],
        }
    }

    fn cut<'a>(&'a mut self, layout: Layout) -> Vec<Carried<'a>> {
        let Layout { batch, input, width, .. } = layout;
        let (rows, sources) = (block_rows(batch), self.memory.len() / (batch * width));
        let cut = |data: &'a mut [f32], width: usize| split(data, batch, width, rows).into_iter();
        let mut gates = self.gates.each_mut().map(|gates| cut(gates, 4 * width));
        let (mut h, mut c) = (cut(&mut self.h, width), cut(&mut self.c, width));
        let (mut vector, mut x) = (cut(&mut self.vector, width), cut(&mut self.x, input));
        let (mut combined, mut queries) = (cut(&mut self.combined, width), cut(&mut self.queries, width));
        let memory = self.memory.chunks_mut(rows * sources * width);
        let by_blocks = memory.zip(self.biases.chunks_exact_mut(2 * 4 * width));
        let blocks = by_blocks.map(|(memory, biases)| Carried {
            gates: gates.each_mut().map(each),
            h: each(&mut h),
            c: each(&mut c),
            vector: each(&mut vector),
            x: each(&mut x),
            memory,
            combined: each(&mut combined),
            queries: each(&mut queries),
            biases,
        });
        blocks.collect()
    }

    /// What the blocks have left, and the gradients of the weights, products over all steps.
    fn gradients(self, given: &Given<'_>) -> Gradients {
        let Self { gates, h, c, vector, x, memory: by_rows, combined, queries, biases } = self;
        let Given { layout, inputs, out, trace, .. } = given;
        let Trace { states, between, contexts, .. } = trace;
        let Layout { batch, width, .. } = *layout;
        let gate_width = 4 * width;
        let mut memory = vec![0.0; by_rows.len()];
        swap(&by_rows, &mut memory, layout.sources(inputs), width);

        let below = [inputs.x, between.as_deref().unwrap_or(&states[0])];
        let weights = [0, 1].map(|l| {
            let mut weight = vec![0.0; inputs.weights[l].len()];
            let [read, fed, state] =
                layout.rows(l).map(|rows| rows.start * gate_width..rows.end * gate_width);
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
        add_transposed_product(&states[1], &queries, &mut attend, [width; 2], false);
        let mut combine = vec![0.0; inputs.combine.len()];
        let (context_rows, state_rows) = combine.split_at_mut(width * width);
        add_transposed_product(contexts, &combined, context_rows, [width; 2], false);
        add_transposed_product(&states[1], &combined, state_rows, [width; 2], false);
        let biases = total(&biases, 2 * gate_width);
        Gradients { x, memory, h, c, vector, weights, biases, attend, combine }
    }
}

/// What all blocks read.
struct Given<'a> {
    layout: Layout,
    inputs: Inputs<'a>,
    /// Transposed.
    weights: &'a Weights,
    out: &'a [f32],
    trace: &'a Trace,
    gradient: &'a [f32],
}

impl Given<'_> {
    /// Carries a block from the last step to the first.
    fn carry(&self, mut block: Carried<'_>) {
        let Self { layout, inputs, weights, trace, .. } = self;
        let Trace { memory, cells, queries, shares, vectors, .. } = trace;
        let Layout { batch, width, .. } = *layout;
        let (steps, sources, gate_width) = (layout.steps(inputs), layout.sources(inputs), 4 * width);
        let range = block.h.rows.clone();
        let of = |data, t, width| rows_of(data, t, batch, width, &range);
        let mut scratch = Buffer::new(2 * range.len() * width);
        let (d_context, d_z) = scratch.split_at_mut(range.len() * width);
        for t in (0..steps).rev() {
            let values = of(vectors.as_deref().unwrap_or(self.out), t, width);
            let mask = inputs.masks.map(|[_, mask]| of(mask, t, width));
            let (carried, combined) = (block.vector.step_mut(0), block.combined.step_mut(t));
            dispatch(Unsquash { gradient: of(self.gradient, t, width), carried, mask, values, combined });
            weights.combine[0].product(combined, d_context);
            weights.combine[1].product(combined, d_z);
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
            weights.attend.add_product(block.queries.step(t), d_z);
            for (l, layer) in weights.layers.iter().enumerate().rev() {
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
    }
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
