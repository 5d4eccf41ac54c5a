//! The decoder of a translation model over a whole target sentence: two LSTM layers, attention and input
//! feeding.

use super::extension;
use super::lstm::{LstmCell, cell_step};
use burn::tensor::{Device, Tensor, TensorData, activation};
use std::sync::Arc;

/// Which decoder layers see the attention vector of the step before (Luong et al. 2015, section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputFeeding {
    /// No layer.
    None,
    /// The first layer, beside the embedding (OpenNMT's `input_feed 1`).
    FirstLayer,
    /// Both layers.
    AllLayers,
}

impl InputFeeding {
    /// Which of the two layers see it.
    pub fn fed(self) -> [bool; 2] {
        [self != Self::None, self == Self::AllLayers]
    }
}

/// The parameters of the decoder; D is its width, E that of its inputs.
#[derive(Debug, Clone)]
pub struct DecoderWeights {
    /// First layer, [E (+ D) + D, 4 D]: the rows of the input, of the attention vector if it is fed, of the
    /// state.
    pub first: Tensor<2>,
    /// Second layer, [D (+ D) + D, 4 D].
    pub second: Tensor<2>,
    /// Of both layers, [2, 4 D].
    pub biases: Tensor<2>,
    /// W_a, [D, D]: a score is `(z attend) . H_j`.
    pub attend: Tensor<2>,
    /// W_c, [2 D, D]: the rows of the context first.
    pub combine: Tensor<2>,
}

/// What one step of the decoder hands to the next.
#[derive(Debug, Clone)]
pub struct DecoderState {
    /// Hidden states of both layers, [2, B, D].
    pub h: Tensor<3>,
    /// Cell states of both layers, [2, B, D].
    pub c: Tensor<3>,
    /// The attention vector, [B, D].
    pub vector: Tensor<2>,
}

/// How the decoder runs.
#[derive(Debug, Clone)]
pub struct DecoderOptions {
    /// Where attention vectors go.
    pub feeding: InputFeeding,
    /// Steps of every source, [B], if they are not all S: the others get no attention.
    pub lengths: Option<Arc<[usize]>>,
    /// Dropout between the layers and of the attention vectors.
    pub masks: Option<Masks>,
}

/// Two dropout masks, [T, B, D] each: 0 for a share of the values, 1 / (1 - share) for the others.
#[derive(Debug, Clone)]
pub enum Masks {
    /// Drawn on the host.
    Given([Arc<[f32]>; 2]),
    /// To be drawn on the device, after [`super::begin_draws`].
    Drawn {
        /// Share of zeros.
        share: f64,
    },
}

impl Masks {
    /// The values, where the device does not draw its own.
    pub(super) fn given(&self) -> &[Arc<[f32]>; 2] {
        match self {
            Self::Given(masks) => masks,
            Self::Drawn { .. } => unreachable!("masks are given to a device that draws none"),
        }
    }
}

/// What the decoder leaves behind.
#[derive(Debug, Clone)]
pub struct DecoderOutput {
    /// The attention vectors of all steps, [T, B, D].
    pub attended: Tensor<3>,
    /// After the last step.
    pub state: DecoderState,
}

/// Runs the decoder over a target.
///
/// `x` [T, B, E] are the embedded symbols read, `memory` H [S, B, D] the encoder's outputs. Per step, with
/// PyTorch's LSTM cell (gates i, f, g, o),
///
/// ```text
/// z1_t = LSTM_1([x_t ; h~_{t-1}])          h~_{t-1} only where it is fed
/// z2_t = LSTM_2([mask_1 z1_t ; h~_{t-1}])
/// a_t  = softmax_j((z2_t attend) . H_j)    over the positions of the source
/// h~_t = mask_2 tanh([sum_j a_tj H_j ; z2_t] combine)
/// ```
///
/// (MODELS 4.2; Luong et al. 2015.) A target cut into pieces, each begun from the state after the one before,
/// gives what it gives in one piece.
///
/// # Panics
/// If the shapes do not fit together or are empty, or a length is not between 1 and S.
pub fn attention_decoder(
    x: Tensor<3>,
    memory: Tensor<3>,
    state: DecoderState,
    weights: DecoderWeights,
    options: &DecoderOptions,
) -> DecoderOutput {
    let ([steps, batch, input], [sources, _, d]) = (x.dims(), memory.dims());
    let fed = options.feeding.fed();
    let rows = |l: usize| if l == 0 { input } else { d } + d + if fed[l] { d } else { 0 };
    let shapes = [weights.first.dims(), weights.second.dims(), weights.biases.dims()];
    assert_eq!(shapes, [[rows(0), 4 * d], [rows(1), 4 * d], [2, 4 * d]], "decoder layers");
    assert_eq!([weights.attend.dims(), weights.combine.dims()], [[d, d], [2 * d, d]], "attention weights");
    assert_eq!([state.h.dims(), state.c.dims()], [[2, batch, d]; 2], "decoder state");
    assert_eq!((memory.dims(), state.vector.dims()), ([sources, batch, d], [batch, d]), "memory and state");
    assert!(steps * batch * sources > 0, "a decoder needs a step, a row and a source position");
    let lengths = super::short(options.lengths.clone(), batch, sources, "lengths of sources");
    if let Some(Masks::Given(masks)) = &options.masks {
        assert!(masks.iter().all(|mask| mask.len() == steps * batch * d), "dropout masks");
    }
    let options = DecoderOptions { lengths, ..options.clone() };
    let packed = if extension::available(&x.device()) {
        extension::attention_decoder(x, memory, state, weights, options)
    } else {
        reference(&x, memory, state, weights, &options)
    };
    let piece = |from: usize, count: usize| super::narrow(packed.clone(), 0, from, count);
    let (h, c) = (piece(steps, 2), piece(steps + 2, 2));
    let vector = piece(steps - 1, 1).reshape([batch, d]);
    DecoderOutput { attended: piece(0, steps), state: DecoderState { h, c, vector } }
}

