//! Labels in the order of the pictures, as ILSVRC2012 has them.

use super::name::{self, natural};
use scaling_core::error::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The pictures of a part whose classes label files give.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unlabelled<'a> {
    /// What messages call the part.
    pub(super) title: &'a str,
    /// In natural order.
    pub(super) pictures: &'a [OsString],
    /// Further pictures that cannot be used, but that the files may count.
    pub(super) lost: &'a [OsString],
}

/// The labels of the pictures of a part, from the file at `path`.
///
/// # Errors
/// Pictures in several folders, a picture that is named unlike the others, more or fewer labels than
/// pictures.
pub(super) fn by_position<T>(path: &Path, labels: Vec<T>, part: Unlabelled) -> Result<Vec<T>> {
    let Unlabelled { title, pictures, lost } = part;
    let folders: BTreeSet<_> = pictures.iter().chain(lost).map(|name| Path::new(name).parent()).collect();
    if folders.len() > 1 {
        return Err(Error::input(format!(
            "{} gives the classes of pictures by their order, but those of {title} lie in {} folders; put them into one, or \
             into a folder for each class and remove the labels",
            path.display(),
            folders.len()
        )));
    }
    let mut all: Vec<(&OsString, bool)> = pictures.iter().map(|name| (name, true)).collect();
    if labels.len() != pictures.len() {
        // The labels of unusable pictures are there too; they fall out.
        all.extend(lost.iter().map(|name| (name, false)));
        all.sort_by(|a, b| natural(a.0, b.0));
    }
    if let Some(odd) = odd_one(&all, labels.len() == all.len()) {
        let odd = name::shown(&odd.to_string_lossy());
        return Err(Error::input(format!(
            "{} gives the classes of pictures by their order, but {odd} of {title} is not numbered as nearly all others are; \
             move it away, or number it as they are",
            path.display()
        )));
    }
    if labels.len() != all.len() {
        return Err(Error::input(format!(
            "{} has {} labels for the {} pictures of {title}; they must be as many",
            path.display(),
            labels.len(),
            pictures.len()
        )));
    }
    Ok(labels.into_iter().zip(all).filter(|(_, (_, usable))| *usable).map(|(label, _)| label).collect())
}

/// The first picture that is not numbered like nearly all others, as `Folder.jpg` beside
/// `ILSVRC2012_val_00000001.JPEG`: it takes a label, and those of the pictures behind it shift. Numbers may
/// be missing, where only some pictures were taken. Where labels and pictures are as many, these may be
/// meant: only a hundredth is refused, or a single one beside at least ten.
fn odd_one<'a>(pictures: &[(&'a OsString, bool)], are_as_many: bool) -> Option<&'a OsString> {
    let mut counts: BTreeMap<Option<String>, usize> = BTreeMap::new();
    for (name, _) in pictures {
        *counts.entry(beginning(name)).or_default() += 1;
    }
    let (usual, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    let odd = pictures.len() - count;
    let are_few = if are_as_many {
        100 * odd <= pictures.len() || (odd == 1 && count >= 10)
    } else {
        5 * odd < pictures.len()
    };
    let mut names = pictures.iter().map(|(name, _)| *name);
    names.find(|name| are_few && usual.is_some() && beginning(name) != usual)
}

/// What stands before the number that the name of a picture ends in, if it does.
fn beginning(name: &OsStr) -> Option<String> {
    let stem = Path::new(name).file_stem()?.to_string_lossy();
    let beginning = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    (beginning.len() < stem.len()).then(|| beginning.to_owned())
}
