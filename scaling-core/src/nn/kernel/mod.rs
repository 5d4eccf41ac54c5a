//! The arithmetic of the fused layers, on plain slices.
//!
//! Block sizes depend on shapes alone (on the thread count only where rows are independent) and every sum has
//! a fixed order, so results are identical for any number of threads. The vector width depends on the CPU, so
//! CPU models may differ in the last bits.

// A kernel is compiled for one CPU level by being inlined into the function that asks for it.
#![allow(clippy::inline_always)]

mod activation;
mod attention;
pub(super) mod bidirectional;
mod blocks;
mod buffer;
mod channels;
pub(super) mod convolution;
mod correlation;
pub(super) mod ctc;
pub(super) mod decoder;
pub(super) mod hybrid;
mod lanes;
pub(super) mod lstm;
pub(super) mod normalization;
pub(super) mod pooling;
mod product;
pub(super) mod rhn;
pub(super) mod softmax;
pub(crate) mod update;
pub(super) mod window;

pub(crate) use buffer::keep_freed_memory;
pub(super) use softmax::scale;
