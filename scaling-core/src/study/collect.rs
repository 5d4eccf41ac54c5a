//! From the trial directories to what a report needs.

use super::Study;
use crate::error::{At, Result};
use crate::files::read_json;
use crate::report::{self, Published, Setting, StudyData, Trial};
use crate::shard::ShardSpec;
use crate::trial::{Cost, State, TrialConfig};
use std::collections::BTreeMap;

impl Study<'_> {
    /// Gathers all trials and what is known of the data.
    ///
    /// # Errors
    /// If a trial's files cannot be read.
    pub fn collect(&self) -> Result<StudyData> {
        let trials: Vec<Trial> =
            self.trials()?.into_iter().map(|(config, state)| self.row(&config, state)).collect::<Result<_>>()?;
        let irreducible = self.corpus.irreducible();
        let metric = self.task.metric();
        let mut warnings = self.validation_warning(&trials);
        warnings.extend(self.shard_warnings()?);
        Ok(StudyData {
            title: format!("{}: {}", self.file.task, self.task.title()),
            task: self.file.task.clone(),
            command: self.file.command.clone(),
            data: self.corpus.description(),
            metric: report::Metric {
                name: metric.name.into(),
                label: metric.label.into(),
                unit: metric.unit.into(),
            },
            m_unit: self.task.unit().into(),
            best_guess: self.corpus.best_guess(),
            irreducible: irreducible.as_ref().map(|i| i.error),
            irreducible_note: irreducible.map(|i| i.note).unwrap_or_default(),
            trials,
            published: self.published(),
            warnings,
            level: self.settings.level,
            seed: self.file.seed,
        })
    }

    /// Rebuilds tables, figures and the report from the trial directories; returns the text for
    /// the terminal.
    ///
    /// # Errors
    /// If the study's files cannot be read or written.
    pub fn report(&self) -> Result<String> {
        report::write(&self.collect()?, &self.directory)
    }

    fn row(&self, config: &TrialConfig, state: State) -> Result<Trial> {
        let id = config.id();
        let optimization = &config.optimization;
        let cost_path = self.trial_directory(&id).join("cost.json");
        let cost: Option<Cost> = if cost_path.exists() { Some(read_json(&cost_path)?) } else { None };
        let extent = self.corpus.extent(&self.options);
        let mut trial = Trial {
            id,
            model: config.model.clone(),
            variant: config.variant.clone(),
            size: config.size,
            parameters: self.task.cost(&config.model, config.size, extent, &self.options)?.parameters,
            flops: cost.as_ref().map_or(0.0, |c| c.flops),
            requested: config.shard.size,
            m: config.shard.size,
            items: 0,
            seed: config.seed,
            settings: BTreeMap::from([
                ("learning_rate".to_owned(), Setting::Number(optimization.rate)),
                ("batch".to_owned(), Setting::Number(optimization.batch as f64)),
            ]),
            status: report::Status::Missing,
            error: None,
            loss: None,
            minima: BTreeMap::new(),
            training_error: None,
            capacity_limited: false,
            relative_standard_error: None,
            steps: 0,
            epochs: 0.0,
            seconds: cost.map(|c| c.seconds),
        };
        match state {
            State::Pending => {}
            State::Failed(failure) => {
                trial.steps = failure.step;
                trial.status = match failure.kind {
                    crate::trial::FailureKind::Diverged => report::Status::Diverged,
                    _ => report::Status::Failed,
                };
            }
            State::Finished(outcome) => {
                trial.status = report::Status::Finished;
                trial.m = outcome.samples;
                trial.items = outcome.items;
                trial.error = Some(outcome.error);
                trial.loss = Some(outcome.loss);
                trial.minima = outcome.minima;
                trial.training_error = Some(outcome.training_loss);
                trial.capacity_limited = outcome.capacity_limited;
                trial.relative_standard_error = Some(outcome.relative_standard_error);
                trial.steps = outcome.steps;
                trial.epochs = outcome.best_epoch;
            }
        }
        Ok(trial)
    }

    fn published(&self) -> Vec<Published> {
        let ours = |model: &str| {
            let name = model.split('/').next().unwrap_or(model);
            self.file.models.iter().any(|m| m == name)
        };
        self.task
            .published()
            .into_iter()
            .filter(|p| ours(p.model))
            .map(|p| Published {
                model: p.model.into(),
                beta_g: p.beta_g,
                beta_p: p.beta_p,
                m_range: p.m_range.into(),
                source: p.source.into(),
            })
            .collect()
    }

    /// Compares the standard error of the validation set with what the task requires (MODELS 6.2).
    fn validation_warning(&self, trials: &[Trial]) -> Vec<String> {
        let target = self.task.target_standard_error();
        let largest = trials.iter().filter_map(|t| t.relative_standard_error).fold(0.0, f64::max);
        if largest <= target {
            return Vec::new();
        }
        let samples = self.validation_samples();
        let needed = (samples as f64 * (largest / target).powi(2) / 100.0).ceil() * 100.0;
        vec![format!(
            "the validation set ({} {unit}) gives a relative standard error of {:.2} %, more than the {:.2} % that separates shards a factor 2 apart; about {} {unit} are needed (`--set validation={needed:.0}`)",
            report::thousands(samples),
            largest * 100.0,
            target * 100.0,
            report::thousands(needed as u64),
            unit = self.task.unit(),
        )]
    }

    /// Checks that the items of every shard are as long as those of the largest one, within 4
    /// standard errors: a shard that is not is no random sample.
    fn shard_warnings(&self) -> Result<Vec<String>> {
        let pool = self.corpus.pool();
        let mean = |size: u64| -> Result<(f64, f64, f64)> {
            let spec = ShardSpec { size, mode: self.settings.mode, seed: self.file.seed };
            let shard = spec.draw(pool, &self.file.fingerprint)?;
            // The last item is chosen by its length, so it stays out.
            let items = &shard.items[..shard.items.len().saturating_sub(1)];
            let lengths: Vec<f64> = items.iter().map(|i| pool.weight(*i) as f64).collect();
            let n = lengths.len().max(1) as f64;
            let mean = lengths.iter().sum::<f64>() / n;
            let variance = lengths.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
            Ok((mean, variance, n))
        };
        let Some((&largest, smaller)) = self.settings.shards.split_last() else { return Ok(Vec::new()) };
        let (reference, variance, n) = mean(largest)?;
        let mut warnings = Vec::new();
        for &size in smaller {
            let (own, _, items) = mean(size)?;
            let error = (variance * (1.0 / items + 1.0 / n)).sqrt();
            if (own - reference).abs() > 4.0 * error {
                warnings.push(format!(
                    "the shard of {} {unit} has items of {own:.2} {unit} on average, the largest shard {reference:.2}: not the same distribution",
                    report::thousands(size),
                    unit = self.task.unit()
                ));
            }
        }
        Ok(warnings)
    }

    /// Removes the weights of trials that are not the best of their shard, if the study keeps only those.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn prune_weights(&self) -> Result<()> {
        if self.settings.weights != "best" {
            return Ok(());
        }
        let mut best: BTreeMap<(String, String, u64), (f64, String)> = BTreeMap::new();
        let trials = self.trials()?;
        for (config, state) in &trials {
            if let State::Finished(outcome) = state {
                let key = (config.model.clone(), config.variant.clone(), config.shard.size);
                let entry = best.entry(key).or_insert((f64::MAX, String::new()));
                if outcome.error < entry.0 {
                    *entry = (outcome.error, config.id());
                }
            }
        }
        let kept: Vec<&String> = best.values().map(|(_, id)| id).collect();
        for (config, _) in &trials {
            let path = self.trial_directory(&config.id()).join("best.safetensors");
            if !kept.contains(&&config.id()) && path.exists() {
                std::fs::remove_file(&path).at("remove", &path)?;
            }
        }
        Ok(())
    }
}
