//! The part of a trial's state that the loop itself owns; it is saved beside the weights.

use super::Evaluation;
use super::schedule::Schedule;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Position and records of a training run. Every number is restored bit for bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Updates made.
    pub(super) step: u64,
    /// Rate and early stopping.
    pub(super) schedule: Schedule,
    /// The evaluation with the lowest loss so far, which is the one whose weights are kept.
    pub(super) best: Option<Best>,
    /// The lowest headline error so far.
    pub(super) lowest: Option<Lowest>,
    /// Lowest value of each metric.
    pub(super) minima: BTreeMap<String, f64>,
    /// Sum of training losses since the last evaluation, and their number.
    pub(super) running: (f64, u64),
    /// Lowest average training loss between two evaluations.
    pub(super) training_loss: Option<f64>,
    /// Loss before the first update, against which divergence is judged.
    pub(super) first_loss: Option<f64>,
    /// Seconds spent in earlier runs.
    pub(super) seconds: f64,
    /// Seconds of evaluation, in all runs.
    pub(super) evaluation_seconds: f64,
    /// Seconds of waiting for samples in earlier runs.
    pub(super) input_seconds: f64,
}

/// The evaluation with the lowest loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Best {
    pub(super) step: u64,
    pub(super) loss: f64,
}

/// The lowest headline error, which another evaluation may have reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Lowest {
    pub(super) error: f64,
    pub(super) relative_standard_error: Option<f64>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            step: 0,
            schedule: Schedule::new(),
            best: None,
            lowest: None,
            minima: BTreeMap::new(),
            running: (0.0, 0),
            training_loss: None,
            first_loss: None,
            seconds: 0.0,
            evaluation_seconds: 0.0,
            input_seconds: 0.0,
        }
    }

    /// Closes the stretch of updates since the last evaluation; returns its mean training loss.
    pub(super) fn close_stretch(&mut self) -> f64 {
        let mean = self.running.0 / self.running.1.max(1) as f64;
        self.running = (0.0, 0);
        self.training_loss = Some(self.training_loss.map_or(mean, |low| low.min(mean)));
        mean
    }

    /// Keeps the lowest headline error.
    pub(super) fn note_lowest(&mut self, evaluation: &Evaluation) {
        let Evaluation { error, relative_standard_error, .. } = *evaluation;
        if self.lowest.is_none_or(|lowest| error < lowest.error) {
            self.lowest = Some(Lowest { error, relative_standard_error });
        }
    }

    /// Keeps the minimum of every metric.
    pub(super) fn note_minima(&mut self, evaluation: &Evaluation) {
        for (name, value) in &evaluation.metrics {
            let low = self.minima.entry(name.clone()).or_insert(*value);
            *low = low.min(*value);
        }
    }
}
