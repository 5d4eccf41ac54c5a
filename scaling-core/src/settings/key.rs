//! The key of a setting: its name, what it may hold, its default and what it means.

use crate::error::{Error, Result};

/// What a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number >= 0.
    Count,
    /// A whole number > 0.
    Positive,
    /// A number.
    Number,
    /// A number, or this word.
    NumberOr(&'static str),
    /// One of some words.
    Choice(&'static [&'static str]),
    /// A list of whole numbers > 0.
    Counts,
    /// A list of numbers > 0.
    Numbers,
    /// A list of numbers.
    Reals,
    /// A list of numbers from 0 to below 1.
    Shares,
    /// A list of some words.
    Choices(&'static [&'static str]),
}

/// The name of a setting, what it may hold, its default, and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// As in `study.toml` and `--set`.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// As it would be written on the command line.
    pub default: &'static str,
    /// One line.
    pub help: &'static str,
}

impl Key {
    /// A setting of this name, kind, default and meaning.
    pub const fn new(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Self {
        Self { name, kind, default, help }
    }
}

/// The key of a name.
///
/// # Errors
/// If there is none; names of the rest of `study.toml` are told apart.
pub(super) fn find<'a>(keys: &'a [Key], name: &str) -> Result<&'a Key> {
    const OPTIONS: [(&str, &str); 5] =
        [("models", "model"), ("data", "data"), ("preset", "preset"), ("device", "device"), ("seed", "seed")];
    const NOTES: [&str; 6] = ["version", "task", "fingerprint", "command", "compute", "schema"];
    if let Some((_, option)) = OPTIONS.iter().find(|(key, _)| *key == name) {
        return Err(Error::input(format!("`{name}` is no setting; give it as `--{option}`")));
    }
    if NOTES.contains(&name) {
        return Err(Error::input(format!(
            "`{name}` says how a study was begun and cannot be set; leave it out"
        )));
    }
    keys.iter()
        .find(|k| k.name == name)
        .ok_or_else(|| Error::unknown("setting", name, keys.iter().map(|k| k.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describes_a_study_is_no_setting() {
        let error = find(&[], "seed").expect_err("an option");
        assert_eq!(error.to_string(), "`seed` is no setting; give it as `--seed`");
        assert!(find(&[], "command").expect_err("a note").to_string().contains("leave it out"));
    }
}
