//! Pictures in directories.

use super::Rejected;
use super::name::{self, Kind, is_hidden, natural};
use scaling_core::error::{At, Result};
use scaling_core::files::entries;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder that Tiny ImageNet puts between a class, or a part, and its pictures.
const BETWEEN: &str = "images";

/// The pictures below a directory.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) directory: PathBuf,
    /// Paths below the directory, in natural order.
    pub(super) files: Vec<OsString>,
    /// Those that are named like pictures and cannot be used: label files may count them.
    pub(super) lost: Vec<OsString>,
}

impl Folder {
    /// The number of folders in it that hold its pictures, but for the one that Tiny ImageNet has.
    pub(super) fn folders(&self) -> usize {
        let parents = self.files.iter().filter_map(|file| Path::new(file).parent());
        let is_level = |parent: &&Path| ![Path::new(""), Path::new(BETWEEN)].contains(parent);
        parents.filter(is_level).collect::<BTreeSet<&Path>>().len()
    }
}

/// Lists the pictures below `directory`, however deep; links to directories above are read once.
/// What is neither a picture nor a companion goes to `rejected`, by its path below `root`.
///
/// # Errors
/// Names a directory that cannot be read.
pub(super) fn collect(root: &Path, directory: &Path, rejected: &mut Vec<Rejected>) -> Result<Folder> {
    let mut folder = Folder { directory: directory.to_owned(), files: Vec::new(), lost: Vec::new() };
    let mut visited = BTreeSet::new();
    let mut reject =
        |path: &Path, reason: String| rejected.push(Rejected { name: title(root, path), reason });
    let mut pending = vec![directory.to_owned()];
    while let Some(current) = pending.pop() {
        if !visited.insert(current.canonicalize().at("read", &current)?) {
            continue;
        }
        for entry in entries(&current)? {
            let (path, file_name) = (entry.path(), entry.file_name());
            if is_hidden(&file_name) {
                continue;
            }
            let below = || path.strip_prefix(directory).unwrap_or(&path).as_os_str().to_owned();
            // Metadata of links is that of what they lead to.
            let mut kind = entry.file_type().at("read", &path)?;
            if kind.is_symlink() {
                match fs::metadata(&path) {
                    Ok(metadata) => kind = metadata.file_type(),
                    Err(error) => {
                        reject(&path, format!("cannot be read: {error}"));
                        folder.lost.extend((Kind::of(&file_name) == Kind::Picture).then(below));
                        continue;
                    }
                }
            }
            match Kind::of(&file_name) {
                _ if kind.is_dir() => pending.push(path),
                Kind::Companion => {}
                Kind::Picture if kind.is_file() => folder.files.push(below()),
                Kind::Picture => {
                    reject(&path, "is not a regular file".into());
                    folder.lost.push(below());
                }
                Kind::Tar | Kind::Packed | Kind::Other => {
                    reject(&path, "is not named .jpg, .jpeg or .png".into());
                }
            }
        }
    }
    folder.files.sort_by(|a, b| natural(a, b));
    Ok(folder)
}

/// A path as messages and lists show it: below `root`, on one line.
pub(super) fn title(root: &Path, path: &Path) -> String {
    name::shown(&path.strip_prefix(root).unwrap_or(path).to_string_lossy())
}

/// What lies directly in a directory.
#[derive(Debug, Default)]
struct Content {
    pictures: usize,
    /// The folder [`BETWEEN`].
    between: usize,
    /// Other directories.
    directories: usize,
    tars: usize,
}

fn content(directory: &Path) -> Result<Content> {
    let mut content = Content::default();
    for entry in entries(directory)? {
        let file_name = entry.file_name();
        if is_hidden(&file_name) {
            continue;
        }
        let is_directory = match entry.file_type().at("read", directory)? {
            kind if kind.is_symlink() => entry.path().is_dir(),
            kind => kind.is_dir(),
        };
        match Kind::of(&file_name) {
            _ if is_directory && file_name == BETWEEN => content.between += 1,
            _ if is_directory => content.directories += 1,
            Kind::Picture => content.pictures += 1,
            Kind::Tar => content.tars += 1,
            Kind::Packed | Kind::Companion | Kind::Other => {}
        }
    }
    Ok(content)
}

/// Whether a directory holds pictures, or nothing at all, rather than directories of something else.
///
/// # Errors
/// Names the directory if it cannot be read.
pub(super) fn may_be_class(directory: &Path) -> Result<bool> {
    let content = content(directory)?;
    Ok(content.pictures + content.between > 0 || content.directories + content.tars == 0)
}

/// Whether a directory holds pictures and neither directories nor archives.
///
/// # Errors
/// As [`may_be_class`].
pub(super) fn holds_pictures_alone(directory: &Path) -> Result<bool> {
    let content = content(directory)?;
    Ok(content.pictures > 0 && content.between + content.directories + content.tars == 0)
}

/// Whether the pictures of a part lie side by side instead of in folders or archives of classes.
///
/// # Errors
/// As [`may_be_class`].
pub(super) fn is_flat(directory: &Path) -> Result<bool> {
    let content = content(directory)?;
    Ok(content.directories + content.tars == 0 && content.pictures + content.between > 0)
}
