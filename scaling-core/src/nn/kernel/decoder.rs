//! The decoder of a translation model on slices: T steps, B rows of the batch, S source positions, D units.
//!
//! A few rows are carried through all steps by one thread: what a step needs of the one before stays in the
//! cache, and threads meet only at the end.

use super::activation::tanh;
use super::attention::{attend, attend_back};
use super::blocks::{Block, block_rows, rows_of, split};
use super::buffer::Buffer;
use super::lanes::{Kernel, Lanes, dispatch};
use super::lstm::{self, CellBackward, CellForward, Still};
use super::product::{Packed, add_transposed_product};
use rayon::prelude::*;
use std::ops::Range;

/// Sizes.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Layout {
    pub(in super::super) batch: usize,
    /// E: width of the inputs.
    pub(in super::super) input: usize,
    /// D.
    pub(in super::super) width: usize,
    /// Which layers see the attention vector of the step before.
    pub(in super::super) fed: [bool; 2],
}

/// What goes in; see `nn::attention_decoder`.
#[derive(Clone, Copy)]
pub(in super::super) struct Inputs<'a> {
    /// [T, B, E].
    pub(in super::super) x: &'a [f32],
    /// [S, B, D].
    pub(in super::super) memory: &'a [f32],
    /// [2, B, D].
    pub(in super::super) h: &'a [f32],
    /// [2, B, D].
    pub(in super::super) c: &'a [f32],
    /// [B, D].
    pub(in super::super) vector: &'a [f32],
    /// Of both layers, [input (+ D) + D, 4 D].
    pub(in super::super) weights: [&'a [f32]; 2],
    /// [2, 4 D].
    pub(in super::super) biases: &'a [f32],
    /// [D, D].
    pub(in super::super) attend: &'a [f32],
    /// [2 D, D].
    pub(in super::super) combine: &'a [f32],
    /// Source positions of every row, [B].
    pub(in super::super) lengths: Option<&'a [usize]>,
    /// Between the layers and of the attention vectors, [T, B, D] each.
    pub(in super::super) masks: Option<[&'a [f32]; 2]>,
}

/// What the backward pass needs of the forward pass besides its input and output.
#[derive(Debug, Clone)]
pub(in super::super) struct Trace {
    /// The memory by rows, [B, S, D].
    memory: Buffer,
    /// Of both layers: gates after their activation, [T, B, 4 D]; cell and hidden states, [T, B, D].
    gates: [Buffer; 2],
    cells: [Buffer; 2],
    states: [Buffer; 2],
    /// What the second layer reads of the first, [T, B, D], where that is masked.
    between: Option<Buffer>,
    /// [T, B, D].
    queries: Buffer,
    /// [T, B, S].
    shares: Buffer,
    /// [T, B, D].
    contexts: Buffer,
    /// Attention vectors before their mask, [T, B, D], where there is one.
    vectors: Option<Buffer>,
}

/// The gradients of all inputs.
pub(in super::super) struct Gradients {
    pub(in super::super) x: Vec<f32>,
    pub(in super::super) memory: Vec<f32>,
    pub(in super::super) h: Vec<f32>,
    pub(in super::super) c: Vec<f32>,
    pub(in super::super) vector: Vec<f32>,
    pub(in super::super) weights: [Vec<f32>; 2],
    pub(in super::super) biases: Vec<f32>,
    pub(in super::super) attend: Vec<f32>,
    pub(in super::super) combine: Vec<f32>,
}

impl Layout {
    fn cell(self) -> lstm::Layout {
        let (batch, hidden) = (self.batch, self.width);
        // Gates i, f, g, o.
        lstm::Layout { batch, input: 0, hidden, order: [0, 1, 2, 3], forget_offset: 0.0, reverse: false }
    }

    /// Width of what layer `l` reads of the layer below.
    fn below(self, l: usize) -> usize {
        if l == 0 { self.input } else { self.width }
    }

    /// The rows of layer `l`'s weight: for what it reads, the attention vector, and its state.
    fn rows(self, l: usize) -> [Range<usize>; 3] {
        let read = self.below(l);
        let fed = read + if self.fed[l] { self.width } else { 0 };
        [0..read, read..fed, fed..fed + self.width]
    }

    fn steps(self, inputs: &Inputs<'_>) -> usize {
        inputs.x.len() / (self.batch * self.input)
    }

    fn sources(self, inputs: &Inputs<'_>) -> usize {
        inputs.memory.len() / (self.batch * self.width)
    }
}

/// The weight of a layer, packed in parts.
struct Layer {
    below: Packed,
    fed: Option<Packed>,
    state: Packed,
}

impl Layer {
    fn new(layout: Layout, l: usize, weight: &[f32], pack: impl Fn(&[f32], usize) -> Packed) -> Self {
        let gates = 4 * layout.width;
        let [below, fed, state] =
            layout.rows(l).map(|rows| (&weight[rows.start * gates..rows.end * gates], rows.len()));
        Self {
            below: pack(below.0, below.1),
            fed: layout.fed[l].then(|| pack(fed.0, fed.1)),
            state: pack(state.0, state.1),
        }
    }
}

/// [A, B, W] becomes [B, A, W].
fn swap(from: &[f32], to: &mut [f32], rows: usize, width: usize) {
    let count = from.len() / (rows * width);
    to.par_chunks_exact_mut(count * width).enumerate().for_each(|(row, to)| {
        for (at, to) in to.chunks_exact_mut(width).enumerate() {
            to.copy_from_slice(&from[(at * rows + row) * width..][..width]);
        }
    });
}

fn multiply(out: &mut [f32], values: &[f32], mask: &[f32]) {
    out.iter_mut().zip(values.iter().zip(mask)).for_each(|(out, (value, mask))| *out = value * mask);
}

/// The blocks of an array [T, B, W] one after the other; as many as the batch has.
fn each<'a>(blocks: &mut impl Iterator<Item = Block<'a>>) -> Block<'a> {
    blocks.next().unwrap_or_else(|| unreachable!("every array is cut into the same blocks"))
}

