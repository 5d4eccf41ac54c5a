//! The schema of `fit.json`.
//!
//! Everything is written, but only what a comparison needs is read back: the rest may differ between
//! versions.

use crate::fit::FitRecord;
use crate::fit::sensitivity::Choice;
use crate::fit::size::SizeLaw;
use crate::fit::spread::Spread;
use crate::fit::surface::Surface;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
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
    /// This and the next two are `None` only where they were not read back.
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
    #[serde(skip_deserializing)]
    pub(crate) requested: u64,
    pub(crate) m: f64,
    pub(crate) error: f64,
    #[serde(skip_deserializing)]
    pub(crate) model: String,
    #[serde(skip_deserializing)]
    pub(crate) size: f64,
    #[serde(skip_deserializing)]
    pub(crate) parameters: u64,
    #[serde(skip_deserializing)]
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
#[derive(Debug, Clone, Serialize)]
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

/// Not derived, so that what is missing of a fit is named.
impl<'de, T: DeserializeOwned> Deserialize<'de> for Recorded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match value.get("refused").and_then(Value::as_str) {
            Some(reason) => Ok(Self::Refused { refused: reason.to_owned() }),
            None => serde_json::from_value(value).map(Self::Found).map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a comparison needs.
    fn least() -> Value {
        let law = json!({
            "alpha": 5.0, "beta": -0.3, "points": 4, "region": [1000.0, 8000.0],
            "ci": {"alpha": [4.5, 5.5], "beta": [-0.4, -0.2]},
        });
        json!({
            "task": "word-lm", "metric": "nats_per_word", "unit": "nats per word", "m_unit": "words",
            "level": 0.95,
            "curves": [{
                "model": "word-lstm2", "variant": "sgd", "shards": [{"m": 1000.0, "error": 3.0}],
                "composite": {"power": law, "power+const": {"refused": "too few"}},
                "model_size": {"beta_p": 0.7, "beta_p_ci": [0.6, 0.8]},
            }],
        })
    }

    #[test]
    fn what_a_comparison_does_not_need_may_be_missing() {
        let document: Document = serde_json::from_value(least()).unwrap();
        let curve = &document.curves[0];
        assert_eq!((curve.shards[0].m, curve.shards[0].error), (1000.0, 3.0));
        let Recorded::Found(law) = &curve.composite.power else { panic!("refused") };
        assert_eq!((law.alpha, law.beta, law.points), (5.0, -0.3, 4));
        assert!(matches!(&curve.composite.constant, Recorded::Refused { refused } if refused == "too few"));
        assert!(matches!(&curve.model_size, Recorded::Found(law) if law.beta_p == 0.7));
    }

    #[test]
    fn what_it_needs_is_named_if_it_is_missing() {
        for (place, name) in [
            ("/curves/0/shards/0", "error"),
            ("/curves/0/composite/power", "beta"),
            ("/curves/0/model_size", "beta_p_ci"),
        ] {
            let mut document = least();
            document.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name);
            let message = serde_json::from_value::<Document>(document).unwrap_err().to_string();
            assert!(message.contains(&format!("missing field `{name}`")), "{message}");
        }
    }
}
