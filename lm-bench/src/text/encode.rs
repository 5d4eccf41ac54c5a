//! The second pass over a part: its tokens as ids, in the two files that [`super::mapped::Mapped`] maps.

use super::lines::for_each_token;
use super::part::Part;
use super::{Specials, Unit};
use scaling_core::error::{At, Result};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
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
        let mut ids = Output::create(ids)?;
        let mut offsets = Output::create(offsets)?;
        let mut position = 0;
        offsets.write(&u64::to_le_bytes(0))?;
        part.visit(
            |sentences, _| self.encode(sentences),
            |(bytes, lengths)| {
                ids.write(&bytes)?;
                lengths.into_iter().try_for_each(|length| {
                    position += u64::from(length);
                    offsets.write(&position.to_le_bytes())
                })
            },
        )?;
        fingerprint.update(name.as_bytes());
        fingerprint.update(ids.finish()?.as_bytes());
        fingerprint.update(offsets.finish()?.as_bytes());
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

/// A file that is being written, and the hash of what it holds.
struct Output {
    path: PathBuf,
    file: BufWriter<File>,
    hasher: blake3::Hasher,
}

impl Output {
    fn create(path: PathBuf) -> Result<Self> {
        let file = BufWriter::with_capacity(1 << 20, File::create(&path).at("write", &path)?);
        Ok(Self { path, file, hasher: blake3::Hasher::new() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.file.write_all(bytes).at("write", &self.path)
    }

    /// Flushes to the disk; the hash of the whole file.
    fn finish(self) -> Result<blake3::Hash> {
        let file = self.file.into_inner().map_err(std::io::IntoInnerError::into_error);
        file.and_then(|file| file.sync_all()).at("write", &self.path)?;
        Ok(self.hasher.finalize())
    }
}
