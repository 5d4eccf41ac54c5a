//! What a trial trains and evaluates, whatever it is made of.

use super::{Cost, Weights};
use crate::error::Result;
use std::collections::BTreeMap;

/// One model being trained on one shard. The data of update `step` are a pure function of the
/// trial's seed and `step`, so a learner restored at step k goes on exactly as one that never stopped.
pub trait Learner {
    /// Updates in one pass over the shard.
    fn steps_per_epoch(&self) -> u64;
    /// Samples (in the unit of `flops_per_sample`) in one update.
    fn samples_per_step(&self) -> f64;
    /// Parameters and arithmetic of the model.
    fn cost(&self) -> Cost;
    /// One update at a learning rate; returns the loss in nats per sample before the update.
    fn step(&mut self, step: u64, rate: f64) -> f64;
    /// The whole validation set.
    fn evaluate(&mut self) -> Evaluation;
    /// How a model with these weights does on the test part, where the data have one beside the
    /// validation part. Nothing is selected on it.
    ///
    /// # Errors
    /// If the weights belong to another model.
    fn test(&mut self, _weights: &Weights) -> Result<Option<Evaluation>> {
        Ok(None)
    }
    /// Seconds that the host has waited for samples so far; on a GPU these overlap the update.
    fn input_seconds(&self) -> f64 {
        0.0
    }
    /// The model alone (what is kept of the best evaluation).
    fn weights(&self) -> Weights;
    /// Everything that the next step depends on: model, optimiser, carried state.
    fn state(&self) -> Weights;
    /// Puts back what [`Learner::state`] returned.
    ///
    /// # Errors
    /// If the state belongs to another model.
    fn restore(&mut self, state: &Weights) -> Result<()>;
}

/// What one look at the validation set says.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The headline error.
    pub error: f64,
    /// The training objective in nats per sample, comparable with what [`Learner::step`] returns. Early
    /// stopping goes by it.
    pub loss: f64,
    /// Every metric by name, the headline included.
    pub metrics: BTreeMap<String, f64>,
    /// Standard error of the headline over validation items, relative to it, where it can be known.
    pub relative_standard_error: Option<f64>,
}

impl Evaluation {
    /// With the metrics that are numbers: a perplexity may overflow where its logarithm does not, and JSON
    /// has no infinity.
    pub(crate) fn in_numbers(mut self) -> Self {
        self.metrics.retain(|_, value| value.is_finite());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_that_overflows_is_none() {
        let metrics = BTreeMap::from([("nats".to_owned(), 800.0), ("perplexity".to_owned(), f64::INFINITY)]);
        let evaluation = Evaluation { error: 800.0, loss: 800.0, metrics, relative_standard_error: None };
        assert_eq!(evaluation.in_numbers().metrics, BTreeMap::from([("nats".to_owned(), 800.0)]));
    }
}
