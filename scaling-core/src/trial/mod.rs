//! One trial: a model of one size trained on one shard with one setting of the optimiser.

mod beat;
mod checkpoint;
mod config;
mod cost;
mod failure;
mod learner;
mod lease;
mod outcome;
mod progress;
mod run;
mod schedule;
mod weights;

pub use beat::Beat;
pub(crate) use beat::{listen, newest, teller};
pub use config::{Optimization, SCHEMA, TrialConfig};
pub use cost::{Cost, CostRecord};
pub(crate) use failure::NO_MEMORY_EXIT;
pub use failure::{Failure, FailureKind};
pub use learner::{Evaluation, Learner};
pub use lease::Lease;
pub use outcome::{Outcome, State};
pub use run::{Run, run};
pub use weights::Weights;

/// The weights of a trial's best evaluation, in its directory.
pub(crate) const BEST_WEIGHTS: &str = "best.safetensors";
