//! The settings of a study: their names, kinds and defaults, wherever they come from
//! (task defaults, `--preset`, `--config FILE.toml`, `--set key=value`; later ones win).

mod layers;
mod options;
mod value;

pub use layers::Layers;
pub use options::Options;

use crate::error::{Error, Result};
use crate::precision::Precision;
use crate::shard::Mode;
use serde::{Deserialize, Serialize};
use toml::Value;
use value::parse;

/// What a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number >= 0.
    Count,
    /// A whole number > 0.
    Positive,
    /// A number.
    Number,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// A list of whole numbers > 0.
    Counts,
    /// A list of numbers > 0.
    Numbers,
    /// A list of numbers.
    Reals,
    /// A list of numbers from 0 to below 1.
    Shares,
    /// A list of some words.
    Choices(&'static [&'static str]),
}

/// The name of a setting, what it may hold, its default, and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// As in `study.toml` and `--set`.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// As it would be written on the command line.
    pub default: &'static str,
    /// One line.
    pub help: &'static str,
}

const fn key(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Key {
    Key { name, kind, default, help }
}

/// The settings that every task has.
pub const KEYS: &[Key] = &[
    key("shards", Kind::Counts, "1000", "training-set sizes m, in the task's unit"),
    key("mode", Kind::Choice(&["independent", "disjoint", "nested"]), "independent", "how shards relate"),
    key("sizes", Kind::Numbers, "1", "model sizes (hidden units, width or filter factor)"),
    key(
        "seeds",
        Kind::Positive,
        "1",
        "repetitions of every point, each with its own shard and initialisation",
    ),
    key(
        "search",
        Kind::Choice(&["grid", "guided"]),
        "grid",
        "guided: large shards try only neighbours of the best settings of the shard before",
    ),
    key(
        "optimizers",
        Kind::Choices(&["sgd", "nesterov", "adam"]),
        "sgd",
        "optimisers; each gives a curve of its own",
    ),
    key("sgd_rates", Kind::Numbers, "0.2", "learning rates of SGD, with momentum or without"),
    key("adam_rates", Kind::Numbers, "0.001", "learning rates of Adam"),
    key("batch_sizes", Kind::Counts, "32", "sequences or images per update"),
    key(
        "schedule",
        Kind::Choice(&["constant", "plateau"]),
        "plateau",
        "plateau: reduce the rate when the validation loss stalls",
    ),
    key("drop", Kind::Number, "0.5", "factor on the learning rate at each reduction"),
    key("drops", Kind::Count, "3", "maximum number of rate reductions"),
    key("stall", Kind::Count, "2", "evaluations without improvement before the rate is reduced"),
    key(
        "patience",
        Kind::Positive,
        "2",
        "evaluations without improvement at the lowest rate before training stops",
    ),
    key("epochs", Kind::Positive, "200", "maximum passes over the shard"),
    key("clip", Kind::Number, "10", "largest global gradient norm; 0 = none"),
    key("adam_beta2", Kind::Number, "0.999", "decay of Adam's second moment"),
    key("adam_epsilon", Kind::Number, "1e-8", "offset of Adam's denominator"),
    key("validation", Kind::Count, "0", "validation samples; 0 = the whole validation part"),
    key("level", Kind::Number, "0.95", "level of the intervals"),
    key(
        "precision",
        Kind::Choice(Precision::NAMES),
        "f32",
        "precision of matrix products; bf16 needs a device tch:...",
    ),
    key("checkpoint_seconds", Kind::Number, "60", "time between checkpoints"),
    key(
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
    pub clip: f64,
    pub adam_beta2: f64,
    pub adam_epsilon: f64,
    pub validation: u64,
    pub level: f64,
    pub precision: String,
    pub checkpoint_seconds: f64,
    pub weights: KeptWeights,
}

/// The key of a name.
///
/// # Errors
/// If there is none; names of the rest of `study.toml` are told apart.
fn find<'a>(keys: &'a [Key], name: &str) -> Result<&'a Key> {
    const OPTIONS: [(&str, &str); 5] =
        [("models", "model"), ("data", "data"), ("preset", "preset"), ("device", "device"), ("seed", "seed")];
    const NOTES: [&str; 6] = ["version", "task", "fingerprint", "command", "compute", "schema"];
    if let Some((_, option)) = OPTIONS.iter().find(|(key, _)| *key == name) {
        return Err(Error::input(format!("`{name}` is no setting; give it as `--{option}`")));
    }
    if NOTES.contains(&name) {
        return Err(Error::input(format!(
            "`{name}` says how a study was begun and cannot be set; leave it out"
        )));
    }
    keys.iter()
        .find(|k| k.name == name)
        .ok_or_else(|| Error::unknown("setting", name, keys.iter().map(|k| k.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describes_a_study_is_no_setting() {
        let error = find(KEYS, "seed").expect_err("an option");
        assert_eq!(error.to_string(), "`seed` is no setting; give it as `--seed`");
        assert!(find(KEYS, "command").expect_err("a note").to_string().contains("leave it out"));
    }
}
