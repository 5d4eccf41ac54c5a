//! `throughput`: training speed on random samples, warm-up excluded.

use super::arguments::ThroughputArguments;
use super::{Domain, options, panic};
use crate::device::{Compute, cores, peak_memory, use_threads};
use crate::error::{Error, Result};
use crate::settings::{KEYS, Key, Options};
use crate::shard::{Mode, ShardSpec};
use crate::task::{Extent, Task};
use crate::terminal::say;
use crate::trial::{Cost, Failure, FailureKind, Learner, Optimization, SCHEMA, TrialConfig};
use std::time::Instant;

/// Steps before the clock starts, at least.
const WARM_UP: u64 = 3;
/// Seconds before the clock starts, at least, on a GPU, whose clock rate takes a while to rise.
const GPU_WARM_UP: f64 = 1.0;
/// Repeats, each of at least one step.
const REPEATS: usize = 5;
/// Sequences, steps and symbols at most: what memory holds.
const MOST: usize = 1 << 20;
/// A day.
const MOST_SECONDS: f64 = 86_400.0;
/// Timed steps at most.
const STEPS: usize = 5000;

/// Seconds of every step, in order.
struct Measured(Vec<f64>);

impl Measured {
    /// Of `at_least` seconds of training, after `warm_up` seconds that do not count.
    fn of(learner: &mut dyn Learner, rate: f64, warm_up: f64, at_least: f64) -> Self {
        let (mut first, began) = (0, Instant::now());
        while first < WARM_UP || began.elapsed().as_secs_f64() < warm_up {
            learner.step(first, rate);
            first += 1;
        }
        let (mut seconds, began) = (Vec::new(), Instant::now());
        while seconds.len() < REPEATS || (began.elapsed().as_secs_f64() < at_least && seconds.len() < STEPS) {
            let start = Instant::now();
            // A step ends with a value that was read, so with a device that has nothing left to do.
            learner.step(first + seconds.len() as u64, rate);
            seconds.push(start.elapsed().as_secs_f64());
        }
        Self(seconds)
    }

    /// Seconds of the step at a place in the order of their lengths, from 0 to 1.
    fn quantile(seconds: &[f64], q: f64) -> f64 {
        let mut sorted = seconds.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[((sorted.len() - 1) as f64 * q).round() as usize]
    }

    /// The median steps of equal parts of the time.
    fn repeats(&self) -> Vec<f64> {
        let n = self.0.len();
        (0..REPEATS).map(|k| Self::quantile(&self.0[k * n / REPEATS..(k + 1) * n / REPEATS], 0.5)).collect()
    }
}

pub(super) fn throughput(domain: &Domain, arguments: &ThroughputArguments) -> Result<()> {
    let (task, model) = domain.find(arguments.model.as_deref())?;
    let threads = arguments.threads.unwrap_or_else(cores);
    if !(0.0..=MOST_SECONDS).contains(&arguments.seconds) {
        return Err(Error::input(format!("`--seconds` must lie between 0 and {MOST_SECONDS}")));
    }
    use_threads(threads);
    let given = [Some(arguments.batch as usize), arguments.length, arguments.vocab];
    if given.iter().flatten().any(|count| !(1..=MOST).contains(count)) {
        return Err(Error::input(format!(
            "`--batch`, `--length` and `--vocab` must lie between 1 and {MOST}"
        )));
    }
    let report = measure(task, model, arguments, threads)?;
    say(&if arguments.json { report.json().to_string() } else { report.line() })
}

/// What is told of a measurement.
struct Report {
    trial: TrialConfig,
    unit: &'static str,
    precision: String,
    threads: usize,
    measured: Measured,
    samples_per_step: f64,
    cost: Cost,
    /// The rate of products of the device, where that is known to be its yardstick.
    products: Option<f64>,
}

