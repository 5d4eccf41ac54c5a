//! `data check` and `data prepare`.

use super::arguments::{DataAction, DataArguments};
use super::{Domain, options};
use crate::error::{At, Result};
use crate::task::{Contents, DEFAULT_SEED, Origin, Task};
use crate::terminal::say;
use std::path::Path;

pub(super) fn data(domain: &Domain, arguments: &DataArguments) -> Result<()> {
    let tasks: Vec<&dyn Task> = match &arguments.model {
        Some(model) => vec![domain.find(Some(model))?.0],
        None => domain.tasks.to_vec(),
    };
    crate::nn::keep_freed_memory();
    for task in tasks {
        let options = options(task.about().keys, &arguments.assignments)?;
        let contents = match &arguments.action {
            DataAction::Check { path } => task.check(&named(path)?, &options)?,
            DataAction::Prepare { path } => {
                let corpus = task.open(&named(path)?, &options, DEFAULT_SEED)?;
                let Origin { description, warnings, .. } = corpus.origin().clone();
                Contents { summary: description, warnings, files: vec![] }
            }
        };
        say(&format!("{}: {}", task.about().name, contents.summary))?;
        contents.files.iter().try_for_each(|line| say(&format!("  {line}")))?;
        contents.warnings.iter().try_for_each(|line| say(&format!("warning: {line}")))?;
    }
    Ok(())
}

/// A path that ends in a name, which may say what lies there: `.` does not.
fn named(path: &str) -> Result<String> {
    if Path::new(path).file_name().is_some() {
        return Ok(path.to_owned());
    }
    Ok(std::fs::canonicalize(path).at("find", Path::new(path))?.to_string_lossy().into_owned())
}
