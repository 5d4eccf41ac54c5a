//! Where the recordings of a data set are listed: subsets of LibriSpeech's layout, or manifests, part by
//! part.

use super::leftover::{note, refuse_unread, unlisted};
use super::names::{entries, name};
use super::{librispeech, manifest};
use scaling_core::data::parts::{ByPart, means_split, split_of};
use scaling_core::error::{At, Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// What lists some recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A directory of `SPEAKER/CHAPTER/*.flac` or `SPEAKER/*.flac` with `*.trans.txt`.
    Subset(PathBuf),
    /// A CSV or JSONL file.
    Manifest(PathBuf),
}

impl Source {
    pub(super) fn path(&self) -> &Path {
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
    /// Some train; none validate where utterances must be held out of those, and often none test.
    pub(super) files: ByPart<Source>,
    /// Directories with the name of a part which none of the manifests is for, unless one names what lies
    /// there.
    pub(super) unlisted: Vec<PathBuf>,
    /// What else is left alone, and why: phrases.
    pub(super) notes: Vec<String>,
}

/// Recognises LibriSpeech (the directory that holds `LibriSpeech`, that directory, or one of its subsets), a
/// directory of manifests or of parts with manifests in them, or one manifest. The part of a subset or a
/// manifest is told by its name or that of its directory; without a part's name it trains.
///
/// # Errors
/// A missing path; a directory that holds neither or both; a file that is named like a manifest and is none
/// beside manifests; what has a part's name and would not be read; no training part.
pub(super) fn recognise(path: &Path) -> Result<Layout> {
    let is_directory = fs::metadata(path).at("read", path)?.is_dir();
    let Found { sources, unlisted, notes } = if is_directory { in_directory(path)? } else { one(path)? };
    let root = match sources.first() {
        // They lie there, or in directories there. Without a slash at the end.
        Some(Source::Manifest(_)) if is_directory => Some(path.components().as_path()),
        source => source.and_then(|source| source.path().parent()),
    };
    let root = root.filter(|root| !root.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut layout = Layout { root: root.to_owned(), files: ByPart::default(), unlisted, notes };
    for source in &sources {
        layout.files.add(split_of(root, source.path()), source.clone());
    }
    let ByPart { train, validation, test } = &layout.files;
    if train.is_empty() {
        let found: Vec<_> = validation.iter().chain(test).map(|source| name(source.path())).collect();
        return Err(Error::input(format!(
            "{} has nothing to train on: by name, {} is for validation or test alone; add a part named train*",
            path.display(),
            found.join(", ")
        )));
    }
    Ok(layout)
}

impl Layout {
    /// Lines on what is for what.
    pub(super) fn listing(&self) -> Vec<String> {
        self.files.listing(&self.root, Source::path)
    }
}

/// What is found at a path: see [`Layout`].
#[derive(Default)]
struct Found {
    sources: Vec<Source>,
    unlisted: Vec<PathBuf>,
    notes: Vec<String>,
}

/// The one manifest that a file must be.
fn one(path: &Path) -> Result<Found> {
    manifest::inspect(path)?;
    Ok(Found { sources: vec![Source::Manifest(path.to_owned())], ..Found::default() })
}

/// Files that are named like manifests.
#[derive(Default)]
struct Named {
    manifests: Vec<PathBuf>,
    /// What is wrong with those that are none.
    errors: Vec<Error>,
    /// Those of wrong transcripts.
    wrong: Vec<PathBuf>,
}

impl Named {
    /// Adds those in a directory.
    fn add(&mut self, directory: &Path) -> Result<()> {
        for file in entries(directory)?.into_iter().filter(|file| manifest::may_be(file) && !file.is_dir()) {
            if manifest::is_of_wrong_transcripts(&file) {
                self.wrong.push(file);
                continue;
            }
            match manifest::inspect(&file) {
                Ok(()) => self.manifests.push(file),
                Err(error) => self.errors.push(Error::input(format!("{error}; correct it, or move it away"))),
            }
        }
        Ok(())
    }
}

/// The sources in a directory, and what is none.
fn in_directory(directory: &Path) -> Result<Found> {
    let mut named = Named::default();
    named.add(directory)?;
    // DeepSpeech's importer and others write `X-train-clean-100.csv`, `X-dev-clean.csv`, ... beside what they
    // list.
    let mut are_parts = named.manifests.iter().any(|manifest| means_split(manifest));
    let subsets = if are_parts { vec![] } else { librispeech::subsets(directory)? };
    if let (Some(manifest), Some(subset)) = (named.manifests.first(), subsets.first()) {
        let (manifest, subset) = (manifest.display(), subset.display());
        return Err(Error::input(format!(
            "{manifest} and {subset} both list recordings; give the manifest itself, or move one away"
        )));
    }
    if named.manifests.is_empty() && subsets.is_empty() {
        // `train/metadata.csv`, `test/metadata.csv`, ...: Hugging Face's AudioFolder.
        for part in entries(directory)?.iter().filter(|entry| means_split(entry) && entry.is_dir()) {
            named.add(part)?;
        }
        are_parts = !named.manifests.is_empty();
    }
    let Named { manifests, errors, wrong } = named;
    // A validation part must not get lost by a misspelt column.
    if let Some(error) = errors.into_iter().next()
        && subsets.is_empty()
    {
        return Err(error);
    }
    let unlisted = if are_parts { unlisted(directory, &manifests)? } else { vec![] };
    let sources: Vec<Source> =
        manifests.into_iter().map(Source::Manifest).chain(subsets.into_iter().map(Source::Subset)).collect();
    refuse_unread(directory, sources.iter().map(Source::path))?;
    let note = |manifest: &PathBuf| note(directory, manifest, "its transcripts being wrong by its name");
    let notes: Vec<String> = wrong.iter().map(note).collect();
    if sources.is_empty() {
        let but = notes.first().map_or(String::new(), |note| format!("; {note}"));
        return Err(Error::input(format!(
            "{} holds no recordings: expected SUBSET/SPEAKER/CHAPTER/*.flac with *.trans.txt (LibriSpeech), or \
             manifests (.csv, .jsonl){but}",
            directory.display()
        )));
    }
    Ok(Found { sources, unlisted, notes })
}
