//! What a trial is: all that can change its result.

use crate::settings::Options;
use crate::shard::ShardSpec;
use serde::{Deserialize, Serialize};

/// Raised whenever the code changes so that the same configuration gives another result.
pub const SCHEMA: u32 = 4;

/// Default of `drop`. Configurations that equal it omit the field, so trials from before it was a setting
/// keep their ids.
fn half() -> f64 {
    0.5
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_half(factor: &f64) -> bool {
    *factor == half()
}

/// Defaults of Adam (Kingma and Ba 2015), omitted for the same reason.
fn beta2() -> f64 {
    0.999
}

fn epsilon() -> f64 {
    1e-8
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_beta2(value: &f64) -> bool {
    *value == beta2()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_epsilon(value: &f64) -> bool {
    *value == epsilon()
}

/// An optimiser and the settings that the search varies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Optimization {
    /// `sgd`, `nesterov` (SGD with that momentum) or `adam`.
    pub optimizer: String,
    /// Initial learning rate.
    pub rate: f64,
    /// Sequences or images in an update.
    pub batch: u64,
    /// `constant` or `plateau`.
    pub schedule: String,
    /// Maximum number of rate reductions.
    pub drops: u64,
    /// Evaluations without improvement before a reduction.
    pub stall: u64,
    /// Evaluations without improvement at the lowest rate before training stops.
    pub patience: u64,
    /// Maximum passes over the shard.
    pub epochs: u64,
    /// Largest global gradient norm; 0 = none.
    pub clip: f64,
    /// Factor on the learning rate at each reduction.
    #[serde(default = "half", skip_serializing_if = "is_half")]
    pub drop: f64,
    /// Decay of Adam's second moment.
    #[serde(default = "beta2", skip_serializing_if = "is_beta2")]
    pub adam_beta2: f64,
    /// Offset of Adam's denominator.
    #[serde(default = "epsilon", skip_serializing_if = "is_epsilon")]
    pub adam_epsilon: f64,
}

impl Optimization {
    /// One pass at a constant rate.
    pub fn one_pass(optimizer: &str, rate: f64, batch: u64, clip: f64) -> Self {
        Self {
            optimizer: optimizer.into(),
            rate,
            batch,
            schedule: "constant".into(),
            drops: 0,
            stall: 1,
            patience: 1,
            epochs: 1,
            clip,
            drop: half(),
            adam_beta2: beta2(),
            adam_epsilon: epsilon(),
        }
    }
}

/// Everything that can change the result of a trial, and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialConfig {
    /// Version of the training code.
    pub schema: u32,
    /// Task name.
    pub task: String,
    /// Model name.
    pub model: String,
    /// What is compared within one model: the optimiser, unless the task adds more.
    pub variant: String,
    /// Hidden units, width or filter factor, as the model defines it.
    pub size: f64,
    /// Training data.
    pub shard: ShardSpec,
    /// Seed of initialisation and data order.
    pub seed: u64,
    /// How it is trained.
    pub optimization: Optimization,
    /// Validation samples (0 = all).
    pub validation: u64,
    /// Options of the task.
    pub options: Options,
    /// Hash of the data.
    pub fingerprint: String,
    /// Kind of device, since kernels differ in the last bits.
    pub device: String,
}

impl TrialConfig {
    /// The trial's name: a hash of its configuration.
    pub fn id(&self) -> String {
        // serde_json writes fields in declaration order and floats in shortest form, so equal
        // configurations give equal bytes.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        blake3::hash(&bytes).to_hex()[..16].to_owned()
    }
}
