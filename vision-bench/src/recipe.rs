//! How a residual network is trained and measured.

use crate::augment::{Batch, Staged};
use crate::model::ResNet;
use burn::tensor::{Device, FloatDType, Tensor};
use rayon::prelude::*;
use scaling_core::neural::{Batches, Recipe, StepLoss, values};
use scaling_core::nn::{OutputWeight, softmax_cross_entropy, training_device};
use scaling_core::standard_error::ratio;
use scaling_core::trial::Evaluation;
use std::collections::BTreeMap;

/// How residual networks are trained and measured.
pub(crate) struct VisionRecipe {
    pub(crate) device: Device,
}

/// What a network says of one picture.
struct Verdict {
    /// -ln p(label), nats.
    surprise: f64,
    /// Classes that it finds likelier than the label.
    before: usize,
}

impl Verdict {
    /// Classes as likely as the label count for it if their number is lower, so that a network that
    /// says nothing is right as often as chance.
    fn new(logits: &[f32], label: usize) -> Self {
        let own = logits[label];
        let highest = logits.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        let sum: f64 = logits.iter().map(|logit| f64::from(logit - highest).exp()).sum();
        let before = logits.iter().enumerate().filter(|(i, l)| **l > own || (**l == own && *i < label));
        Self { surprise: sum.ln() + f64::from(highest - own), before: before.count() }
    }
}

impl Recipe for VisionRecipe {
    type Model = ResNet;
    type Batch = Batch;
    type Staged = Staged;

    fn stage(&self, batch: Batch) -> Staged {
        batch.stage(&training_device(&self.device))
    }

    fn loss(&mut self, model: &ResNet, staged: Staged, _step: u64) -> StepLoss {
        let Staged { images, labels } = staged;
        let [rows] = labels.dims();
        let weights = Tensor::full([rows], 1.0 / rows as f64, &images.device());
        let hidden = model.features(images);
        let (output, bias) = (model.output.val(), model.output_bias.val());
        // With these weights the sum is the mean.
        let mean = softmax_cross_entropy(hidden, OutputWeight::Columns(output), bias, labels, weights).total;
        StepLoss::new(mean.clone(), mean, 1.0, Vec::new())
    }

    fn measure(&self, model: &ResNet, batches: &mut dyn Batches<Batch = Batch>) -> Evaluation {
        let mut verdicts: Vec<Verdict> = Vec::new();
        for step in 0..batches.per_epoch() {
            let batch = batches.batch(step);
            let labels = batch.labels.clone();
            let Staged { images, .. } = batch.stage(&self.device);
            let bias = model.output_bias.val();
            // Features are bfloat16 where convolutions are.
            let features = model.features(images).cast(FloatDType::F32);
            let logits = features.matmul(model.output.val()) + bias.unsqueeze();
            let [_, classes] = logits.dims();
            let logits = values(logits);
            let found = logits.par_chunks_exact(classes).zip(&labels);
            verdicts.par_extend(found.map(|(logits, label)| Verdict::new(logits, *label as usize)));
        }
        let n = verdicts.len() as f64;
        let share = |k: usize| verdicts.iter().filter(|v| v.before >= k).count() as f64 / n;
        let loss = verdicts.iter().map(|v| v.surprise).sum::<f64>() / n;
        let errors: Vec<(f64, f64)> =
            verdicts.iter().map(|v| (f64::from(u8::from(v.before >= 1)), 1.0)).collect();
        let (error, relative_standard_error) = ratio(&errors);
        Evaluation {
            error,
            loss,
            metrics: BTreeMap::from([
                ("top1_error".to_owned(), error),
                ("top5_error".to_owned(), share(5)),
                ("cross_entropy".to_owned(), loss),
            ]),
            relative_standard_error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_the_rank_and_the_surprise_of_the_label() {
        let verdict = Verdict::new(&[1.0, 3.0, 2.0, 3.0], 2);
        assert_eq!(verdict.before, 2);
        let sum: f64 = [1.0f64, 3.0, 2.0, 3.0].iter().map(|l| l.exp()).sum();
        assert!((verdict.surprise - (sum.ln() - 2.0)).abs() < 1e-12);
        // Of equals the first is the guess.
        assert_eq!([Verdict::new(&[0.0; 6], 0).before, Verdict::new(&[0.0; 6], 5).before], [0, 5]);
    }
}
