//! What a trial without a result leaves behind: `error.json`, or an exit code.

use serde::{Deserialize, Serialize};

/// Why a trial has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The loss became non-finite or exploded: an outcome of the search, not a fault.
    Diverged,
    /// The training code panicked.
    Panic,
    /// The device had no memory left.
    Memory,
    /// The process was killed from outside (out of memory, most often) again and again.
    Killed,
}

/// The exit code of a trial that found no memory, towards the study that started it: only that knows what ran
/// beside it, and so whether this is a failure.
pub(crate) const NO_MEMORY_EXIT: i32 = 75;

/// `error.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What happened.
    pub kind: FailureKind,
    /// After how many updates, as far as the last process of the trial has told: 0 if it died before its
    /// first.
    pub step: u64,
    /// One line.
    pub message: String,
}
