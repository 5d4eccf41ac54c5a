//! What a comparison reads of a study's directory.
//!
//! The numbers are those of `fit.json`, so that report and comparison cannot disagree. Where its
//! intervals are at another level than the one asked for, the trials of `points.csv` are selected
//! and fitted again by what wrote `fit.json`. Both files are in full studies and in what is kept of
//! one after its data have gone.

use crate::error::{Error, Result};
use crate::files::read_json;
use crate::report::document::{CurveFits, Document};
use crate::report::{StudyData, Trial, points};
use crate::task::Metric;
use crate::trial;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the trials behind a curve took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Spent {
    /// Wall-clock time of the trials whose `cost.json` is there; none if there is none.
    pub(super) seconds: Option<f64>,
    /// Floating-point operations of training; none without `points.csv`.
    pub(super) flops: Option<f64>,
    /// Trials of the curve.
    pub(super) trials: usize,
    /// How many of them have a `cost.json`.
    pub(super) timed: usize,
}

/// One study.
#[derive(Debug)]
pub(super) struct Source {
    /// Its directory's own name; the path as it was given where two studies share that name.
    pub(super) name: String,
    /// Its directory as it was given.
    pub(super) directory: PathBuf,
    /// Its fits at the level of the comparison.
    pub(super) document: Document,
    /// Its trials, where `points.csv` is there.
    trials: Option<Vec<Trial>>,
}

/// Reads every study once, with intervals at `level`.
///
/// # Errors
/// [`Error::Input`] naming the directory that is given twice or is no study with fits, or the file
/// that cannot be read.
pub(super) fn read_all(directories: &[PathBuf], level: f64) -> Result<Vec<Source>> {
    let mut seen: BTreeMap<PathBuf, &Path> = BTreeMap::new();
    let mut sources = Vec::new();
    for directory in directories {
        // A directory that cannot be resolved cannot be read either; `read` says why.
        let place = directory.canonicalize().unwrap_or_else(|_| directory.clone());
        if let Some(first) = seen.insert(place.clone(), directory) {
            return Err(Error::input(format!(
                "{} is given twice (before as {}); name every study once",
                directory.display(),
                first.display()
            )));
        }
        let name = place.file_name().unwrap_or(place.as_os_str()).to_string_lossy().into_owned();
        sources.push(Source::read(directory, name, level)?);
    }
    let names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    for source in &mut sources {
        if names.iter().filter(|name| **name == source.name).count() > 1 {
            source.name = source.directory.display().to_string();
        }
    }
    Ok(sources)
}

impl Source {
    fn read(directory: &Path, name: String, level: f64) -> Result<Self> {
        let file = directory.join("fit.json");
        if !file.exists() {
            return Err(no_fit(directory));
        }
        let remedy = remedy(directory);
        let written: Document =
            read_json(&file).map_err(|error| Error::input(format!("{error}; {remedy}")))?;
        let table = directory.join("points.csv");
        let trials = if table.exists() { Some(points::read(&table)?) } else { None };
        let document = if (written.level - level).abs() < 1e-9 {
            written
        } else if let Some(trials) = &trials {
            again(written, trials, level)
        } else {
            return Err(Error::input(format!(
                "{}: the intervals of fit.json are at level {level}, and without points.csv there are no others; use --level {level}",
                directory.display(),
                level = written.level,
            )));
        };
        Ok(Self { name, directory: directory.to_owned(), document, trials })
    }

    #[cfg(test)]
    pub(super) fn made_up(name: &str, document: Document) -> Self {
        Self { name: name.to_owned(), directory: PathBuf::from(name), document, trials: None }
    }

    /// What the trials of a curve took. The curve of a family is made of the trials of its models.
    ///
    /// # Errors
    /// If a `cost.json` is there and cannot be read.
    pub(super) fn cost(&self, curve: &CurveFits) -> Result<Spent> {
        let Some(trials) = &self.trials else {
            return Ok(Spent::default());
        };
        let family = is_family(&curve.model, trials);
        let own = |t: &&Trial| t.variant == curve.variant && (family || t.model == curve.model);
        let mut cost = Spent { flops: Some(0.0), ..Spent::default() };
        for trial in trials.iter().filter(own) {
            cost.trials += 1;
            cost.flops = cost.flops.map(|sum| sum + trial.flops);
            let path = self.directory.join("trials").join(&trial.id).join("cost.json");
            if path.exists() {
                let taken: trial::CostRecord = read_json(&path)?;
                cost.timed += 1;
                cost.seconds = Some(cost.seconds.unwrap_or(0.0) + taken.seconds);
            }
        }
        Ok(cost)
    }
}

/// Whether a curve's model is no trial's model, but what several are together.
fn is_family(model: &str, trials: &[Trial]) -> bool {
    trials.iter().all(|trial| trial.model != model)
}

/// The fits of the same trials with intervals at another level.
fn again(written: Document, trials: &[Trial], level: f64) -> Document {
    let family = written.curves.iter().map(|curve| &curve.model).find(|model| is_family(model, trials));
    let study = StudyData {
        family: family.cloned(),
        task: written.task,
        metric: Metric { name: written.metric.into(), label: "".into(), unit: written.unit.into() },
        m_unit: written.m_unit,
        best_guess: written.best_guess,
        trials: trials.to_vec(),
        level,
        seed: written.seed,
        // Nothing else has a part in the fits of the headline metric.
        ..StudyData::default()
    };
    crate::report::fits(&study)
}

