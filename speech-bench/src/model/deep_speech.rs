//! Deep Speech 2 with LSTMs: two convolutions, four bidirectional layers, connectionist temporal
//! classification.

use super::architecture::{Architecture, BatchNormed, CHANNELS, LAYERS, STRIDES, WINDOWS};
use super::{Hypotheses, Loss, Recogniser, halved, likeliest, within};
use crate::batch::{Batch, Staged};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use scaling_core::error::Result;
use scaling_core::neural::{BatchNorm, Lstm, uniform, values};
use scaling_core::nn::{
    self, BatchNormOptions, BothDirections, CtcTargets, LstmCell, LstmWeights, Padding, Placement,
};
use std::sync::Arc;

/// The largest activation of a convolution (MODELS 5.2).
const CEILING: f64 = 20.0;
/// Added to variances.
const EPSILON: f64 = 1e-5;

/// The model of width h.
#[derive(Module, Debug)]
pub(crate) struct DeepSpeech {
    convolutions: Vec<Convolution>,
    layers: Vec<Layer>,
    /// [2 h, V]; the blank is the last symbol.
    output: Param<Tensor<2>>,
    /// [V].
    output_bias: Param<Tensor<1>>,
}

/// A convolution over time and frequency.
#[derive(Module, Debug)]
struct Convolution {
    /// [KT, KF, C, D].
    weight: Param<Tensor<4>>,
    /// [D].
    bias: Param<Tensor<1>>,
    normalization: Option<BatchNorm>,
    /// Frames and frequencies from one window to the next.
    stride: Vec<usize>,
    /// Zeros before and after frames, and frequencies.
    padding: Vec<usize>,
}

/// Two directions of an LSTM.
#[derive(Module, Debug)]
struct Layer {
    directions: Vec<Lstm>,
    /// Of what every direction makes of its inputs, 4 h channels.
    normalizations: Vec<BatchNorm>,
}

impl DeepSpeech {
    /// Initialised from a seed, uniform with a variance that keeps that of what passes through: up to sqrt(6
    /// / inputs) in the convolutions, half of whose outputs are cut off (He et al. 2015), else up to sqrt(3 /
    /// inputs).
    ///
    /// # Errors
    /// If the size does not suit the architecture.
    pub(crate) fn new(
        architecture: Architecture,
        size: f64,
        vocabulary: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let (h, [_, frequencies]) = (architecture.width(size)?, architecture.frequencies()?);
        architecture.alphabet(vocabulary)?;
        let batch_norm = match architecture {
            Architecture::DeepSpeech { batch_norm, .. } => batch_norm,
            Architecture::Attention { .. } => BatchNormed::None,
        };
        let padding = architecture.frequency_padding();
        let convolution = |layer: usize| {
            let [rows, columns] = WINDOWS[layer];
            let channels = if layer == 0 { 1 } else { CHANNELS };
            let (name, inputs) = (format!("convolution/{layer}"), rows * columns * channels);
            let bound = (6.0 / inputs as f64).sqrt();
            Convolution {
                weight: uniform(&name, seed, bound, [rows, columns, channels, CHANNELS], device),
                bias: Param::from_tensor(Tensor::zeros([CHANNELS], device)),
                normalization: (batch_norm != BatchNormed::None)
                    .then(|| BatchNorm::new(CHANNELS, 1.0, device)),
                stride: STRIDES[layer].to_vec(),
                padding: vec![rows / 2, padding[layer]],
            }
        };
        let layer = |layer: usize| {
            let input = if layer == 0 { CHANNELS * frequencies } else { 2 * h };
            let bound = (3.0 / (input + h) as f64).sqrt();
            let direction =
                |k: usize| Lstm::new(&format!("layer/{layer}/{k}"), seed, [input, h], bound, device);
            let normed = if batch_norm == BatchNormed::ConvAndRecurrent { 2 } else { 0 };
            Layer {
                directions: (0..2).map(direction).collect(),
                normalizations: (0..normed).map(|_| BatchNorm::new(4 * h, 1.0, device)).collect(),
            }
        };
        let bound = (3.0 / (2 * h) as f64).sqrt();
        Ok(Self {
            convolutions: (0..2).map(convolution).collect(),
            layers: (0..LAYERS).map(layer).collect(),
            output: uniform("output", seed, bound, [2 * h, vocabulary], device),
            output_bias: Param::from_tensor(Tensor::zeros([vocabulary], device)),
        })
    }

    /// Logits of every second frame, [T', B, V], and how many of them each utterance has.
    fn logits(&self, batch: &Batch, features: Tensor<3>) -> (Tensor<3>, Arc<[usize]>) {
        let (rows, lengths, device) = (batch.rows(), halved(&batch.lengths), features.device());
        let steps = batch.steps().div_ceil(2);
        let within = within(&lengths, steps).map(|values| nn::upload(values, [rows, steps, 1, 1], &device));
        let mut x = features.reshape([rows, batch.steps(), batch.bins, 1]);
        for convolution in &self.convolutions {
            x = convolution.forward(x);
            // An utterance hears nothing of the padding behind it.
            if let Some(within) = &within {
                x = x * within.clone();
            }
        }
        let [_, _, frequencies, channels] = x.dims();
        let mut x = x.reshape([rows, steps, frequencies * channels]).swap_dims(0, 1);
        let valid = Valid {
            mask: within.map(|within| within.reshape([rows, steps, 1]).swap_dims(0, 1)),
            // Counted here, since a device would have to finish its work before it could say.
            count: lengths.iter().sum::<usize>() as f64,
        };
        let options = BothDirections { cell: LstmCell::Torch, lengths: Some(lengths.clone()) };
        if self.layers.iter().any(Layer::is_normalized) {
            for layer in &self.layers {
                let weights = layer.normalized(&x, &valid);
                x = nn::bidirectional_lstm(x, weights, &options);
            }
        } else {
            let layers = self.layers.iter().map(Layer::weights).collect();
            x = nn::bidirectional_lstm_layers(x, layers, &options);
        }
        let [steps, rows, width] = x.dims();
        let [_, symbols] = self.output.dims();
        let logits =
            x.reshape([steps * rows, width]).matmul(self.output.val()) + self.output_bias.val().unsqueeze();
        (logits.reshape([steps, rows, symbols]), lengths)
    }

