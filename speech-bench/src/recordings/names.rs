//! What lies in directories, and what it is called.

use scaling_core::error::Result;
use scaling_core::files;
use std::path::{Path, PathBuf};

/// What lies in a directory, sorted; hidden files are left out.
///
/// # Errors
/// A directory that cannot be read.
pub(super) fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let paths = files::entries(directory)?.into_iter().map(|entry| entry.path());
    Ok(paths.filter(|path| !name(path).starts_with('.')).collect())
}

/// The last part of a path.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
