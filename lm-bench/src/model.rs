//! Recurrent language models: embedding, LSTM or RHN layers, softmax (MODELS 2.2, 2.3, 3).

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor};
use scaling_core::error::{Error, Result};
use scaling_core::neural::{BasicLstm, uniform};
use scaling_core::nn::{self, CrossEntropy, Lookup, LstmCell, LstmWeights, OutputWeight};
use scaling_core::task::{Extent, units};
use scaling_core::trial::Cost;

/// Weights start uniform in [-0.1, 0.1].
const BOUND: f64 = 0.1;

/// A model family of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Architecture {
    /// Stacked LSTM layers.
    Lstm { layers: usize },
    /// One recurrent highway layer of some depth.
    Rhn { depth: usize },
}

impl Architecture {
    /// By its name on the command line.
    pub(crate) fn parse(model: &str) -> Result<Self> {
        match model {
            "word-lstm2" => Ok(Self::Lstm { layers: 2 }),
            "word-lstm4" => Ok(Self::Lstm { layers: 4 }),
            "word-rhn5" => Ok(Self::Rhn { depth: 5 }),
            "char-rhn10" => Ok(Self::Rhn { depth: 10 }),
            _ => Err(Error::unknown("model", model, ["word-lstm2", "word-lstm4", "word-rhn5", "char-rhn10"])),
        }
    }

    /// Exact parameters, N = 8 L h^2 + 4 L h + 2 h V + V (LSTM) or (2 L + 2) h^2 + 2 L h + 2 h V + V
    /// (RHN), and 6 operations per weight and token for forward and backward; an embedding is
    /// looked up, which costs none.
    pub(crate) fn cost(self, size: f64, extent: Extent) -> Result<Cost> {
        let (h, v) = (hidden(size)? as u64, extent.vocabulary as u64);
        let (products, biases) = match self {
            Self::Lstm { layers } => (8 * layers as u64 * h * h, 4 * layers as u64 * h),
            Self::Rhn { depth } => ((2 * depth as u64 + 2) * h * h, 2 * depth as u64 * h),
        };
        Ok(Cost {
            parameters: products + biases + 2 * h * v + v,
            flops_per_sample: 6.0 * (products + h * v) as f64,
        })
    }
}

/// The size knob of these models is their number of hidden units.
pub(crate) fn hidden(size: f64) -> Result<usize> {
    units(size).ok_or_else(|| {
        Error::input(format!(
            "`--size` is the number of hidden units, a whole number from 1 to 65536, not {size}"
        ))
    })
}

/// A language model over V symbols with h hidden units.
#[derive(Module, Debug)]
pub(crate) struct LanguageModel {
    /// [V, h].
    embedding: Param<Tensor<2>>,
    layers: Vec<Layer>,
    /// [h, V], not tied to the embedding.
    output: Param<Tensor<2>>,
    /// [V].
    output_bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
enum Layer {
    Lstm(BasicLstm),
    Rhn(Rhn),
}

impl Layer {
    fn lstm_weights(&self) -> Option<LstmWeights> {
        match self {
            Self::Lstm(lstm) => Some(lstm.weights()),
            Self::Rhn(_) => None,
        }
    }
}

#[derive(Module, Debug)]
struct Rhn {
    /// [h, 2 h]: candidate, then transform gate.
    input: Param<Tensor<2>>,
    /// [L, h, 2 h].
    recurrent: Param<Tensor<3>>,
    /// [L, 2 h].
    bias: Param<Tensor<2>>,
}

/// What comes of a minibatch.
pub(crate) struct Prediction {
    /// In nats.
    pub(crate) loss: CrossEntropy,
    /// State after the last step, [B, h] each, detached.
    pub(crate) state: Vec<Tensor<2>>,
    /// For the optimiser.
    pub(crate) lookups: Vec<Lookup>,
}

impl LanguageModel {
    /// Initialised from a seed. `transform_bias` is the RHN's b_T.
    pub(crate) fn new(
        architecture: Architecture,
        h: usize,
        vocabulary: usize,
        transform_bias: f64,
        seed: u64,
        device: &Device,
    ) -> Self {
        let layers = match architecture {
            Architecture::Lstm { layers } => (0..layers)
                .map(|l| {
                    let weight = uniform(&format!("lstm/{l}"), seed, BOUND, [2 * h, 4 * h], device);
                    Layer::Lstm(BasicLstm::new(weight))
                })
                .collect(),
            Architecture::Rhn { depth } => {
                let candidate = Tensor::<2>::zeros([depth, h], device);
                let transform = Tensor::<2>::full([depth, h], transform_bias, device);
                vec![Layer::Rhn(Rhn {
                    input: uniform("rhn/input", seed, BOUND, [h, 2 * h], device),
                    recurrent: uniform("rhn/recurrent", seed, BOUND, [depth, h, 2 * h], device),
                    bias: Param::from_tensor(Tensor::cat(vec![candidate, transform], 1)),
                })]
            }
        };
        Self {
            embedding: uniform("embedding", seed, BOUND, [vocabulary, h], device),
            layers,
            output: uniform("output", seed, BOUND, [h, vocabulary], device),
            output_bias: uniform("output_bias", seed, BOUND, [vocabulary], device),
        }
    }

    /// The state before a text begins: zeros, [B, h] each.
    pub(crate) fn zero_state(&self, rows: usize, device: &Device) -> Vec<Tensor<2>> {
        let [_, h] = self.embedding.dims();
        let tensors = self.layers.iter().map(|layer| match layer {
            Layer::Lstm(_) => 2,
            Layer::Rhn(_) => 1,
        });
        (0..tensors.sum::<usize>()).map(|_| Tensor::zeros([rows, h], device)).collect()
    }

