//! What a finished trial leaves behind, `result.json`, and where a trial stands.

use super::failure::{Failure, FailureKind};
use crate::error::{Error, Result};
use crate::files::read_json;
use crate::shard::ShardSpec;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// A finished trial. Holds no times, so the same trial gives the same bytes anywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Hash of the configuration.
    pub id: String,
    /// The shard asked for.
    pub shard: ShardSpec,
    /// Samples used for training: the m of the learning curve.
    pub samples: u64,
    /// Items (sentences, images) that hold them.
    pub items: u64,
    /// Duration of the shard in hours, for audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<f64>,
    /// Hash of the item numbers.
    pub shard_hash: String,
    /// Trainable scalars.
    pub parameters: u64,
    /// Lowest validation error (the headline metric).
    pub error: f64,
    /// Lowest validation loss, nats per sample; its evaluation decides when to stop and which weights to
    /// keep.
    pub loss: f64,
    /// Every metric's own minimum over the evaluations.
    pub minima: BTreeMap<String, f64>,
    /// Metrics of the best weights on the test part, where the data have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<BTreeMap<String, f64>>,
    /// Standard error of the headline over validation items, relative to it, where it can be known.
    pub relative_standard_error: Option<f64>,
    /// Samples in the validation set.
    pub validation: u64,
    /// Update after which the lowest loss was measured.
    pub best_step: u64,
    /// The same in passes over the shard.
    pub best_epoch: f64,
    /// Lowest training loss averaged over the updates between two evaluations, nats per sample.
    pub training_loss: f64,
    /// Whether the model could not push its training loss below the validation loss (Appendix B).
    pub capacity_limited: bool,
    /// Updates made.
    pub steps: u64,
    /// Passes over the shard made.
    pub epochs: f64,
    /// Floating-point operations of the updates made, by the products alone.
    pub flops: f64,
    /// Why training ended: `patience` or `epochs`.
    pub stopped: String,
}

/// Where a trial stands, read from its directory.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Not begun, or begun and to be resumed.
    Pending,
    /// `result.json` is there.
    Finished(Box<Outcome>),
    /// `error.json` is there.
    Failed(Failure),
}

impl State {
    /// Reads the state of the trial in `directory`.
    ///
    /// # Errors
    /// If a file is there but cannot be read.
    pub fn read(directory: &Path) -> Result<Self> {
        let (result, error) = (directory.join("result.json"), directory.join("error.json"));
        let state = if result.exists() {
            read_json(&result).map(|outcome| Self::Finished(Box::new(outcome)))
        } else if error.exists() {
            read_json(&error).map(Self::Failed)
        } else {
            Ok(Self::Pending)
        };
        let remedy = "remove the directory of this trial and run the study again";
        state.map_err(|damage| Error::input(format!("{damage}; {remedy}")))
    }

    /// The headline error that was reached.
    pub(crate) fn error(&self) -> Option<f64> {
        match self {
            Self::Finished(outcome) => Some(outcome.error),
            Self::Failed(_) | Self::Pending => None,
        }
    }

    /// Whether nothing is left to do: finished, or diverged.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Pending => false,
            Self::Finished(_) => true,
            Self::Failed(failure) => failure.kind == FailureKind::Diverged,
        }
    }
}
