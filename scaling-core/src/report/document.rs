//! The schema of `fit.json`.
//!
//! Everything is written, but only what a comparison needs is read back: the rest may differ between
//! versions.

use crate::fit::FitRecord;
use crate::fit::sensitivity::Choice;
use crate::fit::size::SizeLaw;
use crate::fit::spread::Spread;
use crate::fit::surface::Surface;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every fit of a study; it holds no times and no paths.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) task: String,
    /// Name of the headline metric.
    pub(crate) metric: String,
    /// Its unit.
    pub(crate) unit: String,
    pub(crate) m_unit: String,
    /// Confidence level of the intervals.
    pub(crate) level: f64,
    #[serde(default)]
    pub(crate) seed: u64,
    pub(crate) best_guess: Option<f64>,
    #[serde(skip_deserializing)]
    pub(crate) irreducible: Option<f64>,
    #[serde(skip_deserializing)]
    pub(crate) irreducible_note: String,
    pub(crate) curves: Vec<CurveFits>,
    #[serde(skip_deserializing)]
    pub(crate) warnings: Vec<String>,
}

impl Document {
    /// As it is written: the keys of every object in alphabetical order.
    pub(crate) fn value(&self) -> Value {
        json!(self)
    }
}

/// The fits of one model and variant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CurveFits {
    pub(crate) model: String,
    pub(crate) variant: String,
    pub(crate) shards: Vec<BestOfShard>,
    pub(crate) composite: CompositeFits,
    /// Power laws of the other metrics.
    #[serde(skip_deserializing)]
    pub(crate) metrics: BTreeMap<String, Recorded<FitRecord>>,
    #[serde(skip_deserializing)]
    pub(crate) irreducible_inside: Option<bool>,
    #[serde(skip_deserializing)]
    pub(crate) fixed_sizes: Vec<FixedSizeFit>,
    pub(crate) model_size: Recorded<SizeLaw>,
    /// This and what follows is `None` only where it was not read back.
    #[serde(skip_deserializing)]
    pub(crate) surface: Option<Recorded<Surface>>,
    #[serde(skip_deserializing)]
    pub(crate) frontier: Option<Recorded<FitRecord>>,
    #[serde(skip_deserializing)]
    pub(crate) seeds: Option<Recorded<Spread>>,
    #[serde(skip_deserializing)]
    pub(crate) sensitivity: Vec<Choice>,
}

/// The best configuration at one shard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BestOfShard {
    pub(crate) requested: u64,
    pub(crate) m: f64,
    pub(crate) error: f64,
    pub(crate) model: String,
    pub(crate) size: f64,
    pub(crate) parameters: u64,
    pub(crate) optimum_parameters: Option<f64>,
}

/// The laws of the composite curve.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CompositeFits {
    pub(crate) power: Recorded<FitRecord>,
    #[serde(rename = "power+const")]
    pub(crate) constant: Recorded<FitRecord>,
}

/// The law of one model size.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FixedSizeFit {
    pub(crate) size: f64,
    pub(crate) parameters: u64,
    #[serde(rename = "power+const")]
    pub(crate) constant: Recorded<FitRecord>,
}

/// What was found, or `{"refused": reason}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Recorded<T> {
    Refused { refused: String },
    Found(T),
}

impl<T> Recorded<T> {
    pub(crate) fn of(found: Result<T, impl ToString>) -> Self {
        match found {
            Ok(found) => Self::Found(found),
            Err(reason) => Self::Refused { refused: reason.to_string() },
        }
    }
}
