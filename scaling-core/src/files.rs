//! Files that are complete or absent, whatever happens while they are written; and those of prepared data,
//! which grow piece by piece.

use crate::error::{At, Result};
use std::fs::{DirEntry, File};
use std::io::{BufWriter, ErrorKind, IntoInnerError, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

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

/// Writes `bytes` to `path`: beside it first, flushed to the disk, then renamed over it; a link is replaced,
/// and what it leads to stays as it is. Into a device or a pipe they are written.
///
/// # Errors
/// Names `path` if its directory cannot be written or the disk is full; a file is then untouched.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let opened = File::options().write(true).open(path);
        return opened.and_then(|mut file| file.write_all(bytes)).at("write", path);
    }
    draft(path, bytes)?.persist(path).map_err(|e| e.error).at("write", path)?;
    Ok(())
}

/// As [`write_atomic`], for a place that the user has named: of a link it is the file that it leads to.
///
/// # Errors
/// As [`write_atomic`].
pub(crate) fn write_output(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic(&behind_links(path), bytes)
}

/// Writes `bytes` to `path` as [`write_atomic`] does, unless something of this name is there: then that
/// stays, and the answer is false. Of several that try at the same time one succeeds.
///
/// # Errors
/// As [`write_atomic`].
pub(crate) fn create_atomic(path: &Path, bytes: &[u8]) -> Result<bool> {
    match draft(path, bytes)?.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(taken) if taken.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(failed) => Err(failed.error).at("write", path),
    }
}

/// A file beside `path` that holds `bytes`, on the disk.
fn draft(path: &Path, bytes: &[u8]) -> Result<NamedTempFile> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new();
    // A draft is private by default; the file is for whoever the umask allows.
    #[cfg(unix)]
    draft.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = draft.tempfile_in(directory).at("write", path)?;
    file.write_all(bytes).at("write", path)?;
    file.as_file().sync_all().at("write", path)?;
    Ok(file)
}

/// The file that `path` leads to, whether or not it is there yet: `path` itself if it is no link, or one to a
/// device or a pipe, which may have no name.
pub(crate) fn behind_links(path: &Path) -> PathBuf {
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return path.to_owned();
    }
    links(path).last().unwrap_or_else(|| path.to_owned())
}

/// `path`, what it links to, what that links to, and so on.
pub(crate) fn links(path: &Path) -> impl Iterator<Item = PathBuf> {
    let next = |link: &PathBuf| Some(link.parent()?.join(std::fs::read_link(link).ok()?));
    // Linux follows 40 links.
    std::iter::successors(Some(path.to_owned()), next).take(41)
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

/// What lies in a directory, in the order of the names.
///
/// # Errors
/// Names the directory if it cannot be read.
pub fn entries(directory: &Path) -> Result<Vec<DirEntry>> {
    let read = std::fs::read_dir(directory).at("read", directory)?;
    let mut entries = read.collect::<std::io::Result<Vec<_>>>().at("read", directory)?;
    entries.sort_by_cached_key(DirEntry::file_name);
    Ok(entries)
}

/// Removes a file that another worker may have removed already.
///
/// # Errors
/// Names `path` if it is there and cannot be removed.
pub fn remove_if_present(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).at("remove", path),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::{FileTypeExt, symlink};

    #[test]
    fn a_link_stays_only_where_the_user_named_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("site")).unwrap();
        symlink("site/link.svg", at("link.svg")).unwrap();
        symlink("../figure.svg", at("site/link.svg")).unwrap();
        // A file that is not there yet, then one that is.
        for text in ["first", "second"] {
            write_output(&at("link.svg"), text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(at("figure.svg")).unwrap(), text);
            assert!(at("link.svg").is_symlink() && at("site/link.svg").is_symlink());
        }
        // What a study has written may be kept in a store, and only linked from where it was.
        write_atomic(&at("link.svg"), b"third").unwrap();
        assert!(!at("link.svg").is_symlink() && at("site/link.svg").is_symlink());
        assert_eq!(std::fs::read(at("link.svg")).unwrap(), b"third");
        assert_eq!(std::fs::read(at("figure.svg")).unwrap(), b"second");
    }

    #[test]
    fn of_two_that_create_a_file_one_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert_eq!(create_atomic(&path, b"first"), Ok(true));
        assert_eq!(create_atomic(&path, b"second"), Ok(false));
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        assert!(create_atomic(&path.join("below"), b"").is_err());
    }

    #[test]
    fn a_pipe_is_written_to_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let [pipe, link] = ["pipe", "link"].map(|name| folder.path().join(name));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        symlink(&pipe, &link).unwrap();
        // Open at both ends, so that nobody waits.
        let mut reader = File::options().read(true).write(true).open(&pipe).unwrap();
        for name in [&pipe, &link] {
            write_atomic(name, b"text").unwrap();
            assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo() && link.is_symlink());
            let mut text = [0; 4];
            reader.read_exact(&mut text).unwrap();
            assert_eq!(&text, b"text");
        }
        assert!(write_atomic(folder.path(), b"text").is_err(), "a folder");
    }
}
