//! The attending part of a speech decoder over a whole transcript: an LSTM cell, and attention that goes by
//! what is heard and by where it was before (Chorowski et al. 2015, section 2.1).

use super::extension;
use super::lstm::{LstmCell, cell_step};
use burn::tensor::module::conv1d;
use burn::tensor::ops::{ConvOptions, PadMode};
use burn::tensor::{Device, Tensor, activation};
use std::sync::Arc;

/// The parameters; A is the width of the cell, M that of the memory, K that of the attention; F filters of
/// length L.
#[derive(Debug, Clone)]
pub struct HybridWeights {
    /// Of the cell (gates i, j, f, o; 1 is added to f), [M + A, 4 A]: the rows of the context first.
    pub cell: Tensor<2>,
    /// W, [2 A, K]: the rows of the cell state, then of the output.
    pub query: Tensor<2>,
    /// b, [K].
    pub query_bias: Tensor<1>,
    /// Q, [L, F].
    pub filters: Tensor<2>,
    /// U, [F, K].
    pub location: Tensor<2>,
    /// w, [K].
    pub energy: Tensor<1>,
}

/// What one step hands to the next.
#[derive(Debug, Clone)]
pub struct HybridState {
    /// Output of the cell, [B, A].
    pub h: Tensor<2>,
    /// State of the cell, [B, A].
    pub c: Tensor<2>,
    /// What was attended to, [B, M].
    pub context: Tensor<2>,
    /// How much of every position, [B, S].
    pub shares: Tensor<2>,
}

impl HybridState {
    /// All zero: before the first step.
    pub fn zero(batch: usize, cell: usize, memory: usize, positions: usize, device: &Device) -> Self {
        let zeros = |width| Tensor::zeros([batch, width], device);
        Self { h: zeros(cell), c: zeros(cell), context: zeros(memory), shares: zeros(positions) }
    }
}

/// What comes of a transcript.
#[derive(Debug, Clone)]
pub struct HybridOutput {
    /// Output of the cell, then context, of every step: [U, B, A + M].
    pub attended: Tensor<3>,
    /// After the last step.
    pub state: HybridState,
}

/// Attends along a transcript.
///
/// `x` [U, B, 4 A] is what the symbols read add to the gates of the cell, its bias included; `memory` m [S,
/// B, M] are the encoder's outputs, `keys` K [S, B, K] what attention sees of them. Per step (MODELS 5.3),
///
/// ```text
/// q_u, r_u = LSTM(x_u, [ctx_{u-1} ; q_{u-1}] cell)             output and state of the cell
/// l_u      = sum_k shares_{u-1, j + k - (L - 1) / 2} Q_k       zeros around
/// e_uj     = w . tanh(K_j + l_uj U + [r_u ; q_u] W + b)
/// shares_u = softmax_j(e_uj),  ctx_u = sum_j shares_uj m_j
/// ```
///
/// A transcript cut into pieces, each begun from the state after the one before, gives what it gives in one.
///
/// # Panics
/// If the shapes do not fit together or are empty, or a length is not between 1 and S.
pub fn hybrid_attention(
    x: Tensor<3>,
    memory: Tensor<3>,
    keys: Tensor<3>,
    state: HybridState,
    weights: HybridWeights,
    lengths: Option<Arc<[usize]>>,
) -> HybridOutput {
    let ([steps, batch, gates], [positions, _, m], [.., k]) = (x.dims(), memory.dims(), keys.dims());
    let (a, [length, filters]) = (gates / 4, weights.filters.dims());
    assert_eq!([memory.dims(), keys.dims()], [[positions, batch, m], [positions, batch, k]], "the memory");
    assert_eq!(
        [weights.cell.dims(), weights.query.dims(), weights.location.dims()],
        [[m + a, 4 * a], [2 * a, k], [filters, k]],
        "weights of the attention"
    );
    assert_eq!([weights.query_bias.dims(), weights.energy.dims()], [[k]; 2], "biases of the attention");
    let HybridState { h, c, context, shares } = &state;
    let shapes = [h, c, context, shares].map(Tensor::dims);
    assert_eq!(shapes, [[batch, a], [batch, a], [batch, m], [batch, positions]], "state of the attention");
    assert!(steps * batch * positions * length * filters > 0, "attention needs a step, a row and a position");
    let lengths = super::short(lengths, batch, positions, "lengths of the memory");
    let packed = if extension::available(&x.device()) {
        extension::hybrid_attention(x, memory, keys, state, weights, lengths)
    } else {
        reference(&x, memory, keys, state, weights, lengths.as_deref())
    };
    let (outputs, cells) = (steps * batch * (a + m), batch * a);
    let attended = packed.clone().narrow(0, 0, outputs).reshape([steps, batch, a + m]);
    let last = attended.clone().narrow(0, steps - 1, 1).reshape([batch, a + m]);
    let state = HybridState {
        h: last.clone().narrow(1, 0, a),
        c: packed.clone().narrow(0, outputs, cells).reshape([batch, a]),
        context: last.narrow(1, a, m),
        shares: packed.narrow(0, outputs + cells, batch * positions).reshape([batch, positions]),
    };
    HybridOutput { attended, state }
}

