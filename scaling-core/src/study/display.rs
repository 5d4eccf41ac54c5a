//! Progress of a running study on stderr: bars on a terminal, a line per finished trial elsewhere.

use super::Study;
use crate::error::Result;
use crate::number::{span, thousands};
use crate::terminal::tell;
use crate::trial::{State, TrialConfig};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// A longer time between two ticks is a pause.
const PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Display {
    bars: BTreeMap<u64, ProgressBar>,
    total: ProgressBar,
    terminal: bool,
    /// Trials whose end was told, and whether that was for good.
    told: BTreeSet<(String, bool)>,
    /// Estimated cost of each trial by id: FLOPs per sample times the square root of the shard size.
    weights: BTreeMap<String, f64>,
    /// Work that was done before this run.
    done_before: f64,
    unit: &'static str,
    metric: &'static str,
    /// How long this run has worked.
    worked: Duration,
    ticked: Instant,
}

impl Display {
    pub(super) fn new(study: &Study<'_>, trials: &[(TrialConfig, State)]) -> Result<Self> {
        let terminal = std::io::stderr().is_terminal();
        let group = MultiProgress::with_draw_target(if terminal {
            ProgressDrawTarget::stderr_with_hz(8)
        } else {
            ProgressDrawTarget::hidden()
        });
        let style = |template: &str| {
            ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("━╸─")
        };
        let mut display = Self {
            bars: BTreeMap::new(),
            total: ProgressBar::hidden(),
            terminal,
            told: BTreeSet::new(),
            weights: BTreeMap::new(),
            done_before: 0.0,
            unit: study.task.about().unit,
            metric: &study.task.about().metric.unit,
            worked: Duration::ZERO,
            ticked: Instant::now(),
        };
        for &shard in &study.settings.shards {
            let bar = group.add(
                ProgressBar::new(0)
                    .with_style(style("{prefix:>22} {bar:24.cyan/dim} {pos:>3}/{len:<3} {msg}")),
            );
            bar.set_prefix(format!("{} {}", thousands(shard), display.unit));
            display.bars.insert(shard, bar);
        }
        display.total = group.add(
            ProgressBar::new(0).with_style(style("{prefix:>22} {bar:24.green/dim} {pos:>3}/{len:<3} {msg}")),
        );
        display.total.set_prefix("all trials");
        for (trial, state) in trials {
            if !matches!(state, State::Pending) {
                display.told.insert((trial.id(), state.is_settled()));
            }
        }
        display.update(study, trials)?;
        display.done_before = display.done(trials);
        Ok(display)
    }

    fn done(&self, trials: &[(TrialConfig, State)]) -> f64 {
        trials.iter().filter(|(_, s)| s.is_settled()).filter_map(|(t, _)| self.weights.get(&t.id())).sum()
    }

