//! What was done to a text before, where its first lines show it and its name may not.

use scaling_core::error::{At, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// As people write, or as a tokeniser leaves text that it need not mark.
    Plain,
    /// Tokens between spaces with the escapes of Moses.
    Tokenised,
    /// Lines about talks among the sentences, as IWSLT's `train.tags.de-en.de` has them.
    Tagged,
    /// Sub-words with the marks of subword-nmt (`@@`) or of SentencePiece (`▁`).
    Pieces,
}

/// The lines that are looked at, and the most bytes of them.
const LINES: usize = 1_000;
const BYTES: u64 = 4 << 20;
/// The share of lines with marks that a text has which was not written by hand.
const MARKED: f64 = 0.02;

impl Format {
    /// The format of a file.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let (mut lines, mut tokenised, mut pieces, mut tagged) = (0_usize, 0, 0, false);
        let file = BufReader::new(File::open(path).at("read", path)?.take(BYTES));
        for line in file.split(b'\n').take(LINES) {
            let line = line.at("read", path)?;
            let line = String::from_utf8_lossy(&line);
            let any = |is: fn(&str) -> bool| usize::from(line.split_ascii_whitespace().any(is));
            lines += 1;
            tagged |= ["<url>", "<talkid>"].iter().any(|tag| line.starts_with(tag));
            tokenised += any(|token| token.starts_with("&apos;") || ["&quot;", "@-@"].contains(&token));
            pieces += any(|token| token.ends_with("@@") || token.starts_with('▁'));
        }
        let is_marked = |marked: usize| marked > 0 && marked as f64 >= MARKED * lines as f64;
        Ok(if tagged {
            Self::Tagged
        } else if is_marked(pieces) {
            Self::Pieces
        } else if is_marked(tokenised) {
            Self::Tokenised
        } else {
            Self::Plain
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_marks() -> Result<()> {
        let of = |text: &str| -> Result<Format> {
            let file = tempfile::NamedTempFile::new().at("write", Path::new("a temporary file"))?;
            std::fs::write(file.path(), text).at("write", file.path())?;
            Format::of(file.path())
        };
        assert_eq!(of("it &apos;s fine .\nyes .\n")?, Format::Tokenised);
        assert_eq!(of("a well @-@ known one\n")?, Format::Tokenised);
        assert_eq!(of("Ich gehe ein@@ mal\n")?, Format::Pieces);
        assert_eq!(of("▁Ich ▁geh e\n")?, Format::Pieces);
        assert_eq!(of(&format!("it &apos;s\n{}", "it's fine.\n".repeat(99)))?, Format::Plain);
        assert_eq!(of("it&apos;s &quot;fine&quot;.\n")?, Format::Plain);
        assert_eq!(of("")?, Format::Plain);
        assert_eq!(of("<url>http://www.ted.com</url>\n<title>A</title>\nYes.\n")?, Format::Tagged);
        assert_eq!(of("<3 you\n")?, Format::Plain);
        Ok(())
    }
}
