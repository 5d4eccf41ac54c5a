//! The settings that every task has.

use super::clip::Clip;
use super::key::{Key, Kind};
use super::value::parse;
use crate::precision::Precision;
use crate::shard::Mode;
use serde::{Deserialize, Serialize};
use toml::Value;

/// The settings that every task has.
pub const KEYS: &[Key] = &[
    Key::new("shards", Kind::Counts, "1000", "training-set sizes m, in the task's unit"),
    Key::new(
        "mode",
        Kind::Choice(&["independent", "disjoint", "nested"]),
        "independent",
        "how shards relate",
    ),
    Key::new("sizes", Kind::Numbers, "1", "model sizes (hidden units, width or filter factor)"),
    Key::new(
        "seeds",
        Kind::Positive,
        "1",
        "repetitions of every point, each with its own shard and initialisation",
    ),
    Key::new(
        "search",
        Kind::Choice(&["grid", "guided"]),
        "grid",
        "guided: large shards try only neighbours of the best settings of the shard before",
    ),
    Key::new(
        "optimizers",
        Kind::Choices(&["sgd", "nesterov", "adam"]),
        "sgd",
        "optimisers; each gives a curve of its own",
    ),
    Key::new("sgd_rates", Kind::Numbers, "0.2", "learning rates of SGD, with momentum or without"),
    Key::new("adam_rates", Kind::Numbers, "0.001", "learning rates of Adam"),
    Key::new("batch_sizes", Kind::Counts, "32", "sequences or images per update"),
    Key::new(
        "schedule",
        Kind::Choice(&["constant", "plateau"]),
        "plateau",
        "plateau: reduce the rate when the validation loss stalls",
    ),
    Key::new("drop", Kind::Number, "0.5", "factor on the learning rate at each reduction"),
    Key::new("drops", Kind::Count, "3", "maximum number of rate reductions"),
    Key::new("stall", Kind::Count, "2", "evaluations without improvement before the rate is reduced"),
    Key::new(
        "patience",
        Kind::Positive,
        "2",
        "evaluations without improvement at the lowest rate before training stops",
    ),
    Key::new("epochs", Kind::Positive, "200", "maximum passes over the shard"),
    Key::new(
        "clip",
        Kind::NumberOr("own"),
        "10",
        "largest global gradient norm; 0 = none; own: that of each model's recipe",
    ),
    Key::new("adam_beta2", Kind::Number, "0.999", "decay of Adam's second moment"),
    Key::new("adam_epsilon", Kind::Number, "1e-8", "offset of Adam's denominator"),
    Key::new("validation", Kind::Count, "0", "validation samples; 0 = the whole validation part"),
    Key::new("level", Kind::Number, "0.95", "level of the intervals"),
    Key::new(
        "precision",
        Kind::Choice(Precision::NAMES),
        "f32",
        "precision of matrix products; bf16 needs a device tch:...",
    ),
    Key::new("checkpoint_seconds", Kind::Number, "60", "time between checkpoints"),
    Key::new(
        "weights",
        Kind::Choice(&["best", "all", "none"]),
        "best",
        "whose trained weights are kept: the best trial of each shard, all, none",
    ),
];

/// The default of a setting that every task has.
pub(crate) fn default(name: &str) -> Option<Value> {
    let key = KEYS.iter().find(|key| key.name == name)?;
    parse(key, key.default).ok()
}

/// Settings that change no result: a study may be resumed with other values.
pub const RESULT_NEUTRAL: &[&str] = &["checkpoint_seconds", "level", "weights"];

/// Which trials a study makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Search {
    /// Every combination of settings on every shard.
    Grid,
    /// On large shards only neighbours of the best settings of the shard before.
    Guided,
}

/// Whose trained weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeptWeights {
    /// Those of the best trial of each shard.
    Best,
    /// Those of all trials.
    All,
    /// None.
    None,
}

/// The settings that every task has, typed; [`KEYS`] says what each is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub shards: Vec<u64>,
    pub mode: Mode,
    pub sizes: Vec<f64>,
    pub seeds: u64,
    pub search: Search,
    pub optimizers: Vec<String>,
    pub sgd_rates: Vec<f64>,
    pub adam_rates: Vec<f64>,
    pub batch_sizes: Vec<u64>,
    pub schedule: String,
    pub drop: f64,
    pub drops: u64,
    pub stall: u64,
    pub patience: u64,
    pub epochs: u64,
    pub clip: Clip,
    pub adam_beta2: f64,
    pub adam_epsilon: f64,
    pub validation: u64,
    pub level: f64,
    pub precision: String,
    pub checkpoint_seconds: f64,
    pub weights: KeptWeights,
}
