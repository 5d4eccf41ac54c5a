//! `study.toml`: the resolved configuration of a study.

use crate::error::{At, Error, Result};
use crate::files::{create_atomic, write_atomic};
use crate::settings::{Layers, Options, RESULT_NEUTRAL, Settings, default};
use crate::task::{Preset, Task};
use serde::{Deserialize, Serialize};
use std::path::Path;
use toml::Table;

/// What a study writes beside its `study.toml`, and would write over.
const OUTPUTS: [&str; 4] = ["curve.csv", "points.csv", "fit.json", "report.html"];

/// Everything that determines a study, in the order in which people read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyFile {
    /// Version of the program that began the study.
    pub version: String,
    /// Task name.
    pub task: String,
    /// Model names.
    pub models: Vec<String>,
    /// `synthetic` or an absolute path.
    pub data: String,
    /// Hash of the data.
    pub fingerprint: String,
    /// Preset that the settings started from.
    pub preset: Preset,
    /// Device string.
    pub device: String,
    /// Kind of device that the trial ids contain.
    pub compute: String,
    /// Version of the training code.
    pub schema: u32,
    /// Seed of shards, initialisation and data order.
    pub seed: u64,
    /// The command that began the study, without paths to the binary.
    pub command: String,
    /// Settings of the core and of the task, as named in `--set`.
    #[serde(flatten)]
    pub settings: Table,
}

impl StudyFile {
    /// Reads `study.toml` in `directory`.
    ///
    /// # Errors
    /// If there is none, or it is damaged.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join("study.toml");
        if !path.exists() {
            return Err(Error::input(format!("no study in {}: study.toml is missing", directory.display())));
        }
        toml::from_str(&std::fs::read_to_string(&path).at("read", &path)?)
            .map_err(|e| format!("{}; damaged, or begun by another version: use another --out", e.message()))
            .at("read", &path)
    }

    /// Writes `study.toml` into `directory`, or checks that the study there is the same one and
    /// takes over settings that change no result.
    ///
    /// # Errors
    /// If the directory cannot be written, or holds a study of another configuration.
    pub fn establish(&self, directory: &Path) -> Result<()> {
        let path = directory.join("study.toml");
        if !path.exists() {
            Self::check_place(directory)?;
            std::fs::create_dir_all(directory.join("trials")).at("create", directory)?;
            if create_atomic(&path, self.text(&path)?.as_bytes())? {
                return Ok(());
            }
            // Another worker was faster, perhaps with another study.
        }
        let there = Self::read(directory)?;
        if let Some(other) = self.other_than(&there, directory)? {
            return Err(Error::input(format!("{other}; use another --out, or repeat its settings")));
        }
        let mut settings = there.settings.clone();
        for key in RESULT_NEUTRAL {
            if let Some(value) = self.settings.get(*key) {
                settings.insert((*key).to_owned(), value.clone());
            }
        }
        if settings != there.settings {
            write_atomic(&path, Self { settings, ..there }.text(&path)?.as_bytes())?;
        }
        Ok(())
    }

    /// What is said where `there`, the study in `directory`, is another one than this.
    ///
    /// # Errors
    /// As [`StudyFile::difference`].
    pub(crate) fn other_than(&self, there: &Self, directory: &Path) -> Result<Option<String>> {
        let say = |difference| format!("{} holds another study: {difference}", directory.display());
        Ok(there.difference(self)?.map(say))
    }

    /// Whether nothing of a study lies in `directory`, nor a file, a pipe or a link to nowhere in its place.
    pub(crate) fn is_free(directory: &Path) -> bool {
        let is_place = directory.is_dir() || std::fs::symlink_metadata(directory).is_err();
        is_place && ["study.toml"].iter().chain(&OUTPUTS).all(|name| !directory.join(name).exists())
    }

    /// Whether a study may begin or go on in `directory`; cheap, so that it can be asked before data are
    /// prepared.
    ///
    /// # Errors
    /// If the directory holds what a study would write over, or cannot be written.
    pub fn check_place(directory: &Path) -> Result<()> {
        let is_study = directory.join("study.toml").exists();
        if let Some(name) = OUTPUTS.iter().find(|name| !is_study && directory.join(name).exists()) {
            let what = format!("holds `{name}`, but no study; give another --out, or move it away");
            return Err(Error::input(format!("{} {what}", directory.display())));
        }
        Self::check_access(directory)
    }

    /// Whether `directory` can be written, or made below the nearest one above it that exists.
    ///
    /// # Errors
    /// If not.
    pub fn check_access(directory: &Path) -> Result<()> {
        let there = directory.ancestors().find(|ancestor| ancestor.exists());
        let there = there.filter(|there| !there.as_os_str().is_empty()).unwrap_or(Path::new("."));
        rustix::fs::access(there, rustix::fs::Access::WRITE_OK).map_err(|error| {
            let reason = std::io::Error::from(error);
            Error::input(format!(
                "cannot write a study to {}: {reason}; give another --out",
                directory.display()
            ))
        })
    }

    /// What is written to `path`.
    fn text(&self, path: &Path) -> Result<String> {
        toml::to_string(self).at("write", path)
    }

    /// The first setting in which `other` would give other results, as `key is A there, B here`.
    ///
    /// # Errors
    /// Never, for what was read or resolved.
    pub fn difference(&self, other: &Self) -> Result<Option<String>> {
        let table = |file: &Self| Table::try_from(file).map_err(|e| Error::input(format!("study.toml: {e}")));
        let (there, here) = (table(self)?, table(other)?);
        let counts = |key: &&String| {
            !RESULT_NEUTRAL.contains(&key.as_str())
                && !["version", "command", "preset"].contains(&key.as_str())
        };
        let show = |table: &Table, key: &str| {
            table.get(key).map_or("absent".into(), std::string::ToString::to_string)
        };
        // A setting younger than the study has had its default there.
        let value = |table: &Table, key: &str| table.get(key).cloned().or_else(|| default(key));
        let differs =
            there.keys().chain(here.keys()).filter(counts).find(|k| value(&there, k) != value(&here, k));
        Ok(differs.map(|key| format!("`{key}` is {} there and {} here", show(&there, key), show(&here, key))))
    }

    /// The typed settings and the task's options.
    ///
    /// # Errors
    /// If a key or a value is not valid.
    pub fn resolve(&self, task: &dyn Task) -> Result<(Settings, Options)> {
        let mut layers = Layers::new(task.about().keys)?;
        layers.table(&self.settings)?;
        layers.resolve()
    }
}
