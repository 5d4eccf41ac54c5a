//! Files of the cache mapped into memory, and the numbers in them.
//!
//! A mapped corpus costs no memory of its own: the operating system loads the pages that are read
//! and drops them when memory is short, so a corpus may be much larger than the machine's memory.

use crate::error::{At, Result};
use memmap2::Mmap;
use std::fs::File;
use std::path::Path;

/// Maps a file that was written once and renamed into place, such as a prepared corpus.
///
/// # Errors
/// Names `path` if it cannot be opened or mapped.
pub fn map_readonly(path: &Path) -> Result<Mmap> {
    let file = File::open(path).at("open", path)?;
    // SAFETY: the files of the cache are complete before they get their name and are never modified
    // afterwards; replacing one gives the name to a new file and leaves the mapped one as it is.
    #[allow(unsafe_code)]
    let map = unsafe { Mmap::map(&file) };
    map.at("map", path)
}

/// Number `index` of an array of little-endian `u64`.
///
/// # Panics
/// If `bytes` is shorter than `8 * index + 8`.
pub fn u64_at(bytes: &[u8], index: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[index * 8..index * 8 + 8]);
    u64::from_le_bytes(number)
}

/// All numbers of an array of little-endian `u16`, in order.
pub fn u16s(bytes: &[u8]) -> impl ExactSizeIterator<Item = u16> {
    bytes.as_chunks().0.iter().map(|pair| u16::from_le_bytes(*pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_written() -> Result<()> {
        let file = tempfile::NamedTempFile::new().at("write", Path::new("a temporary file"))?;
        let wide = [1_u64, u64::MAX, 1 << 40].map(u64::to_le_bytes).concat();
        std::fs::write(file.path(), &wide).at("write", file.path())?;
        let map = map_readonly(file.path())?;
        assert_eq!(u64_at(&map, 2), 1 << 40);
        assert_eq!(u64_at(&map, 1), u64::MAX);
        assert_eq!(u16s(&map[..4]).collect::<Vec<_>>(), [1, 0]);
        let missing = map_readonly(Path::new("/no/such/file")).unwrap_err().to_string();
        assert!(missing.contains("/no/such/file"), "{missing}");
        Ok(())
    }
}
