//! Text files cut into pieces at line ends.
//!
//! Pieces bound the memory, and let one large file be read by several threads; where they are cut
//! does not depend on the number of threads.

use crate::error::{At, Error, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A piece ends with the first line that ends this many bytes or more after its start.
const PIECE: u64 = 2 << 20;

/// Whole lines of a file: its bytes `start..end`.
#[derive(Debug, Clone)]
pub struct Piece {
    path: PathBuf,
    start: u64,
    end: u64,
}

/// Cuts a file into pieces of about 2 MB (a longer line stays whole).
///
/// # Errors
/// Names the file if it cannot be read.
pub fn cut(path: &Path) -> Result<Vec<Piece>> {
    cut_at(path, PIECE)
}

fn cut_at(path: &Path, length: u64) -> Result<Vec<Piece>> {
    let mut file = BufReader::new(File::open(path).at("read", path)?);
    let size = file.get_ref().metadata().at("read", path)?.len();
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < size {
        let mut end = start + length;
        if end < size {
            file.seek(SeekFrom::Start(end)).at("read", path)?;
            end += file.skip_until(b'\n').at("read", path)? as u64;
        }
        end = end.min(size);
        pieces.push(Piece::new(path, start, end));
        start = end;
    }
    Ok(pieces)
}

impl Piece {
    /// The bytes `start..end` of a file, which must be whole lines.
    pub fn new(path: &Path, start: u64, end: u64) -> Self {
        Self { path: path.to_owned(), start, end }
    }

    /// The text of the piece, without a byte order mark.
    ///
    /// # Errors
    /// Names the file, and the line that is not UTF-8.
    pub fn read(&self) -> Result<String> {
        let mut file = File::open(&self.path).at("read", &self.path)?;
        file.seek(SeekFrom::Start(self.start)).at("read", &self.path)?;
        let mut bytes = Vec::with_capacity((self.end - self.start) as usize);
        file.take(self.end - self.start).read_to_end(&mut bytes).at("read", &self.path)?;
        let mut text = String::from_utf8(bytes).or_else(|error| {
            if error.as_bytes().contains(&0) {
                let remedy = "move it away, or convert it to UTF-8 if it is text in UTF-16";
                return Err(Error::input(format!("{} is not text; {remedy}", self.path.display())));
            }
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = self.lines_before()? + before.split(|byte| *byte == b'\n').count();
            Err(Error::input(format!(
                "{} line {line}: not valid UTF-8; convert the file to UTF-8",
                self.path.display()
            )))
        })?;
        if self.start == 0 && text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Ok(text)
    }

    /// The lines of the file before the piece.
    fn lines_before(&self) -> Result<usize> {
        let mut file = BufReader::new(File::open(&self.path).at("read", &self.path)?);
        let (mut position, mut lines) = (0, 0);
        while position < self.start {
            position += file.skip_until(b'\n').at("read", &self.path)? as u64;
            lines += 1;
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> Result<tempfile::NamedTempFile> {
        let file = tempfile::NamedTempFile::new().at("write", Path::new("a temporary file"))?;
        std::fs::write(file.path(), bytes).at("write", file.path())?;
        Ok(file)
    }

    #[test]
    fn a_byte_order_mark_is_no_text() -> Result<()> {
        let file = file("\u{feff}a b\r\n\u{feff}".as_bytes())?;
        assert_eq!(cut(file.path())?[0].read()?, "a b\r\n\u{feff}");
        Ok(())
    }

    #[test]
    fn pieces_hold_every_line_once() -> Result<()> {
        let text = (0..1_000).map(|i| format!("line {i} é\n")).collect::<Vec<_>>().concat();
        let file = file(text.as_bytes())?;
        for length in [1, 7, 100, 5_000, 1 << 20] {
            let pieces = cut_at(file.path(), length)?;
            let joined = pieces.iter().map(Piece::read).collect::<Result<String>>()?;
            assert_eq!(joined, text, "{length}");
        }
        assert!(cut_at(file.path(), 100)?.len() > 50);
        Ok(())
    }

    #[test]
    fn invalid_text_is_named_with_its_line() -> Result<()> {
        let mut bytes = b"good\n".repeat(300);
        bytes.extend_from_slice(b"b\xffd\n");
        let file = file(&bytes)?;
        for length in [64, 1 << 20] {
            let errors = cut_at(file.path(), length)?.iter().find_map(|piece| piece.read().err());
            let message = errors.map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains(" line 301: not valid UTF-8"), "{message}");
        }
        Ok(())
    }
}
