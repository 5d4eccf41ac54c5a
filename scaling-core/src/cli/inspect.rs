//! `model` and `devices`: what can be said without training.

use super::arguments::ModelArguments;
use super::{Domain, options};
use crate::device::{BACKENDS, Compute};
use crate::error::Result;
use crate::number::thousands;
use crate::terminal::say;

pub(super) fn model(domain: &Domain, arguments: &ModelArguments) -> Result<()> {
    let (task, model) = domain.find(arguments.model.as_deref())?;
    let options = options(task.about().keys, &arguments.assignments)?;
    let size = arguments.size.unwrap_or_else(|| task.about().default_size);
    let cost = task.cost(model, size, task.extent(model, &options), &options)?;
    if arguments.json {
        let json = serde_json::json!({
            "model": model,
            "size": size,
            "parameters": cost.parameters,
            "flops_per_sample": cost.flops_per_sample,
            "unit": task.about().step_unit,
        });
        say(&json.to_string())
    } else {
        say(&format!("{model} of size {size}: {} parameters", thousands(cost.parameters)))?;
        say(&format!(
            "{:.3e} floating-point operations to train on one sample; samples are {}",
            cost.flops_per_sample,
            task.about().step_unit
        ))
    }
}

pub(super) fn devices() -> Result<()> {
    for backend in BACKENDS {
        let state = match Compute::parse(backend.name) {
            Ok(_) => "ready",
            Err(_) if backend.built => "built in; no such device here",
            Err(_) => &format!("not built in; needs --features {}", backend.feature),
        };
        say(&format!("{:<12} {state:<40} {}", backend.name, backend.about))?;
    }
    say(&format!("{} cores", crate::device::cores()))
}
