//! The translation model: OpenNMT's encoder and decoder with global attention (MODELS 4.2; Luong et al.
//! 2015).

mod architecture;
mod dropout;

pub(crate) use architecture::{Architecture, ENCODERS, FEEDINGS};
pub(crate) use dropout::Dropout;

use crate::batch::Staged;
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use scaling_core::error::Result;
use scaling_core::neural::{Lstm, uniform};
use scaling_core::nn::{
    self, CrossEntropy, DecoderOptions, DecoderState, DecoderWeights, InputFeeding, Lookup, LstmCell,
    LstmOptions, OutputWeight,
};
use std::sync::Arc;

/// All parameters start uniform in [-0.1, 0.1] (OpenNMT's `param_init`).
const BOUND: f64 = 0.1;
/// Layers of encoder and decoder.
const LAYERS: usize = 2;

/// A translation model of width d.
#[derive(Module, Debug)]
pub(crate) struct Translator {
    /// Source embeddings, [V_S, d].
    source: Param<Tensor<2>>,
    /// Target embeddings and output layer, [V_T, d].
    target: Param<Tensor<2>>,
    /// [V_T].
    output_bias: Param<Tensor<1>>,
    /// One or two directions of every layer.
    encoder: Vec<Vec<Lstm>>,
    decoder: Vec<Lstm>,
    /// W_a, [d, d].
    attend: Param<Tensor<2>>,
    /// W_c, [2 d, d]: the rows of the context first.
    combine: Param<Tensor<2>>,
    /// Which decoder layers see the attention vector of the step before.
    #[module(skip)]
    feeding: InputFeeding,
}

/// What the encoder makes of sources.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    /// Output of its last layer, [S, B, d].
    pub(crate) memory: Tensor<3>,
    /// Steps of every source, [B].
    pub(crate) lengths: Arc<[usize]>,
    /// What the decoder starts from.
    pub(crate) state: DecoderState,
}

/// What comes of a minibatch.
pub(crate) struct Prediction {
    /// In nats, of the T B target positions.
    pub(crate) loss: CrossEntropy,
    pub(crate) lookups: Vec<Lookup>,
}

