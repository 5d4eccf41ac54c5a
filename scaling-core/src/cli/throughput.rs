//! `throughput`: training speed on random samples, warm-up excluded.

use super::arguments::ThroughputArguments;
use super::{Domain, options};
use crate::device::{Compute, cores, peak_memory, use_threads};
use crate::error::{Error, Result};
use crate::settings::Options;
use crate::shard::{Mode, ShardSpec};
use crate::task::Extent;
use crate::trial::{Optimization, SCHEMA, TrialConfig};
use std::time::{Duration, Instant};

/// Steps before the clock starts.
const WARM_UP: u64 = 3;
/// Timed steps at least.
const STEPS: usize = 5;
/// Timed seconds at least, but for very slow steps.
const SECONDS: Duration = Duration::from_secs(5);

pub(super) fn throughput(domain: &Domain, arguments: &ThroughputArguments) -> Result<()> {
    let (task, model) = domain.find(arguments.model.as_deref())?;
    let threads = arguments.threads.unwrap_or_else(cores).max(1);
    use_threads(threads);
    let compute = Compute::parse(&arguments.device)?;
    if arguments.batch == 0 || arguments.length == Some(0) || arguments.vocab == Some(0) {
        return Err(Error::input("`--batch`, `--length` and `--vocab` must be at least 1"));
    }
    let options = options(task.keys(), &arguments.assignments)?;
    let own = task.extent(model, &options);
    let extent = Extent {
        length: arguments.length.unwrap_or(own.length),
        vocabulary: arguments.vocab.unwrap_or(own.vocabulary),
    };
    let recipe = Optimization { batch: arguments.batch, ..task.recipe(model) };
    let trial = stopwatch_trial(recipe, model, arguments, options);
    let mut learner = task.stopwatch(&trial, extent, &compute)?;
    let rate = trial.optimization.rate;
    let mut seconds = Vec::new();
    let (mut step, began) = (0, Instant::now());
    while step < WARM_UP || seconds.len() < STEPS || (began.elapsed() < SECONDS && seconds.len() < 1000) {
        let start = Instant::now();
        learner.step(step, rate);
        if step >= WARM_UP {
            seconds.push(start.elapsed().as_secs_f64());
        }
        step += 1;
    }
    seconds.sort_by(f64::total_cmp);
    let quantile = |q: f64| seconds[((seconds.len() - 1) as f64 * q).round() as usize];
    let (samples, cost) = (learner.samples_per_step(), learner.cost());
    let per_second = samples / quantile(0.5);
    let gflops = per_second * cost.flops_per_sample / 1e9;
    if arguments.json {
        println!(
            "{}",
            serde_json::json!({
                "model": model,
                "size": arguments.size,
                "samples_per_second": per_second,
                "quartiles": [samples / quantile(0.75), samples / quantile(0.25)],
                "unit": task.step_unit(),
                "batch": arguments.batch,
                "device": compute.name,
                "threads": threads,
                "parameters": cost.parameters,
                "gflops": gflops,
                "steps": seconds.len(),
                "peak_memory": peak_memory(),
            })
        );
    } else {
        println!(
            "{model} {}: {per_second:.0} {} per second ({gflops:.1} GFLOP/s), quartiles {:.0} - {:.0} over {} steps, {threads} threads, peak memory {:.0} MB",
            arguments.size,
            task.step_unit(),
            samples / quantile(0.75),
            samples / quantile(0.25),
            seconds.len(),
            peak_memory() as f64 / 1e6,
        );
    }
    Ok(())
}

fn stopwatch_trial(
    optimization: Optimization,
    model: &str,
    arguments: &ThroughputArguments,
    options: Options,
) -> TrialConfig {
    TrialConfig {
        schema: SCHEMA,
        task: "throughput".into(),
        model: model.into(),
        variant: optimization.optimizer.clone(),
        size: arguments.size,
        shard: ShardSpec { size: 1, mode: Mode::Independent, seed: 1 },
        seed: 1,
        optimization,
        validation: 0,
        options,
        fingerprint: String::new(),
        device: arguments.device.clone(),
    }
}
