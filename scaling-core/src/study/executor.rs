//! The local executor: trials as child processes, some at a time, until none is left.

use super::Study;
use super::display::Display;
use super::places::Places;
use super::worker::{Worker, spawn, stop};
use crate::device::{Compute, MemoryWatch, cores};
use crate::error::{At, Error, Result};
use crate::files::{remove_if_present, write_json};
use crate::terminal::tell;
use crate::trial::{Beat, Failure, FailureKind, Lease, NO_MEMORY_EXIT, State, TrialConfig};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A trial whose process is killed from outside is started at most this many times per run of the study.
const ATTEMPTS: u32 = 3;
/// How long another worker that tries a trial again may be without its lease.
const BETWEEN_TRIES: Duration = Duration::from_secs(10);

/// Runs all trials of a study that have not ended: `jobs` at a time if that is given, else one for each core,
/// or on a GPU as many as are worth it. They share the cores.
///
/// # Errors
/// [`Error::Interrupted`] if `interrupted` says so (children have written checkpoints),
/// [`Error::Input`] if a trial reports unusable input or an output disk that cannot be written.
pub(crate) fn execute(study: &Study<'_>, jobs: Option<usize>, interrupted: &dyn Fn() -> bool) -> Result<()> {
    // Retry what failed in an earlier run; a guided search waits for these before the next shard.
    let earlier = study.trials(&[])?;
    for (trial, state) in &earlier {
        if matches!(state, State::Failed(_)) && !state.is_settled() {
            remove_if_present(&study.trial_directory(&trial.id()).join("error.json"))?;
        }
    }
    let trials = study.trials(&earlier)?;
    // A report knows a trial by its configuration, also where that was lost.
    for (trial, _) in trials.iter().filter(|(_, state)| *state != State::Pending) {
        study.enlist(trial)?;
    }
    let (places, memory) = jobs.map_or_else(|| places(&study.compute), |jobs| (Places::given(jobs), None));
    let mut executor = Executor {
        study,
        places,
        memory,
        display: Display::new(study, &trials)?,
        trials,
        workers: Vec::new(),
        attempts: BTreeMap::new(),
        retried: None,
    };
    let outcome = executor.run(interrupted);
    stop(&mut executor.workers);
    executor.display.close();
    outcome
}

/// How many trials the device is to run, where nobody says so.
fn places(compute: &Compute) -> (Places, Option<MemoryWatch>) {
    if let Some((memory, watch)) = compute.watch_memory() {
        return (Places::measured(cores(), memory), Some(watch));
    }
    if compute.is_cuda() {
        tell("nvidia-smi does not tell how full the GPU is; one trial at a time (`--jobs` for more)");
    }
    (Places::given(compute.default_jobs()), None)
}

struct Executor<'a> {
    study: &'a Study<'a>,
    places: Places,
    /// Where the memory of the device decides how many trials run.
    memory: Option<MemoryWatch>,
    display: Display,
    /// As far as they are known, and where each stands.
    trials: Vec<(TrialConfig, State)>,
    workers: Vec<Worker>,
    /// How often each trial was started.
    attempts: BTreeMap<String, u32>,
    /// When another worker was last seen to try again what this one has given up.
    retried: Option<Instant>,
}

