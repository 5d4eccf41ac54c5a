//! A place to prepare data in.

use scaling_core::error::{At, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// A data set and a cache in a directory of their own.
pub(crate) struct Bench(pub(crate) tempfile::TempDir);

impl Bench {
    /// With the files of the data set, by their paths below it.
    pub(crate) fn new(files: &[(&str, &str)]) -> Result<Self> {
        let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
        let bench = Self(root);
        fs::create_dir(bench.set()).at("write", &bench.set())?;
        for (name, text) in files {
            bench.put(name, text)?;
        }
        Ok(bench)
    }

    /// The data set.
    pub(crate) fn set(&self) -> PathBuf {
        self.0.path().join("set")
    }

    /// A path of the data set.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.set().join(name)
    }

    /// Writes a file of the data set.
    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap_or(&path)).at("write", &path)?;
        fs::write(&path, bytes).at("write", &path)
    }
}
