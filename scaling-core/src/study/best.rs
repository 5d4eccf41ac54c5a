//! The best model of a study, to be used.

use super::StudyFile;
use crate::error::{Error, Result};
use crate::files::read_json;
use crate::trial::{BEST_WEIGHTS, State, TrialConfig, Weights};
use std::path::Path;

/// The configuration and the weights of the trial with the lowest error among those of the study in
/// `directory` whose weights were kept.
///
/// # Errors
/// If there is no study, it is of another task, or no trial with weights has ended.
pub(crate) fn best_trial(directory: &Path, task: &str) -> Result<(TrialConfig, Weights)> {
    let file = StudyFile::read(directory)?;
    if file.task != task {
        let directory = directory.display();
        return Err(Error::input(format!("{directory} is a study of `{}`, not of `{task}`", file.task)));
    }
    let root = directory.join("trials");
    let paths = std::fs::read_dir(&root).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut best: Option<(f64, std::path::PathBuf)> = None;
    for path in paths.filter(|path| path.join(BEST_WEIGHTS).exists()) {
        if let State::Finished(outcome) = State::read(&path)?
            && best.as_ref().is_none_or(|(error, other)| {
                outcome.error.total_cmp(error).then_with(|| path.cmp(other)).is_lt()
            })
        {
            best = Some((outcome.error, path));
        }
    }
    let Some((_, path)) = best else {
        let directory = directory.display();
        return Err(Error::input(format!(
            "no trial in {directory} has ended with its weights kept; run the study to its end first"
        )));
    };
    Ok((read_json(&path.join("config.json"))?, Weights::load(&path.join(BEST_WEIGHTS))?))
}
