//! One trial: a model of one size trained on one shard with one setting of the optimiser.

mod beat;
mod checkpoint;
mod config;
mod lease;
mod outcome;
mod progress;
mod run;
mod schedule;
mod weights;

pub use beat::Beat;
pub(crate) use beat::{PARENT, has_study, listen, newest, teller};
pub use config::{Optimization, SCHEMA, TrialConfig};
pub use lease::Lease;
pub(crate) use outcome::NO_MEMORY_EXIT;
pub use outcome::{CostRecord, Failure, FailureKind, Outcome, State};
pub use run::{Run, run};
pub use weights::Weights;

/// The weights of a trial's best evaluation, in its directory.
pub(crate) const BEST_WEIGHTS: &str = "best.safetensors";
