//! The training loop: update, evaluate, stop early, keep the best, survive anything.

use super::checkpoint::{self, Checkpoint};
use super::cost::CostRecord;
use super::failure::{Failure, FailureKind};
use super::outcome::{Outcome, State};
use super::progress::{Best, Progress};
use super::schedule::Verdict;
use super::weights::Weights;
use super::{BEST_WEIGHTS, Beat, Evaluation, Learner, Lease, TrialConfig};
use crate::error::{At, Error, Result};
use crate::files::{remove_if_present, write_atomic, write_json};
use crate::shard::Shard;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// A loss this many times the first one is taken as divergence.
const DIVERGED: f64 = 100.0;

/// What a trial needs besides its learner.
pub struct Run<'a> {
    /// Its configuration.
    pub config: &'a TrialConfig,
    /// Its directory.
    pub directory: &'a Path,
    /// Samples of the validation set.
    pub validation: u64,
    /// What a model processes of them, in the unit of [`Learner::samples_per_step`]; evaluation takes turns
    /// with training so that it costs less.
    pub validation_steps: f64,
    /// Loss of the best constant predictor.
    pub best_guess: Option<f64>,
    /// Time between checkpoints.
    pub checkpoint_every: Duration,
    /// Whether to keep the weights of the best evaluation.
    pub keep_weights: bool,
    /// Asked before every update: true ends the run with a checkpoint.
    pub interrupted: &'a dyn Fn() -> bool,
    /// Told after every update how far it is.
    pub tell: &'a dyn Fn(Beat),
}

/// One line of `metrics.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    step: u64,
    epoch: f64,
    rate: f64,
    training_loss: f64,
    #[serde(flatten)]
    metrics: std::collections::BTreeMap<String, f64>,
}

/// Runs a trial to its end, from its newest checkpoint if there is one. Does nothing if it has ended.
///
/// # Errors
/// [`Error::Interrupted`] after a checkpoint if asked to stop; [`Error::Input`] if the directory
/// cannot be written.
pub fn run(run: &Run<'_>, prepare: impl FnOnce() -> Result<(Shard, Box<dyn Learner>)>) -> Result<State> {
    let before = State::read(run.directory)?;
    let _lease = Lease::acquire(run.directory, run.interrupted)?;
    let state = State::read(run.directory)?;
    // What another worker has found out meanwhile holds, also that it failed.
    if matches!(state, State::Failed(_)) && state != before {
        return Ok(state);
    }
    if state.is_settled() {
        // It may have been killed between the result and this.
        checkpoint::clear(run.directory)?;
        return Ok(state);
    }
    // Left by an earlier try; a new failure writes its own.
    remove_if_present(&run.directory.join("error.json"))?;
    let (shard, learner) = prepare()?;
    Loop::resume(run, &shard, learner)?.train()
}

struct Loop<'a> {
    run: &'a Run<'a>,
    shard: &'a Shard,
    learner: Box<dyn Learner>,
    progress: Progress,
    best: Option<Weights>,
    metrics: std::fs::File,
    began: Instant,
}

impl<'a> Loop<'a> {
    fn resume(run: &'a Run<'a>, shard: &'a Shard, mut learner: Box<dyn Learner>) -> Result<Self> {
        let (mut progress, mut best) = (Progress::new(), None);
        if let Some(saved) = checkpoint::load(run.directory)? {
            learner.restore(&saved.state)?;
            (progress, best) = (saved.progress, saved.best);
        }
        let metrics = metrics_until(&run.directory.join("metrics.jsonl"), progress.step)?;
        Ok(Self { run, shard, learner, progress, best, metrics, began: Instant::now() })
    }

