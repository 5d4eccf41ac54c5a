//! The sentences of one part of a corpus, visited piece by piece.

use super::layout::Layout;
use super::lines;
use scaling_core::data::held_out::{Filter, hold_out_share};
use scaling_core::data::pipeline;
use scaling_core::error::{Error, Result};
use scaling_core::text::lines::{Piece, cut};
use std::path::PathBuf;

/// The largest validation part that is made where a corpus has none, in sentences.
const MOST_HELD_OUT: u64 = 20_000;

/// Some of the sentences of some files.
pub(super) struct Part {
    /// With the number of sentences before each one, where some are held out.
    pieces: Vec<(u64, Piece)>,
    filter: Filter,
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
        let files = &layout.files;
        let mut train = Part::all(&files.train)?;
        let test = if files.test.is_empty() { None } else { Some(Part::all(&files.test)?) };
        let validation = if files.validation.is_empty() {
            let total = train.number()?;
            if total == 0 {
                let root = layout.root.display();
                return Err(Error::input(format!("{root} has no sentence: every line is blank")));
            }
            let [trains, validates] = hold_out_share(
                &layout.root,
                "line of text (`fold -s -w 150` breaks long ones)",
                total,
                MOST_HELD_OUT,
                seed,
            )?;
            train.filter = trains;
            Part { pieces: train.pieces.clone(), filter: validates }
        } else {
            Part::all(&files.validation)?
        };
        Ok(Self { train, validation, test })
    }
}

impl Part {
    /// Every sentence of the files.
    fn all(files: &[PathBuf]) -> Result<Self> {
        let pieces: Result<Vec<_>> = files.iter().map(|file| cut(file)).collect();
        let pieces = pieces?.concat().into_iter().map(|piece| (0, piece)).collect();
        Ok(Self { pieces, filter: Filter::All })
    }

    /// Notes how many sentences there are before every piece, and returns how many there are.
    fn number(&mut self) -> Result<u64> {
        let mut counts = Vec::with_capacity(self.pieces.len());
        self.visit(
            |sentences, _| sentences.len() as u64,
            |count| {
                counts.push(count);
                Ok(())
            },
        )?;
        let mut total = 0;
        for ((before, _), count) in self.pieces.iter_mut().zip(counts) {
            *before = total;
            total += count;
        }
        Ok(total)
    }

    /// Calls `work` with the sentences of every piece and its number of blank lines, in parallel,
    /// and `then` with what it returns, in the order of the text.
    ///
    /// # Errors
    /// The first, in the order of the text, of what cannot be read and of what `then` returns.
    pub(super) fn visit<T: Send>(
        &self,
        work: impl Fn(&[&str], u64) -> T + Sync,
        then: impl FnMut(T) -> Result<()> + Send,
    ) -> Result<()> {
        let visit = |(before, piece): &(u64, Piece)| -> Result<T> {
            let text = piece.read()?;
            let (mut sentences, blank) = lines::sentences(&text);
            let mut index = *before..;
            sentences.retain(|_| index.next().is_some_and(|index| self.filter.contains(index)));
            Ok(work(&sentences, blank))
        };
        pipeline::of_pieces(&self.pieces, visit, then)
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
