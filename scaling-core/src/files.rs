//! Files that are complete or absent, whatever happens while they are written; and those of prepared data, which
//! grow piece by piece.

use crate::error::{At, Result};
use std::fs::File;
use std::io::{BufWriter, IntoInnerError, Write};
use std::path::{Path, PathBuf};

/// Bytes that an [`Output`] gathers before it writes them.
const BUFFER: usize = 1 << 20;

/// A file that is written piece by piece; errors name it.
pub struct Output {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Output {
    /// Begins a file, in place of one that is there.
    ///
    /// # Errors
    /// A file that cannot be created.
    pub fn create(path: PathBuf) -> Result<Self> {
        let file = BufWriter::with_capacity(BUFFER, File::create(&path).at("write", &path)?);
        Ok(Self { path, file })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// A full disk.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).at("write", &self.path)
    }

    /// Writes what is still in memory and waits for the disk.
    ///
    /// # Errors
    /// A full disk.
    pub fn finish(self) -> Result<()> {
        let file = self.file.into_inner().map_err(IntoInnerError::into_error);
        file.and_then(|file| file.sync_all()).at("write", &self.path)
    }
}

/// Writes `bytes` to `path`: beside it first, flushed to the disk, then renamed over it.
///
/// # Errors
/// Names `path` if its directory cannot be written or the disk is full; `path` is then untouched.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new();
    // A draft is private by default; the file is for whoever the umask allows.
    #[cfg(unix)]
    draft.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = draft.tempfile_in(directory).at("write", path)?;
    file.write_all(bytes).at("write", path)?;
    file.as_file().sync_all().at("write", path)?;
    file.persist(path).map_err(|e| e.error).at("write", path)?;
    Ok(())
}

/// Writes a value as indented JSON with a final newline, atomically.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value).at("write", path)?;
    bytes.push(b'\n');
    write_atomic(path, &bytes)
}

/// Reads a JSON file.
///
/// # Errors
/// Names `path` (and line and column) if it is missing or not what was expected.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_slice(&std::fs::read(path).at("read", path)?).at("read", path)
}

/// Removes a file that another worker may have removed already.
///
/// # Errors
/// Names `path` if it is there and cannot be removed.
pub fn remove_if_present(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).at("remove", path),
        _ => Ok(()),
    }
}
