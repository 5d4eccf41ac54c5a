//! `facts.json`: what a report must know of a study besides its trials, so that one can be made
//! from the directory alone, without the data.

use super::Study;
use super::resemblance::Resemblance;
use crate::error::Result;
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
    /// How the shards compare with the pool, where anything can be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shards: Option<String>,
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
        let shards = Resemblance::of(study)?;
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
            shards: shards.summary,
            warnings: [warnings, shards.warnings].concat(),
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
