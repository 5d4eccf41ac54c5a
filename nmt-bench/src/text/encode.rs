//! The second pass over a part: its pairs as ids, and the targets of those that are translated as people
//! write them, in the files that [`super::store`] maps.

use super::clean::Dropped;
use super::moses::Language;
use super::part::Part;
use super::summary::PartSummary;
use super::survey::Survey;
use super::tokenizer::Tokenizer;
use crate::pairs::Specials;
use rayon::prelude::*;
use scaling_core::error::Result;
use scaling_core::text::records::Writer;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The files of one side of a part: `PART.LANGUAGE.ids`, `u16` little endian, and where each sentence begins.
pub(super) fn side_paths(directory: &Path, part: &str, language: Language) -> (PathBuf, PathBuf) {
    let file = |kind| directory.join(format!("{part}.{}.{kind}", language.code()));
    (file("ids"), file("offsets"))
}

/// The files of the references of a part: UTF-8 without line ends, and where each begins.
pub(super) fn reference_paths(directory: &Path, part: &str) -> (PathBuf, PathBuf) {
    let file = |kind| directory.join(format!("{part}.{kind}"));
    (file("references"), file("references.offsets"))
}

/// The ids of words.
pub(super) struct Encoder<'a> {
    tokenizer: &'a Tokenizer,
    /// Of the training words, so that none is cut into sub-words twice.
    known: HashMap<&'a str, Vec<u16>>,
    unknown: u16,
}

/// A part as ids.
pub(super) struct Encoded {
    pub(super) summary: PartSummary,
    /// How often each id occurs among the target tokens, ends excluded.
    pub(super) target_counts: Vec<u64>,
}

/// Pairs of a piece.
#[derive(Default)]
struct Block {
    ids: [Vec<u8>; 2],
    lengths: [Vec<u32>; 2],
    references: Vec<u8>,
    reference_lengths: Vec<u32>,
    target_counts: Vec<u64>,
    dropped: Dropped,
    unknown: [u64; 2],
}

/// The files of a part while they are written.
struct Files {
    sides: [Writer; 2],
    references: Option<Writer>,
}

impl<'a> Encoder<'a> {
    /// Cuts all training words into sub-words.
    pub(super) fn new(survey: &'a Survey) -> Self {
        let tokenizer = &survey.tokenizer;
        let ids = |word: &'a String| {
            let mut ids = Vec::new();
            tokenizer.encode_token(word, &mut ids);
            (word.as_str(), ids)
        };
        let known = survey.words.par_iter().map(ids).collect();
        Self { tokenizer, known, unknown: Specials::after(tokenizer.symbols()).unknown }
    }

    /// Counts the tokens of a part and writes nothing.
    ///
    /// # Errors
    /// Text that cannot be read.
    pub(super) fn count(&self, part: &Part) -> Result<Encoded> {
        self.encode(part, false, |_| Ok(()))
    }

    /// Writes the files of a part, of a pool without references, and adds their bytes to `fingerprint`.
    ///
    /// # Errors
    /// Text that cannot be read, or a file that cannot be written.
    pub(super) fn write(
        &self,
        part: &Part,
        directory: &Path,
        name: &str,
        fingerprint: &mut blake3::Hasher,
    ) -> Result<Encoded> {
        let has_references = name != "train";
        let mut files = Files::create(directory, name, has_references)?;
        let encoded = self.encode(part, has_references, |block| files.write(block))?;
        fingerprint.update(name.as_bytes());
        files.finish(fingerprint)?;
        Ok(encoded)
    }

    fn encode(
        &self,
        part: &Part,
        has_references: bool,
        mut then: impl FnMut(&Block) -> Result<()> + Send,
    ) -> Result<Encoded> {
        let mut summary =
            PartSummary { pairs: 0, tokens: [0; 2], unknown: [0; 2], dropped: Dropped::default() };
        let mut target_counts = vec![0; usize::from(self.unknown) + 1];
        part.visit(
            |block: &mut Block, pair| {
                if let Some(fault) = pair.fault {
                    return block.dropped.add(fault);
                }
                for side in 0..2 {
                    self.add(block, side, pair.tokens[side]);
                }
                if has_references {
                    let reference = pair.reference();
                    block.references.extend_from_slice(reference.as_bytes());
                    block.reference_lengths.push(reference.len() as u32);
                }
            },
            |block| {
                summary.pairs += block.lengths[0].len() as u64;
                summary.dropped += block.dropped;
                for side in 0..2 {
                    summary.tokens[side] += block.ids[side].len() as u64 / 2;
                    summary.unknown[side] += block.unknown[side];
                }
                target_counts.iter_mut().zip(&block.target_counts).for_each(|(sum, count)| *sum += count);
                then(&block)
            },
        )?;
        Ok(Encoded { summary, target_counts })
    }

    /// Adds a sentence to one side of a block.
    fn add(&self, block: &mut Block, side: usize, tokens: &str) {
        block.target_counts.resize(usize::from(self.unknown) + 1, 0);
        let mut length = 0;
        let mut cut = Vec::new();
        for word in tokens.split(' ') {
            cut.clear();
            let ids = self.known.get(word).unwrap_or_else(|| {
                self.tokenizer.encode_token(word, &mut cut);
                &cut
            });
            length += ids.len() as u32;
            for id in ids {
                block.ids[side].extend_from_slice(&id.to_le_bytes());
                block.unknown[side] += u64::from(*id == self.unknown);
                if side == 1 {
                    block.target_counts[usize::from(*id)] += 1;
                }
            }
        }
        block.lengths[side].push(length);
    }
}

impl Files {
    fn create(directory: &Path, part: &str, has_references: bool) -> Result<Self> {
        let create = |(data, offsets)| Writer::create(data, offsets);
        let [source, target] = Language::BOTH.map(|language| create(side_paths(directory, part, language)));
        let references = has_references.then(|| create(reference_paths(directory, part)));
        Ok(Self { sides: [source?, target?], references: references.transpose()? })
    }

    fn write(&mut self, block: &Block) -> Result<()> {
        for side in 0..2 {
            self.sides[side].write(&block.ids[side], &block.lengths[side])?;
        }
        let references = self.references.as_mut();
        references.map_or(Ok(()), |file| file.write(&block.references, &block.reference_lengths))
    }

    fn finish(self, fingerprint: &mut blake3::Hasher) -> Result<()> {
        for writer in self.sides.into_iter().chain(self.references) {
            for hash in writer.finish()? {
                fingerprint.update(hash.as_bytes());
            }
        }
        Ok(())
    }
}
