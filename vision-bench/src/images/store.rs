//! Prepared pictures, mapped into memory: opening them loads nothing.

use super::{Picture, Pictures};
use memmap2::Mmap;
use scaling_core::data::mapped::{map_readonly, u64_at};
use scaling_core::error::{Error, Result};
use scaling_core::files::Output;
use std::path::{Path, PathBuf};

/// Numbers of a picture in the index: the offset of its pixels, width and height (the upper half),
/// class.
const NUMBERS: usize = 3;

/// The two files of a part: `NAME.pixels`, RGB, all pictures one after the other, and `NAME.index`,
/// [`NUMBERS`] `u64` little endian for each picture.
fn paths(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
    (directory.join(format!("{name}.pixels")), directory.join(format!("{name}.index")))
}

/// Writes the files of a part.
pub(super) struct Writer {
    pixels: Output,
    index: Output,
    offset: u64,
}

impl Writer {
    /// Begins the files of a part.
    ///
    /// # Errors
    /// Files that cannot be created.
    pub(super) fn create(directory: &Path, name: &str) -> Result<Self> {
        let (pixels, index) = paths(directory, name);
        Ok(Self { pixels: Output::create(pixels)?, index: Output::create(index)?, offset: 0 })
    }

    /// Adds a picture.
    ///
    /// # Errors
    /// A full disk.
    pub(super) fn push(&mut self, picture: &Picture, label: u32) -> Result<()> {
        let Picture { width, height, pixels } = picture;
        let numbers = [self.offset, *width as u64 | (*height as u64) << 32, u64::from(label)];
        self.index.write(numbers.map(u64::to_le_bytes).as_flattened())?;
        self.pixels.write(pixels)?;
        self.offset += pixels.len() as u64;
        Ok(())
    }

    /// Writes what is still in memory and waits for the disk.
    ///
    /// # Errors
    /// A full disk.
    pub(super) fn finish(self) -> Result<()> {
        self.pixels.finish()?;
        self.index.finish()
    }
}

/// One part of prepared pictures.
pub(super) struct Stored {
    pixels: Mmap,
    index: Mmap,
}

impl Stored {
    /// Maps part `name` (`train`, `validation` or `test`), whose classes are `0..classes`.
    ///
    /// # Errors
    /// Files that are missing or do not fit each other.
    pub(super) fn open(directory: &Path, name: &str, classes: usize) -> Result<Self> {
        let (pixels, index) = paths(directory, name);
        let part = Self { pixels: map_readonly(&pixels)?, index: map_readonly(&index)? };
        if !part.fits(classes) {
            return Err(Error::input(format!("{} is damaged", pixels.display())));
        }
        Ok(part)
    }

    /// Whether every picture lies in the file of the pixels, one after the other.
    fn fits(&self, classes: usize) -> bool {
        let mut end = 0_u64;
        let whole = self.index.len().is_multiple_of(8 * NUMBERS);
        let each = (0..self.count()).all(|i| {
            let (offset, width, height) = self.place(i);
            let is_next = offset as u64 == end;
            let size = (width as u64).checked_mul(height as u64).and_then(|pixels| pixels.checked_mul(3));
            end = size.and_then(|size| end.checked_add(size)).unwrap_or(u64::MAX);
            is_next && (self.label(i as u64) as usize) < classes
        });
        whole && each && end == self.pixels.len() as u64
    }

    fn count(&self) -> usize {
        self.index.len() / (8 * NUMBERS)
    }

    /// Offset, width and height of a picture.
    fn place(&self, index: usize) -> (usize, usize, usize) {
        let offset = u64_at(&self.index, index * NUMBERS);
        let size = u64_at(&self.index, index * NUMBERS + 1);
        (offset as usize, (size & u64::from(u32::MAX)) as usize, (size >> 32) as usize)
    }
}

impl Pictures for Stored {
    fn len(&self) -> Option<u64> {
        Some(self.count() as u64)
    }

    fn read(&self, index: u64, out: &mut Picture) {
        let (offset, width, height) = self.place(index as usize);
        (out.width, out.height) = (width, height);
        out.pixels.clear();
        out.pixels.extend_from_slice(&self.pixels[offset..offset + 3 * width * height]);
    }

    fn label(&self, index: u64) -> u32 {
        u64_at(&self.index, index as usize * NUMBERS + 2) as u32
    }
}
