//! Prepared utterances, mapped into memory: opening them loads nothing.

use super::frontend::{Heard, SERIES};
use crate::audio::Series;
use crate::utterances::{ALPHABET, Utterances};
use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use memmap2::Mmap;
use scaling_core::data::mapped::{map_readonly, u16s, u64_at};
use scaling_core::error::{Error, Result};
use scaling_core::files::Output;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Numbers of an utterance in the index: how many [`FRAMES`] and how many [`SYMBOLS`] there are up to its
/// end.
const NUMBERS: usize = 2;
const FRAMES: usize = 0;
const SYMBOLS: usize = 1;

/// The files of a part: the features of [`SERIES`] (little-endian half precision, all frames one after the
/// other), the symbols of all transcripts (a byte each), and the index ([`NUMBERS`] little-endian `u64` for
/// each utterance).
fn paths(directory: &Path, name: &str) -> [PathBuf; 4] {
    ["spectrogram", "mel", "transcripts", "index"].map(|kind| directory.join(format!("{name}.{kind}")))
}

/// Writes the files of a part.
pub(super) struct Writer {
    files: [Output; 4],
    frames: u64,
    symbols: u64,
}

impl Writer {
    /// Begins the files of a part.
    ///
    /// # Errors
    /// Files that cannot be created.
    pub(super) fn create(directory: &Path, name: &str) -> Result<Self> {
        let [spectrogram, mel, transcripts, index] = paths(directory, name).map(Output::create);
        Ok(Self { files: [spectrogram?, mel?, transcripts?, index?], frames: 0, symbols: 0 })
    }

    /// Adds an utterance.
    ///
    /// # Errors
    /// A full disk.
    pub(super) fn push(&mut self, heard: &Heard, transcript: &[u8]) -> Result<()> {
        self.frames += heard.frames as u64;
        self.symbols += transcript.len() as u64;
        let index = [self.frames, self.symbols].map(u64::to_le_bytes);
        let [spectrogram, mel] = &heard.features;
        let bytes = [spectrogram, mel, transcript, index.as_flattened()];
        self.files.iter_mut().zip(bytes).try_for_each(|(file, bytes)| file.write(bytes))
    }

    /// Writes what is still in memory and waits for the disk.
    ///
    /// # Errors
    /// A full disk.
    pub(super) fn finish(self) -> Result<()> {
        self.files.into_iter().try_for_each(Output::finish)
    }
}

/// One part of prepared utterances.
pub(super) struct Stored {
    /// Of [`SERIES`].
    features: [Mmap; 2],
    transcripts: Mmap,
    index: Mmap,
}

impl Stored {
    /// Maps part `name` (`train`, `validation` or `test`).
    ///
    /// # Errors
    /// Files that are missing or do not fit each other.
    pub(super) fn open(directory: &Path, name: &str) -> Result<Self> {
        let [spectrogram, mel, transcripts, index] = paths(directory, name);
        let part = Self {
            features: [map_readonly(&spectrogram)?, map_readonly(&mel)?],
            transcripts: map_readonly(&transcripts)?,
            index: map_readonly(&index)?,
        };
        if part.fits() { Ok(part) } else { Err(Error::input(format!("{} is damaged", index.display()))) }
    }

    /// Whether the utterances fill the files, one after the other, and consist of symbols.
    fn fits(&self) -> bool {
        let count = self.count();
        let is_whole = count > 0 && self.index.len() == 8 * NUMBERS * count;
        is_whole
            && (0..count).all(|i| !self.range(i, FRAMES).is_empty() && !self.range(i, SYMBOLS).is_empty())
            && SERIES.iter().zip(&self.features).all(|(series, bytes)| {
                self.end(count - 1, FRAMES).checked_mul(2 * series.bins()) == Some(bytes.len())
            })
            && self.end(count - 1, SYMBOLS) == self.transcripts.len()
            && self.transcripts.iter().all(|symbol| usize::from(*symbol) < ALPHABET.len())
    }

    fn count(&self) -> usize {
        self.index.len() / (8 * NUMBERS)
    }

    /// How many frames or symbols there are up to the end of an utterance.
    fn end(&self, index: usize, of: usize) -> usize {
        u64_at(&self.index, NUMBERS * index + of) as usize
    }

    /// The frames or the symbols of an utterance, by their numbers in the part.
    fn range(&self, index: usize, of: usize) -> Range<usize> {
        let start = if index == 0 { 0 } else { self.end(index - 1, of) };
        start..self.end(index, of)
    }
}

impl Utterances for Stored {
    fn len(&self) -> Option<u64> {
        Some(self.count() as u64)
    }

    fn frames(&self, index: u64) -> usize {
        self.range(index as usize, FRAMES).len()
    }

    fn characters(&self, index: u64) -> usize {
        self.range(index as usize, SYMBOLS).len()
    }

    fn read(&self, index: u64, series: Series, out: &mut Vec<f32>) {
        let [spectrogram, mel] = &self.features;
        let stored = series.of(spectrogram, mel);
        let Range { start, end } = self.range(index as usize, FRAMES);
        let halves = &stored[2 * series.bins() * start..2 * series.bins() * end];
        out.clear();
        out.resize(halves.len() / 2, 0.0);
        // Many at a time, so that processors with instructions for it use them.
        let mut bits = [0; 64];
        for (values, halves) in out.chunks_mut(bits.len()).zip(halves.chunks(2 * bits.len())) {
            let bits = &mut bits[..values.len()];
            bits.iter_mut().zip(u16s(halves)).for_each(|(bits, half)| *bits = half);
            bits.reinterpret_cast::<f16>().convert_to_f32_slice(values);
        }
    }

    fn transcript(&self, index: u64) -> Vec<u8> {
        self.transcripts[self.range(index as usize, SYMBOLS)].to_vec()
    }
}
