//! What a decoder returns.

use super::Unusable;
use scaling_core::number::thousands;

/// What a file holds, its channels averaged.
pub(super) struct Sound {
    /// Full scale is 1.
    pub(super) samples: Vec<f32>,
    /// Samples per second.
    pub(super) rate: u32,
}

/// What is said of a file that ends early, in samples of one channel.
pub(super) fn truncated(there: usize, expected: u64) -> Unusable {
    let (there, expected) = (thousands(there as u64), thousands(expected));
    Unusable::new(format!("is truncated or damaged: {there} of {expected} samples are there"))
}
