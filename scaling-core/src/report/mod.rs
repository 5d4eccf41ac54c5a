//! What a study found, as tables, figures and files.
//!
//! Everything here is computed from a [`StudyData`]; nothing knows how the numbers came about. The
//! same data give the same bytes.

mod analysis;
mod csv;
pub(crate) mod document;
mod figure;
pub(crate) mod html;
mod json;
pub(crate) mod points;
mod select;
pub(crate) mod table;
pub(crate) mod words;

use crate::error::Result;
use crate::files::write_atomic;
use crate::task::{Metric, Published};
use analysis::Analysis;
use document::Document;
pub(crate) use figure::{hierarchy, outlook};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Everything that a report tells about one study.
#[derive(Debug, Clone, Default)]
pub(crate) struct StudyData {
    /// For example `word-lm: word language models on synthetic text`.
    pub title: String,
    /// For example `word-lm`.
    pub task: String,
    /// The command that made the study.
    pub command: String,
    /// One line about the data.
    pub data: String,
    /// How the shards compare with the pool, where that is known.
    pub shards: Option<String>,
    /// The task's headline metric.
    pub metric: Metric,
    /// Unit of the number of samples, for example `words`.
    pub m_unit: String,
    /// Error of the best constant predictor.
    pub best_guess: Option<f64>,
    /// The other metrics that have curves, and what the best constant predictor reaches in them.
    pub other_guesses: BTreeMap<String, f64>,
    /// What models of different names are together, where there is a curve of them all.
    pub family: Option<String>,
    /// The known entropy, where the data have one.
    pub irreducible: Option<f64>,
    /// What `irreducible` is, for example `entropy rate of the source, exact`.
    pub irreducible_note: String,
    /// Every trial of the plan.
    pub trials: Vec<Trial>,
    /// Figures of the paper to set beside.
    pub published: Vec<Published>,
    /// What a reader must know, for example `the validation set is too small: ...`.
    pub warnings: Vec<String>,
    /// Confidence level of the intervals, for example 0.95.
    pub level: f64,
    /// Seed of the study.
    pub seed: u64,
}

impl StudyData {
    /// Whether anything is known of a test part.
    fn is_tested(&self) -> bool {
        self.trials.iter().any(|trial| trial.test_error.is_some())
    }
}

/// One trial: the configuration and what came of it, by default nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trial {
    /// Hash of the configuration.
    pub id: String,
    /// For example `word-lstm2`.
    pub model: String,
    /// What is compared within a model, for example `sgd`.
    pub variant: String,
    /// The model's `--size`.
    pub size: f64,
    /// Exact number of parameters.
    pub parameters: u64,
    /// Floating-point operations spent in training.
    pub flops: f64,
    /// Samples that the plan asked for.
    pub requested: u64,
    /// Samples in the shard, in `m_unit`.
    pub m: u64,
    /// Sentences, images or utterances in the shard.
    pub items: u64,
    /// Duration of the shard in hours, for audio.
    pub hours: Option<f64>,
    /// Seed of the shard and of the initial weights.
    pub seed: u64,
    /// Settings of the optimiser, by name.
    pub settings: BTreeMap<String, f64>,
    /// How the trial ended.
    pub status: Status,
    /// Best validation error (the headline metric).
    pub error: Option<f64>,
    /// Validation loss in nats at that evaluation.
    pub loss: Option<f64>,
    /// The headline metric of the best weights on the test part, where the data have one; nothing is selected
    /// on it.
    pub test_error: Option<f64>,
    /// Every metric's own minimum over the evaluations, by name.
    pub minima: BTreeMap<String, f64>,
    /// Lowest training loss between two evaluations, nats per sample.
    pub training_loss: Option<f64>,
    /// The model could not push its training loss below its validation loss (ICLR App. B).
    pub capacity_limited: bool,
    /// Relative standard error of `error` from the size of the validation set.
    pub relative_standard_error: Option<f64>,
    /// Updates.
    pub steps: u64,
    /// Passes over the shard up to the best evaluation.
    pub best_epoch: f64,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// It has a result.
    Finished,
    /// The loss became non-finite or exploded: an outcome of the search, not a fault.
    Diverged,
    /// It stopped for another reason.
    Failed,
    /// It has not run, or not to its end.
    #[default]
    Missing,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "finished",
            Self::Diverged => "diverged",
            Self::Failed => "failed",
            Self::Missing => "missing",
        })
    }
}

