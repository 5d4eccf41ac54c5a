//! The LSTM over a whole sequence.

use super::fused;
use burn::tensor::{Tensor, activation};

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

/// What an LSTM leaves behind.
#[derive(Debug, Clone)]
pub struct LstmOutput {
    /// Hidden state after every step, [T, B, H].
    pub y: Tensor<3>,
    /// Hidden state after the last step, [B, H], detached: the state to carry to the next window.
    pub h_last: Tensor<2>,
    /// Cell state after the last step, [B, H], detached: the state to carry to the next window.
    pub c_last: Tensor<2>,
    /// Cell state after the last step, [B, H], with its gradient: what a decoder starts from.
    pub c_final: Tensor<2>,
}

impl LstmOutput {
    fn new(y: Tensor<3>, c_final: Tensor<2>) -> Self {
        let [steps, batch, hidden] = y.dims();
        let h_last = y.clone().narrow(0, steps - 1, 1).reshape([batch, hidden]).detach();
        Self { y, h_last, c_last: c_final.clone().detach(), c_final }
    }
}

/// Runs an LSTM over a sequence.
///
/// `x` [T, B, I], `h0` and `c0` [B, H], `weight` [I + H, 4 H] with the rows of the input first,
/// `bias` [4 H]. Per step, `[x_t, h_{t-1}] weight + bias` gives the gates in the order of `cell`, and
///
/// ```text
/// c_t = sigmoid(f + offset) c_{t-1} + sigmoid(i) tanh(g)
/// h_t = sigmoid(o) tanh(c_t)
/// ```
///
/// # Panics
/// If the shapes do not fit together.
pub fn lstm(
    x: Tensor<3>,
    h0: Tensor<2>,
    c0: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    cell: LstmCell,
) -> LstmOutput {
    let ([_, batch, input], [_, hidden]) = (x.dims(), h0.dims());
    assert_eq!(weight.dims(), [input + hidden, 4 * hidden], "LSTM weight");
    assert_eq!(bias.dims(), [4 * hidden], "LSTM bias");
    assert_eq!([h0.dims(), c0.dims()], [[batch, hidden]; 2], "LSTM state");
    if !fused::available(&x.device()) {
        return reference(x, h0, c0, weight, bias, cell);
    }
    let [steps, ..] = x.dims();
    let states = fused::lstm(x, h0, c0, weight, bias, cell);
    let c_final = states.clone().narrow(0, steps, 1).reshape([batch, hidden]);
    LstmOutput::new(states.narrow(0, 0, steps), c_final)
}

/// The LSTM in plain tensor operations: one product for all inputs, one per step for the state.
pub(super) fn reference(
    x: Tensor<3>,
    h0: Tensor<2>,
    c0: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    cell: LstmCell,
) -> LstmOutput {
    let ([steps, batch, input], [_, hidden]) = (x.dims(), h0.dims());
    let w_input = weight.clone().narrow(0, 0, input);
    let w_hidden = weight.narrow(0, input, hidden);
    let projected = (x.reshape([steps * batch, input]).matmul(w_input) + bias.unsqueeze()).reshape([
        steps,
        batch,
        4 * hidden,
    ]);
    let (mut h, mut c) = (h0, c0);
    let mut y = Vec::with_capacity(steps);
    for t in 0..steps {
        let gates =
            projected.clone().narrow(0, t, 1).reshape([batch, 4 * hidden]) + h.matmul(w_hidden.clone());
        let [i, f, g, o] = cell.order().map(|k| gates.clone().narrow(1, k * hidden, hidden));
        c = activation::sigmoid(f.add_scalar(cell.forget_offset())) * c
            + activation::sigmoid(i) * activation::tanh(g);
        h = activation::sigmoid(o) * activation::tanh(c.clone());
        y.push(h.clone());
    }
    LstmOutput::new(Tensor::stack(y, 0), c)
}
