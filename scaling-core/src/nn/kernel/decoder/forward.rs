//! The forward pass.

use super::{Inputs, Layout, Multiply, Trace, Weights};
use crate::nn::kernel::activation::tanh;
use crate::nn::kernel::attention::attend;
use crate::nn::kernel::blocks::{Block, block_rows, each, rows_of, split, swap};
use crate::nn::kernel::buffer::Buffer;
use crate::nn::kernel::lanes::{Kernel, Lanes, dispatch};
use crate::nn::kernel::lstm::{CellForward, Still};
use crate::nn::kernel::product::Packed;
use rayon::prelude::*;

/// A block of every array that is written.
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

/// Runs the target. Returns [T + 4, B, D]: the attention vectors, then the last hidden and cell states of
/// both layers.
pub(crate) fn forward(layout: Layout, inputs: Inputs<'_>) -> (Vec<f32>, Trace) {
    let Layout { batch, width, .. } = layout;
    let (steps, sources) = (layout.steps(&inputs), layout.sources(&inputs));
    let weights = Weights::new(layout, &inputs, Packed::new);
    let mut trace = Trace::new(layout, &inputs);
    let mut out = vec![0.0; (steps + 4) * batch * width];
    let (tapes, memory) = trace.tapes(layout, sources, block_rows(batch), &mut out);
    let given = Given { layout, inputs, weights: &weights, memory };
    tapes.into_par_iter().for_each(|mut tape| {
        for t in 0..steps {
            given.read(t, &mut tape);
            given.attend(t, &mut tape);
        }
        for l in 0..2 {
            tape.out.step_mut(steps + l).copy_from_slice(tape.states[l].step(steps - 1));
            tape.out.step_mut(steps + 2 + l).copy_from_slice(tape.cells[l].step(steps - 1));
        }
    });
    (out, trace)
}

/// What all blocks read.
struct Given<'a> {
    layout: Layout,
    inputs: Inputs<'a>,
    weights: &'a Weights,
    /// By rows, [B, S, D].
    memory: &'a [f32],
}

impl Given<'_> {
    /// Step `t` of both layers.
    fn read(&self, t: usize, tape: &mut Tape<'_>) {
        let Self { layout, inputs, weights, .. } = self;
        let Layout { batch, input, width, .. } = *layout;
        let range = tape.out.rows.clone();
        let of = |data, t, width| rows_of(data, t, batch, width, &range);
        for (l, layer) in weights.layers.iter().enumerate() {
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
    }

    /// Step `t` of the attention.
    fn attend(&self, t: usize, tape: &mut Tape<'_>) {
        let Self { layout, inputs, weights, memory } = self;
        let Layout { batch, width, .. } = *layout;
        let (sources, range) = (layout.sources(inputs), tape.out.rows.clone());
        let z = tape.states[1].step(t);
        weights.attend.product(z, tape.queries.step_mut(t));
        let each_row = range.clone().zip(tape.queries.step(t).chunks_exact(width));
        let shares = tape.shares.step_mut(t).chunks_exact_mut(sources);
        let contexts = tape.contexts.step_mut(t).chunks_exact_mut(width);
        for (((row, query), shares), context) in each_row.zip(shares).zip(contexts) {
            let length = inputs.lengths.map_or(sources, |lengths| lengths[row]);
            let memory = &memory[row * sources * width..][..length * width];
            attend(memory, query, &mut shares[..length], context);
            shares[length..].fill(0.0);
        }
        let vectors = match &mut tape.vectors {
            Some(vectors) => vectors.step_mut(t),
            None => tape.out.step_mut(t),
        };
        weights.combine[0].product(tape.contexts.step(t), vectors);
        weights.combine[1].add_product(z, vectors);
        dispatch(Squash { values: vectors });
        if let (Some(vectors), Some([_, mask])) = (&tape.vectors, inputs.masks) {
            let (out, values) = (tape.out.step_mut(t), vectors.step(t));
            out.copy_from_slice(values);
            dispatch(Multiply { values: out, mask: rows_of(mask, t, batch, width, &range) });
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