/// The trials that `curve.csv` names: the best of every shard, model and variant.
pub(crate) fn best_trials(study: &StudyData) -> Vec<String> {
    let series = select::all_series(study);
    let shards = series.iter().flat_map(|series| &series.shards);
    shards.map(|shard| shard.best().trial().id.clone()).collect()
}

/// Writes `curve.csv`, `points.csv`, `fit.json`, the figures (`*.svg`) and `report.html` into
/// `directory`, each complete or not at all, and returns the text for the terminal.
///
/// # Errors
/// Names the file that cannot be written.
pub(crate) fn write(study: &StudyData, directory: &Path) -> Result<String> {
    let analysis = Analysis::new(study);
    let figures = figure::all(study, &analysis)?;
    write_atomic(&directory.join("curve.csv"), &csv::curve(study, &analysis)?)?;
    write_atomic(&directory.join("points.csv"), &csv::points(study)?)?;
    crate::files::write_json(&directory.join("fit.json"), &json::fits(study, &analysis).value())?;
    for figure in &figures {
        write_atomic(&directory.join(&figure.file), figure.svg.as_bytes())?;
    }
    let page = html::page(study, &analysis, &figures);
    write_atomic(&directory.join("report.html"), page.as_bytes())?;
    Ok(table::terminal(study, &analysis))
}

/// The document of `fit.json`, without writing anything.
pub(crate) fn fits(study: &StudyData) -> Document {
    json::fits(study, &Analysis::new(study))
}

#[cfg(test)]
pub(crate) mod example;

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(directory: &Path) -> BTreeMap<String, Vec<u8>> {
        let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
        files
            .map(|file| {
                let name = file.file_name().into_string().unwrap();
                (name, std::fs::read(file.path()).unwrap())
            })
            .collect()
    }

    #[test]
    fn the_same_study_gives_the_same_bytes_in_any_order_of_trials() {
        let mut study = example::study();
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let text = write(&study, one.path()).unwrap();
        study.trials.reverse();
        assert_eq!(write(&study, two.path()).unwrap(), text);
        let files = bytes(one.path());
        let again = bytes(two.path());
        for (name, content) in &files {
            assert!(again[name] == *content, "{name} differs");
        }
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "curve.csv",
                "fit.json",
                "fixed-sizes-word-lstm2-adam.svg",
                "fixed-sizes.svg",
                "learning-curve.svg",
                "model-size.svg",
                "points.csv",
                "report.html",
                "size-curves-word-lstm2-adam.svg",
                "size-curves.svg"
            ]
        );
    }

    #[test]
    fn a_study_of_any_state_is_reported() {
        let complete = example::study();
        for shards in 0..4 {
            let mut study = complete.clone();
            let mut sizes: Vec<u64> = study.trials.iter().map(|trial| trial.requested).collect();
            sizes.sort_unstable();
            sizes.dedup();
            study.trials.retain(|trial| sizes[..shards].contains(&trial.requested));
            let directory = tempfile::tempdir().unwrap();
            let text = write(&study, directory.path()).unwrap();
            assert_eq!(text.contains("no finished trial"), shards == 0, "{text}");
            assert_eq!(text.contains("power law needs 3 sizes"), (1..3).contains(&shards), "{text}");
            assert!(bytes(directory.path()).contains_key("report.html"));
        }
        let mut failed = complete;
        for trial in &mut failed.trials {
            (trial.status, trial.error) = (Status::Failed, None);
        }
        let directory = tempfile::tempdir().unwrap();
        assert!(write(&failed, directory.path()).unwrap().contains("no finished trial"));
    }
}
