//! The schema of `fit.json`, as far as a comparison reads it.

use crate::fit::ParameterIntervals;
use crate::fit::interval::Interval;
use serde::Deserialize;

/// The parts of `fit.json` that a comparison shows.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Document {
    pub(super) task: String,
    pub(super) metric: String,
    pub(super) unit: String,
    pub(super) m_unit: String,
    pub(super) level: f64,
    #[serde(default)]
    pub(super) seed: u64,
    pub(super) best_guess: Option<f64>,
    pub(super) curves: Vec<Curve>,
}

/// The fits of one model and variant.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Curve {
    pub(super) model: String,
    pub(super) variant: String,
    pub(super) shards: Vec<Shard>,
    pub(super) composite: Composite,
    pub(super) model_size: Recorded<SizeLaw>,
}

/// The best configuration at one shard.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Shard {
    pub(super) m: f64,
    pub(super) error: f64,
}

/// The laws of the composite curve.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Composite {
    pub(super) power: Recorded<Law>,
    #[serde(rename = "power+const")]
    pub(super) constant: Recorded<Law>,
}

/// A fit, or why there is none.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Recorded<T> {
    Refused { refused: String },
    Found(T),
}

/// A fitted law of the error.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Law {
    pub(super) alpha: f64,
    pub(super) beta: f64,
    #[serde(default)]
    pub(super) gamma: f64,
    pub(super) ci: ParameterIntervals,
    pub(super) region: [f64; 2],
    pub(super) points: usize,
    #[serde(default)]
    pub(super) warnings: Vec<String>,
}

/// A fitted law of the model size.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SizeLaw {
    pub(super) beta_p: f64,
    pub(super) beta_p_ci: Interval,
}
