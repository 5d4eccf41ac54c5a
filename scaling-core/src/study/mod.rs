//! A study: a directory of trials. The directory is the truth; it survives kill -9 at any instant.

mod best;
mod collect;
mod display;
mod executor;
mod facts;
mod file;
mod places;
mod resemblance;
mod shards;
mod worker;

pub(crate) use best::best_trial;
pub(crate) use collect::collect;
pub(crate) use executor::execute;
pub use file::StudyFile;
pub(crate) use shards::distinct_shards;

use crate::device::Compute;
use crate::error::{At, Error, Result};
use crate::files::{remove_if_present, write_json};
use crate::report::{Status, StudyData, best_trials};
use crate::settings::{KeptWeights, Options, Settings};
use crate::space::Space;
use crate::task::{Corpus, Task};
use crate::trial::{BEST_WEIGHTS, Beat, Run, SCHEMA, State, TrialConfig};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An opened study.
pub(crate) struct Study<'a> {
    /// Where it lives.
    pub directory: PathBuf,
    /// Its resolved configuration.
    pub file: StudyFile,
    /// Its task.
    pub task: &'a dyn Task,
    /// Its data.
    pub corpus: Box<dyn Corpus>,
    /// The typed settings of `file`.
    pub settings: Settings,
    /// The task's options of `file`.
    pub options: Options,
    /// Where it computes.
    pub compute: Compute,
}

impl<'a> Study<'a> {
    /// Opens the study in `directory` by its `study.toml`.
    ///
    /// # Errors
    /// If there is no study, or its data are not what they were.
    pub(crate) fn open(directory: &Path, tasks: &[&'a dyn Task]) -> Result<Self> {
        let file = StudyFile::read(directory)?;
        let task = *tasks.iter().find(|t| t.about().name == file.task).ok_or_else(|| {
            Error::input(format!(
                "{} is a study of `{}`, which this binary does not know",
                directory.display(),
                file.task
            ))
        })?;
        let (settings, options) = file.resolve(task)?;
        let corpus = task.open(&file.data, &options, file.seed)?;
        if corpus.origin().fingerprint != file.fingerprint {
            return Err(Error::input(format!(
                "{}: the data in {} have changed since the study began; use another --out",
                directory.display(),
                file.data
            )));
        }
        let compute = Compute::parse(&file.device)?.in_precision(&settings.precision)?;
        let here = StudyFile { compute: compute.kind.clone(), schema: SCHEMA, ..file.clone() };
        if let Some(difference) = file.difference(&here)? {
            return Err(Error::input(format!(
                "{} was begun otherwise: {difference}; use another --out",
                directory.display()
            )));
        }
        Ok(Self { directory: directory.to_owned(), file, task, corpus, settings, options, compute })
    }

    /// The search space.
    pub(crate) fn space(&self) -> Space<'_> {
        Space {
            task: self.task,
            models: &self.file.models,
            settings: &self.settings,
            options: &self.options,
            seed: self.file.seed,
            fingerprint: &self.file.fingerprint,
            device: &self.compute.kind,
        }
    }

    /// The directory of a trial.
    pub(crate) fn trial_directory(&self, id: &str) -> PathBuf {
        self.directory.join("trials").join(id)
    }

    /// Writes a trial's `config.json` unless it is there.
    ///
    /// # Errors
    /// If the directory cannot be written.
    pub(crate) fn enlist(&self, trial: &TrialConfig) -> Result<()> {
        let directory = self.trial_directory(&trial.id());
        let path = directory.join("config.json");
        if !path.exists() {
            std::fs::create_dir_all(&directory).at("create", &directory)?;
            write_json(&path, trial)?;
        }
        Ok(())
    }