/// The same in plain tensor operations, packed as [`extension::hybrid_attention`] packs it.
pub(super) fn reference(
    x: &Tensor<3>,
    memory: Tensor<3>,
    keys: Tensor<3>,
    state: HybridState,
    weights: HybridWeights,
    lengths: Option<&[usize]>,
) -> Tensor<1> {
    let ([steps, batch, gates], [positions, _, m], [.., k]) = (x.dims(), memory.dims(), keys.dims());
    let (a, [length, filters]) = (gates / 4, weights.filters.dims());
    let HybridWeights { cell, query, query_bias, filters: kernel, location, energy } = weights;
    let HybridState { mut h, mut c, mut context, mut shares } = state;
    // [B, S, ...]
    let (memory, keys) = (memory.swap_dims(0, 1), keys.swap_dims(0, 1));
    let kernel = kernel.transpose().reshape([filters, 1, length]);
    let beyond = lengths.map(|lengths| super::decoder::beyond(lengths, positions, &x.device()));
    let mut out = Vec::with_capacity(steps + 2);
    for u in 0..steps {
        let read = Tensor::cat(vec![context, h], 1).matmul(cell.clone());
        let gates = x.clone().narrow(0, u, 1).reshape([batch, gates]) + read;
        (h, c) = cell_step(&gates, c, LstmCell::Tensorflow);
        let padded = shares
            .reshape([batch, 1, positions])
            .pad([((length - 1) / 2, length - 1 - (length - 1) / 2)], PadMode::Constant(0.0));
        let places: Tensor<3> = conv1d(padded, kernel.clone(), None, ConvOptions::new([1], [0], [1], 1));
        let places = places
            .swap_dims(1, 2)
            .reshape([batch * positions, filters])
            .matmul(location.clone())
            .reshape([batch, positions, k]);
        let query =
            Tensor::cat(vec![c.clone(), h.clone()], 1).matmul(query.clone()) + query_bias.clone().unsqueeze();
        let squashed = activation::tanh(keys.clone() + places + query.reshape([batch, 1, k]));
        let energies = squashed
            .reshape([batch * positions, k])
            .matmul(energy.clone().reshape([k, 1]))
            .reshape([batch, positions]);
        let energies = match &beyond {
            Some(beyond) => energies + beyond.clone(),
            None => energies,
        };
        shares = activation::softmax(energies, 1);
        context = shares.clone().reshape([batch, 1, positions]).matmul(memory.clone()).reshape([batch, m]);
        out.push(Tensor::cat(vec![h.clone(), context.clone()], 1).reshape([batch * (a + m)]));
    }
    out.push(c.reshape([batch * a]));
    out.push(shares.reshape([batch * positions]));
    Tensor::cat(out, 0)
}
