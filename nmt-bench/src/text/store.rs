//! Prepared pairs, mapped into memory: opening them loads nothing but the tokenizer.

use super::encode::{reference_paths, side_paths};
use super::moses::Language;
use super::prepare::{Meta, prepare_in};
use super::tokenizer::Tokenizer;
use crate::pairs::{Pairs, Parallel};
use scaling_core::data::cache;
use scaling_core::data::mapped::u16s;
use scaling_core::error::{Error, Result};
use scaling_core::files;
use scaling_core::task::Origin;
use scaling_core::text::records::Records;
use std::path::Path;
use std::sync::Arc;

/// One part of prepared text.
struct Stored {
    sides: [Records; 2],
    references: Option<Records>,
}

impl Stored {
    /// Maps part `name`: `train`, which has no references, `validation` or `test`.
    fn open(directory: &Path, name: &str) -> Result<Self> {
        let side = |language| {
            let (ids, offsets) = side_paths(directory, name, language);
            Records::open(&ids, &offsets, 2)
        };
        let references = || {
            let (text, offsets) = reference_paths(directory, name);
            Records::open(&text, &offsets, 1)
        };
        let sides = [side(Language::BOTH[0])?, side(Language::BOTH[1])?];
        let references = if name == "train" { None } else { Some(references()?) };
        let count = sides[0].count();
        if sides[1].count() != count || references.as_ref().is_some_and(|texts| texts.count() != count) {
            return Err(Error::input(format!("the files of the {name} part do not fit each other")));
        }
        Ok(Self { sides, references })
    }
}

impl Pairs for Stored {
    fn len(&self) -> Option<u64> {
        Some(self.sides[0].count())
    }

    fn read(&self, index: u64, source: &mut Vec<u16>, target: &mut Vec<u16>) {
        for (side, out) in self.sides.iter().zip([source, target]) {
            out.clear();
            out.extend(u16s(side.bytes(index)));
        }
    }

    fn tokens(&self, index: u64) -> [u32; 2] {
        [self.sides[0].length(index), self.sides[1].length(index)]
    }

    fn reference(&self, index: u64) -> String {
        let text = self.references.as_ref().map(|texts| String::from_utf8_lossy(texts.bytes(index)));
        text.unwrap_or_default().into_owned()
    }
}

/// Opens the parallel text at `path`, a directory of `STEM.de` and `STEM.en` (see [`super::layout`]), which
/// is prepared first if it has not been. `merges` is the number of symbols that are learned beside the
/// characters; `seed` chooses the pairs that are held out where there is no validation part. The description
/// names what is left out, but in a trial, which does not look.
///
/// # Errors
/// Bad input, or a cache that cannot be written; see [`prepare_in`].
pub(crate) fn open(path: &Path, merges: usize, seed: u64) -> Result<Parallel> {
    let (directory, left_out) = cache::find(|cache| prepare_in(cache, path, merges, seed))?;
    let mut parallel = opened(&directory)?;
    parallel.origin.description += &left_out;
    Ok(parallel)
}

/// Opens a directory that [`prepare_in`] returned.
pub(super) fn opened(directory: &Path) -> Result<Parallel> {
    cache::open(directory, || read(directory))
}

fn read(directory: &Path) -> Result<Parallel> {
    let meta: Meta = files::read_json(&directory.join("meta.json"))?;
    let open = |name| -> Result<Arc<dyn Pairs>> { Ok(Arc::new(Stored::open(directory, name)?)) };
    Ok(Parallel {
        origin: Origin::prepared(&meta.summary, meta.summary.warnings(), meta.fingerprint),
        train: open("train")?,
        validation: open("validation")?,
        test: meta.summary.test.as_ref().map(|_| open("test")).transpose()?,
        tokenizer: Tokenizer::load(&directory.join("tokenizer.json"))?,
        best_guess: meta.best_guess,
        best_guess_loss: meta.best_guess_loss,
        tokens: Some(meta.summary.train.tokens[1]),
    })
}

#[cfg(test)]
mod tests;