    /// Takes in what has ended since the last call.
    pub(super) fn update(&mut self, study: &Study<'_>, trials: &[(TrialConfig, State)]) -> Result<()> {
        for (trial, _) in trials {
            if let Entry::Vacant(place) = self.weights.entry(trial.id()) {
                let extent = study.corpus.extent(&trial.model, &trial.options);
                let cost = study.task.cost(&trial.model, trial.size, extent, &trial.options)?;
                // Small shards are passed over more often before training stops.
                place.insert(cost.flops_per_sample * (trial.shard.size as f64).sqrt());
            }
        }
        for (&shard, bar) in &self.bars {
            let of_shard: Vec<&(TrialConfig, State)> =
                trials.iter().filter(|(t, _)| t.shard.size == shard).collect();
            bar.set_length(of_shard.len() as u64);
            bar.set_position(of_shard.iter().filter(|(_, s)| s.is_settled()).count() as u64);
            let best = of_shard
                .iter()
                .filter_map(|(t, s)| match s {
                    State::Finished(outcome) => Some((outcome.error, t)),
                    _ => None,
                })
                .min_by(|a, b| a.0.total_cmp(&b.0));
            bar.set_message(match best {
                Some((error, trial)) => format!(
                    "best {error:.4} {} ({} {}, {} {})",
                    self.metric,
                    trial.model,
                    trial.size,
                    trial.optimization.optimizer,
                    trial.optimization.rate
                ),
                None if of_shard.is_empty() => "waits for the shard before".into(),
                None => String::new(),
            });
        }
        self.total.set_length(trials.len() as u64);
        let settled = trials.iter().filter(|(_, s)| s.is_settled()).count();
        self.total.set_position(settled as u64);
        let all: f64 = trials.iter().filter_map(|(t, _)| self.weights.get(&t.id())).sum();
        let all = all + self.hidden(&study.settings.shards, trials);
        let left = self.time_left(self.done(trials), all);
        self.total
            .set_message(left.map_or(String::new(), |d| format!("about {} left", span(d.as_secs_f64()))));
        for (trial, state) in trials {
            if !matches!(state, State::Pending) && self.told.insert((trial.id(), state.is_settled())) {
                self.tell(trial, state, settled, trials.len(), left);
            }
        }
        Ok(())
    }

    /// Estimated cost of the shards that a guided search has not reached: that of the last known shard,
    /// scaled by the square root of the size.
    fn hidden(&self, shards: &[u64], trials: &[(TrialConfig, State)]) -> f64 {
        let Some(last) = trials.iter().map(|(t, _)| t.shard.size).max() else { return 0.0 };
        let of_last = trials.iter().filter(|(t, _)| t.shard.size == last);
        let work: f64 = of_last.filter_map(|(t, _)| self.weights.get(&t.id())).sum();
        shards.iter().filter(|m| **m > last).map(|m| work * (*m as f64 / last as f64).sqrt()).sum()
    }

    fn time_left(&self, done: f64, all: f64) -> Option<Duration> {
        let since = done - self.done_before;
        (since > 0.0 && all > done).then(|| self.worked.mul_f64((all - done) / since))
    }

    fn tell(&self, trial: &TrialConfig, state: &State, settled: usize, all: usize, left: Option<Duration>) {
        let what = match state {
            State::Finished(o) => format!("{:.4} {} after {:.1} epochs", o.error, self.metric, o.best_epoch),
            State::Failed(f) => format!("{}: {}", format!("{:?}", f.kind).to_lowercase(), f.message),
            State::Pending => return,
        };
        let line = format!(
            "[{settled}/{all}] {} {}, {} {} at {} (batch {}): {what}{}",
            thousands(trial.shard.size),
            self.unit,
            trial.model,
            trial.size,
            format_args!("{} {}", trial.optimization.optimizer, trial.optimization.rate),
            trial.optimization.batch,
            left.map_or(String::new(), |d| format!("; about {} left", span(d.as_secs_f64()))),
        );
        // On a terminal the bars tell of what went well.
        if !self.terminal || matches!(state, State::Failed(_)) {
            self.note(&line);
        }
    }

    /// Says something, above the bars if there are any.
    pub(super) fn note(&self, line: &str) {
        if self.terminal { self.total.println(line) } else { tell(line) }
    }

    /// Redraws; names what is running.
    pub(super) fn tick<'t>(&mut self, running: impl Iterator<Item = &'t TrialConfig>) {
        // Ticks are milliseconds apart, unless the process was stopped: then nothing was done.
        self.worked += self.ticked.elapsed().min(PAUSE);
        self.ticked = Instant::now();
        if self.terminal {
            let shards: BTreeSet<u64> = running.map(|t| t.shard.size).collect();
            for (shard, bar) in &self.bars {
                if shards.contains(shard) {
                    bar.tick();
                }
            }
        }
    }

    pub(super) fn close(&self) {
        for bar in self.bars.values().chain([&self.total]) {
            bar.abandon();
        }
    }
}
