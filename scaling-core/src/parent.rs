//! The study that started this process, if one has: a trial knows of it by its environment.

/// The environment variable that names the study that started a trial, by its process number.
pub(crate) const PARENT: &str = "SCALING_PARENT";

/// Whether a study has started this trial.
pub(crate) fn has_study() -> bool {
    std::env::var_os(PARENT).is_some()
}
