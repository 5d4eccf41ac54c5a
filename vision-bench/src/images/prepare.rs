//! Pictures turned once into files of pixels in the cache, and the report on what was read.

use super::layout::{self, Layout};
use super::listing::{Item, Listing};
use super::store::{Stored, Writer};
use super::summary::PartSummary;
use super::tally::{PartTally, Tally};
use super::{Opened, Pictures, Summary, name};
use scaling_core::data::cache::{self, Key};
use scaling_core::data::overlap::Overlap;
use scaling_core::data::quarantine;
use scaling_core::error::{Error, Result};
use scaling_core::files;
use scaling_core::task::{Contents, DEFAULT_SEED, Origin};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Raised when the pixels made from the same files change.
const PIXELS: u64 = 2;

/// Raised when the files of the cache change otherwise.
const FORMAT: u64 = 1;

/// `meta.json` of a prepared data set.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Meta {
    /// The directory that it was made from.
    source: PathBuf,
    pub(super) summary: Summary,
    /// BLAKE3 of [`PIXELS`], the names of the classes, and the bytes and labels of all pictures by part.
    fingerprint: String,
    /// See [`Opened`].
    typical_side: u32,
    train_per_class: Vec<u64>,
    /// In the order of their numbers.
    classes: Vec<String>,
}

impl Meta {
    fn warnings(&self) -> Vec<String> {
        self.summary.warnings(&self.classes, &self.train_per_class)
    }
}

/// Reads and decodes all pictures at `path` and reports on them; writes nothing.
///
/// # Errors
/// As [`prepare_in`].
pub(crate) fn check(path: &Path) -> Result<Contents> {
    let (files, meta) = examine(path)?;
    Ok(Contents { summary: meta.summary.to_string(), files, warnings: meta.warnings() })
}

/// Which files are for what, and what is in them.
pub(super) fn examine(path: &Path) -> Result<(Vec<String>, Meta)> {
    let layout = layout::recognise(path)?;
    Ok((layout.listing(), survey(layout, DEFAULT_SEED, None)?))
}

/// Decodes and scales the pictures at `path` into files below `cache`, unless that was done before, and
/// reports on them in one line on stderr. Returns their directory, which is complete or absent. `seed`
/// matters where there is no validation part. The pictures may be much more than fits in memory.
///
/// # Errors
/// Bad input: a missing path, a directory of unknown layout, a damaged archive, labels that do not
/// fit, a class without a usable picture; a cache that cannot be written.
pub(super) fn prepare_in(cache: &Path, path: &Path, seed: u64) -> Result<PathBuf> {
    let layout = layout::recognise(path)?;
    let directory = cache.join("vision").join(key(&layout, seed)?);
    cache::make(&directory, path, |draft| {
        let meta = survey(layout, seed, Some(draft))?;
        quarantine::save(draft, &meta.summary.rejected)?;
        files::write_json(&draft.join("meta.json"), &meta)?;
        Ok(meta.summary)
    })?;
    Ok(directory)
}

/// Opens the pictures at `path`, which are prepared first if they have not been.
///
/// # Errors
/// As [`prepare_in`], and files of the cache that are damaged.
pub(crate) fn open(path: &Path, seed: u64) -> Result<Opened> {
    let (directory, ()) = cache::find(|cache| Ok((prepare_in(cache, path, seed)?, ())))?;
    opened(&directory)
}

/// Opens a directory that [`prepare_in`] returned.
pub(super) fn opened(directory: &Path) -> Result<Opened> {
    cache::open(directory, || read(directory))
}

fn read(directory: &Path) -> Result<Opened> {
    let meta: Meta = files::read_json(&directory.join("meta.json"))?;
    let classes = meta.classes.len();
    let part = |name| -> Result<Arc<dyn Pictures>> { Ok(Arc::new(Stored::open(directory, name, classes)?)) };
    Ok(Opened {
        origin: Origin::prepared(&meta.summary, meta.warnings(), meta.fingerprint),
        train: part("train")?,
        validation: part("validation")?,
        test: meta.summary.test.as_ref().map(|_| part("test")).transpose()?,
        classes: meta.classes,
        train_per_class: meta.train_per_class,
        typical_side: meta.typical_side,
    })
}

/// Names a prepared data set: its files with their sizes and times, and the seed where it matters.
fn key(layout: &Layout, seed: u64) -> Result<String> {
    let mut key = Key::default();
    layout.train.add_to(&mut key)?;
    for part in [&layout.validation, &layout.test] {
        match part {
            Some(part) => part.add_to(&mut key)?,
            None => key.number(0),
        }
    }
    for rejected in &layout.rejected {
        key.text(&rejected.name);
    }
    let seed = if layout.validation.is_none() { seed } else { 0 };
    for number in [PIXELS, FORMAT, seed] {
        key.number(number);
    }
    // The summary has them.
    layout.notes.iter().for_each(|note| key.text(note));
    Ok(key.name())
}

/// Reads everything, and writes the pictures to `directory`, if there is one.
fn survey(layout: Layout, seed: u64, directory: Option<&Path>) -> Result<Meta> {
    let root = layout.root.clone();
    let mut listing = Listing::of(layout, seed)?;
    let mut tally = Tally::new(std::mem::take(&mut listing.rejected));
    tally.fingerprint.update(&PIXELS.to_le_bytes());
    for class in &listing.classes {
        tally.fingerprint.update(class.as_bytes());
        tally.fingerprint.update(b"\n");
    }
    let mut part = |name: &str, items: &[Item]| -> Result<PartTally> {
        let writer = directory.map(|directory| Writer::create(directory, name)).transpose()?;
        let before = tally.rejected.len();
        let part = tally.part(&listing, name, items, writer)?;
        if part.digests.is_empty() {
            let first = tally.rejected.get(before).map_or_else(String::new, |file| {
                format!(": of {} none can be decoded; {} {}", items.len(), file.name, file.reason)
            });
            let root = root.display();
            return Err(Error::input(format!("{root}: the {name} part has no usable picture{first}")));
        }
        Ok(part)
    };
    let train = part("train", &listing.train)?;
    let validation = part("validation", &listing.validation)?;
    let test = listing.test.as_ref().map(|items| part("test", items)).transpose()?;
    if let Some(class) = train.per_class.iter().position(|count| *count == 0) {
        let class = name::shown(&listing.classes[class]);
        return Err(Error::input(format!(
            "{}: class {class} has no usable training picture",
            root.display()
        )));
    }
    let test_digests = test.as_ref().map(|test| &test.digests[..]);
    let (overlap, repeated) = Overlap::among(&train.digests, &validation.digests, test_digests);
    let typical_side = tally.typical_side();
    let summary = Summary {
        train: PartSummary::of(&train.per_class),
        validation: PartSummary::of(&validation.per_class),
        is_held_out: listing.is_held_out,
        test: test.map(|test| PartSummary::of(&test.per_class)),
        classes: listing.classes.len() as u64,
        smallest: tally.smallest,
        largest: tally.largest,
        grey: tally.grey,
        ink: tally.ink,
        overlap,
        repeated,
        rejected: tally.rejected,
        notes: listing.notes,
    };
    Ok(Meta {
        source: root,
        summary,
        fingerprint: tally.fingerprint.finalize().to_hex().to_string(),
        typical_side,
        train_per_class: train.per_class,
        classes: listing.classes,
    })
}