/// Trains on random samples, if these and the model surely do not exceed the memory.
fn measure(task: &dyn Task, model: &str, arguments: &ThroughputArguments, threads: usize) -> Result<Report> {
    let about = task.about();
    let keys: Vec<Key> =
        about.keys.iter().chain(KEYS.iter().filter(|key| key.name == "precision")).copied().collect();
    let mut options = options(&keys, &arguments.assignments)?;
    let precision = options.take("precision").unwrap_or_default();
    let compute = Compute::parse(&arguments.device)?.in_precision(&precision)?;
    let own = task.extent(model, &options);
    let extent = Extent {
        length: arguments.length.unwrap_or(own.length),
        vocabulary: arguments.vocab.unwrap_or(own.vocabulary),
    };
    let recipe = Optimization { batch: arguments.batch, ..task.recipe(model) };
    let size = arguments.size.unwrap_or(about.default_size);
    let trial = synthetic_trial(recipe, model, size, &arguments.device, options);
    let cost = task.cost(model, size, extent, &trial.options)?;
    compute.check_memory(model, size, cost.parameters)?;
    let what = format!("{model} of size {size} in batches of {} by {}", arguments.batch, extent.length);
    // An input takes at least as much as a weight. Outputs are not counted: fused layers make few of them at
    // a time, and a picture has one for all its pixels.
    let inputs = arguments.batch * extent.length as u64;
    compute.check_memory(model, size, cost.parameters + inputs).map_err(|_| {
        let why = format!("inputs and weights exceed the memory of `{}`", compute.name);
        Error::input(format!("{what} does not fit: {why}; give a smaller `--batch` or `--length`"))
    })?;
    let measured = panic::catch(|| -> Result<_> {
        let mut learner = task.synthetic_learner(&trial, extent, &compute)?;
        let warm_up = if compute.is_cuda() { GPU_WARM_UP } else { 0.0 };
        let measured = Measured::of(learner.as_mut(), trial.optimization.rate, warm_up, arguments.seconds);
        // A GPU's rate is the yardstick of how well it is used.
        let products = compute.is_cuda().then(|| compute.product_gflops());
        Ok((measured, products, learner.samples_per_step(), learner.cost()))
    });
    let (measured, products, samples_per_step, cost) = measured.map_err(|failure| told(&what, failure))??;
    Ok(Report {
        trial,
        unit: about.step_unit,
        precision,
        threads,
        measured,
        samples_per_step,
        cost,
        products,
    })
}

impl Report {
    /// Samples per second, by the step at a place in the order of their lengths.
    fn speed(&self, q: f64) -> f64 {
        self.samples_per_step / Measured::quantile(&self.measured.0, q)
    }

    /// By the median step.
    fn gflops(&self) -> f64 {
        self.speed(0.5) * self.cost.flops_per_sample / 1e9
    }

    fn json(&self) -> serde_json::Value {
        let repeats: Vec<f64> =
            self.measured.repeats().iter().map(|seconds| self.samples_per_step / seconds).collect();
        serde_json::json!({
            "model": self.trial.model,
            "size": self.trial.size,
            "samples_per_second": self.speed(0.5),
            "quartiles": [self.speed(0.75), self.speed(0.25)],
            "repeats": repeats,
            "unit": self.unit,
            "batch": self.trial.optimization.batch,
            "device": self.trial.device,
            "precision": self.precision,
            "threads": self.threads,
            "parameters": self.cost.parameters,
            "gflops": self.gflops(),
            "product_gflops": self.products,
            "steps": self.measured.0.len(),
            "peak_memory": peak_memory(),
        })
    }

    fn line(&self) -> String {
        let share = self.products.map_or_else(String::new, |rate| {
            format!(", {:.1} % of its rate of products", 100.0 * self.gflops() / rate)
        });
        format!(
            "{} {}: {:.0} {} per second ({:.1} GFLOP/s{share}), quartiles {:.0} - {:.0} over {} steps, {} threads, peak memory {:.0} MB",
            self.trial.model,
            self.trial.size,
            self.speed(0.5),
            self.unit,
            self.gflops(),
            self.speed(0.75),
            self.speed(0.25),
            self.measured.0.len(),
            self.threads,
            peak_memory() as f64 / 1e6,
        )
    }
}

/// What a measurement died of.
fn told(what: &str, failure: Failure) -> Error {
    let Failure { kind, message, .. } = failure;
    Error::failed(match kind {
        FailureKind::Memory => {
            format!("{what}: {message}; {}; a smaller `--batch` or `--length` needs less", panic::NO_MEMORY)
        }
        _ => message,
    })
}

fn synthetic_trial(
    optimization: Optimization,
    model: &str,
    size: f64,
    device: &str,
    options: Options,
) -> TrialConfig {
    TrialConfig {
        schema: SCHEMA,
        task: "throughput".into(),
        model: model.into(),
        variant: optimization.optimizer.clone(),
        size,
        shard: ShardSpec { size: 1, mode: Mode::Independent, seed: 1 },
        seed: 1,
        optimization,
        validation: 0,
        options,
        fingerprint: String::new(),
        device: device.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_device_is_not_said_to_be_too_small() {
        let of = |kind| told("word-lstm2", Failure { kind, step: 0, message: "busy".into() }).to_string();
        assert_eq!(of(FailureKind::Panic), "busy");
        assert_eq!(
            of(FailureKind::Memory),
            "word-lstm2: busy; the device has too little memory for it, or others use it; a smaller `--batch` or \
             `--length` needs less"
        );
    }
}
