//! What a domain gives to a study: its data, its models and what it measures.
//!
//! Everything that is not the model or its data is the same for every task and lives in the other modules of
//! this crate. A domain implements [`Task`] (its [`About`], presets, costs), [`Corpus`] (data opened for reading)
//! with its [`Pool`], and a [`Learner`] (one model being trained on one shard), mostly by
//! [`crate::neural::Neural`].

mod about;

pub use about::{About, Metric, Published};

use crate::device::Compute;
use crate::error::{Error, Result};
use crate::settings::Options;
use crate::shard::{Pool, Shard};
use crate::trial::{Cost, Learner, Optimization, TrialConfig};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Seed of a study that names none, and of the split that `data check` and `data prepare` report.
pub const DEFAULT_SEED: u64 = 1;

/// How much work a study is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Minutes: shows that everything works on the data at hand.
    Smoke,
    /// Hours on a small machine: exponents that mean something.
    Small,
    /// The paper's own grid.
    Paper,
}

/// A size that is a whole number of units from 1 to 65,536, if it is one.
pub fn units(size: f64) -> Option<usize> {
    (size.fract() == 0.0 && (1.0..=65_536.0).contains(&size)).then_some(size as usize)
}

/// The symbols of a vocabulary given as `--vocab`, without so many `others`, such as specials: 1 to `most`.
///
/// # Errors
/// If there are fewer or more.
pub fn symbols(vocabulary: usize, others: usize, most: usize) -> Result<usize> {
    vocabulary.checked_sub(others).filter(|n| (1..=most).contains(n)).ok_or_else(|| {
        Error::input(format!("`--vocab` must lie between {} and {}", others + 1, others + most))
    })
}

/// The sizes that the data decide: sequence length and vocabulary (or image side and classes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Steps of a sequence, or the image side.
    pub length: usize,
    /// Symbols including specials, or classes.
    pub vocabulary: usize,
}

/// The lowest error that any model can reach, where the source of the data is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Irreducible {
    /// In the unit of the headline metric.
    pub error: f64,
    /// Where the figure comes from, and whether it is exact.
    pub note: String,
}

/// Where data come from, and what is known of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origin {
    /// One line: where from and how much.
    pub description: String,
    /// Hash of everything that determines the samples.
    pub fingerprint: String,
    /// What a reader of results on these data must know.
    pub warnings: Vec<String>,
    /// The floor, where it is known.
    pub irreducible: Option<Irreducible>,
}

impl Origin {
    /// Of prepared data, whose floor nobody knows.
    pub fn prepared(summary: &impl fmt::Display, warnings: Vec<String>, fingerprint: String) -> Self {
        Self { description: summary.to_string(), fingerprint, warnings, irreducible: None }
    }
}

/// What lies at a path, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// One line on the whole.
    pub summary: String,
    /// Lines on which files are for what.
    pub files: Vec<String>,
    /// What a reader of results on these data must know.
    pub warnings: Vec<String>,
}

/// One kind of data with one headline metric and the models that learn it.
pub trait Task: Sync {
    /// What does not depend on models or data.
    fn about(&self) -> &'static About;
    /// Opens `synthetic` or a path; prepares it once if need be.
    ///
    /// # Errors
    /// One line naming the file and the item that cannot be used.
    fn open(&self, source: &str, options: &Options, seed: u64) -> Result<Box<dyn Corpus>>;
    /// Reads data without writing anything and says what is there.
    ///
    /// # Errors
    /// As [`Task::open`].
    fn check(&self, path: &str, options: &Options) -> Result<Contents>;
    /// The search settings of a preset for these data: (key, value) as on the command line.
    fn preset(&self, preset: Preset, model: &str, corpus: &dyn Corpus) -> Vec<(&'static str, String)>;
    /// The extent that model and options alone decide, for `model` and `throughput`.
    fn extent(&self, model: &str, options: &Options) -> Extent;
    /// Exact parameters and arithmetic of a model.
    ///
    /// # Errors
    /// If the size does not suit the model.
    fn cost(&self, model: &str, size: f64, extent: Extent, options: &Options) -> Result<Cost>;
    /// Updates use at most this many sequences (or images) at once on a shard of `requested` samples.
    fn batch_limit(&self, requested: u64, options: &Options) -> u64;
    /// Optimiser settings that `throughput` measures with, and the norm at which `clip=own` clips.
    fn recipe(&self, _model: &str) -> Optimization {
        Optimization::one_pass("sgd", 1e-3, 32, 10.0)
    }
    /// A learner on endless random samples, for `throughput`.
    ///
    /// # Errors
    /// If the size does not suit the model.
    fn synthetic_learner(
        &self,
        trial: &TrialConfig,
        extent: Extent,
        compute: &Compute,
    ) -> Result<Box<dyn Learner>>;
}

/// Data opened for reading: training pool, validation set and what is known of them.
pub trait Corpus: Send + Sync {
    /// Where they come from.
    fn origin(&self) -> &Origin;
    /// The items that shards are drawn from.
    fn pool(&self) -> &dyn Pool;
    /// Samples of `flops_per_sample` (in the unit of [`About::step_unit`]) that one sample of m has, on
    /// average.
    fn steps_per_sample(&self) -> f64 {
        1.0
    }
    /// Samples (in the unit of m) in the validation part.
    fn validation_samples(&self) -> u64;
    /// Error of the best constant predictor (MODELS 6.6).
    fn best_guess(&self) -> Option<f64>;
    /// Every other metric that has a curve of its own, and what the best constant predictor reaches in it.
    fn other_guesses(&self) -> BTreeMap<String, f64> {
        BTreeMap::new()
    }
    /// Loss of the best constant predictor, where the headline error is not the loss itself.
    fn best_guess_loss(&self) -> Option<f64> {
        self.best_guess()
    }
    /// Sequence length and vocabulary of these data, as a model sees them.
    fn extent(&self, model: &str, options: &Options) -> Extent;
    /// Writes into a study's directory what its models need to be used without these data, such as a
    /// tokenizer.
    ///
    /// # Errors
    /// If the directory cannot be written.
    fn keep(&self, _directory: &Path) -> Result<()> {
        Ok(())
    }
    /// A model ready to train on a shard, initialised from the trial's seed.
    ///
    /// # Errors
    /// If the trial does not suit the data.
    fn learner(&self, trial: &TrialConfig, shard: &Shard, compute: &Compute) -> Result<Box<dyn Learner>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vocabulary_has_room_for_what_is_no_symbol() {
        assert_eq!(symbols(98, 4, 255), Ok(94));
        for wrong in [0, 4, 260] {
            let message = symbols(wrong, 4, 255).unwrap_err().to_string();
            assert_eq!(message, "`--vocab` must lie between 5 and 259", "{wrong}");
        }
    }
}
