//! The sequence layers that the stock framework runs too slowly, as single operations.
//!
//! An autodiff graph with a node for every gate of every step spends its time on bookkeeping. Here
//! a whole sequence is one operation. Each exists as the *reference*, plain tensor code that every backend
//! runs and differentiates; *fused*, on slices with a hand-written backward pass, for 32-bit floats on the
//! CPU backend; and, with the feature `tch`, as LibTorch has it. Sequences are time-major.

mod embedding;
mod extension;
mod flex;
mod kernel;
mod lstm;
mod rhn;
mod softmax;
#[cfg(test)]
mod tests;
#[cfg(feature = "tch")]
mod torch;

pub use embedding::{Lookup, embedding};
pub(crate) use extension::host_kernels;
pub use extension::reference_wanted;
pub(crate) use kernel::{keep_freed_memory, update};
pub use lstm::{LstmCell, LstmOptions, LstmOutput, lstm};
pub use rhn::rhn;
pub use softmax::{CrossEntropy, softmax_cross_entropy};
