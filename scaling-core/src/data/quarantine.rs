//! Items of a data set that are not used: each is named, with one reason, and none is lost silently.

use crate::error::Result;
use crate::files;
use crate::number::thousands;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// Rejected items that one line names; `quarantine.txt` names them all.
const NAMED: usize = 3;

/// An item that is not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Its path below the data set; in an archive, `ARCHIVE: PATH`.
    pub name: String,
    /// What is wrong with it: a phrase that follows the name.
    pub reason: String,
}

/// Writes `quarantine.txt` into a directory of prepared data: a line `NAME<tab>REASON` for each item.
///
/// # Errors
/// A full disk.
pub fn save(directory: &Path, rejected: &[Rejected]) -> Result<()> {
    let lines = rejected.iter().map(|item| format!("{}\t{}\n", item.name, item.reason));
    files::write_atomic(&directory.join("quarantine.txt"), lines.collect::<String>().as_bytes())
}

/// How many items were rejected, and the first of them, as part of a line.
#[derive(Debug)]
pub struct Few<'a>(pub &'a [Rejected]);

impl fmt::Display for Few<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rejected", thousands(self.0.len() as u64))?;
        for (i, Rejected { name, reason }) in self.0.iter().take(NAMED).enumerate() {
            write!(f, "{} {name} ({reason})", if i == 0 { ":" } else { "," })?;
        }
        match self.0.len() {
            all if all > NAMED => write!(f, " and {} more", thousands((all - NAMED) as u64)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_first_and_counts_the_rest() {
        let item = |i: u32| Rejected { name: format!("{i}.wav"), reason: "is empty".into() };
        let line = |count| Few(&(0..count).map(item).collect::<Vec<_>>()).to_string();
        assert_eq!(line(0), "0 rejected");
        assert_eq!(line(2), "2 rejected: 0.wav (is empty), 1.wav (is empty)");
        assert_eq!(line(5), "5 rejected: 0.wav (is empty), 1.wav (is empty), 2.wav (is empty) and 2 more");
    }
}
