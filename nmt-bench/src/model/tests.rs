//! Counts, learning, and the likeness of batched and single sentences.

#[cfg(feature = "tch")]
mod torch;

use super::*;
use crate::batch::Batch;
use crate::pairs::Specials;
use scaling_core::neural::{Optimizer, count, values};
use scaling_core::task::Extent;
use scaling_core::trial::Optimization;

const SYMBOLS: usize = 20;

pub(super) fn architectures() -> Vec<Architecture> {
    let feedings = [InputFeeding::None, InputFeeding::FirstLayer, InputFeeding::AllLayers];
    let with = |bidirectional| feedings.map(|feeding| Architecture { bidirectional, feeding });
    [with(false), with(true)].concat()
}

pub(super) fn pairs() -> Vec<[Vec<u16>; 2]> {
    vec![[vec![1, 2, 3, 4, 5], vec![6, 7]], [vec![8], vec![9, 10, 11]], [vec![12, 13], vec![]]]
}

fn model(architecture: Architecture, device: &Device) -> Translator {
    Translator::new(architecture, 6.0, SYMBOLS + 2, 1, device).unwrap()
}

#[test]
fn the_formula_counts_what_is_built_and_training_starts_near_ln_v() {
    let device = Device::flex().autodiff();
    for architecture in architectures() {
        let built = model(architecture, &device);
        let extent = Extent { length: 1, vocabulary: SYMBOLS + 2 };
        assert_eq!(count(&built), architecture.cost(6.0, extent).unwrap().parameters, "{architecture:?}");
        let batch = Batch::new(&pairs(), Specials::after(SYMBOLS));
        let found = built.predict(batch.clone().stage(&device), None).loss.total.into_scalar::<f32>();
        let mean = f64::from(found) / batch.predictions();
        assert!((mean / (SYMBOLS as f64 + 4.0).ln() - 1.0).abs() < 0.03, "{architecture:?}: {mean}");
    }
}

/// Padding changes nothing: neither of sources nor of targets.
#[test]
fn a_pair_alone_costs_what_it_costs_among_others() {
    let device = Device::flex();
    for architecture in architectures() {
        let built = model(architecture, &device);
        let losses = |pairs: &[[Vec<u16>; 2]]| -> Vec<f32> {
            let batch = Batch::new(pairs, Specials::after(SYMBOLS));
            let losses = values(built.predict(batch.clone().stage(&device), None).loss.losses);
            (0..batch.rows)
                .map(|row| {
                    let own = (row..losses.len()).step_by(batch.rows);
                    own.filter(|at| batch.weights[*at] > 0.0).map(|at| losses[at]).sum()
                })
                .collect()
        };
        let together = losses(&pairs());
        for (pair, want) in pairs().into_iter().zip(together) {
            let alone = losses(&[pair])[0];
            assert!((alone - want).abs() < 1e-4, "{architecture:?}: {alone} for {want}");
        }
    }
}

/// Every architecture learns one minibatch by heart, with dropout too, and then translates it.
#[test]
fn one_minibatch_is_learnt_by_heart() {
    let device = Device::flex().autodiff();
    let (specials, batch) = (Specials::after(SYMBOLS), Batch::new(&pairs(), Specials::after(SYMBOLS)));
    for (architecture, share) in architectures().into_iter().zip([0.0, 0.0, 0.0, 0.0, 0.2, 0.0]) {
        let mut built = Translator::new(architecture, 16.0, SYMBOLS + 2, 1, &device).unwrap();
        let mut optimizer = Optimizer::new(&Optimization::one_pass("adam", 0.01, 3, 5.0));
        for step in 0..300 {
            let found = built.predict(batch.clone().stage(&device), Dropout::new(share, 1, step, &device));
            let mut gradients = found.loss.total.div_scalar(3.0).backward();
            built = optimizer.step(built, &mut gradients, &found.lookups, step, 0.01);
        }
        let built = built.valid();
        let device = Device::flex();
        let loss = built.predict(batch.clone().stage(&device), None).loss;
        let mean = f64::from(loss.total.into_scalar::<f32>()) / batch.predictions();
        assert!(mean < 0.1, "{architecture:?}: {mean}");
        let sources: Vec<Vec<u16>> = pairs().into_iter().map(|[source, _]| source).collect();
        for beam in [1, 4] {
            let decoder = crate::beam::Decoder { model: &built, specials, device: device.clone(), beam };
            let targets: Vec<Vec<u16>> = pairs().into_iter().map(|[_, target]| target).collect();
            assert_eq!(decoder.translate(&sources), targets, "{architecture:?}, beam {beam}");
        }
    }
}
