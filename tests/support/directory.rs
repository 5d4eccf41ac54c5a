//! Directories of text.

use scaling_core::error::{At, Result};
use std::fs;
use std::path::Path;

/// A temporary directory with files of one line, by their paths below it.
///
/// # Errors
/// A file that cannot be written.
pub(crate) fn directory(files: &[&str]) -> Result<tempfile::TempDir> {
    let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
    for file in files {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap_or(root.path())).at("write", &path)?;
        fs::write(&path, "a b\n").at("write", &path)?;
    }
    Ok(root)
}
