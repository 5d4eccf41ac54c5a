//! Prepared data in the cache: named after what it was made from, complete or absent.

use crate::error::{At, Error, Result};
use crate::parent::has_study;
use crate::terminal::tell;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, Metadata, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

/// The name of prepared data: a hash of the files with their sizes and times, and of all else that
/// decides what is made of them.
#[derive(Debug, Clone, Default)]
pub struct Key(blake3::Hasher);

impl Key {
    /// Adds a list of files.
    ///
    /// # Errors
    /// Names a file that cannot be read.
    pub fn files(&mut self, files: &[PathBuf]) -> Result<()> {
        self.number(files.len() as u64);
        for file in files {
            let metadata = fs::metadata(file).at("read", file)?;
            let name = file.canonicalize().at("read", file)?;
            self.stamp(name.as_os_str().as_encoded_bytes(), &metadata, file)?;
        }
        Ok(())
    }

    /// Adds files of one directory by their paths below it, faster than [`Self::files`] where there
    /// are very many. A file that is not there or cannot be read is known by its name alone.
    ///
    /// # Errors
    /// Names the directory if it cannot be read.
    pub fn folder(&mut self, directory: &Path, names: &[OsString]) -> Result<()> {
        self.text(&directory.canonicalize().at("read", directory)?.to_string_lossy());
        self.number(names.len() as u64);
        for name in names {
            let path = directory.join(name);
            self.number(name.len() as u64);
            match fs::metadata(&path) {
                Ok(metadata) => self.stamp(name.as_encoded_bytes(), &metadata, &path)?,
                Err(_) => self.text(&name.to_string_lossy()),
            }
        }
        Ok(())
    }

    /// Adds a number.
    pub fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) {
        self.0.update(text.as_bytes());
    }

    /// The name, 32 hexadecimal digits.
    pub fn name(&self) -> String {
        self.0.finalize().to_hex()[..32].to_owned()
    }

    fn stamp(&mut self, name: &[u8], metadata: &Metadata, path: &Path) -> Result<()> {
        let modified = metadata.modified().at("read", path)?;
        let nanos = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        self.0.update(name);
        self.0.update(&metadata.len().to_le_bytes());
        self.0.update(&nanos.to_le_bytes());
        Ok(())
    }
}

/// The cache directory for prepared data: `$SCALING_CACHE`, else `$XDG_CACHE_HOME/scaling-bench`,
/// else `~/.cache/scaling-bench`, else `./.cache`.
pub fn directory() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("SCALING_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|p| p.join("scaling-bench")))
        .or_else(|| set("HOME").map(|p| p.join(".cache/scaling-bench")))
        .unwrap_or_else(|| PathBuf::from(".cache"))
}

/// Whether a directory of prepared data is there; its `meta.json` is written last.
fn is_prepared(directory: &Path) -> bool {
    directory.join("meta.json").exists()
}

/// Tells the trials of a study where its data lie.
pub(crate) const PREPARED: &str = "SCALING_PREPARED";
/// What [`find`] has found in this process.
static FOUND: OnceLock<PathBuf> = OnceLock::new();

/// Where the data that this process works on lie prepared, if they are files.
pub(crate) fn found() -> Option<&'static Path> {
    FOUND.get().map(PathBuf::as_path)
}

/// The directory of the data that this process works on, as `prepare` returns it, given the cache directory,
/// and what else that says of them. A trial is told the directory alone by its study, which has listed all
/// files and compared their times; of very many files that takes a while.
///
/// # Errors
/// Those of `prepare`.
pub fn find<T: Default>(prepare: impl FnOnce(&Path) -> Result<(PathBuf, T)>) -> Result<(PathBuf, T)> {
    let told = std::env::var_os(PREPARED).map(PathBuf::from).filter(|told| has_study() && is_prepared(told));
    let found = told.map_or_else(|| prepare(&directory()), |told| Ok((told, T::default())))?;
    let _ = FOUND.set(found.0.clone());
    Ok(found)
}

