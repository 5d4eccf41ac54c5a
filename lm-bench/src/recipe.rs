//! How a language model is trained and measured.

use crate::batch::{Batch, Batches};
use crate::model::LanguageModel;
use burn::tensor::{Device, Tensor, TensorData};
use scaling_core::error::Result;
use scaling_core::neural::{Recipe, StepLoss};
use scaling_core::nn::training_device;
use scaling_core::standard_error::ratio;
use scaling_core::task::{Cost, Evaluation};
use scaling_core::trial::Weights;
use std::collections::BTreeMap;

/// What the optimiser's objective is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Normalization {
    /// Sum over tokens divided by the number of sequences (word models, MODELS 2.4).
    Sequences,
    /// Mean over tokens (character models, MODELS 3).
    Tokens,
}

/// Training batches, validation batches and the state carried between them.
pub(crate) struct LanguageRecipe {
    pub(crate) train: Box<dyn Batches>,
    pub(crate) validation: Option<Box<dyn Batches>>,
    pub(crate) test: Option<Box<dyn Batches>>,
    pub(crate) normalization: Normalization,
    /// Name of the headline metric: nats per word or per character.
    pub(crate) metric: &'static str,
    pub(crate) cost: Cost,
    pub(crate) device: Device,
    pub(crate) state: Vec<Tensor<2>>,
}

impl LanguageRecipe {
    fn state_for(&self, model: &LanguageModel, batch: &Batch, device: &Device) -> Vec<Tensor<2>> {
        if batch.fresh || self.state.is_empty() {
            model.zero_state(batch.rows, device)
        } else {
            self.state.clone()
        }
    }

    /// Mean loss over one pass of `batches`.
    fn measure(&self, model: &LanguageModel, batches: Option<&mut Box<dyn Batches>>) -> Evaluation {
        let device = &self.device;
        let mut blocks: Vec<(f64, f64)> = Vec::new();
        if let Some(batches) = batches {
            let mut carried: Vec<Tensor<2>> = Vec::new();
            for step in 0..batches.per_epoch() {
                let batch = batches.batch(step);
                if batch.fresh {
                    carried = model.zero_state(batch.rows, device);
                }
                let (inputs, targets) = (batch.inputs(device), batch.targets(device));
                let found = model.predict(inputs, targets, batch.weights(device), &carried);
                carried = found.state;
                let losses: Vec<f32> = found.loss.losses.into_data().iter::<f32>().collect();
                // Blocks are sentences, or windows of a stream: what is independent, nearly.
                for row in 0..batch.rows {
                    let at =
                        (0..batch.steps).map(|t| t * batch.rows + row).filter(|i| batch.weights[*i] > 0.0);
                    let block = at.fold((0.0, 0.0), |(sum, n), i| (sum + f64::from(losses[i]), n + 1.0));
                    if block.1 > 0.0 {
                        blocks.push(block);
                    }
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
}

impl Recipe for LanguageRecipe {
    type Model = LanguageModel;

    fn steps_per_epoch(&self) -> u64 {
        self.train.per_epoch()
    }

    fn samples_per_step(&self) -> f64 {
        self.train.predictions() as f64 / self.train.per_epoch() as f64
    }

    fn cost(&self) -> Cost {
        self.cost
    }

    fn loss(&mut self, model: &LanguageModel, step: u64) -> StepLoss {
        let batch = self.train.batch(step);
        let device = training_device(&self.device);
        let state = self.state_for(model, &batch, &device);
        let (inputs, targets) = (batch.inputs(&device), batch.targets(&device));
        let found = model.predict(inputs, targets, batch.weights(&device), &state);
        self.state = found.state;
        let predictions = batch.predictions().max(1.0);
        let total = found.loss.total;
        let sum = total.clone().inner();
        let nats = Box::new(move || f64::from(sum.into_scalar::<f32>()) / predictions);
        let divisor = match self.normalization {
            Normalization::Sequences => batch.rows as f64,
            Normalization::Tokens => predictions,
        };
        StepLoss { objective: total.div_scalar(divisor), nats, lookups: found.lookups }
    }

    fn evaluate(&mut self, model: &LanguageModel) -> Evaluation {
        let mut validation = self.validation.take();
        let evaluation = self.measure(model, validation.as_mut());
        self.validation = validation;
        evaluation
    }

    fn test(&mut self, model: &LanguageModel) -> Option<Evaluation> {
        let mut test = self.test.take()?;
        let evaluation = self.measure(model, Some(&mut test));
        self.test = Some(test);
        Some(evaluation)
    }

    fn carried(&self) -> Weights {
        let mut carried = Weights::default();
        for (index, tensor) in self.state.iter().enumerate() {
            let values: Vec<f32> = tensor.clone().inner().into_data().iter::<f32>().collect();
            carried.insert(format!("{index:02}"), &tensor.dims(), values);
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