    /// The losses of transcripts, given the logits.
    fn classify(logits: Tensor<3>, lengths: Arc<[usize]>, batch: &Batch) -> Loss {
        let [_, _, symbols] = logits.dims();
        let targets = CtcTargets {
            symbols: batch.transcripts.iter().map(|t| t.iter().map(|id| u16::from(*id)).collect()).collect(),
            lengths,
        };
        let weights = Tensor::ones([batch.rows()], &logits.device());
        let found = nn::ctc(logits, &targets, symbols - 1, weights);
        let losses = found.losses;
        Loss { total: found.total, nats: Box::new(move || values(losses)) }
    }
}

/// The frames of a batch that belong to utterances.
struct Valid {
    /// 1 there and 0 in the padding, [T, B, 1]; none without padding.
    mask: Option<Tensor<3>>,
    count: f64,
}

impl Convolution {
    /// [B, T, F, C] becomes [B, T', F', D], between 0 and the ceiling.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let padding = [self.padding[0], self.padding[1]].map(|zeros| [zeros; 2]);
        let placement =
            Placement { stride: [self.stride[0], self.stride[1]], padding: Padding::Around(padding) };
        let x = nn::convolve(x, self.weight.val(), placement) + self.bias.val().unsqueeze();
        let x = match &self.normalization {
            Some(normalization) => {
                let options = BatchNormOptions { epsilon: EPSILON, rectify: false };
                normalization.forward(x, None, options)
            }
            None => x,
        };
        x.clamp(0.0, CEILING)
    }
}

impl Layer {
    /// Whether what every direction makes of its inputs is normalised.
    fn is_normalized(&self) -> bool {
        !self.normalizations.is_empty()
    }

    /// The weights of both directions.
    fn weights(&self) -> [LstmWeights; 2] {
        [0, 1].map(|k| self.directions[k].weights())
    }

    /// The weights of both directions, if what they make of inputs [T, B, I] is normalised over the valid
    /// frames (sequence-wise batch normalisation, Amodei et al. 2016): since that scales and shifts every
    /// gate, scale and shift go into weight and bias.
    fn normalized(&self, x: &Tensor<3>, valid: &Valid) -> [LstmWeights; 2] {
        [0, 1].map(|k| normalized(&self.normalizations[k], self.directions[k].weights(), x, valid))
    }
}

/// The LSTM whose inputs' part of the gates is normalised.
fn normalized(
    normalization: &BatchNorm,
    LstmWeights { weight, bias }: LstmWeights,
    x: &Tensor<3>,
    valid: &Valid,
) -> LstmWeights {
    let ([steps, rows, input], [both, gates]) = (x.dims(), weight.dims());
    let of_input = weight.clone().narrow(0, 0, input);
    let moments = if nn::is_training(x) {
        let made = x.clone().reshape([steps * rows, input]).matmul(of_input.clone());
        let mask = valid.mask.as_ref().map(|mask| mask.clone().reshape([steps * rows, 1]));
        let mean_of = |values: Tensor<2>| {
            let values = match &mask {
                Some(mask) => values * mask.clone(),
                None => values,
            };
            values.sum_dim(0).div_scalar(valid.count)
        };
        let mean = mean_of(made.clone());
        let variance = mean_of((made - mean.clone()).square());
        let moments = Tensor::cat(vec![mean, variance], 0);
        normalization.note(moments.clone(), valid.count);
        moments
    } else {
        normalization.moments()
    };
    let [mean, variance] = [0, 1].map(|k| moments.clone().narrow(0, k, 1));
    let scale = normalization.scale.val().unsqueeze() / variance.add_scalar(EPSILON).sqrt();
    let shift: Tensor<2> = normalization.shift.val().unsqueeze::<2>() - mean * scale.clone();
    LstmWeights {
        weight: Tensor::cat(vec![of_input * scale, weight.narrow(0, input, both - input)], 0),
        bias: bias + shift.reshape([gates]),
    }
}

impl Recogniser for DeepSpeech {
    fn loss(&self, staged: Staged) -> Loss {
        let Staged { batch, features } = staged;
        let (logits, lengths) = self.logits(&batch, features);
        Self::classify(logits, lengths, &batch)
    }

    /// The likeliest symbol of every frame, repeats and then blanks removed (Graves et al. 2006).
    fn hear(&self, staged: Staged) -> Hypotheses {
        let Staged { batch, features } = staged;
        let (logits, lengths) = self.logits(&batch, features);
        let [_, rows, symbols] = logits.dims();
        let best: Vec<usize> = likeliest(&values(logits.clone()), symbols).collect();
        let transcript = |row: usize| {
            let path = (0..lengths[row]).map(|step| best[step * rows + row]);
            let mut before = symbols - 1;
            let mut heard = Vec::new();
            for symbol in path {
                if symbol != before && symbol != symbols - 1 {
                    heard.push(symbol as u8);
                }
                before = symbol;
            }
            heard
        };
        let transcripts = (0..rows).map(transcript).collect();
        let nats = if batch.transcripts.is_empty() {
            Vec::new()
        } else {
            (Self::classify(logits, lengths.clone(), &batch).nats)()
        };
        Hypotheses { transcripts, nats }
    }
}
