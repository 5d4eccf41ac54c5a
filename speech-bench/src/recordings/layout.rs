//! Where the recordings of a data set are listed: subsets of LibriSpeech's layout, or manifests, part by part.

use super::{librispeech, manifest};
use scaling_core::error::{At, Error, Result};
use scaling_core::text::parts::{Part, part_of};
use std::fs;
use std::path::{Path, PathBuf};

/// What lists some recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A directory of `SPEAKER/CHAPTER/*.flac` with `*.trans.txt`.
    Subset(PathBuf),
    /// A CSV or JSONL file.
    Manifest(PathBuf),
}

impl Source {
    fn path(&self) -> &Path {
        match self {
            Self::Subset(path) | Self::Manifest(path) => path,
        }
    }
}

/// The sources of a data set by part, each list sorted.
#[derive(Debug)]
pub(super) struct Layout {
    /// The directory below which names are given.
    pub(super) root: PathBuf,
    /// Never empty.
    pub(super) train: Vec<Source>,
    /// Empty where utterances must be held out of the training part.
    pub(super) validation: Vec<Source>,
    /// Often empty.
    pub(super) test: Vec<Source>,
}

/// Recognises LibriSpeech (the directory that holds `LibriSpeech`, that directory, or one of its subsets), a
/// directory of manifests, or one manifest. Where a directory holds manifests they alone count. The part of a
/// subset or a manifest is told by its name; without a part's name it trains.
///
/// # Errors
/// A missing path; a directory that holds neither; a file that is named like a manifest and is none beside
/// manifests; no training part.
pub(super) fn recognise(path: &Path) -> Result<Layout> {
    let is_directory = fs::metadata(path).at("read", path)?.is_dir();
    let sources = if is_directory { in_directory(path)? } else { one(path)? };
    let parent = sources.first().and_then(|source| source.path().parent());
    let root = parent.filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut layout = Layout { root: root.to_owned(), train: vec![], validation: vec![], test: vec![] };
    for source in &sources {
        let list = match part_of(root, source.path()) {
            Part::Train => &mut layout.train,
            Part::Validation => &mut layout.validation,
            Part::Test => &mut layout.test,
        };
        list.push(source.clone());
    }
    if layout.train.is_empty() {
        let found: Vec<_> = layout.validation.iter().chain(&layout.test).map(|s| name(s.path())).collect();
        return Err(Error::input(format!(
            "{} has nothing to train on: by name, {} is for validation or test alone; add a part named train*",
            path.display(),
            found.join(", ")
        )));
    }
    Ok(layout)
}

/// The one manifest that a file must be.
fn one(path: &Path) -> Result<Vec<Source>> {
    manifest::inspect(path)?;
    Ok(vec![Source::Manifest(path.to_owned())])
}

fn in_directory(directory: &Path) -> Result<Vec<Source>> {
    let (mut manifests, mut others) = (Vec::new(), Vec::new());
    for file in entries(directory)?.into_iter().filter(|file| manifest::may_be(file) && !file.is_dir()) {
        match manifest::inspect(&file) {
            Ok(()) => manifests.push(Source::Manifest(file)),
            Err(error) => others.push(error),
        }
    }
    // A validation part must not get lost by a misspelt column.
    let other = others.into_iter().next();
    if !manifests.is_empty() {
        return other.map_or(Ok(manifests), Err);
    }
    let subsets = librispeech::subsets(directory)?;
    if subsets.is_empty() {
        return Err(other.unwrap_or_else(|| {
            Error::input(format!(
                "{} holds no recordings: expected SUBSET/SPEAKER/CHAPTER/*.flac with *.trans.txt (LibriSpeech), \
                 or manifests (.csv, .jsonl)",
                directory.display()
            ))
        }));
    }
    Ok(subsets.into_iter().map(Source::Subset).collect())
}

/// What lies in a directory, sorted; hidden files are left out.
///
/// # Errors
/// A directory that cannot be read.
pub(super) fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).at("read", directory)? {
        let path = entry.at("read", directory)?.path();
        if !name(&path).starts_with('.') {
            entries.push(path);
        }
    }
    entries.sort();
    Ok(entries)
}

/// The last part of a path.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
