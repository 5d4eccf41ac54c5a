//! `data check` and `data prepare`.

use super::arguments::{DataAction, DataArguments};
use super::{Domain, options, say};
use crate::error::Result;
use crate::task::Task;

pub(super) fn data(domain: &Domain, arguments: &DataArguments) -> Result<()> {
    let tasks: Vec<&dyn Task> = match &arguments.model {
        Some(model) => vec![domain.find(Some(model))?.0],
        None => domain.tasks.to_vec(),
    };
    crate::nn::keep_freed_memory();
    for task in tasks {
        let options = options(task.keys(), &arguments.assignments)?;
        match &arguments.action {
            DataAction::Check { path } => say(&format!("{}: {}", task.name(), task.check(path, &options)?))?,
            DataAction::Prepare { path } => {
                say(&format!("{}: {}", task.name(), task.open(path, &options, 1)?.description()))?;
            }
        }
    }
    Ok(())
}
