//! The arithmetic of the fused layers, on plain slices.
//!
//! Work is cut into blocks whose sizes depend on the shapes alone (on the number of threads only where
//! every row is computed by itself), and every sum is taken in a fixed order, so results are the same
//! bytes for any number of threads. The vector width is chosen
//! at run time, so they may differ in the last bits between models of CPU.

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
