//! What lies directly in a directory of a data set, and the parts that names mean.

use super::folder;
use super::name::{self, Kind, is_hidden, natural};
use scaling_core::data::parts::{PACKED, Split, meaning};
use scaling_core::error::{At, Error, Result};
use scaling_core::files;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A file or a directory.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) kind: EntryKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    Directory,
    Tar,
    Picture,
    /// Compressed.
    Packed,
    /// A link that leads nowhere and may have led to a directory.
    Broken,
    Other,
}

/// Between the words of a name.
const SEPARATORS: [char; 4] = ['_', '-', '.', ' '];

/// What lies in a directory, in natural order, without hidden files.
///
/// # Errors
/// Names the directory if it cannot be read.
pub(super) fn entries(directory: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in files::entries(directory)? {
        let (path, name) = (entry.path(), entry.file_name());
        if is_hidden(&name) {
            continue;
        }
        let file_type = entry.file_type().at("read", &path)?;
        let is_directory = if file_type.is_symlink() { path.is_dir() } else { file_type.is_dir() };
        let kind = match Kind::of(&name) {
            _ if is_directory => EntryKind::Directory,
            Kind::Tar => EntryKind::Tar,
            Kind::Picture => EntryKind::Picture,
            Kind::Packed => EntryKind::Packed,
            Kind::Other if file_type.is_symlink() && !path.exists() => EntryKind::Broken,
            Kind::Companion | Kind::Other => EntryKind::Other,
        };
        entries.push(Entry { name: name.to_string_lossy().into_owned(), path, kind });
    }
    entries.sort_by(|a, b| natural(OsStr::new(&a.name), OsStr::new(&b.name)));
    // What a directory here was unpacked from, and ImageNet's boxes.
    let directories: BTreeSet<String> = entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::Directory)
        .map(|entry| entry.name.clone())
        .collect();
    entries.retain(|entry| {
        let stem = entry.name.split('.').next().unwrap_or_default();
        entry.kind != EntryKind::Packed || !directories.contains(stem) && !entry.name.contains("bbox")
    });
    Ok(entries)
}

impl Entry {
    /// Whether it may be a part or a class, as far as its kind goes.
    pub(super) fn may_count(&self) -> bool {
        !matches!(self.kind, EntryKind::Picture | EntryKind::Other)
    }

    /// The part that the name means: `val2`, `test_v10102019`, `ILSVRC2012_img_val.tar`; but a class may be
    /// named `test-tube`.
    pub(super) fn split(&self) -> Option<Split> {
        if !self.may_count() {
            return None;
        }
        let name = self.name.to_lowercase();
        let mut words = name.split(SEPARATORS).skip_while(|word| says_nothing(word));
        let split = meaning(words.next()?)?;
        words.all(says_nothing).then_some(split)
    }

    /// The part that the name may mean, having a word for it among others: `imagenette_val`.
    pub(super) fn hint(&self) -> Option<Split> {
        let name = self.name.to_lowercase();
        name.split(SEPARATORS).find_map(meaning)
    }

    /// A directory that holds pictures and nothing deeper.
    pub(super) fn is_class_folder(&self) -> bool {
        self.kind == EntryKind::Directory && matches!(folder::holds_pictures_alone(&self.path), Ok(true))
    }

    /// Refuses what may be a part or a class and cannot be read.
    ///
    /// # Errors
    /// What is compressed, and links that lead nowhere.
    pub(super) fn usable(&self) -> Result<()> {
        let why = match self.kind {
            EntryKind::Packed => "is compressed; unpack it first, or move it away",
            EntryKind::Broken => "is a link that leads nowhere; mend or remove it",
            _ => return Ok(()),
        };
        Err(Error::input(format!("{} {why}", self.path.display())))
    }

    /// Refuses a name that only hints at a part.
    pub(super) fn unclear(&self) -> Error {
        let why = "may be meant as a part; name it `train`, `val` or `test` if it is one, else move it away";
        Error::input(format!("{} {why}", self.path.display()))
    }

    /// A note.
    pub(super) fn left_out(&self, why: &str) -> String {
        format!("{} is left out, {why}", name::shown(&self.name))
    }
}

/// Whether a word, or what follows one, leaves open which part a name means.
fn says_nothing(word: &str) -> bool {
    const EMPTY: [&str; 8] = ["", "set", "data", "images", "img", "imagenet", "ilsvrc", "ilsvrc2012"];
    let number = word.strip_prefix('v').unwrap_or(word);
    EMPTY.contains(&word) || PACKED.contains(&word) || number.bytes().all(|byte| byte.is_ascii_digit())
}

/// A directory, `directory` or one at most `depth` below it, that is what `is_it` says of what lies there.
fn below(directory: &Path, depth: u32, is_it: fn(&[Entry]) -> bool) -> Option<PathBuf> {
    let entries = entries(directory).ok()?;
    if is_it(&entries) {
        return Some(directory.to_owned());
    }
    let mut folders = entries.iter().filter(|entry| depth > 0 && entry.kind == EntryKind::Directory);
    folders.find_map(|entry| below(&entry.path, depth - 1, is_it))
}

/// A data set with a training part at a directory or in it; Kaggle's lies at `ILSVRC/Data/CLS-LOC`.
pub(super) fn data_set(directory: &Path) -> Option<PathBuf> {
    below(directory, 2, |entries| entries.iter().any(is_training))
}

/// A training part, going by its name and its first classes: that of Kaggle's annotations has no pictures.
fn is_training(entry: &Entry) -> bool {
    let is_class =
        |class: &Entry| class.kind == EntryKind::Tar || matches!(folder::is_flat(&class.path), Ok(true));
    let has_classes = || {
        let classes = entries(&entry.path).unwrap_or_default();
        classes.iter().filter(|class| class.may_count()).take(3).any(is_class)
    };
    entry.split() == Some(Split::Train) && (entry.kind == EntryKind::Tar || has_classes())
}

/// The data set in `root` that may be meant instead of it, as the end of a message that refuses it.
pub(super) fn meant(root: &Path) -> String {
    let entries = entries(root).unwrap_or_default();
    let folders = || entries.iter().filter(|entry| entry.kind == EntryKind::Directory);
    let classes = |entry: &Entry| {
        below(&entry.path, 1, |entries| entries.iter().filter(|entry| entry.is_class_folder()).count() > 1)
    };
    let other = || folders().filter(|entry| entry.split().is_none()).find_map(classes);
    let path = folders().find_map(|entry| data_set(&entry.path)).or_else(other);
    path.map_or_else(String::new, |path| format!("; did you mean {}?", path.display()))
}
