//! What every scaling study shares: shards, search, training, executors, fits and reports.
//!
//! A *study* measures how the validation error E and the best model size s of one *task* change
//! with the number of training samples m. It is a grid of independent *trials*. A domain crate
//! implements [`task::Task`] and hands it to [`cli::run`]; everything else lives here.
//!
//! Comments cite Hestness et al.: "ICLR" is *A Proposed Hierarchy of Deep Learning Tasks* (submitted to ICLR
//! 2019), "arXiv" is arXiv 1712.00409 (2017).
//!
//! A study goes through these modules in this order:
//!
//! ```text
//! task -> shard -> space -> trial -> study -> fit -> report
//! ```

// `tests/support`, which the tests of all crates include, calls this crate by its name.
#[cfg(test)]
extern crate self as scaling_core;

pub mod analytic;
pub mod cli;
pub mod data;
#[cfg(test)]
#[path = "../../tests/support/data_set.rs"]
mod data_set;
pub mod device;
pub mod entropy;
pub mod error;
pub mod files;
pub mod fit;
pub mod median;
pub mod neural;
pub mod nn;
pub mod number;
mod parent;
mod precision;
pub mod random;
mod report;
pub mod settings;
pub mod shard;
mod space;
pub mod standard_error;
pub mod study;
pub mod task;
pub mod terminal;
pub mod text;
pub mod tool;
pub mod trial;
