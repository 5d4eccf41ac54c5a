//! What a task is called, what it measures, which models it has, and what the paper printed of them.

use crate::settings::Key;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A measure of error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    /// The key in files, such as `nats_per_word`.
    pub name: Cow<'static, str>,
    /// For axes and sentences, such as `validation loss`.
    pub label: Cow<'static, str>,
    /// Its unit, such as `nats per word`.
    pub unit: Cow<'static, str>,
}

impl Metric {
    /// A metric of a task.
    pub const fn new(name: &'static str, label: &'static str, unit: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), label: Cow::Borrowed(label), unit: Cow::Borrowed(unit) }
    }
}

/// What the paper printed of a model, to stand beside ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// The model as named on our command line, or the family, with `/variant` where the paper tells them
    /// apart.
    pub model: Cow<'static, str>,
    /// Exponent of the learning curve.
    pub beta_g: f64,
    /// Exponent of the model-size law, where printed.
    pub beta_p: Option<f64>,
    /// Range of training-set sizes.
    pub m_range: Cow<'static, str>,
    /// Section or table.
    pub source: Cow<'static, str>,
}

impl Published {
    /// A model's exponents beta_g and beta_p, over a range of training-set sizes, and where the paper says
    /// so.
    pub const fn new(
        model: &'static str,
        exponents: (f64, Option<f64>),
        m_range: &'static str,
        source: &'static str,
    ) -> Self {
        let (beta_g, beta_p) = exponents;
        let [model, m_range, source] = [Cow::Borrowed(model), Cow::Borrowed(m_range), Cow::Borrowed(source)];
        Self { model, beta_g, beta_p, m_range, source }
    }
}

/// What a task is called, what it measures and which models it has.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// Short name, such as `word-lm`; also the prefix of the default study directory.
    pub name: &'static str,
    /// One line for titles.
    pub title: &'static str,
    /// The headline error.
    pub metric: Metric,
    /// The unit of m, such as `words`.
    pub unit: &'static str,
    /// What a model processes one after another, such as `tokens`: the unit of throughput.
    pub step_unit: &'static str,
    /// Model names; the first is the default.
    pub models: &'static [&'static str],
    /// Whether a study that names no model compares them all, instead of taking the first.
    pub compares_all: bool,
    /// The size of a model where none is named.
    pub default_size: f64,
    /// Name of the curve that joins all models, if they belong together, such as residual networks of
    /// different depths.
    pub family: Option<&'static str>,
    /// The settings that only this task has.
    pub keys: &'static [Key],
    /// Those of them that concern some models only, with these models.
    pub keys_of_models: &'static [(&'static str, &'static [&'static str])],
    /// Relative standard error that the validation set must reach: one tenth of the drop per doubling (MODELS
    /// 6.2).
    pub target_standard_error: f64,
    /// The paper's figures.
    pub published: &'static [Published],
}

impl About {
    /// The models of a study that names none.
    pub fn default_models(&self) -> &'static [&'static str] {
        if self.compares_all { self.models } else { &self.models[..1] }
    }

    /// Whether a setting makes a difference to a model.
    pub fn concerns(&self, key: &str, model: &str) -> bool {
        let some = self.keys_of_models.iter().find(|(name, _)| *name == key);
        some.is_none_or(|(_, models)| models.contains(&model))
    }
}
