//! The second pass over a part: its tokens as ids, in the two files that [`super::store`] maps.

use super::lines::for_each_token;
use super::part::Part;
use super::{Specials, Unit};
use scaling_core::error::Result;
use scaling_core::text::records::Writer;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The two files of a part: `NAME.ids`, `u16` little endian, all sentences one after the other, and
/// `NAME.offsets`, `u64` little endian, where each sentence begins and, last, where the text ends.
pub(super) fn paths(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
    (directory.join(format!("{name}.ids")), directory.join(format!("{name}.offsets")))
}

/// The ids of tokens.
pub(super) struct Encoder<'a> {
    unit: Unit,
    ids: HashMap<&'a str, u16>,
    unknown: u16,
}

impl<'a> Encoder<'a> {
    /// For a vocabulary in the order of its ids; `symbols` is the id of everything else.
    pub(super) fn new(unit: Unit, vocabulary: &'a [String], symbols: usize) -> Self {
        let ids = vocabulary.iter().map(String::as_str).zip(0..).collect();
        Self { unit, ids, unknown: Specials::after(symbols).unknown }
    }

    /// Writes the files of a part and adds their bytes to `fingerprint`.
    ///
    /// # Errors
    /// Text that cannot be read, or a file that cannot be written.
    pub(super) fn write(
        &self,
        part: &Part,
        directory: &Path,
        name: &str,
        fingerprint: &mut blake3::Hasher,
    ) -> Result<()> {
        let (ids, offsets) = paths(directory, name);
        let mut records = Writer::create(ids, offsets)?;
        part.visit(
            |sentences, _| self.encode(sentences),
            |(bytes, lengths)| records.write(&bytes, &lengths),
        )?;
        fingerprint.update(name.as_bytes());
        records.finish()?.iter().for_each(|hash| _ = fingerprint.update(hash.as_bytes()));
        Ok(())
    }

    /// The ids of sentences as bytes, and the number of tokens of each.
    fn encode(&self, sentences: &[&str]) -> (Vec<u8>, Vec<u32>) {
        let mut bytes = Vec::new();
        let mut lengths = Vec::with_capacity(sentences.len());
        for sentence in sentences {
            let before = bytes.len();
            for_each_token(self.unit, sentence, |token| {
                let id = self.ids.get(token).copied().unwrap_or(self.unknown);
                bytes.extend_from_slice(&id.to_le_bytes());
            });
            lengths.push(((bytes.len() - before) / 2) as u32);
        }
        (bytes, lengths)
    }
}
