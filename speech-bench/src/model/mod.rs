//! The recognisers of speech (MODELS 5.2 and 5.3).

mod architecture;
mod attention;
mod deep_speech;
#[cfg(test)]
mod tests;

pub(crate) use architecture::{Architecture, NAMES};
pub(crate) use attention::HybridAttention;
pub(crate) use deep_speech::DeepSpeech;

use crate::batch::Staged;
use burn::module::Module;
use burn::tensor::Tensor;
use std::sync::Arc;

/// What a minibatch costs.
pub(crate) struct Loss {
    /// In nats, the sum over utterances: what is differentiated, [1].
    pub(crate) total: Tensor<1>,
    /// Reads those of every utterance, once they are wanted.
    pub(crate) nats: Box<dyn FnOnce() -> Vec<f32>>,
}

/// A model that writes down what it hears.
pub(crate) trait Recogniser: Module {
    /// The loss of a minibatch with transcripts.
    fn loss(&self, staged: Staged) -> Loss;

    /// What the model, which has no autodiff here, hears in every utterance, greedily, as ids of the
    /// alphabet; and the losses, if the batch has transcripts.
    fn hear(&self, staged: Staged) -> Hypotheses;
}

/// What a model heard in a minibatch.
pub(crate) struct Hypotheses {
    pub(crate) transcripts: Vec<Vec<u8>>,
    /// In nats, of every utterance.
    pub(crate) nats: Vec<f32>,
}

/// 1 where a frame belongs to an utterance, 0 beyond its end, [B, T]; none if all are full.
fn within(lengths: &[usize], steps: usize) -> Option<Vec<f32>> {
    let row =
        |length: &usize| (0..steps).map(move |step| f32::from(u8::from(step < *length))).collect::<Vec<_>>();
    lengths.iter().any(|length| *length < steps).then(|| lengths.iter().flat_map(row).collect())
}

/// The lengths of utterances of which every second frame is kept.
fn halved(lengths: &[usize]) -> Arc<[usize]> {
    lengths.iter().map(|length| length.div_ceil(2)).collect()
}

/// The likeliest symbol of every row of logits, the first of equals.
fn likeliest(logits: &[f32], symbols: usize) -> impl Iterator<Item = usize> {
    logits.chunks_exact(symbols).map(move |row| {
        let better = |best: usize, symbol: usize| if row[symbol] > row[best] { symbol } else { best };
        (1..symbols).fold(0, better)
    })
}
