//! The LSTM over a whole sequence.

use super::extension;
use burn::tensor::{Device, Tensor, activation};
use std::sync::Arc;

/// Which LSTM: the order of the gates in the columns of the weight, and the forget offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LstmCell {
    /// TensorFlow's `BasicLSTM`, of the language models (Jozefowicz et al. 2016): gates i, j, f, o
    /// with j the candidate, and 1 added to f before its sigmoid.
    Tensorflow,
    /// PyTorch's cell, of the translation models (OpenNMT): gates i, f, g, o with g the candidate.
    Torch,
}

impl LstmCell {
    /// The column blocks of (input gate, forget gate, candidate, output gate).
    pub(super) fn order(self) -> [usize; 4] {
        match self {
            Self::Tensorflow => [0, 2, 1, 3],
            Self::Torch => [0, 1, 2, 3],
        }
    }

    /// What is added to the forget gate before its sigmoid.
    pub(super) fn forget_offset(self) -> f32 {
        match self {
            Self::Tensorflow => 1.0,
            Self::Torch => 0.0,
        }
    }
}

/// How an LSTM reads its sequences.
#[derive(Debug, Clone)]
pub struct LstmOptions {
    /// Which LSTM.
    pub cell: LstmCell,
    /// Whether it reads from the last step to the first; outputs stay at their steps.
    pub reverse: bool,
    /// Steps of every row, [B], if they are not all T.
    pub lengths: Option<Arc<[usize]>>,
}

impl LstmOptions {
    /// Forwards, all rows of full length.
    pub fn new(cell: LstmCell) -> Self {
        Self { cell, reverse: false, lengths: None }
    }
}

/// What an LSTM leaves behind.
#[derive(Debug, Clone)]
pub struct LstmOutput {
    /// Hidden state after every step, [T, B, H]; zero beyond the length of a row.
    pub y: Tensor<3>,
    /// Hidden state after the last step that was read, [B, H]: what a decoder starts from, or detached the
    /// state to carry to the next window.
    pub h_last: Tensor<2>,
    /// Cell state after the last step that was read, [B, H].
    pub c_last: Tensor<2>,
}

/// Runs an LSTM over a sequence.
///
/// `x` [T, B, I], `h0` and `c0` [B, H], `weight` [I + H, 4 H] with the rows of the input first,
/// `bias` [4 H]. Per step, `[x_t, h_{t-1}] weight + bias` gives the gates in the order of the cell, and
///
/// ```text
/// c_t = sigmoid(f + offset) c_{t-1} + sigmoid(i) tanh(g)
/// h_t = sigmoid(o) tanh(c_t)
/// ```
///
/// Two directions are two calls, one of them in reverse, whose outputs are concatenated.
///
/// # Panics
/// If the shapes do not fit together or are empty, or a length is not between 1 and T.
pub fn lstm(
    x: Tensor<3>,
    h0: Tensor<2>,
    c0: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    options: &LstmOptions,
) -> LstmOutput {
    let ([steps, batch, input], [_, hidden]) = (x.dims(), h0.dims());
    assert_eq!(weight.dims(), [input + hidden, 4 * hidden], "LSTM weight");
    assert_eq!(bias.dims(), [4 * hidden], "LSTM bias");
    assert_eq!([h0.dims(), c0.dims()], [[batch, hidden]; 2], "LSTM state");
    assert!(steps > 0 && batch > 0, "an LSTM needs a step and a row");
    let lengths = super::short(options.lengths.clone(), batch, steps, "LSTM lengths");
    let options = &LstmOptions { lengths, ..*options };
    let device = x.device();
    #[cfg(feature = "tch")]
    if options.lengths.is_none() && !options.reverse {
        let (state, layer) =
            ([h0.clone(), c0.clone()], LstmWeights { weight: weight.clone(), bias: bias.clone() });
        if let Some((y, last)) = super::torch::stacked(&x, &[state], &[layer], options.cell) {
            let [h_last, c_last] = last.into_iter().next().unwrap_or([h0, c0]);
            return LstmOutput { y, h_last, c_last };
        }
    }
    let states = if extension::available(&device) {
        extension::lstm(x, h0, c0, weight, bias, options.clone())
    } else {
        reference(x, h0, c0, weight, bias, options)
    };
    let last = if options.reverse { 0 } else { steps - 1 };
    let at = |t: usize| super::narrow(states.clone(), 0, t, 1).reshape([batch, hidden]);
    let (h_last, c_last) = (at(last), at(steps));
    let y = super::narrow(states, 0, 0, steps);
    let y = match &options.lengths {
        Some(lengths) => y * running(lengths, steps, &device),
        None => y,
    };
    LstmOutput { y, h_last, c_last }
}

/// The parameters of an LSTM of I inputs and H units.
#[derive(Debug, Clone)]
pub struct LstmWeights {
    /// [I + H, 4 H], the rows of the input first.
    pub weight: Tensor<2>,
    /// [4 H].
    pub bias: Tensor<1>,
}

/// Runs LSTM layers of H units on top of each other over a sequence `x` [T, B, H], from hidden and cell
/// states [B, H] of every layer. Returns the outputs of the last layer, [T, B, H], and the last states of
/// all.
///
/// # Panics
/// As [`lstm`].
pub fn lstm_layers(
    x: Tensor<3>,
    states: Vec<[Tensor<2>; 2]>,
    layers: Vec<LstmWeights>,
    cell: LstmCell,
) -> (Tensor<3>, Vec<[Tensor<2>; 2]>) {
    assert_eq!(states.len(), layers.len(), "a state for every LSTM layer");
    #[cfg(feature = "tch")]
    if let Some(out) = super::torch::stacked(&x, &states, &layers, cell) {
        return out;
    }
    let (options, mut last) = (LstmOptions::new(cell), Vec::with_capacity(layers.len()));
    let y = layers.into_iter().zip(states).fold(x, |x, (LstmWeights { weight, bias }, [h0, c0])| {
        let out = lstm(x, h0, c0, weight, bias, &options);
        last.push([out.h_last, out.c_last]);
        out.y
    });
    (y, last)
}

