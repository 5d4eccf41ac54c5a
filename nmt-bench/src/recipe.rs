//! How a translation model is trained and measured (MODELS 4.4).

use crate::batch::{Batch, Staged};
use crate::model::{Dropout, Translator};
use burn::tensor::Device;
use scaling_core::neural::{Batches, Recipe, StepLoss, values};
use scaling_core::nn::training_device;
use scaling_core::standard_error::ratio;
use scaling_core::trial::Evaluation;
use std::collections::BTreeMap;

/// How translators are trained and measured.
pub(crate) struct TranslationRecipe {
    /// Share of values dropped between layers and of attention vectors.
    pub(crate) dropout: f64,
    pub(crate) seed: u64,
    pub(crate) device: Device,
}

impl Recipe for TranslationRecipe {
    type Model = Translator;
    type Batch = Batch;
    type Staged = Staged;

    fn stage(&self, batch: Batch) -> Staged {
        batch.stage(&training_device(&self.device))
    }

    /// The sum over tokens, divided by the number of sentences.
    fn loss(&mut self, model: &Translator, staged: Staged, step: u64) -> StepLoss {
        let dropout = Dropout::new(self.dropout, self.seed, step, &training_device(&self.device));
        let (rows, predictions) = (staged.rows() as f64, staged.predictions.max(1.0));
        let found = model.predict(staged, dropout);
        let total = found.loss.total;
        StepLoss::new(total.clone().div_scalar(rows), total, predictions, found.lookups)
    }

    /// Errors under teacher forcing: the earlier target tokens are the true ones, the ends of sentences are
    /// predicted too.
    fn measure(&self, model: &Translator, batches: &mut dyn Batches<Batch = Batch>) -> Evaluation {
        // Of every sentence: its wrong tokens and its nats, and its tokens.
        let (mut wrong, mut nats) = (Vec::new(), Vec::new());
        for step in 0..batches.per_epoch() {
            let batch = batches.batch(step);
            let (rows, counted) = (batch.rows, batch.weights.clone());
            let found = model.predict(batch.stage(&self.device), None).loss;
            let losses = values(found.losses);
            let hits = values(found.hits);
            for row in 0..rows {
                let own = (row..losses.len()).step_by(rows).filter(|at| counted[*at] > 0.0);
                let sum = own.fold((0.0, 0.0, 0.0), |(misses, nats, n), at| {
                    (misses + 1.0 - f64::from(hits[at]), nats + f64::from(losses[at]), n + 1.0)
                });
                wrong.push((sum.0, sum.2));
                nats.push((sum.1, sum.2));
            }
        }
        let (error, relative_standard_error) = ratio(&wrong);
        let (loss, _) = ratio(&nats);
        Evaluation {
            error,
            loss,
            metrics: BTreeMap::from([
                ("token_error".to_owned(), error),
                ("nats_per_token".to_owned(), loss),
                ("bits_per_token".to_owned(), loss / std::f64::consts::LN_2),
            ]),
            relative_standard_error,
        }
    }
}