    /// Predicts every symbol from those before it. `inputs` [T, B]; `targets` and `weights` [T B].
    pub(crate) fn predict(
        &self,
        inputs: Tensor<2, Int>,
        targets: Tensor<1, Int>,
        weights: Tensor<1>,
        state: &[Tensor<2>],
    ) -> Prediction {
        let (x, lookup) = nn::embedding(&self.embedding, inputs);
        let (x, state) = match &self.layers[..] {
            [Layer::Rhn(rhn)] => {
                let s0 = state[0].clone();
                let y = nn::rhn(x, s0, rhn.input.val(), rhn.recurrent.val(), rhn.bias.val());
                let [steps, rows, h] = y.dims();
                let last = y.clone().narrow(0, steps - 1, 1).reshape([rows, h]);
                (y, vec![last])
            }
            layers => {
                let weights = layers.iter().filter_map(Layer::lstm_weights).collect();
                let states = state.chunks_exact(2).map(|pair| [pair[0].clone(), pair[1].clone()]).collect();
                let (y, last) = nn::lstm_layers(x, states, weights, LstmCell::Tensorflow);
                (y, last.into_iter().flatten().collect())
            }
        };
        let [steps, rows, h] = x.dims();
        let hidden = x.reshape([steps * rows, h]);
        let (weight, bias) = (self.output.val(), self.output_bias.val());
        let loss = nn::softmax_cross_entropy(hidden, OutputWeight::Columns(weight), bias, targets, weights);
        Prediction {
            loss,
            state: state.into_iter().map(nn::detach).collect(),
            lookups: lookup.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaling_core::neural::{Optimizer, count};
    use scaling_core::trial::Optimization;

    /// MODELS 2.3, all rows; 7.1.
    #[test]
    fn parameter_counts_are_exact() {
        let table: [(f64, [u64; 4]); 8] = [
            (64.0, [1_356_564, 1_422_612, 1_340_308, 104_034]),
            (128.0, [2_834_196, 3_097_364, 2_768_916, 388_194]),
            (256.0, [6_182_676, 7_233_300, 5_921_044, 1_497_186]),
            (512.0, [14_452_500, 18_650_900, 13_404_948, 5_877_858]),
            (1024.0, [37_283_604, 54_069_012, 33_091_348, 23_289_954]),
            (1536.0, [68_503_316, 106_264_340, 59_069_204, 52_236_386]),
            (2004.0, [104_378_324, 168_650_612, 88_318_268, 88_785_314]),
            (2048.0, [108_111_636, 175_236_884, 91_338_516, 92_717_154]),
        ];
        let models = ["word-lstm2", "word-lstm4", "word-rhn5", "char-rhn10"];
        for (size, row) in table {
            for (model, expected) in models.into_iter().zip(row) {
                let vocabulary = if model == "char-rhn10" { 98 } else { 10_004 };
                let extent = Extent { length: 1, vocabulary };
                let cost = Architecture::parse(model).unwrap().cost(size, extent).unwrap();
                assert_eq!(cost.parameters, expected, "{model} {size}");
            }
        }
    }

    #[test]
    fn the_formula_counts_what_is_built_and_training_starts_at_ln_v() {
        let device = Device::flex().autodiff();
        for model in ["word-lstm2", "word-lstm4", "word-rhn5", "char-rhn10"] {
            let architecture = Architecture::parse(model).unwrap();
            let extent = Extent { length: 1, vocabulary: 50 };
            let built = LanguageModel::new(architecture, 7, 50, -4.0, 1, &device);
            assert_eq!(count(&built), architecture.cost(7.0, extent).unwrap().parameters, "{model}");
            // Every symbol once, so that those with larger and with smaller biases make up for each other.
            let targets = Tensor::<1, Int>::arange(0..50, &device);
            let inputs = targets.clone().reshape([25, 2]);
            let weights = Tensor::ones([50], &device);
            let found = built.predict(inputs, targets, weights, &built.zero_state(2, &device));
            let mean = found.loss.losses.mean().into_scalar::<f32>();
            assert!((mean / 50f32.ln() - 1.0).abs() < 0.01, "{model}: {mean}");
            assert_eq!(found.state.len(), built.zero_state(2, &device).len());
        }
    }

    /// MODELS 7.3.
    #[test]
    fn every_model_overfits_a_minibatch() {
        let device = Device::flex().autodiff();
        for model in ["word-lstm2", "word-lstm4", "word-rhn5", "char-rhn10"] {
            let architecture = Architecture::parse(model).unwrap();
            let mut built = LanguageModel::new(architecture, 16, 14, -4.0, 1, &device);
            let mut optimizer = Optimizer::new(&Optimization::one_pass("adam", 0.02, 2, 5.0));
            let mut last = f32::INFINITY;
            for step in 0..200 {
                let inputs = Tensor::<1, Int>::arange(0..12, &device).reshape([6, 2]);
                let targets = Tensor::<1, Int>::arange(2..14, &device);
                let weights = Tensor::full([12], 1.0 / 12.0, &device);
                let found = built.predict(inputs, targets, weights, &built.zero_state(2, &device));
                last = found.loss.total.clone().inner().into_scalar::<f32>();
                let mut gradients = found.loss.total.backward();
                built = optimizer.step(built, &mut gradients, &found.lookups, step, 0.02);
            }
            assert!(last < 0.1, "{model}: {last}");
        }
    }
}
