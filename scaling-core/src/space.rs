//! The search space: which trials a study consists of.

use crate::error::Result;
use crate::median::median;
use crate::settings::{Options, Search, Settings};
use crate::shard::ShardSpec;
use crate::task::Task;
use crate::trial::{Optimization, SCHEMA, TrialConfig};
use std::collections::BTreeMap;

/// What all trials of a study share.
#[derive(Clone)]
pub(crate) struct Space<'a> {
    /// The task.
    pub task: &'a dyn Task,
    /// Model names.
    pub models: &'a [String],
    /// Search and training settings.
    pub settings: &'a Settings,
    /// Options of the task.
    pub options: &'a Options,
    /// The study's seed.
    pub seed: u64,
    /// Hash of the data.
    pub fingerprint: &'a str,
    /// Kind of device.
    pub device: &'a str,
}

/// One point of the search at one shard size: model, variant, size, rate and batch, without seed.
#[derive(Debug, Clone, PartialEq)]
struct Candidate {
    model: String,
    optimizer: String,
    /// The optimiser, and what else tells it from other variants.
    variant: String,
    options: Options,
    size: usize,
    rate: usize,
    batch: u64,
}

impl Space<'_> {
    /// The trials to run, smallest shards first, given the errors of those that have ended.
    ///
    /// `grid` asks for every combination on every shard. `guided` asks for it on the smaller half of the
    /// shards; each larger shard then tries only sizes from one step below the best of the shard before to
    /// two above (the best size grows with m), rates within one step and the best batch or the next larger
    /// one, and waits for that shard to end. `errors` maps trial ids to the error, or to none if the trial
    /// failed.
    ///
    /// # Errors
    /// If a model does not know a size.
    pub(crate) fn trials(&self, errors: &BTreeMap<String, Option<f64>>) -> Result<Vec<TrialConfig>> {
        let mut trials: Vec<TrialConfig> = Vec::new();
        let mut before: Vec<(Candidate, Vec<TrialConfig>)> = Vec::new();
        let full = if self.settings.search == Search::Guided {
            self.settings.shards.len().div_ceil(2)
        } else {
            usize::MAX
        };
        for (position, &shard) in self.settings.shards.iter().enumerate() {
            let mut candidates = self.candidates(shard);
            if position >= full {
                let ended = before.iter().flat_map(|(_, t)| t).all(|t| errors.contains_key(&t.id()));
                if !ended {
                    break;
                }
                candidates.retain(|c| self.is_near_the_best(c, &before, errors));
            }
            before = candidates
                .into_iter()
                .map(|c| Ok((c.clone(), self.repetitions(&c, shard)?)))
                .collect::<Result<_>>()?;
            let mut of_shard: Vec<TrialConfig> = before.iter().flat_map(|(_, t)| t.clone()).collect();
            // The largest first, so that the last ones to end are short.
            of_shard.sort_by(|a, b| b.size.total_cmp(&a.size));
            trials.extend(of_shard);
        }
        // Limits on the batch can make two settings equal.
        let mut seen = std::collections::BTreeSet::new();
        trials.retain(|t| seen.insert(t.id()));
        Ok(trials)
    }

    /// All trials that the study can come to: those of a grid search.
    ///
    /// # Errors
    /// If a model does not know a size.
    pub(crate) fn all_trials(&self) -> Result<Vec<TrialConfig>> {
        let settings = Settings { search: Search::Grid, ..self.settings.clone() };
        Space { settings: &settings, ..self.clone() }.trials(&BTreeMap::new())
    }

    fn rates(&self, optimizer: &str) -> &[f64] {
        if optimizer == "adam" { &self.settings.adam_rates } else { &self.settings.sgd_rates }
    }

    fn candidates(&self, shard: u64) -> Vec<Candidate> {
        let limit = self.task.batch_limit(shard, self.options).max(1);
        let mut batches: Vec<u64> = self.settings.batch_sizes.iter().map(|b| (*b).min(limit)).collect();
        batches.dedup();
        let (mut candidates, about) = (Vec::new(), self.task.about());
        for model in self.models {
            for optimizer in &self.settings.optimizers {
                for (names, options) in self.options.variants(|key| about.concerns(key, model)) {
                    let variant = [vec![optimizer.clone()], names].concat().join(", ");
                    for size in 0..self.settings.sizes.len() {
                        for rate in 0..self.rates(optimizer).len() {
                            for &batch in &batches {
                                let (model, optimizer) = (model.clone(), optimizer.clone());
                                let (variant, options) = (variant.clone(), options.clone());
                                candidates.push(Candidate {
                                    model,
                                    optimizer,
                                    variant,
                                    options,
                                    size,
                                    rate,
                                    batch,
                                });
                            }
                        }
                    }
                }
            }
        }
        candidates
    }

    /// Whether a candidate lies near the best of the shard before, of the same model and variant.
    fn is_near_the_best(
        &self,
        candidate: &Candidate,
        before: &[(Candidate, Vec<TrialConfig>)],
        errors: &BTreeMap<String, Option<f64>>,
    ) -> bool {
        // Diverged repetitions count as infinitely bad, as in the report.
        let error = |trials: &[TrialConfig]| {
            let of = |t: &TrialConfig| errors.get(&t.id()).copied().flatten().unwrap_or(f64::INFINITY);
            median(&trials.iter().map(of).collect::<Vec<f64>>())
        };
        let best = before
            .iter()
            .filter(|(c, _)| c.model == candidate.model && c.variant == candidate.variant)
            .map(|(c, trials)| (error(trials), c))
            .filter(|(error, _)| error.is_finite())
            .min_by(|a, b| a.0.total_cmp(&b.0));
        best.is_none_or(|(_, best)| {
            let sizes = best.size.saturating_sub(1)..=best.size + 2;
            let larger = self.settings.batch_sizes.iter().copied().filter(|batch| *batch > best.batch).min();
            sizes.contains(&candidate.size)
                && best.rate.abs_diff(candidate.rate) <= 1
                && (best.batch..=larger.unwrap_or(best.batch)).contains(&candidate.batch)
        })
    }

    fn repetitions(&self, candidate: &Candidate, shard: u64) -> Result<Vec<TrialConfig>> {
        let settings = self.settings;
        let size = settings.sizes[candidate.size];
        // Asks the task whether the model exists at this size.
        let options = &candidate.options;
        self.task.cost(&candidate.model, size, self.task.extent(&candidate.model, options), options)?;
        Ok((0..settings.seeds)
            .map(|repetition| TrialConfig {
                schema: SCHEMA,
                task: self.task.about().name.into(),
                model: candidate.model.clone(),
                variant: candidate.variant.clone(),
                size,
                shard: ShardSpec { size: shard, mode: settings.mode, seed: self.seed + repetition },
                seed: self.seed + repetition,
                optimization: Optimization {
                    optimizer: candidate.optimizer.clone(),
                    rate: self.rates(&candidate.optimizer)[candidate.rate],
                    batch: candidate.batch,
                    schedule: settings.schedule.clone(),
                    drops: settings.drops,
                    stall: settings.stall,
                    patience: settings.patience,
                    epochs: settings.epochs,
                    clip: settings.clip.norm(self.task.recipe(&candidate.model).clip),
                    drop: settings.drop,
                    adam_beta2: settings.adam_beta2,
                    adam_epsilon: settings.adam_epsilon,
                },
                validation: settings.validation,
                options: candidate.options.clone(),
                fingerprint: self.fingerprint.into(),
                device: self.device.into(),
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytic::Memorizer;
    use crate::settings::Layers;

    #[test]
    fn a_model_may_be_clipped_at_its_own_norm() {
        let clips = |assignment: &str| -> Vec<f64> {
            let mut layers = Layers::new(Memorizer.about().keys).unwrap();
            layers.set(assignment).unwrap();
            let (settings, options) = layers.resolve().unwrap();
            let space = Space {
                task: &Memorizer,
                models: &["memorizer".to_owned()],
                settings: &settings,
                options: &options,
                seed: 1,
                fingerprint: "",
                device: "cpu",
            };
            space.all_trials().unwrap().iter().map(|trial| trial.optimization.clip).collect()
        };
        assert_eq!(clips("clip=3"), [3.0]);
        assert_eq!(clips("clip=own"), [Memorizer.recipe("memorizer").clip]);
    }
}