/// How an LSTM reads its sequences in both directions.
#[derive(Debug, Clone)]
pub struct BothDirections {
    /// Which LSTM.
    pub cell: LstmCell,
    /// Steps of every row, [B], if they are not all T.
    pub lengths: Option<Arc<[usize]>>,
}

/// Runs an LSTM over a sequence `x` [T, B, I] in both directions, from states of zero. Returns [T, B, 2 H]:
/// the outputs of the forward direction, then those of the other; zero beyond the length of a row.
///
/// # Panics
/// As [`lstm`].
pub fn bidirectional_lstm(x: Tensor<3>, directions: [LstmWeights; 2], options: &BothDirections) -> Tensor<3> {
    let ([steps, batch, input], [rows, gates], device) = (x.dims(), directions[0].weight.dims(), x.device());
    let hidden = gates / 4;
    if !extension::available(&device) {
        let read = |LstmWeights { weight, bias }, reverse| {
            let zero = Tensor::zeros([batch, hidden], &device);
            let options = LstmOptions { cell: options.cell, reverse, lengths: options.lengths.clone() };
            lstm(x.clone(), zero.clone(), zero, weight, bias, &options).y
        };
        let [ahead, back] = directions;
        return Tensor::cat(vec![read(ahead, false), read(back, true)], 2);
    }
    assert_eq!(rows, input + hidden, "LSTM weight");
    for LstmWeights { weight, bias } in &directions {
        assert_eq!((weight.dims(), bias.dims()), ([rows, gates], [gates]), "LSTM weights");
    }
    assert!(steps > 0 && batch > 0, "an LSTM needs a step and a row");
    let lengths = super::short(options.lengths.clone(), batch, steps, "LSTM lengths");
    extension::bidirectional_lstm(x, directions, BothDirections { lengths, ..*options })
}

/// Runs layers as [`bidirectional_lstm`] on top of each other, each reading the outputs of the one below.
///
/// # Panics
/// As [`lstm`].
pub fn bidirectional_lstm_layers(
    x: Tensor<3>,
    layers: Vec<[LstmWeights; 2]>,
    options: &BothDirections,
) -> Tensor<3> {
    let [steps, batch, _] = x.dims();
    let lengths = super::short(options.lengths.clone(), batch, steps, "LSTM lengths");
    let options = &BothDirections { lengths, ..*options };
    #[cfg(feature = "tch")]
    if let Some(y) = super::torch::stacked_in_both_directions(&x, &layers, options) {
        return y;
    }
    layers.into_iter().fold(x, |x, directions| bidirectional_lstm(x, directions, options))
}

/// 1 at the steps of every row, 0 beyond its length, [T, B, 1].
fn running(lengths: &[usize], steps: usize, device: &Device) -> Tensor<3> {
    let values: Vec<f32> =
        (0..steps).flat_map(|t| lengths.iter().map(move |n| f32::from(u8::from(t < *n)))).collect();
    super::upload(values, [steps, lengths.len(), 1], device)
}

/// Output and state [B, H] of a cell after a step, of its gates [B, 4 H] and the state before, in plain
/// tensor operations.
pub(super) fn cell_step(gates: &Tensor<2>, c: Tensor<2>, cell: LstmCell) -> (Tensor<2>, Tensor<2>) {
    let [_, hidden] = c.dims();
    let [i, f, g, o] = cell.order().map(|k| gates.clone().narrow(1, k * hidden, hidden));
    let forget = activation::sigmoid(f.add_scalar(cell.forget_offset()));
    let c = forget * c + activation::sigmoid(i) * activation::tanh(g);
    (activation::sigmoid(o) * activation::tanh(c.clone()), c)
}

/// The LSTM in plain tensor operations: one product for all inputs, one per step for the state. Returns
/// [T + 1, B, H]: the states, which stand still beyond the length of a row, then the last cell state.
pub(super) fn reference(
    x: Tensor<3>,
    h0: Tensor<2>,
    c0: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    options: &LstmOptions,
) -> Tensor<3> {
    let ([steps, batch, input], [_, hidden], cell) = (x.dims(), h0.dims(), options.cell);
    let running = options.lengths.as_ref().map(|lengths| running(lengths, steps, &x.device()));
    let w_input = weight.clone().narrow(0, 0, input);
    let w_hidden = weight.narrow(0, input, hidden);
    let projected = (x.reshape([steps * batch, input]).matmul(w_input) + bias.unsqueeze()).reshape([
        steps,
        batch,
        4 * hidden,
    ]);
    let (mut h, mut c) = (h0, c0);
    let mut y = Vec::with_capacity(steps + 1);
    for k in 0..steps {
        let t = if options.reverse { steps - 1 - k } else { k };
        let gates = projected.clone().narrow(0, t, 1).reshape([batch, 4 * hidden])
            + h.clone().matmul(w_hidden.clone());
        let (h_new, c_new) = cell_step(&gates, c.clone(), cell);
        (h, c) = match &running {
            Some(running) => {
                let runs = running.clone().narrow(0, t, 1).reshape([batch, 1]);
                ((h_new - h.clone()) * runs.clone() + h, (c_new - c.clone()) * runs + c)
            }
            None => (h_new, c_new),
        };
        y.push(h.clone());
    }
    if options.reverse {
        y.reverse();
    }
    y.push(c);
    Tensor::stack(y, 0)
}
