//! The parameters of LSTMs, as PyTorch and as TensorFlow have them.

use super::uniform;
use crate::nn::LstmWeights;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

/// PyTorch's LSTM, which has two biases that are added.
#[derive(Module, Debug)]
pub struct Lstm {
    /// [I + H, 4 H]: input rows first; gates i, f, g, o.
    pub weight: Param<Tensor<2>>,
    /// [4 H].
    pub input_bias: Param<Tensor<1>>,
    /// [4 H].
    pub state_bias: Param<Tensor<1>>,
}

impl Lstm {
    /// Of I inputs and H units, uniform in [-bound, bound]; a pure function of its name and the seed.
    pub fn new(name: &str, seed: u64, [input, hidden]: [usize; 2], bound: f64, device: &Device) -> Self {
        let draw = |part: &str| uniform(&format!("{name}/{part}"), seed, bound, [4 * hidden], device);
        Self {
            weight: uniform(name, seed, bound, [input + hidden, 4 * hidden], device),
            input_bias: draw("input_bias"),
            state_bias: draw("state_bias"),
        }
    }

    /// The sum of both biases, [4 H].
    pub fn bias(&self) -> Tensor<1> {
        self.input_bias.val() + self.state_bias.val()
    }

    /// What the fused layers read.
    pub fn weights(&self) -> LstmWeights {
        LstmWeights { weight: self.weight.val(), bias: self.bias() }
    }
}

/// TensorFlow's LSTM, which has one bias.
#[derive(Module, Debug)]
pub struct BasicLstm {
    /// [I + H, 4 H]: input rows first; gates i, j, f, o.
    pub weight: Param<Tensor<2>>,
    /// [4 H].
    pub bias: Param<Tensor<1>>,
}

impl BasicLstm {
    /// With a bias of zero.
    pub fn new(weight: Param<Tensor<2>>) -> Self {
        let [_, gates] = weight.dims();
        let bias = Param::from_tensor(Tensor::zeros([gates], &weight.device()));
        Self { weight, bias }
    }

    /// What the fused layers read.
    pub fn weights(&self) -> LstmWeights {
        LstmWeights { weight: self.weight.val(), bias: self.bias.val() }
    }
}
