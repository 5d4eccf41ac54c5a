//! What a model costs, and what a trial took: `cost.json`.

use serde::{Deserialize, Serialize};

/// Parameters and arithmetic of one model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Trainable scalars, counted exactly.
    pub parameters: u64,
    /// Floating-point operations to train on one sample (forward and backward), matrix products only.
    pub flops_per_sample: f64,
}

/// What the trial took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CostRecord {
    /// Wall-clock seconds over all runs.
    pub seconds: f64,
    /// Seconds of them on the validation and test sets; records of earlier versions do not tell.
    #[serde(default)]
    pub evaluation_seconds: f64,
    /// Seconds of them that the host waited for samples in training; on a GPU these overlap the update.
    #[serde(default)]
    pub input_seconds: f64,
    /// Floating-point operations of the updates made.
    pub flops: f64,
    /// Peak resident memory in bytes.
    pub peak_memory: u64,
    /// Machine of the last run.
    pub host: String,
}
