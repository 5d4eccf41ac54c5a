//! Real data, which are not part of the repository.

use std::path::PathBuf;

/// A path below the directory of real data; where there is none, says that the test is skipped.
pub(crate) fn real(path: &str) -> Option<PathBuf> {
    let data = std::env::var_os("SCALING_REAL_DATA").map(PathBuf::from);
    let found = data.map(|data| data.join(path)).filter(|found| found.exists());
    if found.is_none() {
        scaling_core::terminal::tell(&format!("SKIPPED: set SCALING_REAL_DATA to a directory with {path}"));
    }
    found
}