/// -infinity (nearly) at the positions beyond the source, [B, S].
pub(super) fn beyond(lengths: &[usize], steps: usize, device: &Device) -> Tensor<2> {
    let values: Vec<f32> =
        lengths.iter().flat_map(|n| (0..steps).map(move |s| if s < *n { 0.0 } else { -1e30 })).collect();
    Tensor::from_data(TensorData::new(values, [lengths.len(), steps]), device)
}

/// The decoder in plain tensor operations. Returns [T + 4, B, D]: the attention vectors, then the last hidden
/// and the last cell states of both layers.
pub(super) fn reference(
    x: &Tensor<3>,
    memory: Tensor<3>,
    state: DecoderState,
    weights: DecoderWeights,
    options: &DecoderOptions,
) -> Tensor<3> {
    let ([steps, batch, input], [sources, _, d], device) = (x.dims(), memory.dims(), x.device());
    let DecoderWeights { first, second, biases, attend, combine } = weights;
    let layer = |states: &Tensor<3>, l: usize| states.clone().narrow(0, l, 1).reshape([batch, d]);
    let [mut h, mut c] = [&state.h, &state.c].map(|s| [layer(s, 0), layer(s, 1)]);
    let mut vector = state.vector;
    let masks = options.masks.as_ref().map(|masks| {
        masks
            .given()
            .each_ref()
            .map(|mask| Tensor::<3>::from_data(TensorData::new(mask.to_vec(), [steps, batch, d]), &device))
    });
    let mask = |k: usize, t: usize, value: Tensor<2>| match &masks {
        Some(masks) => value * masks[k].clone().narrow(0, t, 1).reshape([batch, d]),
        None => value,
    };
    // [B, S, D]
    let memory = memory.swap_dims(0, 1);
    let beyond = options.lengths.as_ref().map(|lengths| beyond(lengths, sources, &device));
    let cell = |read: Vec<Tensor<2>>, weight: &Tensor<2>, l: usize, c: Tensor<2>| {
        let bias = biases.clone().narrow(0, l, 1);
        let gates = Tensor::cat(read, 1).matmul(weight.clone()) + bias;
        cell_step(&gates, c, LstmCell::Torch)
    };
    let mut out = Vec::with_capacity(steps + 4);
    for t in 0..steps {
        let mut read = vec![x.clone().narrow(0, t, 1).reshape([batch, input])];
        if options.feeding != InputFeeding::None {
            read.push(vector.clone());
        }
        read.push(h[0].clone());
        (h[0], c[0]) = cell(read, &first, 0, c[0].clone());
        let mut read = vec![mask(0, t, h[0].clone())];
        if options.feeding == InputFeeding::AllLayers {
            read.push(vector.clone());
        }
        read.push(h[1].clone());
        (h[1], c[1]) = cell(read, &second, 1, c[1].clone());
        let query = h[1].clone().matmul(attend.clone()).reshape([batch, d, 1]);
        let scores = memory.clone().matmul(query).reshape([batch, sources]);
        let scores = match &beyond {
            Some(beyond) => scores + beyond.clone(),
            None => scores,
        };
        let shares = activation::softmax(scores, 1).reshape([batch, 1, sources]);
        let context = shares.matmul(memory.clone()).reshape([batch, d]);
        let attended = Tensor::cat(vec![context, h[1].clone()], 1).matmul(combine.clone());
        vector = mask(1, t, activation::tanh(attended));
        out.push(vector.clone());
    }
    out.extend(h);
    out.extend(c);
    Tensor::stack(out, 0)
}