impl Translator {
    /// Initialised from a seed; |V_S| = `vocabulary`, |V_T| = `vocabulary` + 2.
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
        let (d, symbols) = (architecture.width(size)?, vocabulary + 2);
        let directions = if architecture.bidirectional { 2 } else { 1 };
        let encoder = |layer: usize| {
            let direction = |k: usize| {
                Lstm::new(&format!("encoder/{layer}/{k}"), seed, [d, d / directions], BOUND, device)
            };
            (0..directions).map(direction).collect()
        };
        let fed = architecture.feeding.fed();
        let decoder = |layer: usize| {
            let input = if fed[layer] { 2 * d } else { d };
            Lstm::new(&format!("decoder/{layer}"), seed, [input, d], BOUND, device)
        };
        Ok(Self {
            source: uniform("source", seed, BOUND, [vocabulary, d], device),
            target: uniform("target", seed, BOUND, [symbols, d], device),
            output_bias: uniform("output_bias", seed, BOUND, [symbols], device),
            encoder: (0..LAYERS).map(encoder).collect(),
            decoder: (0..LAYERS).map(decoder).collect(),
            attend: uniform("attend", seed, BOUND, [d, d], device),
            combine: uniform("combine", seed, BOUND, [2 * d, d], device),
            feeding: architecture.feeding,
        })
    }

    /// Reads sources [S, B] of the given lengths.
    fn read(
        &self,
        source: Tensor<2, Int>,
        lengths: &Arc<[usize]>,
        dropout: Option<&mut Dropout>,
    ) -> (Encoded, Option<Lookup>) {
        let ([steps, rows], [_, d]) = (source.dims(), self.source.dims());
        let device = source.device();
        let mask = dropout.map(|dropout| dropout.mask_of([steps, rows, d], &device));
        let (mut x, lookup) = nn::embedding(&self.source, source);
        let (mut h, mut c) = (Vec::new(), Vec::new());
        let zero = Tensor::zeros([rows, d / self.encoder[0].len()], &device);
        for (layer, directions) in self.encoder.iter().enumerate() {
            if layer > 0
                && let Some(mask) = &mask
            {
                x = x * mask.clone();
            }
            let read = |(k, lstm): (usize, &Lstm)| {
                let options = LstmOptions {
                    reverse: k == 1,
                    lengths: Some(lengths.clone()),
                    ..LstmOptions::new(LstmCell::Torch)
                };
                nn::lstm(x.clone(), zero.clone(), zero.clone(), lstm.weight.val(), lstm.bias(), &options)
            };
            let read: Vec<_> = directions.iter().enumerate().map(read).collect();
            h.push(joined(read.iter().map(|out| out.h_last.clone()).collect(), 1));
            c.push(joined(read.iter().map(|out| out.c_last.clone()).collect(), 1));
            x = joined(read.into_iter().map(|out| out.y).collect(), 2);
        }
        let state = DecoderState {
            h: Tensor::stack(h, 0),
            c: Tensor::stack(c, 0),
            vector: Tensor::zeros([rows, d], &device),
        };
        (Encoded { memory: x, lengths: lengths.clone(), state }, lookup)
    }

    /// Attention vectors [T, B, d] that follow from the target symbols read so far, `inputs` [T, B], and the
    /// state after them.
    fn write(
        &self,
        encoded: Encoded,
        inputs: Tensor<2, Int>,
        dropout: Option<&mut Dropout>,
    ) -> (Tensor<3>, DecoderState, Option<Lookup>) {
        let ([steps, rows], [_, d]) = (inputs.dims(), self.target.dims());
        let (x, lookup) = nn::embedding(&self.target, inputs);
        let options = DecoderOptions {
            feeding: self.feeding,
            lengths: Some(encoded.lengths),
            masks: dropout.map(|dropout| dropout.masks(steps * rows * d)),
        };
        let [first, second] = [0, 1].map(|layer| self.decoder[layer].weight.val());
        let weights = DecoderWeights {
            first,
            second,
            biases: Tensor::stack(self.decoder.iter().map(Lstm::bias).collect(), 0),
            attend: self.attend.val(),
            combine: self.combine.val(),
        };
        let out = nn::attention_decoder(x, encoded.memory, encoded.state, weights, &options);
        (out.attended, out.state, lookup)
    }

    /// Predicts every target symbol of a batch from its source and the symbols before it.
    pub(crate) fn predict(&self, staged: Staged, mut dropout: Option<Dropout>) -> Prediction {
        let Staged { source, lengths, inputs, targets, weights, .. } = staged;
        let (encoded, of_source) = self.read(source, &lengths, dropout.as_mut());
        let (attended, _, of_target) = self.write(encoded, inputs, dropout.as_mut());
        let ([n], [_, d]) = (targets.dims(), self.target.dims());
        let loss = nn::softmax_cross_entropy(
            attended.reshape([n, d]),
            OutputWeight::Table(self.target.val()),
            self.output_bias.val(),
            targets,
            weights,
        );
        Prediction { loss, lookups: of_source.into_iter().chain(of_target).collect() }
    }

    /// Reads sources, padded to one length, to be translated; for a model without autodiff.
    pub(crate) fn encode(&self, source: Vec<i64>, lengths: &Arc<[usize]>, device: &Device) -> Encoded {
        let rows = lengths.len();
        let steps = source.len() / rows;
        self.read(Tensor::from_data(TensorData::new(source, [steps, rows]), device), lengths, None).0
    }

    /// One step of the decoder: what was encoded with the state after it, and the logits [B, V_T] of the next
    /// symbols after `previous` [B].
    pub(crate) fn advance(
        &self,
        encoded: &Encoded,
        previous: Vec<i64>,
        device: &Device,
    ) -> (Encoded, Tensor<2>) {
        let rows = previous.len();
        let inputs = Tensor::from_data(TensorData::new(previous, [1, rows]), device);
        let (attended, state, _) = self.write(encoded.clone(), inputs, None);
        let [_, d] = self.target.dims();
        let hidden: Tensor<2> = attended.reshape([rows, d]);
        let logits = hidden.matmul(self.target.val().transpose()) + self.output_bias.val().unsqueeze();
        (Encoded { state, ..encoded.clone() }, logits)
    }
}

/// Directions beside each other; a single one without a copy.
fn joined<const D: usize>(mut directions: Vec<Tensor<D>>, dim: usize) -> Tensor<D> {
    if directions.len() == 1 { directions.remove(0) } else { Tensor::cat(directions, dim) }
}

impl Encoded {
    /// The rows at the given places, in their order.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        let device = self.memory.device();
        let ids: Vec<i64> = rows.iter().map(|row| *row as i64).collect();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [rows.len()]), &device);
        let DecoderState { h, c, vector } = &self.state;
        Self {
            memory: self.memory.clone().select(1, ids.clone()),
            lengths: rows.iter().map(|row| self.lengths[*row]).collect(),
            state: DecoderState {
                h: h.clone().select(1, ids.clone()),
                c: c.clone().select(1, ids.clone()),
                vector: vector.clone().select(0, ids),
            },
        }
    }
}

#[cfg(test)]
mod tests;