    fn train(mut self) -> Result<State> {
        let per_epoch = self.learner.steps_per_epoch();
        let last = self.run.config.optimization.epochs * per_epoch;
        let interval = self.interval();
        let mut saved = Instant::now();
        loop {
            if (self.run.interrupted)() {
                self.save()?;
                return Err(Error::Interrupted(format!("interrupted after {} updates", self.progress.step)));
            }
            if saved.elapsed() >= self.run.checkpoint_every {
                self.save()?;
                saved = Instant::now();
            }
            let optimization = &self.run.config.optimization;
            let rate = optimization.rate * self.progress.schedule.factor;
            let loss = self.learner.step(self.progress.step, rate);
            self.progress.step += 1;
            let seconds = self.seconds() - self.progress.evaluation_seconds;
            (self.run.tell)(Beat { steps: self.progress.step, seconds });
            self.progress.running.0 += loss;
            self.progress.running.1 += 1;
            let first = *self.progress.first_loss.get_or_insert(loss.abs().max(1.0));
            if !loss.is_finite() || loss > DIVERGED * first {
                return self.diverged(loss);
            }
            if self.progress.step.is_multiple_of(interval) || self.progress.step == last {
                let asked = Instant::now();
                let evaluation = self.learner.evaluate().in_numbers();
                self.progress.evaluation_seconds += asked.elapsed().as_secs_f64();
                if let Some(lost) = [evaluation.error, evaluation.loss].into_iter().find(|e| !e.is_finite()) {
                    return self.diverged(lost);
                }
                let verdict = self.note(&evaluation, rate)?;
                if verdict == Verdict::Stop || self.progress.step == last {
                    let stopped = if verdict == Verdict::Stop { "patience" } else { "epochs" };
                    return self.finish(stopped);
                }
            }
        }
    }

    /// Updates between evaluations: an epoch, up to three on small shards so that evaluation takes at most
    /// about half the time of training, less where an epoch is very long (MODELS 6.5). Not more than three: a
    /// model that overfits within the interval would be measured too late.
    fn interval(&self) -> u64 {
        let per_epoch = self.learner.steps_per_epoch();
        let longest = if per_epoch > 50_000 { per_epoch / 10 } else { per_epoch };
        // Evaluating costs a third of training per sample: balance when training has seen two
        // thirds of the validation samples.
        let balanced = (self.run.validation_steps * 2.0 / 3.0 / self.learner.samples_per_step()).ceil();
        longest.max((balanced as u64).min(3 * per_epoch)).max(1)
    }

    fn note(&mut self, evaluation: &Evaluation, rate: f64) -> Result<Verdict> {
        let training_loss = self.progress.close_stretch();
        self.progress.note_minima(evaluation);
        let step = self.progress.step;
        self.progress.note_lowest(evaluation);
        let verdict = self.progress.schedule.observe(
            evaluation.loss,
            training_loss,
            self.run.best_guess,
            &self.run.config.optimization,
        );
        if verdict == Verdict::Best {
            self.progress.best = Some(Best { step, loss: evaluation.loss });
            self.best = Some(self.learner.weights());
        }
        let line = Line {
            step,
            epoch: step as f64 / self.learner.steps_per_epoch() as f64,
            rate,
            training_loss,
            metrics: evaluation.metrics.clone(),
        };
        let path = self.run.directory.join("metrics.jsonl");
        let mut text = serde_json::to_string(&line).at("write", &path)?;
        text.push('\n');
        self.metrics.write_all(text.as_bytes()).at("write", &path)?;
        Ok(verdict)
    }

    fn seconds(&self) -> f64 {
        self.progress.seconds + self.began.elapsed().as_secs_f64()
    }

    fn input_seconds(&self) -> f64 {
        self.progress.input_seconds + self.learner.input_seconds()
    }

    fn save(&mut self) -> Result<()> {
        let (seconds, input_seconds) = (self.seconds(), self.input_seconds());
        let progress = Progress { seconds, input_seconds, ..self.progress.clone() };
        let state = self.learner.state();
        checkpoint::save(self.run.directory, &Checkpoint { progress, state, best: self.best.clone() })
    }

