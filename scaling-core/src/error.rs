//! The one error type: what the user is told, and the exit code that goes with it.

use std::path::Path;

/// Why a command stopped. The message is one clear line: it names the file or the item, what is
/// wrong with it and, where there is one, the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Bad usage or bad input: exit code 2.
    #[error("{0}")]
    Input(String),
    /// The command ran, but its outcome is negative: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// Ctrl-C or SIGTERM; everything finished so far is on disk: exit code 130.
    #[error("{0}")]
    Interrupted(String),
}

/// The result of anything that a user can make fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Bad usage or bad input.
    pub fn input(message: impl Into<String>) -> Self {
        Self::Input(message.into())
    }

    /// A negative outcome of a command that ran.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// The process exit code: 1 negative outcome, 2 bad usage or input, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Input(_) => 2,
            Self::Interrupted(_) => 130,
        }
    }

    /// An unknown name, with the nearest valid one if there is one near, else the valid ones.
    pub fn unknown<'a>(what: &str, given: &str, valid: impl IntoIterator<Item = &'a str>) -> Self {
        let valid: Vec<&str> = valid.into_iter().collect();
        let nearest = valid
            .iter()
            .map(|name| (strsim::jaro_winkler(given, name), *name))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|(similarity, _)| *similarity > 0.7);
        match nearest {
            Some((_, name)) => Self::input(format!("unknown {what} `{given}`; did you mean `{name}`?")),
            None => Self::input(format!("unknown {what} `{given}`; known: {}", valid.join(", "))),
        }
    }
}

/// Names the file in an error of the operating system.
pub trait At<T> {
    /// Turns the error into one that names `path`; `doing` is a verb such as `read`.
    ///
    /// # Errors
    /// [`Error::Input`] where the operation failed.
    fn at(self, doing: &str, path: &Path) -> Result<T>;
}

impl<T, E: std::fmt::Display> At<T> for std::result::Result<T, E> {
    fn at(self, doing: &str, path: &Path) -> Result<T> {
        self.map_err(|error| Error::input(format!("cannot {doing} {}: {error}", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_suggest_the_nearest() {
        let near = Error::unknown("model", "word-lsmt2", ["word-lstm2", "char-rhn10"]);
        assert_eq!(near.to_string(), "unknown model `word-lsmt2`; did you mean `word-lstm2`?");
        let far = Error::unknown("model", "xyz", ["word-lstm2", "char-rhn10"]);
        assert_eq!(far.to_string(), "unknown model `xyz`; known: word-lstm2, char-rhn10");
    }
}
