//! Both recognisers on random utterances.

use super::architecture::BatchNormed;
use super::*;
use crate::audio::Series;
use crate::batch::Batch;
use crate::recipe::SpeechRecipe;
use burn::tensor::Device;
use scaling_core::neural::{Data, Neural, Rotation, export};
use scaling_core::random::Random;
use scaling_core::trial::{Cost, Learner, Optimization, Weights};
use std::marker::PhantomData;

#[cfg(feature = "tch")]
mod torch;

const ALPHABET: usize = 5;

/// Utterances of the given frames with a character for every eight.
pub(super) fn batch(frames: &[usize], series: Series, seed: u64) -> Batch {
    let mut random = Random::new("model/test", &[seed]);
    let bins = series.bins();
    let mut features = |frames: &usize| (0..frames * bins).map(|_| random.normal() as f32).collect();
    let values: Vec<Vec<f32>> = frames.iter().map(&mut features).collect();
    let mut random = Random::new("model/test/said", &[seed]);
    let said = |frames: &usize| (0..frames / 8).map(|_| random.below(ALPHABET as u64) as u8).collect();
    Batch::new(&values, bins, frames.iter().map(said).collect())
}

pub(super) fn deep_speech(h: f64, batch_norm: BatchNormed, device: &Device) -> DeepSpeech {
    let architecture = Architecture::DeepSpeech { series: Series::Spectrogram, same: false, batch_norm };
    DeepSpeech::new(architecture, h, ALPHABET + 1, 3, device).expect("a model")
}

pub(super) fn attention(max: bool, device: &Device) -> HybridAttention {
    let architecture = Architecture::Attention { series: Series::Mel, max };
    HybridAttention::new(architecture, 8.0, ALPHABET + 3, 3, device).expect("a model")
}

/// The losses of utterances beside others, and alone.
fn beside_and_alone(model: &impl Recogniser, series: Series) -> [Vec<f32>; 2] {
    let frames = [40, 17, 33];
    let together = batch(&frames, series, 1);
    let device = Device::flex();
    let width = together.steps() * together.bins;
    let alone = (0..frames.len()).map(|row| {
        let features = together.features[row * width..][..frames[row] * together.bins].to_vec();
        Batch::new(&[features], together.bins, vec![together.transcripts[row].clone()])
    });
    let alone = alone.map(|batch| (model.loss(batch.stage(&device)).nats)()[0]).collect();
    [(model.loss(together.stage(&device)).nats)(), alone]
}

fn close(got: &[f32], want: &[f32]) {
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= 2e-5 * want.abs().max(1.0), "{got} for {want}");
    }
}

#[test]
fn an_utterance_is_the_same_beside_longer_ones() {
    let device = Device::flex();
    let [beside, alone] =
        beside_and_alone(&deep_speech(6.0, BatchNormed::None, &device), Series::Spectrogram);
    close(&beside, &alone);
    for max in [true, false] {
        let [beside, alone] = beside_and_alone(&attention(max, &device), Series::Mel);
        close(&beside, &alone);
    }
}

#[test]
fn counts_are_those_of_the_parameters() {
    let device = Device::flex();
    let counted = |weights: &Weights| -> usize {
        let trained = weights.names().filter(|name| !name.ends_with("moments"));
        trained.map(|name| weights.get(name).map_or(0, |array| array.values.len())).sum()
    };
    let extent = |vocabulary| scaling_core::task::Extent { length: 100, vocabulary };
    for batch_norm in [BatchNormed::None, BatchNormed::Conv, BatchNormed::ConvAndRecurrent] {
        for same in [false, true] {
            let architecture = Architecture::DeepSpeech { series: Series::Spectrogram, same, batch_norm };
            let model = DeepSpeech::new(architecture, 9.0, 29, 1, &device).expect("a model");
            let cost = architecture.cost(9.0, extent(29)).expect("a cost");
            assert_eq!(counted(&export(&model)) as u64, cost.parameters, "{architecture:?}");
        }
    }
    for series in [Series::Mel, Series::Spectrogram] {
        let architecture = Architecture::Attention { series, max: true };
        let model = HybridAttention::new(architecture, 10.0, 31, 1, &device).expect("a model");
        let cost = architecture.cost(10.0, extent(31)).expect("a cost");
        assert_eq!(counted(&export(&model)) as u64, cost.parameters, "{architecture:?}");
    }
}

/// Learns three utterances by heart; what is left of the loss, and the share of characters that are wrong
/// afterwards.
fn learn<M: Recogniser + 'static>(model: M, series: Series, steps: u64, rate: f64) -> (f64, f64) {
    let alone = || Box::new(Rotation::new(99, |_| batch(&[40, 32, 27], series, 2)));
    let data = Data { train: alone(), validation: alone(), test: None };
    let recipe = SpeechRecipe { device: Device::flex(), model: PhantomData };
    let cost = Cost { parameters: 0, flops_per_sample: 0.0 };
    let mut learner = Neural::new(recipe, model, data, cost, &Optimization::one_pass("adam", rate, 3, 10.0));
    let first = learner.step(0, rate);
    let last = (1..steps).map(|step| learner.step(step, rate)).last().unwrap_or(first);
    (last / first, learner.evaluate().error)
}

#[test]
fn every_model_learns_a_minibatch_by_heart() {
    let device = Device::flex().autodiff();
    for max in [true, false] {
        let (left, wrong) = learn(attention(max, &device), Series::Mel, 400, 0.01);
        assert!(left < 0.05 && wrong == 0.0, "attention, maximum {max}: {left}, {wrong} wrong");
    }
    // Without normalisation it is slow to begin; with it, running moments differ from those of the batch.
    for (batch_norm, most) in
        [(BatchNormed::None, 0.4), (BatchNormed::Conv, 0.4), (BatchNormed::ConvAndRecurrent, 0.2)]
    {
        let (left, _) = learn(deep_speech(6.0, batch_norm, &device), Series::Spectrogram, 400, 0.01);
        assert!(left < most, "{batch_norm:?}: {left}");
    }
}
