//! Prepared data in the cache: named after what it was made from, complete or absent.

use crate::error::{At, Result};
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use tempfile::TempDir;

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
    #[must_use]
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

/// Whether a directory of prepared data is there; its `meta.json` is written last.
#[must_use]
pub fn is_prepared(directory: &Path) -> bool {
    directory.join("meta.json").exists()
}

/// How the names of drafts begin.
const DRAFT: &str = ".preparing-";

/// Makes a directory of prepared data: `write` fills a draft beside it, which then gets its name, so
/// that it is complete or absent. What `write` makes of the same key must always be the same. Drafts that
/// killed processes have left there are removed.
///
/// # Errors
/// A cache that cannot be written, and whatever `write` returns; the draft is then removed.
pub fn create<T>(directory: &Path, write: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let parent = directory.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).at("create", parent)?;
    let (draft, _lock) = draft(parent)?;
    let made = write(draft.path())?;
    // The directory gets its name last. Should another process have been faster, its files are the
    // same, and the draft goes away by itself.
    match fs::rename(draft.path(), directory) {
        Err(_) if is_prepared(directory) => {}
        renamed => renamed.at("write", directory)?,
    }
    Ok(made)
}

/// An empty draft in `parent`, and the lock that says that somebody works on it.
fn draft(parent: &Path) -> Result<(TempDir, Option<File>)> {
    // A file system without locks keeps abandoned drafts.
    let lock = |directory: &Path| File::open(directory).ok().filter(|file| file.try_lock().is_ok());
    // Locked, so that nobody finds a draft before it has its own lock.
    let gate = File::open(parent).at("read", parent)?;
    let _ = gate.lock();
    for entry in fs::read_dir(parent).at("read", parent)?.filter_map(std::io::Result::ok) {
        let is_draft = entry.file_name().to_string_lossy().starts_with(DRAFT);
        if is_draft && lock(&entry.path()).is_some() {
            // Another user's cannot be removed, and does no harm.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let draft = tempfile::Builder::new().prefix(DRAFT).tempdir_in(parent).at("write in", parent)?;
    let lock = lock(draft.path());
    Ok((draft, lock))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_failed_preparation_leaves_nothing_behind() -> Result<()> {
        let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
        let directory = root.path().join("kind/key");
        let full = create(&directory, |draft| {
            fs::write(draft.join("half"), "x").at("write", draft)?;
            Err::<(), _>(Error::input("disk full"))
        });
        assert_eq!(full.unwrap_err().to_string(), "disk full");
        assert_eq!(fs::read_dir(root.path().join("kind")).at("read", root.path())?.count(), 0);
        create(&directory, |draft| fs::write(draft.join("meta.json"), "{}").at("write", draft))?;
        assert!(is_prepared(&directory));
        // A slower process finds the work done.
        create(&directory, |draft| fs::write(draft.join("meta.json"), "{}").at("write", draft))?;
        assert_eq!(fs::read_dir(root.path().join("kind")).at("read", root.path())?.count(), 1);
        Ok(())
    }

    #[test]
    fn drafts_of_killed_processes_are_removed_and_those_of_others_stay() -> Result<()> {
        let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
        let abandoned = root.path().join(".preparing-abandoned");
        fs::create_dir(&abandoned).at("write", &abandoned)?;
        fs::write(abandoned.join("half"), "x").at("write", &abandoned)?;
        let (at_work, _lock) = draft(root.path())?;
        assert!(!abandoned.exists());
        create(&root.path().join("key"), |draft| {
            assert!(at_work.path().exists() && draft != at_work.path());
            fs::write(draft.join("meta.json"), "{}").at("write", draft)
        })?;
        assert!(at_work.path().exists());
        Ok(())
    }

    #[test]
    fn a_key_changes_with_the_files() -> Result<()> {
        let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
        let file = root.path().join("a");
        let key = |text: &str| -> Result<(String, String)> {
            fs::write(&file, text).at("write", &file)?;
            let (mut files, mut folder) = (Key::default(), Key::default());
            files.files(std::slice::from_ref(&file))?;
            folder.folder(root.path(), &["a".into(), "gone".into()])?;
            Ok((files.name(), folder.name()))
        };
        let (first, second) = (key("x")?, key("xy")?);
        assert_ne!(first.0, second.0);
        assert_ne!(first.1, second.1);
        assert_eq!(first.0.len(), 32);
        Ok(())
    }
}
