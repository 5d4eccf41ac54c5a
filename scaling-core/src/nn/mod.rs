//! The sequence layers that the stock framework runs too slowly, as single operations.
//!
//! An autodiff graph with a node for every gate of every step spends its time on bookkeeping. Here
//! a whole sequence is one operation with a hand-written backward pass. Each operation exists
//! twice: as the *reference*, plain tensor code that every backend runs and differentiates, and
//! *fused*, on slices, for 32-bit floats on the CPU backend. Sequences are time-major.

mod embedding;
mod fused;
mod kernel;
mod lstm;
mod rhn;
mod softmax;
#[cfg(test)]
mod tests;

pub use embedding::embedding;
pub use fused::reference_wanted;
pub use lstm::{LstmCell, LstmOutput, lstm};
pub use rhn::rhn;
pub use softmax::softmax_cross_entropy;