    fn flops(&self) -> f64 {
        self.progress.step as f64 * self.learner.samples_per_step() * self.learner.cost().flops_per_sample
    }

    fn write_cost(&self) -> Result<()> {
        let cost = CostRecord {
            seconds: self.seconds(),
            evaluation_seconds: self.progress.evaluation_seconds,
            input_seconds: self.input_seconds(),
            flops: self.flops(),
            peak_memory: crate::device::peak_memory(),
            host: crate::device::host(),
        };
        write_json(&self.run.directory.join("cost.json"), &cost)
    }

    fn diverged(self, loss: f64) -> Result<State> {
        let failure = Failure {
            kind: FailureKind::Diverged,
            step: self.progress.step,
            message: format!("loss {loss} after {} updates", self.progress.step),
        };
        self.write_cost()?;
        write_json(&self.run.directory.join("error.json"), &failure)?;
        checkpoint::clear(self.run.directory)?;
        Ok(State::Failed(failure))
    }

    fn finish(mut self, stopped: &str) -> Result<State> {
        let per_epoch = self.learner.steps_per_epoch() as f64;
        // The last evaluation precedes every finish, so there is a best one.
        let (Some(best), Some(lowest)) = (self.progress.best.clone(), self.progress.lowest) else {
            return Err(Error::failed("training ended without an evaluation"));
        };
        let asked = Instant::now();
        let test = match &self.best {
            Some(weights) => self.learner.test(weights)?.map(|evaluation| evaluation.in_numbers().metrics),
            None => None,
        };
        self.progress.evaluation_seconds += asked.elapsed().as_secs_f64();
        let training_loss = self.progress.training_loss.unwrap_or(f64::MAX);
        let hash = blake3::hash(&self.shard.items.iter().flat_map(|i| i.to_le_bytes()).collect::<Vec<u8>>());
        let outcome = Outcome {
            id: self.run.config.id(),
            shard: self.run.config.shard.clone(),
            samples: self.shard.samples,
            items: self.shard.items.len() as u64,
            hours: Some(self.shard.milliseconds).filter(|n| *n > 0).map(|n| n as f64 / 3.6e6),
            shard_hash: hash.to_hex()[..16].to_owned(),
            parameters: self.learner.cost().parameters,
            error: lowest.error,
            loss: best.loss,
            minima: self.progress.minima.clone(),
            test,
            relative_standard_error: lowest.relative_standard_error,
            validation: self.run.validation,
            best_step: best.step,
            best_epoch: best.step as f64 / per_epoch,
            training_loss,
            capacity_limited: training_loss > best.loss,
            steps: self.progress.step,
            epochs: self.progress.step as f64 / per_epoch,
            flops: self.flops(),
            stopped: stopped.to_owned(),
        };
        if let Some(weights) = self.best.as_ref().filter(|_| self.run.keep_weights) {
            weights.save(&self.run.directory.join(BEST_WEIGHTS))?;
        }
        self.write_cost()?;
        // What a study has written of a child that it thought dead no longer holds.
        remove_if_present(&self.run.directory.join("error.json"))?;
        write_json(&self.run.directory.join("result.json"), &outcome)?;
        checkpoint::clear(self.run.directory)?;
        Ok(State::Finished(Box::new(outcome)))
    }
}

/// Opens `metrics.jsonl` for appending, without the lines after `step` (and without a torn last
/// line): they will be written again.
fn metrics_until(path: &Path, step: u64) -> Result<std::fs::File> {
    let text = if path.exists() { std::fs::read_to_string(path).at("read", path)? } else { String::new() };
    let kept: String = text
        .lines()
        .filter(|line| serde_json::from_str::<Line>(line).is_ok_and(|l| l.step <= step))
        .flat_map(|line| [line, "\n"])
        .collect();
    if kept != text {
        write_atomic(path, kept.as_bytes())?;
    }
    std::fs::File::options().create(true).append(true).open(path).at("open", path)
}