    /// Runs one trial in this process, or resumes it, or does nothing if it has ended.
    ///
    /// # Errors
    /// If there is no such trial, or its directory cannot be written.
    pub(crate) fn run_trial(
        &self,
        id: &str,
        interrupted: &dyn Fn() -> bool,
        tell: &dyn Fn(Beat),
    ) -> Result<State> {
        let directory = self.trial_directory(id);
        let path = directory.join("config.json");
        if !path.exists() {
            return Err(Error::input(format!("no trial `{id}` in {}", self.directory.display())));
        }
        let config: TrialConfig = crate::files::read_json(&path)?;
        let run = Run {
            config: &config,
            directory: &directory,
            validation: self.validation_samples(),
            validation_steps: self.validation_samples() as f64 * self.corpus.steps_per_sample(),
            best_guess: self.corpus.best_guess_loss(),
            checkpoint_every: Duration::from_secs_f64(self.settings.checkpoint_seconds),
            keep_weights: self.settings.weights != KeptWeights::None,
            interrupted,
            tell,
        };
        crate::trial::run(&run, || {
            let shard = config.shard.draw(self.corpus.pool(), &config.fingerprint)?;
            let learner = self.corpus.learner(&config, &shard, &self.compute)?;
            Ok((shard, learner))
        })
    }

    /// Samples in the validation set that the trials use.
    pub(crate) fn validation_samples(&self) -> u64 {
        match self.settings.validation {
            0 => self.corpus.validation_samples(),
            wanted => wanted.min(self.corpus.validation_samples()),
        }
    }

    /// The trials to run as far as they are known, and the state of each. Those that are settled among
    /// `known` ones are not looked at again.
    ///
    /// # Errors
    /// If a trial's files cannot be read.
    pub(crate) fn trials(&self, known: &[(TrialConfig, State)]) -> Result<Vec<(TrialConfig, State)>> {
        let settled = known.iter().filter(|(_, state)| state.is_settled());
        let mut states: BTreeMap<String, State> = settled.map(|(t, s)| (t.id(), s.clone())).collect();
        let mut errors: BTreeMap<String, Option<f64>> =
            states.iter().map(|(id, state)| (id.clone(), state.error())).collect();
        loop {
            // A guided search reveals the next shard's trials once the one before has ended.
            let trials = self.space().trials(&errors)?;
            let before = states.len();
            for trial in &trials {
                let id = trial.id();
                if let Entry::Vacant(place) = states.entry(id.clone()) {
                    let state = State::read(&self.trial_directory(&id))?;
                    // One that has failed, for good or until the study is run again, is one that the next
                    // shard does without.
                    if state != State::Pending {
                        errors.insert(id, state.error());
                    }
                    place.insert(state);
                }
            }
            if states.len() == before {
                return Ok(trials
                    .into_iter()
                    .map(|t| {
                        let state = states.remove(&t.id()).unwrap_or(State::Pending);
                        (t, state)
                    })
                    .collect());
            }
        }
    }

    /// Begins the study in its directory, or checks that the one there is the same.
    ///
    /// # Errors
    /// If the directory cannot be written, or holds another study.
    pub(crate) fn establish(&self) -> Result<()> {
        let path = self.directory.join("facts.json");
        // Before anything is written: what cannot be known refuses the study.
        let facts = if path.exists() { None } else { Some(facts::Facts::of(self)?) };
        self.file.establish(&self.directory)?;
        self.corpus.keep(&self.directory)?;
        facts.map_or(Ok(()), |facts| write_json(&path, &facts))
    }

    /// Removes the weights of the trials of the report that the study does not keep: of all but the best of
    /// their shard, or of all. Trials that have ended since are not in the report, and keep theirs.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub(crate) fn prune_weights(&self, reported: &StudyData) -> Result<()> {
        let kept = match self.settings.weights {
            KeptWeights::All => return Ok(()),
            KeptWeights::Best => best_trials(reported),
            KeptWeights::None => Vec::new(),
        };
        for trial in reported.trials.iter().filter(|trial| trial.status == Status::Finished) {
            if !kept.contains(&trial.id) {
                remove_if_present(&self.trial_directory(&trial.id).join(BEST_WEIGHTS))?;
            }
        }
        Ok(())
    }
}