/// Opens a directory of prepared data; of what is missing or damaged there the remedy is named.
///
/// # Errors
/// Those of `open`.
pub fn open<T>(directory: &Path, open: impl FnOnce() -> Result<T>) -> Result<T> {
    open().map_err(|error| {
        Error::input(format!("{error}; remove the directory {} to prepare it again", directory.display()))
    })
}

/// How the names of drafts begin.
const DRAFT: &str = ".preparing-";

/// Makes a directory of prepared data from `source` unless it is there, and says on stderr what `write`
/// returns: it fills a draft beside it, which then gets its name, so that it is complete or absent. What is
/// made of the same key must always be the same. Only one process makes it, while others wait. Drafts that
/// killed processes have left are removed.
///
/// # Errors
/// A cache that cannot be written, and whatever `write` returns; the draft is then removed.
pub fn make<S: fmt::Display>(
    directory: &Path,
    source: &Path,
    write: impl FnOnce(&Path) -> Result<S>,
) -> Result<()> {
    if is_prepared(directory) {
        return Ok(());
    }
    let parent = directory.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).at("create", parent)?;
    let key = directory.file_name().unwrap_or_default().to_string_lossy();
    let lock = lock_file(parent, &key);
    let is_alone = match lock.as_ref().map(File::try_lock) {
        Some(Ok(())) => true,
        Some(Err(TryLockError::WouldBlock)) => {
            tell(&format!("{} is being prepared by another process", source.display()));
            lock.as_ref().is_some_and(|lock| lock.lock().is_ok())
        }
        // A file system without locks, or another user's: every process makes its own draft.
        Some(Err(TryLockError::Error(_))) | None => false,
    };
    // Asked for before the other: a directory that gets its name meanwhile is complete.
    let is_there = directory.exists();
    if is_prepared(directory) {
        return Ok(());
    }
    remove_abandoned(parent, is_alone.then_some(&*key))?;
    if is_there {
        remove_damaged(directory, is_alone)?;
    }
    let prefix = format!("{DRAFT}{key}-");
    let draft = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).at("write in", parent)?;
    let made = write(draft.path())?;
    // The directory gets its name last. Should another process have been faster, its files are the same, and
    // the draft goes away by itself.
    match fs::rename(draft.path(), directory) {
        Err(_) if is_prepared(directory) => {}
        renamed => renamed.at("write", directory)?,
    }
    tell(&format!("prepared {}: {made}", source.display()));
    Ok(())
}

/// The file whose lock has who prepares the data of a key, if it can be had. Open for writing, as locks of
/// network file systems ask.
fn lock_file(parent: &Path, key: &str) -> Option<File> {
    let locks = parent.with_file_name("locks");
    fs::create_dir_all(&locks).ok()?;
    File::options().create(true).append(true).open(locks.join(key)).ok()
}

/// Removes the drafts on which nobody works: those of the key whose lock this process has, if it has one, and
/// those whose lock nobody has.
fn remove_abandoned(parent: &Path, own: Option<&str>) -> Result<()> {
    for entry in fs::read_dir(parent).at("read", parent)?.filter_map(std::io::Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((key, _)) = name.strip_prefix(DRAFT).and_then(|name| name.split_once('-')) else { continue };
        if own == Some(key) || lock_file(parent, key).is_some_and(|lock| lock.try_lock().is_ok()) {
            // Another user's cannot be removed, and does no harm.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// Removes a directory that is not what it was when it got its name. Who has no lock does not: another
/// process may be about to do so, and to put prepared data in its place.
fn remove_damaged(directory: &Path, is_alone: bool) -> Result<()> {
    if !is_alone {
        let what = "is damaged; remove the directory to prepare it again";
        return Err(Error::input(format!("{} {what}", directory.display())));
    }
    fs::remove_dir_all(directory).at("remove", directory)
}

#[cfg(test)]
mod tests;
