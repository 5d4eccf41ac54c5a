//! The pairs of one part of a corpus, visited piece by piece.

use super::clean::{MOST_MEASURED, MOST_TRAINED};
use super::layout::{Bitext, Layout};
use super::pieces::{Pair, Piece, cut};
use rayon::prelude::*;
use scaling_core::data::held_out::{Filter, hold_out_share};
use scaling_core::data::pipeline;
use scaling_core::error::Result;

/// The largest validation part that is made where a corpus has none, in pairs: as large as WMT's test sets.
const MOST_HELD_OUT: u64 = 3_000;

/// Some of the pairs of some files.
pub(super) struct Part {
    /// With the number of pairs before each one's file.
    pieces: Vec<(u64, Piece)>,
    filter: Filter,
    /// The most tokens of a side.
    longest: usize,
    /// Whether it was held out of the training files.
    pub(super) is_held_out: bool,
}

/// The parts of a corpus.
pub(super) struct Parts {
    pub(super) train: Part,
    pub(super) validation: Part,
    pub(super) test: Option<Part>,
}

impl Parts {
    /// The parts of a layout. Where it has no validation part, 2 % of the training pairs (at least 1, at most
    /// 3,000), chosen by `seed`, are held out.
    ///
    /// # Errors
    /// Files that cannot be read, are empty or do not fit each other; a single pair, which cannot be split.
    pub(super) fn of(layout: &Layout, seed: u64) -> Result<Self> {
        let files = &layout.files;
        let mut train = Part::all(&files.train, MOST_TRAINED)?;
        let test = if files.test.is_empty() { None } else { Some(Part::all(&files.test, MOST_MEASURED)?) };
        let validation = if files.validation.is_empty() {
            let [trains, validates] =
                hold_out_share(&layout.root, "pair", train.lines(), MOST_HELD_OUT, seed)?;
            train.filter = trains;
            Part { pieces: train.pieces.clone(), filter: validates, is_held_out: true, ..train }
        } else {
            Part::all(&files.validation, MOST_MEASURED)?
        };
        Ok(Self { train, validation, test })
    }
}

impl Part {
    /// Every pair of the files, as far as its sides have at most `longest` tokens.
    fn all(files: &[Bitext], longest: usize) -> Result<Self> {
        let cut: Result<Vec<Vec<Piece>>> = files.par_iter().map(cut).collect();
        let mut pieces = Vec::new();
        let mut before = 0;
        for file in cut? {
            let lines = file.last().map_or(0, |piece| piece.lines.end);
            pieces.extend(file.into_iter().map(|piece| (before, piece)));
            before += lines;
        }
        Ok(Self { pieces, filter: Filter::All, longest, is_held_out: false })
    }

    /// The pairs of lines of the files, whether they belong to the part or not.
    fn lines(&self) -> u64 {
        self.pieces.last().map_or(0, |(before, piece)| before + piece.lines.end)
    }

    /// Calls `each` with every pair of a piece, in parallel over pieces, and `then` with what became of each
    /// piece, in the order of the text.
    ///
    /// # Errors
    /// The first, in the order of the text, of what cannot be read and of what `then` returns.
    pub(super) fn visit<T: Default + Send>(
        &self,
        each: impl Fn(&mut T, &Pair) + Sync,
        then: impl FnMut(T) -> Result<()> + Send,
    ) -> Result<()> {
        let work = |(before, piece): &(u64, Piece)| -> Result<T> {
            let mut result = T::default();
            piece.visit(self.longest, |line, pair| {
                if self.filter.contains(before + line) {
                    each(&mut result, pair);
                }
            })?;
            Ok(result)
        };
        pipeline::of_pieces(&self.pieces, work, then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaling_core::error::At;
    use std::path::Path;

    fn pairs(part: &Part) -> Result<Vec<String>> {
        let mut all = Vec::new();
        part.visit(
            |some: &mut Vec<String>, pair| some.push(pair.tokens.concat()),
            |mut some| {
                all.append(&mut some);
                Ok(())
            },
        )?;
        Ok(all)
    }

    #[test]
    fn held_out_pairs_are_few_disjoint_and_seeded() -> Result<()> {
        let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
        for (name, first) in [("a", 0), ("b", 600)] {
            let lines: Vec<_> = (first..first + 600).map(|i| format!("{i}\n")).collect();
            for ending in ["de", "en"] {
                let file = root.path().join(format!("{name}.{ending}"));
                std::fs::write(&file, lines.concat()).at("write", &file)?;
            }
        }
        let layout = super::super::layout::recognise(root.path())?;
        let split = |seed| -> Result<_> {
            let parts = Parts::of(&layout, seed)?;
            Ok((pairs(&parts.train)?, pairs(&parts.validation)?))
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
