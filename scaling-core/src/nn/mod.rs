//! The layers that the stock framework runs too slowly, as single operations.
//!
//! An autodiff graph with a node for every gate of every step spends its time on bookkeeping. Here a whole
//! sequence is one operation; so are a convolution that copies no windows, and a normalisation with the
//! residual and the rectifier that follow it. Each exists as the *reference*, plain tensor code that every
//! backend runs and differentiates; *fused*, on slices with a hand-written backward pass, for 32-bit floats
//! on the CPU backend; and, with the feature `tch`, as LibTorch has it. Sequences are time-major, images
//! channels-last.

mod batch_norm;
mod convolution;
mod ctc;
mod decoder;
mod embedding;
mod extension;
mod flex;
mod hybrid;
mod kernel;
mod lstm;
mod pooling;
mod precision;
mod rhn;
mod softmax;
mod targets;
#[cfg(test)]
mod tests;
#[cfg(feature = "tch")]
mod torch;
mod training;

pub use batch_norm::{BatchNormOptions, Normalized, batch_norm, normalize};
pub use convolution::{Padding, Placement, convolve};
pub use ctc::{Ctc, ctc};
pub use decoder::{
    DecoderOptions, DecoderOutput, DecoderState, DecoderWeights, InputFeeding, Masks, attention_decoder,
};
pub use embedding::{Lookup, embedding};
pub(crate) use extension::host_kernels;
pub use extension::reference_wanted;
pub use hybrid::{HybridOutput, HybridState, HybridWeights, hybrid_attention};
pub(crate) use kernel::{keep_freed_memory, update};
pub use lstm::{
    BothDirections, LstmCell, LstmOptions, LstmOutput, LstmWeights, bidirectional_lstm,
    bidirectional_lstm_layers, lstm, lstm_layers,
};
pub use pooling::max_pool;
pub(crate) use precision::set_precision;
pub use rhn::rhn;
pub use softmax::{CrossEntropy, OutputWeight, softmax_cross_entropy};
pub use targets::CtcTargets;
#[cfg(feature = "tch")]
pub(crate) use torch::{Flat, Gradient, Tape, batch_norm_and_note};
use training::narrow;
pub(crate) use training::unrecorded;
pub use training::{begin_draws, detach, drawn_mask, is_training, training_device, upload, upload_integers};

use std::sync::Arc;

/// Asserts that rows have lengths that fit.
///
/// # Panics
/// If there is not one length for each of `rows` rows, or one is not between 1 and `most`; `what` they are.
fn check_lengths(lengths: &[usize], rows: usize, most: usize, what: &str) {
    let fit = lengths.iter().all(|length| (1..=most).contains(length));
    assert!(lengths.len() == rows && fit, "{what}");
}

/// The lengths of rows, unless all are `most`: rows of full length need no second look.
///
/// # Panics
/// As [`check_lengths`].
fn short(lengths: Option<Arc<[usize]>>, rows: usize, most: usize, what: &str) -> Option<Arc<[usize]>> {
    lengths.filter(|lengths| {
        check_lengths(lengths, rows, most, what);
        lengths.iter().any(|length| *length < most)
    })
}