impl Executor<'_> {
    fn run(&mut self, interrupted: &dyn Fn() -> bool) -> Result<()> {
        let (mut looked, mut waits) = (None::<Instant>, false);
        loop {
            if interrupted() {
                return Err(Error::Interrupted(format!(
                    "interrupted; run the same command again to go on ({} holds what is done)",
                    self.study.directory.display()
                )));
            }
            let ended = self.reap()?;
            // Looking reads the leases of all open trials, so not at every tick.
            let looks = ended || looked.is_none_or(|looked| looked.elapsed() > Duration::from_millis(500));
            let waited = waits;
            if looks {
                looked = Some(Instant::now());
                // Before the outcomes are read: who gives a lease back has written one.
                waits = self.is_retried_elsewhere()?;
            }
            if ended || (looks && waited) {
                self.trials = self.study.trials(&self.trials)?;
                self.display.update(self.study, &self.trials)?;
            }
            if looks {
                self.start()?;
            }
            if self.workers.is_empty() && !waits {
                return Ok(());
            }
            self.display.tick(self.workers.iter().map(|worker| &worker.trial));
            std::thread::sleep(Duration::from_millis(if ended { 1 } else { 4 }));
        }
    }

    /// Takes leave of the children that have ended; whether there were any.
    fn reap(&mut self) -> Result<bool> {
        let running = self.workers.len();
        for index in (0..running).rev() {
            let status = self.workers[index].child.try_wait();
            if status.at("wait for a trial in", &self.study.directory)?.is_some() {
                let worker = self.workers.swap_remove(index);
                self.conclude(worker, running)?;
            }
        }
        Ok(self.workers.len() < running)
    }

    /// Starts what there is room for.
    fn start(&mut self) -> Result<()> {
        let memory = self.memory.as_ref().and_then(MemoryWatch::newest);
        let mut beats = self.workers.iter().map(|worker| (worker.trial.id(), worker.beat())).collect();
        if let Some(line) = self.places.look(Instant::now(), &beats, memory) {
            self.display.note(&line);
        }
        while self.places.may_start(&beats, memory) {
            let Some(trial) = self.next()? else { break };
            self.study.enlist(&trial)?;
            *self.attempts.entry(trial.id()).or_default() += 1;
            let threads = (cores() / self.places.limit()).max(1);
            beats.insert(trial.id(), Beat::default());
            self.workers.push(spawn(self.study, trial, threads)?);
        }
        Ok(())
    }

    /// The next trial to start: one that nobody runs if there is one, else one that another worker on
    /// this directory runs (the child waits for its lease and then finds the result).
    fn next(&self) -> Result<Option<TrialConfig>> {
        let mut elsewhere = None;
        for (trial, _) in self.open().filter(|(trial, state)| !self.has_given_up(trial, state)) {
            if !Lease::is_held(&self.study.trial_directory(&trial.id()))? {
                return Ok(Some(trial.clone()));
            }
            elsewhere.get_or_insert_with(|| trial.clone());
        }
        Ok(elsewhere)
    }

    /// The trials without an outcome for good that no child of this worker runs.
    fn open(&self) -> impl Iterator<Item = &(TrialConfig, State)> {
        let is_running = move |trial: &TrialConfig| self.workers.iter().any(|worker| worker.trial == *trial);
        self.trials.iter().filter(move |(trial, state)| !state.is_settled() && !is_running(trial))
    }

    /// Whether this worker has tried a trial as often as it does. Failures of earlier runs and of other
    /// workers are retried; diverged trials are results.
    fn has_given_up(&self, trial: &TrialConfig, state: &State) -> bool {
        let attempts = self.attempts.get(&trial.id());
        attempts.is_some_and(|n| *n >= ATTEMPTS || matches!(state, State::Failed(_)))
    }

    /// Whether another worker tries again what this one has given up: it has removed the failure. No child
    /// waits for that, since it would try once more itself where the other one's is killed.
    fn is_retried_elsewhere(&mut self) -> Result<bool> {
        let given_up = self.open().filter(|(trial, state)| self.has_given_up(trial, state));
        let directories = given_up.map(|(trial, _)| self.study.trial_directory(&trial.id()));
        let retried: Vec<PathBuf> =
            directories.filter(|directory| !directory.join("error.json").exists()).collect();
        let Some(seen) = self.retried.filter(|_| !retried.is_empty()) else {
            self.retried = (!retried.is_empty()).then(Instant::now);
            return Ok(self.retried.is_some());
        };
        for directory in &retried {
            if Lease::is_held(directory)? {
                self.retried = Some(Instant::now());
                return Ok(true);
            }
        }
        // Between two tries, and while other trials are before it, nobody holds the lease.
        Ok(seen.elapsed() < BETWEEN_TRIES)
    }

    /// Judges a child that has ended, one of so many that ran, by what it left behind.
    fn conclude(&mut self, mut worker: Worker, running: usize) -> Result<()> {
        let id = worker.trial.id();
        let directory = self.study.trial_directory(&id);
        let status = worker.child.wait().at("wait for a trial in", &self.study.directory)?;
        let state = State::read(&directory)?;
        match state {
            State::Finished(_) => {
                // Who made no update has waited for another worker.
                if worker.beat().steps > 0 {
                    self.places.finished(worker.began.elapsed());
                }
                return Ok(());
            }
            // The trial itself has said what is wrong; or another worker had, before it began.
            State::Failed(_) if state.is_settled() || state != worker.before => {
                self.attempts.insert(id, ATTEMPTS);
                return Ok(());
            }
            State::Failed(_) | State::Pending => {}
        }
        let step = worker.beat().steps;
        let log = worker.said.join().unwrap_or_default();
        let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message");
        let last = last.trim_start_matches("error: ").to_owned();
        let (kind, message) = match status.code() {
            Some(2) => return Err(Error::input(last)),
            // Stopped by a signal: what it has done lies in a checkpoint.
            Some(130) => return Ok(()),
            Some(NO_MEMORY_EXIT) if self.places.crowded(running) => {
                self.attempts.remove(&id);
                let (most, others) = (self.places.limit(), running - 1);
                self.display.note(&format!(
                    "{id}: {last} (others at the same time: {others}); it goes on later, and at most {most} at a time \
                     run from here on"
                ));
                return Ok(());
            }
            Some(NO_MEMORY_EXIT) => (FailureKind::Memory, last),
            Some(_) => (FailureKind::Panic, last),
            None if self.attempts.get(&id).is_some_and(|n| *n < ATTEMPTS) => return Ok(()),
            None => (FailureKind::Killed, format!("{status} {ATTEMPTS} times; out of memory?")),
        };
        self.attempts.insert(id, ATTEMPTS);
        write_json(&directory.join("error.json"), &Failure { kind, step, message })
    }
}
