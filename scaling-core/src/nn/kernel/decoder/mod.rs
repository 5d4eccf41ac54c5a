//! The decoder of a translation model on slices: T steps, B rows of the batch, S source positions, D units.
//!
//! A few rows are carried through all steps by one thread: what a step needs of the one before stays in the
//! cache, and threads meet only at the end.

mod backward;

pub(crate) use backward::backward;

use super::activation::tanh;
use super::attention::attend;
use super::blocks::{Block, block_rows, each, rows_of, split, swap};
use super::buffer::Buffer;
use super::lanes::{Kernel, Lanes, dispatch};
use super::lstm::{Cell, CellForward, Still};
use super::product::Packed;
use rayon::prelude::*;
use std::ops::Range;

/// Sizes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) batch: usize,
    /// E: width of the inputs.
    pub(crate) input: usize,
    /// D.
    pub(crate) width: usize,
    /// Which layers see the attention vector of the step before.
    pub(crate) fed: [bool; 2],
}

/// What goes in; see `nn::attention_decoder`.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// [T, B, E].
    pub(crate) x: &'a [f32],
    /// [S, B, D].
    pub(crate) memory: &'a [f32],
    /// [2, B, D].
    pub(crate) h: &'a [f32],
    /// [2, B, D].
    pub(crate) c: &'a [f32],
    /// [B, D].
    pub(crate) vector: &'a [f32],
    /// Of both layers, [input (+ D) + D, 4 D].
    pub(crate) weights: [&'a [f32]; 2],
    /// [2, 4 D].
    pub(crate) biases: &'a [f32],
    /// [D, D].
    pub(crate) attend: &'a [f32],
    /// [2 D, D].
    pub(crate) combine: &'a [f32],
    /// Source positions of every row, [B].
    pub(crate) lengths: Option<&'a [usize]>,
    /// Between the layers and of the attention vectors, [T, B, D] each.
    pub(crate) masks: Option<[&'a [f32]; 2]>,
}

/// What the backward pass needs of the forward pass besides its input and output.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
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

impl Layout {
    /// With gates i, f, g, o.
    fn cell(self) -> Cell {
        Cell { hidden: self.width, order: [0, 1, 2, 3] }
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
pub(crate) fn forward(layout: Layout, inputs: Inputs<'_>) -> (Vec<f32>, Trace) {
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
                dispatch(CellForward { cell: layout.cell(), still, bias, gates, c_before, h_before, c, h });
                if let (0, Some(between), Some([mask, _])) = (l, &mut tape.between, inputs.masks) {
                    let (out, values) = (between.step_mut(t), tape.states[0].step(t));
                    out.copy_from_slice(values);
                    dispatch(Multiply { values: out, mask: of(mask, t, width) });
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
                let (out, values) = (tape.out.step_mut(t), vectors.step(t));
                out.copy_from_slice(values);
                dispatch(Multiply { values: out, mask: of(mask, t, width) });
            }
        }
        for l in 0..2 {
            tape.out.step_mut(steps + l).copy_from_slice(tape.states[l].step(steps - 1));
            tape.out.step_mut(steps + 2 + l).copy_from_slice(tape.cells[l].step(steps - 1));
        }
    });
    (out, trace)
}

/// Multiplies values by a mask.
struct Multiply<'a> {
    values: &'a mut [f32],
    mask: &'a [f32],
}

impl Kernel for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        for (part, mask) in self.values.chunks_mut(V::LANES).zip(self.mask.chunks(V::LANES)) {
            V::read(part, 0.0).mul(V::read(mask, 0.0)).write(part);
        }
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
