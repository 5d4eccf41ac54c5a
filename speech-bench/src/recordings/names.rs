//! What lies in directories, and what it is called.

use scaling_core::error::{At, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// What lies in a directory, sorted; hidden files are left out.
///
/// # Errors
/// A directory that cannot be read.
pub(super) fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).at("read", directory)? {
        let path = entry.at("read", directory)?.path();
        if !name(&path).starts_with('.') {
            entries.push(path);
        }
    }
    entries.sort();
    Ok(entries)
}

/// The last part of a path.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
