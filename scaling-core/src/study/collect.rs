//! From a study's directory to what a report needs.

use super::StudyFile;
use super::facts::Facts;
use crate::error::{At, Error, Result};
use crate::files::read_json;
use crate::number::thousands;
use crate::report::{Status, StudyData, Trial};
use crate::trial::{CostRecord, FailureKind, State, TrialConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Gathers the trials of the study in `directory` and what is known of its data.
///
/// # Errors
/// If there is no study, or one of its files cannot be read.
pub(crate) fn collect(directory: &Path) -> Result<StudyData> {
    let file = StudyFile::read(directory)?;
    let facts: Facts = read_json(&directory.join("facts.json"))?;
    let level = file.settings.get("level").and_then(toml::Value::as_float).unwrap_or(0.95);
    let configs = configs(directory)?;
    let trials: Vec<Trial> =
        configs.iter().map(|(path, config)| trial(path, config, &facts)).collect::<Result<_>>()?;
    let mut warnings = validation_warning(&facts, &trials);
    warnings.extend(unfinished_warning(&file, &facts, &trials));
    warnings.extend(mixture_warnings(configs.iter().map(|(_, config)| config)));
    warnings.extend(facts.warnings);
    Ok(StudyData {
        title: facts.title,
        task: file.task,
        command: file.command,
        data: facts.data,
        shards: facts.shards,
        metric: facts.metric,
        m_unit: facts.m_unit,
        best_guess: facts.best_guess,
        other_guesses: facts.other_guesses,
        family: facts.family,
        irreducible: facts.irreducible,
        irreducible_note: facts.irreducible_note,
        trials,
        published: facts.published,
        warnings,
        level,
        seed: file.seed,
    })
}

/// Names the shards of which no trial has ended.
fn unfinished_warning(file: &StudyFile, facts: &Facts, trials: &[Trial]) -> Option<String> {
    let planned = file.settings.get("shards").and_then(toml::Value::as_array)?;
    let planned = planned.iter().filter_map(|m| u64::try_from(m.as_integer()?).ok());
    let has_ended = |m: &u64| trials.iter().any(|t| t.requested == *m && t.status != Status::Missing);
    let open: Vec<String> = planned.filter(|m| !has_ended(m)).map(thousands).collect();
    let (open, unit) = (open.join(", "), &facts.m_unit);
    (!open.is_empty()).then(|| format!("the study is not complete: nothing is known yet of {open} {unit}"))
}

/// What to know of trials that were put together from several studies.
fn mixture_warnings<'a>(
    configs: impl Iterator<Item = &'a TrialConfig> + Clone,
) -> impl Iterator<Item = String> {
    let devices: BTreeSet<&str> = configs.clone().map(|c| c.device.as_str()).collect();
    let versions: BTreeSet<String> = configs.map(|c| c.schema.to_string()).collect();
    let list = |what: &str, names: Vec<&str>| {
        (names.len() > 1).then(|| format!("trials {what} lie here: {}", names.join(", ")))
    };
    let of_devices =
        list("of several kinds of device, which round differently,", devices.into_iter().collect());
    let of_versions = list(
        "of several versions of the training code, which count as seeds of each other,",
        versions.iter().map(String::as_str).collect(),
    );
    of_devices.into_iter().chain(of_versions)
}

/// The directories of the trials and what they are, sorted.
fn configs(directory: &Path) -> Result<Vec<(PathBuf, TrialConfig)>> {
    let root = directory.join("trials");
    let mut paths: Vec<_> = std::fs::read_dir(&root)
        .at("read", &root)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("config.json").exists())
        .collect();
    paths.sort();
    paths.into_iter().map(|path| Ok((path.clone(), read_json(&path.join("config.json"))?))).collect()
}

fn trial(directory: &Path, config: &TrialConfig, facts: &Facts) -> Result<Trial> {
    let cost_path = directory.join("cost.json");
    let cost: Option<CostRecord> = if cost_path.exists() { Some(read_json(&cost_path)?) } else { None };
    let parameters = facts
        .parameters_of(config)
        .ok_or_else(|| Error::input(format!("{}: a trial of another study", directory.display())))?;
    let mut trial = Trial {
        id: config.id(),
        model: config.model.clone(),
        variant: config.variant.clone(),
        size: config.size,
        parameters,
        flops: cost.map_or(0.0, |c| c.flops),
        requested: config.shard.size,
        m: config.shard.size,
        seed: config.seed,
        settings: BTreeMap::from([
            ("learning_rate".to_owned(), config.optimization.rate),
            ("batch".to_owned(), config.optimization.batch as f64),
        ]),
        ..Trial::default()
    };
    match State::read(directory)? {
        State::Pending => {}
        State::Failed(failure) => {
            trial.steps = failure.step;
            trial.status = match failure.kind {
                FailureKind::Diverged => Status::Diverged,
                FailureKind::Panic | FailureKind::Memory | FailureKind::Killed => Status::Failed,
            };
        }
        State::Finished(outcome) => {
            trial.status = Status::Finished;
            trial.flops = outcome.flops;
            trial.m = outcome.samples;
            trial.items = outcome.items;
            trial.hours = outcome.hours;
            trial.error = Some(outcome.error);
            trial.loss = Some(outcome.loss);
            let test = outcome.test.as_ref();
            trial.test_error = test.and_then(|metrics| metrics.get(&*facts.metric.name)).copied();
            trial.minima = outcome.minima;
            trial.training_loss = Some(outcome.training_loss);
            trial.capacity_limited = outcome.capacity_limited;
            trial.relative_standard_error = outcome.relative_standard_error;
            trial.steps = outcome.steps;
            trial.best_epoch = outcome.best_epoch;
        }
    }
    Ok(trial)
}

/// Compares the standard error of the validation set with what the task requires (MODELS 6.2).
fn validation_warning(facts: &Facts, trials: &[Trial]) -> Vec<String> {
    let target = facts.target_standard_error;
    let largest = trials.iter().filter_map(|t| t.relative_standard_error).fold(0.0, f64::max);
    if largest <= target {
        return Vec::new();
    }
    let unit = &facts.m_unit;
    let needed = (facts.validation as f64 * (largest / target).powi(2) / 100.0).ceil() * 100.0;
    let available = thousands(facts.validation_available);
    let remedy = if facts.validation >= facts.validation_available {
        format!("the data have no more than its {available} {unit}")
    } else if needed > facts.validation_available as f64 {
        format!(
            "the data have {available} {unit}, fewer than are needed (`--set validation=0` uses all in a new study)"
        )
    } else {
        let count = thousands(needed as u64);
        format!("about {count} {unit} are needed (`--set validation={needed:.0}` in a new study)")
    };
    vec![format!(
        "the validation set ({} {unit}) gives a relative standard error of {:.2} %, more than the {:.2} % that separates shards a factor 2 apart; {remedy}",
        thousands(facts.validation),
        largest * 100.0,
        target * 100.0,
    )]
}
