//! A task whose learning curve is known in closed form: no tensors, milliseconds per study.
//!
//! The world holds facts with Zipf-distributed probabilities. A memoriser that has seen m of them
//! knows a fact if it occurred, so its expected error is E(m) = sum_i p_i (1 - p_i)^m: a power law
//! over a wide range, since the facts are Zipf-distributed (Hutter 2021). A model of size s has
//! room for the s most frequent facts and confuses them the more the larger it is for its data, so
//! the best size grows with m. Shards, search, executor, resume, fits and report are tested on it.

use crate::device::Compute;
use crate::error::{At, Error, Result};
use crate::random::Random;
use crate::settings::{Key, Kind, Options};
use crate::shard::{Pool, Shard};
use crate::task::{About, Contents, Corpus, Extent, Irreducible, Metric, Origin, Preset, Task};
use crate::trial::{Cost, Evaluation, Learner, TrialConfig, Weights};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// Facts in the world.
const FACTS: usize = 20_000;
/// Zipf exponent of their probabilities.
const ZIPF: f64 = 1.3;
/// Error that confusion adds, per slot and training fact.
const CONFUSION: f64 = 0.02;
/// Updates in one pass.
const STEPS_PER_EPOCH: u64 = 10;
/// A learning rate above this diverges.
const STABLE: f64 = 2.0;

const KEYS: &[Key] = &[
    Key::new("noise", Kind::Number, "0.005", "standard deviation of the log error between seeds"),
    Key::new("floor", Kind::Number, "0", "irreducible error"),
    Key::new("pool", Kind::Count, "1000000", "facts in the training pool"),
    Key::new("memory", Kind::Count, "1000000000", "largest size that memory holds, for tests of failures"),
    Key::new(
        "crowd",
        Kind::Count,
        "1000000000",
        "smallest size of which memory holds one trial at a time, for tests of failures",
    ),
    Key::new("step_microseconds", Kind::Count, "0", "time that an update takes, for tests of interruption"),
];

static ABOUT: About = About {
    name: "analytic",
    title: "a memoriser of Zipf-distributed facts",
    metric: Metric::new("error_rate", "error rate", "of facts"),
    unit: "facts",
    step_unit: "facts",
    models: &["memorizer"],
    compares_all: false,
    default_size: 128.0,
    family: None,
    keys: KEYS,
    keys_of_models: &[],
    target_standard_error: 0.02,
    published: &[],
};

/// The task.
pub struct Memorizer;

/// Probabilities of the facts, most frequent first.
fn probabilities() -> Vec<f64> {
    let weights: Vec<f64> = (1..=FACTS).map(|rank| (rank as f64).powf(-ZIPF)).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / total).collect()
}

/// Expected error of a memoriser with room for `size` facts after `m` draws, without floor and noise.
pub fn expected_error(m: f64, size: f64) -> f64 {
    let known = (size.max(0.0) as usize).min(FACTS);
    let facts = probabilities();
    let unseen: f64 = facts[..known].iter().map(|p| p * (m * (-p).ln_1p()).exp()).sum();
    let no_room: f64 = facts[known..].iter().sum();
    (unseen + no_room + CONFUSION * (size / m).sqrt()).min(1.0)
}

impl Task for Memorizer {
    fn about(&self) -> &'static About {
        &ABOUT
    }
    fn open(&self, source: &str, options: &Options, _seed: u64) -> Result<Box<dyn Corpus>> {
        if source != "synthetic" {
            return Err(Error::input("the analytic task has no data on disk; use --data synthetic"));
        }
        let (pool, floor) = (options.count("pool"), options.number("floor"));
        let origin = Origin {
            description: format!("synthetic: {FACTS} facts with Zipf exponent {ZIPF}"),
            fingerprint: format!("facts-{FACTS}-{ZIPF}-{pool}-{floor}"),
            warnings: vec![],
            irreducible: Some(Irreducible { error: floor, note: "by definition".into() }),
        };
        Ok(Box::new(Facts { origin, pool, floor }))
    }
    fn check(&self, path: &str, _options: &Options) -> Result<Contents> {
        Err(Error::input(format!("the analytic task reads no data, so not {path}")))
    }
    fn preset(&self, _preset: Preset, _model: &str, _corpus: &dyn Corpus) -> Vec<(&'static str, String)> {
        vec![
            ("shards", "500,1000,2000,4000,8000,16000".into()),
            ("sizes", "100,300,1000,3000".into()),
            ("sgd_rates", "0.3,1,4".into()),
            ("seeds", "2".into()),
            ("epochs", "20".into()),
        ]
    }
    fn extent(&self, _model: &str, _options: &Options) -> Extent {
        Extent { length: 1, vocabulary: FACTS }
    }
    fn cost(&self, _model: &str, size: f64, _extent: Extent, _options: &Options) -> Result<Cost> {
        Ok(Cost { parameters: size as u64, flops_per_sample: 2.0 * size })
    }
    fn batch_limit(&self, requested: u64, _options: &Options) -> u64 {
        requested
    }
    fn synthetic_learner(
        &self,
        trial: &TrialConfig,
        _extent: Extent,
        _compute: &Compute,
    ) -> Result<Box<dyn Learner>> {
        Ok(Box::new(Memory::new(trial, 1000, 0.0)))
    }
}

