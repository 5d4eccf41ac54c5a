//! The sentences of one part of a corpus, visited piece by piece.

use super::layout::Layout;
use super::lines;
use rayon::prelude::*;
use scaling_core::error::{Error, Result};
use scaling_core::text::held_out::sample;
use scaling_core::text::lines::{Piece, cut};
use std::path::PathBuf;
use std::sync::Arc;

/// Pieces that are in memory at a time.
const BATCH: usize = 16;

/// The largest validation part that is made where a corpus has none, in sentences.
const MOST_HELD_OUT: u64 = 20_000;

/// Some of the sentences of some files.
pub(super) struct Part {
    pieces: Vec<Piece>,
    filter: Filter,
}

/// Which sentences of the files belong to a part.
enum Filter {
    All,
    Only(Arc<HeldOut>),
    Except(Arc<HeldOut>),
}

/// The sentences of the training files that validate.
struct HeldOut {
    /// Index of the first sentence of each piece.
    starts: Vec<u64>,
    /// Sorted indices of the sentences.
    sentences: Vec<u64>,
}

/// The parts of a corpus.
pub(super) struct Parts {
    pub(super) train: Part,
    pub(super) validation: Part,
    pub(super) test: Option<Part>,
}

impl Parts {
    /// The parts of a layout. Where it has no validation part, 2 % of the training sentences (at
    /// least 1, at most 20,000), chosen by `seed`, are held out.
    ///
    /// # Errors
    /// Text that cannot be read; no sentence; a single sentence, which cannot be split.
    pub(super) fn of(layout: &Layout, seed: u64) -> Result<Self> {
        let mut train = Part::all(&layout.train)?;
        let test = if layout.test.is_empty() { None } else { Some(Part::all(&layout.test)?) };
        let validation = if layout.validation.is_empty() {
            let held_out = Arc::new(train.hold_out(layout, seed)?);
            let pieces = train.pieces.clone();
            train.filter = Filter::Except(held_out.clone());
            Part { pieces, filter: Filter::Only(held_out) }
        } else {
            Part::all(&layout.validation)?
        };
        Ok(Self { train, validation, test })
    }
}

impl Part {
    /// Every sentence of the files.
    fn all(files: &[PathBuf]) -> Result<Self> {
        let pieces: Result<Vec<_>> = files.iter().map(|file| cut(file)).collect();
        Ok(Self { pieces: pieces?.concat(), filter: Filter::All })
    }

    /// Chooses the sentences that validate.
    fn hold_out(&self, layout: &Layout, seed: u64) -> Result<HeldOut> {
        let mut starts = Vec::with_capacity(self.pieces.len());
        let mut total = 0;
        self.visit(
            |sentences, _| sentences.len() as u64,
            |count| {
                starts.push(total);
                total += count;
                Ok(())
            },
        )?;
        if total < 2 {
            let why = match total {
                0 => "has no sentence: every line is blank",
                _ => "has one sentence; a training and a validation part need at least 2",
            };
            return Err(Error::input(format!("{} {why}", layout.root.display())));
        }
        let sentences = sample(total, (total / 50).clamp(1, MOST_HELD_OUT), seed);
        Ok(HeldOut { starts, sentences })
    }

    /// Calls `work` with the sentences of every piece and its number of blank lines, in parallel,
    /// and `then` with what it returns, in the order of the text.
    ///
    /// # Errors
    /// The first, in the order of the text, of what cannot be read and of what `then` returns.
    pub(super) fn visit<T: Send>(
        &self,
        work: impl Fn(&[&str], u64) -> T + Sync,
        mut then: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        for (batch, pieces) in self.pieces.chunks(BATCH).enumerate() {
            let results: Vec<Result<T>> = pieces
                .par_iter()
                .enumerate()
                .map(|(i, piece)| {
                    let text = piece.read()?;
                    let (mut sentences, blank) = lines::sentences(&text);
                    self.filter.apply(batch * BATCH + i, &mut sentences);
                    Ok(work(&sentences, blank))
                })
                .collect();
            for result in results {
                then(result?)?;
            }
        }
        Ok(())
    }
}

impl Filter {
    /// Keeps those of the sentences of a piece that belong to the part.
    fn apply(&self, piece: usize, sentences: &mut Vec<&str>) {
        let (held_out, wanted) = match self {
            Self::All => return,
            Self::Only(held_out) => (held_out, true),
            Self::Except(held_out) => (held_out, false),
        };
        let mut index = held_out.starts[piece];
        sentences.retain(|_| {
            let is_held_out = held_out.sentences.binary_search(&index).is_ok();
            index += 1;
            is_held_out == wanted
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaling_core::error::At;
    use std::path::Path;

    fn sentences(part: &Part) -> Result<Vec<String>> {
        let mut all = Vec::new();
        part.visit(
            |sentences, _| sentences.iter().map(ToString::to_string).collect::<Vec<_>>(),
            |mut some| {
                all.append(&mut some);
                Ok(())
            },
        )?;
        Ok(all)
    }

    #[test]
    fn held_out_sentences_are_few_disjoint_and_seeded() -> Result<()> {
        let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
        for (name, first) in [("a.txt", 0), ("b.txt", 600)] {
            let lines: Vec<_> = (first..first + 600).map(|i| format!("{i}\n\n")).collect();
            std::fs::write(root.path().join(name), lines.concat()).at("write", root.path())?;
        }
        let layout = super::super::layout::recognise(root.path())?;
        let split = |seed| -> Result<_> {
            let parts = Parts::of(&layout, seed)?;
            Ok((sentences(&parts.train)?, sentences(&parts.validation)?))
        };
        let (train, validation) = split(1)?;
        assert_eq!((train.len(), validation.len()), (1_176, 24));
        let mut all: Vec<_> = train.iter().chain(&validation).cloned().collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 1_200);
        assert_eq!(split(1)?, (train, validation.clone()));
        assert_ne!(split(2)?.1, validation);
        Ok(())
    }
}
