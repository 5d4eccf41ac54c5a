//! Data sets to read and prepare.
// Every crate uses its own part of this.
#![allow(dead_code)]

use scaling_core::error::{At, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// A data set and a cache in a directory of their own.
pub(crate) struct DataSet {
    root: tempfile::TempDir,
}

impl DataSet {
    /// With its files, by their paths below it.
    pub(crate) fn new(files: &[(&str, &str)]) -> Result<Self> {
        let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
        let data = Self { root };
        fs::create_dir(data.set()).at("write", &data.set())?;
        for (name, text) in files {
            data.put(name, text)?;
        }
        Ok(data)
    }

    /// With files of one line of text, by their paths below it.
    pub(crate) fn of_names(names: &[&str]) -> Result<Self> {
        let files: Vec<_> = names.iter().map(|name| (*name, "a b\n")).collect();
        Self::new(&files)
    }

    /// The directory of the cache, which need not exist.
    pub(crate) fn cache(&self) -> PathBuf {
        self.root.path().join("cache")
    }

    /// The directory of the data set.
    pub(crate) fn set(&self) -> PathBuf {
        self.root.path().join("set")
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
