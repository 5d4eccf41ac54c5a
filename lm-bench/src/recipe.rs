//! How a language model is trained and measured.

use crate::batch::{Batch, Staged};
use crate::model::LanguageModel;
use burn::tensor::{Device, Tensor, TensorData};
use scaling_core::error::Result;
use scaling_core::neural::{Batches, Recipe, StepLoss, values};
use scaling_core::nn::training_device;
use scaling_core::standard_error::ratio;
use scaling_core::trial::{Evaluation, Weights};
use std::collections::BTreeMap;

/// What the optimiser's objective is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Normalization {
    /// Sum over tokens divided by the number of sequences (word models, MODELS 2.4).
    Sequences,
    /// Mean over tokens (character models, MODELS 3).
    Tokens,
}

/// How language models are trained and measured, and the state carried from update to update.
pub(crate) struct LanguageRecipe {
    pub(crate) normalization: Normalization,
    /// Name of the headline metric: nats per word or per character.
    pub(crate) metric: &'static str,
    pub(crate) device: Device,
    pub(crate) state: Vec<Tensor<2>>,
}

impl LanguageRecipe {
    fn state_for(&self, model: &LanguageModel, staged: &Staged) -> Vec<Tensor<2>> {
        if staged.fresh || self.state.is_empty() {
            let [_, rows] = staged.inputs.dims();
            model.zero_state(rows, &staged.weights.device())
        } else {
            self.state.clone()
        }
    }
}

impl Recipe for LanguageRecipe {
    type Model = LanguageModel;
    type Batch = Batch;
    type Staged = Staged;

    fn stage(&self, batch: Batch) -> Staged {
        batch.stage(&training_device(&self.device))
    }

    fn loss(&mut self, model: &LanguageModel, staged: Staged, _step: u64) -> StepLoss {
        let state = self.state_for(model, &staged);
        let ([_, rows], predictions) = (staged.inputs.dims(), staged.predictions.max(1.0));
        let found = model.predict(staged.inputs, staged.targets, staged.weights, &state);
        self.state = found.state;
        let total = found.loss.total;
        let divisor = match self.normalization {
            Normalization::Sequences => rows as f64,
            Normalization::Tokens => predictions,
        };
        StepLoss::new(total.clone().div_scalar(divisor), total, predictions, found.lookups)
    }

    /// The mean over tokens.
    fn measure(&self, model: &LanguageModel, batches: &mut dyn Batches<Batch = Batch>) -> Evaluation {
        let device = &self.device;
        let mut blocks: Vec<(f64, f64)> = Vec::new();
        let mut carried: Vec<Tensor<2>> = Vec::new();
        for step in 0..batches.per_epoch() {
            let batch = batches.batch(step);
            if batch.fresh {
                carried = model.zero_state(batch.rows, device);
            }
            let (steps, rows, counted) = (batch.steps, batch.rows, batch.weights.clone());
            let Staged { inputs, targets, weights, .. } = batch.stage(device);
            let found = model.predict(inputs, targets, weights, &carried);
            carried = found.state;
            let losses = values(found.loss.losses);
            // Blocks are sentences, or windows of a stream: what is independent, nearly.
            for row in 0..rows {
                let at = (0..steps).map(|t| t * rows + row).filter(|i| counted[*i] > 0.0);
                let block = at.fold((0.0, 0.0), |(sum, n), i| (sum + f64::from(losses[i]), n + 1.0));
                if block.1 > 0.0 {
                    blocks.push(block);
                }
            }
        }
        let (nats, relative_standard_error) = ratio(&blocks);
        let companion = match self.normalization {
            Normalization::Sequences => ("perplexity", nats.exp()),
            Normalization::Tokens => ("bits_per_character", nats / std::f64::consts::LN_2),
        };
        Evaluation {
            error: nats,
            loss: nats,
            metrics: BTreeMap::from([(self.metric.to_owned(), nats), (companion.0.to_owned(), companion.1)]),
            relative_standard_error,
        }
    }

    fn carried(&self) -> Weights {
        let mut carried = Weights::default();
        for (index, tensor) in self.state.iter().enumerate() {
            carried.insert(format!("{index:02}"), &tensor.dims(), values(tensor.clone().inner()));
        }
        carried
    }

    fn carry(&mut self, carried: &Weights) -> Result<()> {
        let device = training_device(&self.device);
        self.state = carried
            .names()
            .filter_map(|name| carried.get(name))
            .map(|a| Tensor::from_data(TensorData::new(a.values.clone(), a.shape.clone()), &device))
            .collect();
        Ok(())
    }
}
