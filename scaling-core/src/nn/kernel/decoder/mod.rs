//! The decoder of a translation model on slices: T steps, B rows of the batch, S source positions, D units.
//!
//! A few rows are carried through all steps by one thread: what a step needs of the one before stays in the
//! cache, and threads meet only at the end.

mod backward;
mod forward;

pub(crate) use backward::backward;
pub(crate) use forward::forward;

use super::buffer::Buffer;
use super::lanes::{Kernel, Lanes};
use super::lstm::Cell;
use super::product::Packed;
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

/// All weights, packed.
struct Weights {
    layers: [Layer; 2],
    attend: Packed,
    /// Of the context, and of the state.
    combine: [Packed; 2],
}

impl Weights {
    /// `pack` is given a weight, its rows and its columns.
    fn new(layout: Layout, inputs: &Inputs<'_>, pack: impl Fn(&[f32], usize, usize) -> Packed) -> Self {
        let (width, gates) = (layout.width, 4 * layout.width);
        let layer = |l: usize| {
            let part = |rows: Range<usize>| {
                pack(&inputs.weights[l][rows.start * gates..rows.end * gates], rows.len(), gates)
            };
            let [below, fed, state] = layout.rows(l);
            Layer { below: part(below), fed: layout.fed[l].then(|| part(fed)), state: part(state) }
        };
        let (context_rows, state_rows) = inputs.combine.split_at(width * width);
        Self {
            layers: [0, 1].map(layer),
            attend: pack(inputs.attend, width, width),
            combine: [context_rows, state_rows].map(|rows| pack(rows, width, width)),
        }
    }
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
