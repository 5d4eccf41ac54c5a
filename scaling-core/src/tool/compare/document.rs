//! The schema of `fit.json`, as far as a comparison reads it.

use crate::fit::interval::Interval;
use serde::{Deserialize, Deserializer};

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
    pub(super) ci: LawIntervals,
    pub(super) region: [f64; 2],
    pub(super) points: usize,
    #[serde(default)]
    pub(super) warnings: Vec<String>,
}

/// The intervals of a law's parameters.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct LawIntervals {
    #[serde(deserialize_with = "interval")]
    pub(super) alpha: Interval,
    #[serde(deserialize_with = "interval")]
    pub(super) beta: Interval,
    #[serde(default, deserialize_with = "optional_interval")]
    pub(super) gamma: Option<Interval>,
}

/// A fitted law of the model size.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SizeLaw {
    pub(super) beta_p: f64,
    #[serde(deserialize_with = "interval")]
    pub(super) beta_p_ci: Interval,
}

/// An interval; JSON has no infinity, so an end without a number is one.
fn interval<'de, D: Deserializer<'de>>(ends: D) -> std::result::Result<Interval, D::Error> {
    let [low, high] = <[Option<f64>; 2]>::deserialize(ends)?;
    Ok(Interval { low: low.unwrap_or(f64::NEG_INFINITY), high: high.unwrap_or(f64::INFINITY) })
}

fn optional_interval<'de, D: Deserializer<'de>>(ends: D) -> std::result::Result<Option<Interval>, D::Error> {
    interval(ends).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_without_a_number_is_infinite() {
        let law: SizeLaw = serde_json::from_str(r#"{"beta_p": 1.0, "beta_p_ci": [null, 2.0]}"#).unwrap();
        assert_eq!(law.beta_p_ci, Interval { low: f64::NEG_INFINITY, high: 2.0 });
    }
}