/// Why a directory without `fit.json` cannot be compared, and what to do.
fn no_fit(directory: &Path) -> Error {
    let path = directory.display();
    let there = |name: &str| directory.join(name).exists();
    Error::input(if !directory.exists() {
        format!("{path} does not exist; name the directory of a study (its --out)")
    } else if !directory.is_dir() {
        format!("{path} is a file; name the directory of a study (its --out)")
    } else if there("study.toml") {
        format!("{path} has no fit yet: fit.json is missing; {}", remedy(directory))
    } else if there("curve.csv") || there("points.csv") {
        format!("{path} has no fit: fit.json is missing; {}", remedy(directory))
    } else {
        format!(
            "{path} is no study: it has neither fit.json nor study.toml; name the directory of a study (its --out)"
        )
    })
}

/// How to get a `fit.json`.
fn remedy(directory: &Path) -> String {
    if directory.join("study.toml").exists() {
        format!("`scaling report {}` writes it", directory.display())
    } else {
        "copy it from the study".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::FitRecord;
    use crate::report::document::Recorded;
    use crate::report::{example, write};
    use serde_json::Value;

    fn written() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        write(&example::study(), directory.path()).unwrap();
        directory
    }

    fn only(directory: &Path, level: f64) -> Result<Source> {
        read_all(&[directory.to_owned()], level).map(|mut sources| sources.remove(0))
    }

    fn power(source: &Source, curve: usize) -> &FitRecord {
        let Recorded::Found(law) = &source.document.curves[curve].composite.power else { panic!("refused") };
        law
    }

    #[test]
    fn the_numbers_are_those_of_the_report() {
        let directory = written();
        let source = only(directory.path(), 0.95).unwrap();
        let file: Value = read_json(&directory.path().join("fit.json")).unwrap();
        for i in 0..2 {
            let beta = &file["curves"][i]["composite"]["power"];
            let law = power(&source, i);
            assert_eq!(beta["beta"].as_f64(), Some(law.beta));
            assert_eq!(beta["ci"]["beta"][0].as_f64(), Some(law.ci.beta.low));
        }
    }

    #[test]
    fn another_level_is_fitted_anew_from_the_same_trials() {
        let directory = written();
        let [usual, wide] = [0.95, 0.99].map(|level| only(directory.path(), level).unwrap());
        let (a, b) = (power(&usual, 1), power(&wide, 1));
        assert_eq!((a.alpha, a.beta, a.points), (b.alpha, b.beta, b.points));
        assert!(b.ci.beta.low < a.ci.beta.low && b.ci.beta.high > a.ci.beta.high);
        std::fs::remove_file(directory.path().join("points.csv")).unwrap();
        let message = only(directory.path(), 0.99).unwrap_err().to_string();
        assert!(
            message
                .ends_with("are at level 0.95, and without points.csv there are no others; use --level 0.95")
        );
        let cost = only(directory.path(), 0.95).unwrap();
        assert_eq!(cost.cost(&cost.document.curves[0]).unwrap(), Spent::default());
    }

    #[test]
    fn cost_is_that_of_the_curve() {
        let directory = written();
        let source = only(directory.path(), 0.95).unwrap();
        let trials = source.trials.as_ref().unwrap();
        let sgd = |t: &&Trial| t.variant == "sgd";
        let flops: f64 = trials.iter().filter(sgd).map(|t| t.flops).sum();
        for trial in trials.iter().filter(sgd).take(2) {
            let own = directory.path().join("trials").join(&trial.id);
            std::fs::create_dir_all(&own).unwrap();
            let text = r#"{"seconds": 1.5, "flops": 1.0, "peak_memory": 1, "host": "h"}"#;
            std::fs::write(own.join("cost.json"), text).unwrap();
        }
        let cost = |i: usize| source.cost(&source.document.curves[i]).unwrap();
        assert_eq!(cost(0).seconds, None);
        assert_eq!(cost(1), Spent { seconds: Some(3.0), flops: Some(flops), trials: 96, timed: 2 });
        let first = trials.iter().find(sgd).unwrap();
        let path = directory.path().join("trials").join(&first.id).join("cost.json");
        std::fs::write(&path, "{").unwrap();
        let message = source.cost(&source.document.curves[1]).unwrap_err().to_string();
        assert!(message.starts_with(&format!("cannot read {}", path.display())), "{message}");
    }

    #[test]
    fn what_is_no_study_is_named_with_its_remedy() {
        let directory = written();
        let path = directory.path();
        let twice = read_all(&[path.to_owned(), path.join("../").join(path.file_name().unwrap())], 0.95);
        assert!(twice.unwrap_err().to_string().ends_with("; name every study once"));
        let message = |path: &Path| {
            let error = only(path, 0.95).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        std::fs::write(path.join("fit.json"), "{\"task\": 1}").unwrap();
        assert!(message(path).ends_with("; copy it from the study"));
        assert!(message(&path.join("nowhere")).contains("does not exist"));
        assert!(message(&path.join("fit.json")).contains("is a file"));
        std::fs::remove_file(path.join("fit.json")).unwrap();
        assert!(message(path).contains("has no fit: fit.json is missing; copy it"));
        std::fs::write(path.join("study.toml"), "").unwrap();
        assert!(message(path).contains("`scaling report "));
        assert!(message(tempfile::tempdir().unwrap().path()).contains("is no study"));
    }
}
