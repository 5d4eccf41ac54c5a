//! Records of different lengths, such as sentences of ids, in two files of the cache: the records one after
//! the other, and `u64` little endian where each begins and, last, where they end, counted in elements.

use crate::data::mapped::{map_readonly, u64_at};
use crate::error::{Error, Result};
use crate::files::Output;
use memmap2::Mmap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The two files while they are written.
pub struct Writer {
    data: Hashed,
    offsets: Hashed,
    position: u64,
}

impl Writer {
    /// Begins both files.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn create(data: PathBuf, offsets: PathBuf) -> Result<Self> {
        let mut offsets = Hashed::create(offsets)?;
        offsets.write(&u64::to_le_bytes(0))?;
        Ok(Self { data: Hashed::create(data)?, offsets, position: 0 })
    }

    /// Adds records: their bytes, and of each the number of elements.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&mut self, bytes: &[u8], lengths: &[u32]) -> Result<()> {
        self.data.write(bytes)?;
        lengths.iter().try_for_each(|length| {
            self.position += u64::from(*length);
            self.offsets.write(&self.position.to_le_bytes())
        })
    }

    /// Flushes to the disk; the hashes of the records and of where they begin.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn finish(self) -> Result<[blake3::Hash; 2]> {
        Ok([self.data.finish()?, self.offsets.finish()?])
    }
}

/// The two files mapped into memory.
pub struct Records {
    data: Mmap,
    offsets: Mmap,
    width: usize,
}

impl Records {
    /// Maps records whose elements have `width` bytes.
    ///
    /// # Errors
    /// Files that are missing or do not fit each other.
    pub fn open(data: &Path, offsets: &Path, width: usize) -> Result<Self> {
        let records = Self { data: map_readonly(data)?, offsets: map_readonly(offsets)?, width };
        if !records.fit() {
            return Err(Error::input(format!("{} is damaged", data.display())));
        }
        Ok(records)
    }

    /// Whether the records follow each other to the end of the data. All offsets are read once: a damaged one
    /// would else be found in the middle of a training.
    fn fit(&self) -> bool {
        let (offsets, rest) = self.offsets.as_chunks::<8>();
        let end = offsets.last().and_then(|end| u64::from_le_bytes(*end).checked_mul(self.width as u64));
        rest.is_empty()
            && end == Some(self.data.len() as u64)
            && offsets.is_sorted_by_key(|offset| u64::from_le_bytes(*offset))
    }

    /// The number of records.
    pub fn count(&self) -> u64 {
        (self.offsets.len() / 8 - 1) as u64
    }

    /// Where record `index` lies, in elements.
    fn range(&self, index: u64) -> Range<usize> {
        let offset = |index: u64| u64_at(&self.offsets, index as usize) as usize;
        offset(index)..offset(index + 1)
    }

    /// The bytes of record `index`.
    pub fn bytes(&self, index: u64) -> &[u8] {
        let Range { start, end } = self.range(index);
        &self.data[start * self.width..end * self.width]
    }

    /// The number of elements of record `index`.
    pub fn length(&self, index: u64) -> u32 {
        self.range(index).len() as u32
    }
}

/// A file that is being written, and the hash of what it holds.
struct Hashed {
    file: Output,
    hasher: blake3::Hasher,
}

impl Hashed {
    fn create(path: PathBuf) -> Result<Self> {
        Ok(Self { file: Output::create(path)?, hasher: blake3::Hasher::new() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.file.write(bytes)
    }

    /// Flushes to the disk; the hash of the whole file.
    fn finish(self) -> Result<blake3::Hash> {
        self.file.finish()?;
        Ok(self.hasher.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::At;

    #[test]
    fn records_come_back_as_written() -> Result<()> {
        let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
        let (data, offsets) = (root.path().join("a.ids"), root.path().join("a.offsets"));
        let mut writer = Writer::create(data.clone(), offsets.clone())?;
        writer.write(&[1, 0, 2, 0, 3, 0], &[2, 0, 1])?;
        writer.write(&[4, 0], &[1])?;
        let hashes = writer.finish()?;
        assert_eq!(hashes[0], blake3::hash(&[1, 0, 2, 0, 3, 0, 4, 0]));
        let records = Records::open(&data, &offsets, 2)?;
        assert_eq!(records.count(), 4);
        assert_eq!((0..4).map(|i| records.length(i)).collect::<Vec<_>>(), [2, 0, 1, 1]);
        assert_eq!(records.bytes(2), [3, 0]);
        let damaged = Records::open(&data, &offsets, 1).err().map(|error| error.to_string());
        assert!(damaged.unwrap_or_default().ends_with("a.ids is damaged"));
        Ok(())
    }

    #[test]
    fn offsets_that_do_not_fit_are_damage() -> Result<()> {
        let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
        let (data, offsets) = (root.path().join("a.ids"), root.path().join("a.offsets"));
        std::fs::write(&data, [0; 8]).at("write", &data)?;
        let opens = |numbers: &[u64]| -> Result<bool> {
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            std::fs::write(&offsets, bytes).at("write", &offsets)?;
            Ok(Records::open(&data, &offsets, 2).is_ok())
        };
        assert!(opens(&[0, 2, 2, 4])?);
        let damaged: [&[u64]; 4] = [&[], &[0, 3], &[0, 3, 2, 4], &[0, 4 + (1 << 63)]];
        for numbers in damaged {
            assert!(!opens(numbers)?, "{numbers:?}");
        }
        Ok(())
    }
}