struct Facts {
    origin: Origin,
    pool: u64,
    floor: f64,
}

impl Pool for Facts {
    fn len(&self) -> Option<u64> {
        Some(self.pool)
    }
    fn weight(&self, _item: u64) -> u64 {
        1
    }
    fn samples(&self) -> Option<u64> {
        Some(self.pool)
    }
}

impl Corpus for Facts {
    fn origin(&self) -> &Origin {
        &self.origin
    }
    fn pool(&self) -> &dyn Pool {
        self
    }
    fn validation_samples(&self) -> u64 {
        0
    }
    fn best_guess(&self) -> Option<f64> {
        Some(1.0)
    }
    fn extent(&self, model: &str, options: &Options) -> Extent {
        Memorizer.extent(model, options)
    }
    fn learner(&self, trial: &TrialConfig, shard: &Shard, _compute: &Compute) -> Result<Box<dyn Learner>> {
        let memory = trial.options.count("memory");
        assert!(trial.size <= memory as f64, "out of memory");
        let mut memory = Memory::new(trial, shard.samples, self.floor);
        if trial.size >= trial.options.count("crowd") as f64 {
            let path = Path::new("memory.lock");
            let place = File::create(path).at("open", path)?;
            assert!(place.try_lock().is_ok(), "out of memory");
            memory.place = Some(place);
        }
        Ok(Box::new(memory))
    }
}

/// A memoriser being trained: its error falls towards the closed form, faster with a higher rate.
struct Memory {
    size: f64,
    /// Error when trained to the end.
    target: f64,
    /// Share still to be learned; the whole state.
    left: f32,
    pause: std::time::Duration,
    /// Locked while the trial runs, if it is the only one of its kind.
    place: Option<File>,
}

impl Memory {
    fn new(trial: &TrialConfig, m: u64, floor: f64) -> Self {
        let mut random = Random::new(
            "analytic/noise",
            &[trial.seed, m, trial.size.to_bits(), trial.optimization.rate.to_bits()],
        );
        let noise = (random.normal() * trial.options.number("noise")).exp();
        Self {
            size: trial.size,
            target: (expected_error(m as f64, trial.size) * (1.0 - floor) + floor) * noise,
            left: 1.0,
            pause: std::time::Duration::from_micros(trial.options.count("step_microseconds")),
            place: None,
        }
    }

    fn error(&self) -> f64 {
        self.target + (1.0 - self.target).max(0.0) * f64::from(self.left)
    }
}

impl Learner for Memory {
    fn steps_per_epoch(&self) -> u64 {
        STEPS_PER_EPOCH
    }
    fn samples_per_step(&self) -> f64 {
        1.0
    }
    fn cost(&self) -> Cost {
        Cost { parameters: self.size as u64, flops_per_sample: 2.0 * self.size }
    }
    fn step(&mut self, _step: u64, rate: f64) -> f64 {
        std::thread::sleep(self.pause);
        let loss = self.error();
        if rate > STABLE {
            return f64::NAN;
        }
        self.left *= (1.0 - 0.2 * rate.min(1.0)) as f32;
        // What a memoriser has seen it knows, so its training loss is lower.
        0.5 * loss
    }
    fn evaluate(&mut self) -> Evaluation {
        let error = self.error();
        Evaluation {
            error,
            loss: error,
            metrics: BTreeMap::from([("error_rate".to_owned(), error)]),
            relative_standard_error: Some(0.001),
        }
    }
    fn weights(&self) -> Weights {
        self.state()
    }
    fn state(&self) -> Weights {
        let mut state = Weights::default();
        state.insert("left", &[1], vec![self.left]);
        state
    }
    fn restore(&mut self, state: &Weights) -> Result<()> {
        self.left = state.expect("left", &[1])?.values[0];
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closed_form_is_the_expectation_over_random_draws() {
        let facts = probabilities();
        let cumulative: Vec<f64> = facts
            .iter()
            .scan(0.0, |sum, p| {
                *sum += p;
                Some(*sum)
            })
            .collect();
        let (m, repetitions) = (500_u32, 40_u32);
        let mut mean = 0.0;
        for repetition in 0..repetitions {
            let mut random = Random::new("draw", &[u64::from(repetition)]);
            let mut seen = vec![false; FACTS];
            for _ in 0..m {
                let u = random.uniform();
                seen[cumulative.partition_point(|c| *c < u).min(FACTS - 1)] = true;
            }
            mean += facts.iter().zip(&seen).filter(|(_, s)| !**s).map(|(p, _)| p).sum::<f64>()
                / f64::from(repetitions);
        }
        let closed =
            expected_error(f64::from(m), FACTS as f64) - CONFUSION * (FACTS as f64 / f64::from(m)).sqrt();
        assert!((mean / closed - 1.0).abs() < 0.02, "{mean} {closed}");
    }

    #[test]
    fn the_best_size_grows_with_the_data() {
        let best = |m: f64| {
            [100.0, 300.0, 1000.0, 3000.0]
                .into_iter()
                .min_by(|a, b| expected_error(m, *a).total_cmp(&expected_error(m, *b)))
        };
        assert!(best(16_000.0) > best(500.0), "{:?} {:?}", best(500.0), best(16_000.0));
    }
}