/// A block of every array that the forward pass writes.
struct Tape<'a> {
    gates: [Block<'a>; 2],
    cells: [Block<'a>; 2],
    states: [Block<'a>; 2],
    between: Option<Block<'a>>,
    queries: Block<'a>,
    shares: Block<'a>,
    contexts: Block<'a>,
    vectors: Option<Block<'a>>,
    out: Block<'a>,
}

impl Trace {
    fn new(layout: Layout, inputs: &Inputs<'_>) -> Self {
        let (steps, sources) = (layout.steps(inputs), layout.sources(inputs));
        let positions = steps * layout.batch;
        let narrow = || Buffer::new(positions * layout.width);
        let masked = || inputs.masks.map(|_| narrow());
        let mut memory = Buffer::new(inputs.memory.len());
        swap(inputs.memory, &mut memory, layout.batch, layout.width);
        Self {
            memory,
            gates: [0; 2].map(|_| Buffer::new(positions * 4 * layout.width)),
            cells: [0; 2].map(|_| narrow()),
            states: [0; 2].map(|_| narrow()),
            between: masked(),
            queries: narrow(),
            shares: Buffer::new(positions * sources),
            contexts: narrow(),
            vectors: masked(),
        }
    }

    /// The arrays to be written, block by block, and the memory to be read.
    fn tapes<'a>(
        &'a mut self,
        layout: Layout,
        sources: usize,
        rows: usize,
        out: &'a mut [f32],
    ) -> (Vec<Tape<'a>>, &'a [f32]) {
        let Layout { batch, width, .. } = layout;
        let cut = |data: &'a mut [f32], width: usize| split(data, batch, width, rows).into_iter();
        let mut gates = self.gates.each_mut().map(|gates| cut(gates, 4 * width));
        let mut cells = self.cells.each_mut().map(|cells| cut(cells, width));
        let mut states = self.states.each_mut().map(|states| cut(states, width));
        let mut between = self.between.as_mut().map(|between| cut(between, width));
        let (mut queries, mut contexts) = (cut(&mut self.queries, width), cut(&mut self.contexts, width));
        let mut shares = cut(&mut self.shares, sources);
        let mut vectors = self.vectors.as_mut().map(|vectors| cut(vectors, width));
        let mut out = cut(out, width);
        let tape = |_| Tape {
            gates: gates.each_mut().map(each),
            cells: cells.each_mut().map(each),
            states: states.each_mut().map(each),
            between: between.as_mut().map(each),
            queries: each(&mut queries),
            shares: each(&mut shares),
            contexts: each(&mut contexts),
            vectors: vectors.as_mut().map(each),
            out: each(&mut out),
        };
        ((0..batch.div_ceil(rows)).map(tape).collect(), &self.memory)
    }
}

/// Runs the target. Returns [T + 4, B, D]: the attention vectors, then the last hidden and cell states of both
/// layers.
pub(in super::super) fn forward(layout: Layout, inputs: Inputs<'_>) -> (Vec<f32>, Trace) {
    let Layout { batch, input, width, .. } = layout;
    let (steps, sources) = (layout.steps(&inputs), layout.sources(&inputs));
    let pack = |weight: &[f32], rows: usize| Packed::new(weight, rows, 4 * width);
    let layers = [0, 1].map(|l| Layer::new(layout, l, inputs.weights[l], pack));
    let w_attend = Packed::new(inputs.attend, width, width);
    let (context_rows, state_rows) = inputs.combine.split_at(width * width);
    let combine = [context_rows, state_rows].map(|rows| Packed::new(rows, width, width));

    let mut trace = Trace::new(layout, &inputs);
    let mut out = vec![0.0; (steps + 4) * batch * width];
    let (tapes, memory) = trace.tapes(layout, sources, block_rows(batch), &mut out);
    tapes.into_par_iter().for_each(|mut tape| {
        let range = tape.out.rows.clone();
        let of = |data, t, width| rows_of(data, t, batch, width, &range);
        for t in 0..steps {
            for (l, layer) in layers.iter().enumerate() {
                let gates = tape.gates[l].step_mut(t);
                match (l, &tape.between) {
                    (0, _) => layer.below.product(of(inputs.x, t, input), gates),
                    (_, Some(between)) => layer.below.product(between.step(t), gates),
                    (_, None) => layer.below.product(tape.states[0].step(t), gates),
                }
                if let Some(fed) = &layer.fed {
                    let vector = if t == 0 { of(inputs.vector, 0, width) } else { tape.out.step(t - 1) };
                    fed.add_product(vector, gates);
                }
                let ((c, c_before), (h, h_before)) = if t > 0 {
                    (tape.cells[l].step_and(t, t - 1), tape.states[l].step_and(t, t - 1))
                } else {
                    (
                        (tape.cells[l].step_mut(t), of(inputs.c, l, width)),
                        (tape.states[l].step_mut(t), of(inputs.h, l, width)),
                    )
                };
                layer.state.add_product(h_before, gates);
                let bias = &inputs.biases[l * 4 * width..][..4 * width];
                let still = Still { t, lengths: None };
                dispatch(CellForward { layout: layout.cell(), still, bias, gates, c_before, h_before, c, h });
                if let (0, Some(between), Some([mask, _])) = (l, &mut tape.between, inputs.masks) {
                    multiply(between.step_mut(t), tape.states[0].step(t), of(mask, t, width));
                }
            }
            let z = tape.states[1].step(t);
            w_attend.product(z, tape.queries.step_mut(t));
            let each_row = range.clone().zip(tape.queries.step(t).chunks_exact(width));
            let shares = tape.shares.step_mut(t).chunks_exact_mut(sources);
            let contexts = tape.contexts.step_mut(t).chunks_exact_mut(width);
            for (((row, query), shares), context) in each_row.zip(shares).zip(contexts) {
                let length = inputs.lengths.map_or(sources, |lengths| lengths[row]);
                let memory = &memory[row * sources * width..][..length * width];
                attend(memory, query, &mut shares[..length], context);
                shares[length..].fill(0.0);
            }
            let vectors = tape.vectors.as_mut().map_or_else(|| tape.out.step_mut(t), |v| v.step_mut(t));
            combine[0].product(tape.contexts.step(t), vectors);
            combine[1].add_product(z, vectors);
            dispatch(Squash { values: vectors });
            if let (Some(vectors), Some([_, mask])) = (&tape.vectors, inputs.masks) {
                multiply(tape.out.step_mut(t), vectors.step(t), of(mask, t, width));
            }
        }
        for l in 0..2 {
            tape.out.step_mut(steps + l).copy_from_slice(tape.states[l].step(steps - 1));
            tape.out.step_mut(steps + 2 + l).copy_from_slice(tape.cells[l].step(steps - 1));
        }
    });
    (out, trace)
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
pub(in super::super) fn backward(
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
                    layout: layout.cell(),
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
                    d_z.iter_mut().zip(of(mask, t, width)).for_each(|(value, mask)| *value *= mask);
                }
            }
        }
    });
    let mut bias = vec![0.0; 2 * gate_width];
    for part in biases.chunks_exact(2 * gate_width) {
        bias.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
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
    Gradients { x, memory: d_memory_by_steps, h, c, vector, weights, biases: bias, attend, combine: combined }
}

/// The gradient of a weight whose rows read at every step what there was after the step before, [T, B, M] and at
/// first `initial` [B, M], given the gradients `right` [T, B, N].
fn product_with_earlier(
    initial: &[f32],
    states: &[f32],
    right: &[f32],
    out: &mut [f32],
    columns: [usize; 2],
) {
    let [m, n] = columns;
    let (now, later) = right.split_at(initial.len() / m * n);
    add_transposed_product(initial, now, out, columns, false);
    if !later.is_empty() {
        add_transposed_product(&states[..later.len() / n * m], later, out, columns, true);
    }
}

/// Replaces values by their hyperbolic tangents.
struct Squash<'a> {
    values: &'a mut [f32],
}

impl Kernel for Squash<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        for part in self.values.chunks_mut(V::LANES) {
            tanh(V::read(part, 0.0)).write(part);
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
