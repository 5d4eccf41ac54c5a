//! `facts.json`: what a report must know of a study besides its trials, so that one can be made
//! from the directory alone, without the data.

use super::Study;
use crate::error::Result;
use crate::number::thousands;
use crate::shard::ShardSpec;
use crate::task::{About, Metric, Origin, Published};
use crate::trial::TrialConfig;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known of task and data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) title: String,
    pub(super) data: String,
    pub(super) metric: Metric,
    pub(super) m_unit: String,
    pub(super) best_guess: Option<f64>,
    /// What the best constant predictor reaches in every other metric that has a curve.
    #[serde(default)]
    pub(super) other_guesses: BTreeMap<String, f64>,
    /// What models of different names are together.
    #[serde(default)]
    pub(super) family: Option<String>,
    pub(super) irreducible: Option<f64>,
    pub(super) irreducible_note: String,
    pub(super) published: Vec<Published>,
    /// Relative standard error that the validation set must reach (MODELS 6.2).
    pub(super) target_standard_error: f64,
    /// Samples in the validation set.
    pub(super) validation: u64,
    /// Samples in the whole validation part of the data.
    pub(super) validation_available: u64,
    /// Exact parameters by model, size, and variant where that matters.
    pub(super) parameters: BTreeMap<String, u64>,
    /// What is odd about the shards.
    pub(super) warnings: Vec<String>,
}

impl Facts {
    fn key(model: &str, size: f64, variant: &str) -> String {
        format!("{model} {size} {variant}").trim_end().to_owned()
    }

    /// The parameters of a trial's model, if it is one of this study's.
    pub(super) fn parameters_of(&self, trial: &TrialConfig) -> Option<u64> {
        let TrialConfig { model, size, variant, .. } = trial;
        // The optimiser comes first in the variant's name and changes no model.
        let variant = variant.split_once(", ").map_or("", |(_, rest)| rest);
        self.parameters.get(&Self::key(model, *size, variant)).copied()
    }

    pub(super) fn of(study: &Study<'_>) -> Result<Self> {
        let (task, about) = (study.task, study.task.about());
        let Origin { description, warnings, irreducible, .. } = study.corpus.origin().clone();
        let mut parameters = BTreeMap::new();
        for model in &study.file.models {
            for (variant, options) in study.options.variants(|key| about.concerns(key, model)) {
                for size in &study.settings.sizes {
                    let cost = task.cost(model, *size, study.corpus.extent(model, &options), &options)?;
                    parameters.insert(Self::key(model, *size, &variant.join(", ")), cost.parameters);
                }
            }
        }
        Ok(Self {
            title: format!("{}: {}", about.name, about.title),
            data: description,
            metric: about.metric.clone(),
            m_unit: about.unit.into(),
            best_guess: study.corpus.best_guess(),
            other_guesses: study.corpus.other_guesses(),
            family: about.family.map(str::to_owned),
            irreducible: irreducible.as_ref().map(|i| i.error),
            irreducible_note: irreducible.map(|i| i.note).unwrap_or_default(),
            published: published(study),
            target_standard_error: about.target_standard_error,
            validation: study.validation_samples(),
            validation_available: study.corpus.validation_samples(),
            parameters,
            warnings: [warnings, shard_warnings(study)?].concat(),
        })
    }
}

/// The paper's figures for the models of the study.
fn published(study: &Study<'_>) -> Vec<Published> {
    let About { published, family, .. } = study.task.about();
    let models: Vec<&str> = study.file.models.iter().map(String::as_str).chain(*family).collect();
    let of_these = |p: &&Published| p.model.split('/').next().is_some_and(|model| models.contains(&model));
    published.iter().filter(of_these).cloned().collect()
}

/// Checks that the items of every shard are as long as those of the largest one, within 4 standard
/// errors: a shard whose items are not is no random sample of the same distribution.
fn shard_warnings(study: &Study<'_>) -> Result<Vec<String>> {
    let pool = study.corpus.pool();
    let unit = study.task.about().unit;
    let lengths = |size: u64| -> Result<Option<Lengths>> {
        let spec = ShardSpec { size, mode: study.settings.mode, seed: study.file.seed };
        let shard = spec.draw(pool, &study.file.fingerprint)?;
        Ok(Lengths::of(&shard.items.iter().map(|item| pool.weight(*item) as f64).collect::<Vec<f64>>()))
    };
    let Some((&largest, smaller)) = study.settings.shards.split_last() else {
        return Ok(Vec::new());
    };
    let Some(reference) = lengths(largest)? else { return Ok(Vec::new()) };
    let mut warnings = Vec::new();
    for &size in smaller {
        if let Some(shard) = lengths(size)?.filter(|shard| shard.differ_from(&reference)) {
            warnings.push(format!(
                "the shard of {} {unit} has items of {:.2} {unit} on average, the largest shard {:.2}: \
                 not the same distribution",
                thousands(size),
                shard.mean,
                reference.mean,
            ));
        }
    }
    Ok(warnings)
}

/// How long the items of a shard are.
struct Lengths {
    mean: f64,
    variance: f64,
    items: f64,
}

impl Lengths {
    /// Of items in drawing order; the last one is chosen by its length, so it stays out. None of fewer than two.
    fn of(items: &[f64]) -> Option<Self> {
        let (_, items) = items.split_last().filter(|(_, rest)| rest.len() > 1)?;
        let n = items.len() as f64;
        let mean = items.iter().sum::<f64>() / n;
        let variance = items.iter().map(|length| (length - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Some(Self { mean, variance, items: n })
    }

    /// Whether the means differ by more than 4 standard errors, by the variance of the other items.
    fn differ_from(&self, other: &Self) -> bool {
        let error = (other.variance * (1.0 / self.items + 1.0 / other.items)).sqrt();
        (self.mean - other.mean).abs() > 4.0 * error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_few_items_nothing_is_said() {
        for few in [&[] as &[f64], &[3.0], &[3.0, 4.0]] {
            assert!(Lengths::of(few).is_none());
        }
        let [long, short] = [[20.0, 22.0], [2.0, 4.0]].map(|items| items.repeat(50));
        let [long, short] = [long, short].map(|items| Lengths::of(&items).expect("many items"));
        assert!(long.differ_from(&short) && !long.differ_from(&long));
        let three = Lengths::of(&[19.0, 22.0, 90.0]).expect("two items");
        assert!(three.mean == 20.5 && !three.differ_from(&long));
    }
}
