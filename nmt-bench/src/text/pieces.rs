//! Two files cut into pieces at the same lines, and their pairs of lines as tokens.

use super::clean::{Fault, fault};
use super::layout::Bitext;
use super::moses::entities::unescape;
use super::moses::{self, Language};
use scaling_core::error::{At, Error, Result};
use scaling_core::text::lines;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::Range;

/// A piece ends with the first pair of lines that takes one of its sides to this many bytes or more.
const PIECE: u64 = 1 << 20;

/// The same whole lines of both files.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    sides: [lines::Piece; 2],
    tokenised: bool,
    /// Which lines of its files, counted from 0.
    pub(super) lines: Range<u64>,
}

/// A pair of lines.
pub(super) struct Pair<'a> {
    /// Tokens without escapes, with a space between two of them.
    pub(super) tokens: [&'a str; 2],
    /// The target as its file has it.
    target: &'a str,
    tokenised: bool,
    /// Why it must be left out.
    pub(super) fault: Option<Fault>,
}

/// Cuts two files at the same lines into pieces of about 1 MB a side (a longer line stays whole).
///
/// # Errors
/// A file that cannot be read or is empty; numbers of lines that differ.
pub(super) fn cut(bitext: &Bitext) -> Result<Vec<Piece>> {
    cut_at(bitext, PIECE)
}

fn cut_at(bitext: &Bitext, length: u64) -> Result<Vec<Piece>> {
    let open = |side: usize| {
        let path = &bitext.files[side];
        Ok((path, BufReader::with_capacity(1 << 16, File::open(path).at("read", path)?)))
    };
    let mut readers = [open(0)?, open(1)?];
    let mut skip = |side: usize| -> Result<u64> {
        let (path, reader) = &mut readers[side];
        Ok(reader.skip_until(b'\n').at("read", path)? as u64)
    };
    let (mut starts, mut ends, mut lines) = ([0; 2], [0; 2], 0..0);
    let mut pieces = Vec::new();
    let mut finish = |starts: [u64; 2], ends: [u64; 2], lines: Range<u64>| {
        let side = |side: usize| lines::Piece::new(&bitext.files[side], starts[side], ends[side]);
        pieces.push(Piece { sides: [side(0), side(1)], tokenised: bitext.tokenised, lines });
    };
    loop {
        let read = [skip(0)?, skip(1)?];
        if read.contains(&0) {
            if let Some(longer) = read.iter().position(|bytes| *bytes > 0) {
                let mut counts = [lines.end; 2];
                counts[longer] += 1;
                while skip(longer)? > 0 {
                    counts[longer] += 1;
                }
                return Err(uneven(bitext, counts));
            }
            break;
        }
        lines.end += 1;
        for side in 0..2 {
            ends[side] += read[side];
        }
        if (0..2).any(|side| ends[side] - starts[side] >= length) {
            finish(starts, ends, lines.clone());
            starts = ends;
            lines.start = lines.end;
        }
    }
    if !lines.is_empty() {
        finish(starts, ends, lines.clone());
    }
    if lines.end == 0 {
        return Err(Error::input(format!("{} is empty", bitext.files[0].display())));
    }
    Ok(pieces)
}

fn uneven(bitext: &Bitext, counts: [u64; 2]) -> Error {
    if let Some(empty) = counts.iter().position(|count| *count == 0) {
        return Error::input(format!("{} is empty", bitext.files[empty].display()));
    }
    Error::input(format!(
        "{} has {} lines and {} has {}; line i of one must translate line i of the other",
        bitext.files[0].display(),
        counts[0],
        bitext.files[1].display(),
        counts[1]
    ))
}

impl Piece {
    /// Calls `take` with every pair of lines, in order, and its number among the lines of the files. A side
    /// of more than `longest` tokens is at fault.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is not UTF-8.
    pub(super) fn visit(&self, longest: usize, mut take: impl FnMut(u64, &Pair)) -> Result<()> {
        let [german, english] = [self.sides[0].read()?, self.sides[1].read()?];
        let (mut source, mut target) = (String::new(), String::new());
        let (mut german, mut english) = (german.lines(), english.lines());
        for line in self.lines.clone() {
            // A line with nothing but a byte order mark counts in `cut` but yields nothing here.
            let (left, right) = (german.next().unwrap_or_default(), english.next().unwrap_or_default());
            self.tokenise(Language::German, left, &mut source);
            self.tokenise(Language::English, right, &mut target);
            let tokens = [source.as_str(), target.as_str()];
            let fault = fault(tokens, longest);
            take(line, &Pair { tokens, target: right, tokenised: self.tokenised, fault });
        }
        Ok(())
    }

    fn tokenise(&self, language: Language, line: &str, out: &mut String) {
        if !self.tokenised {
            moses::tokenize(language, line, out);
            return;
        }
        out.clear();
        for token in line.split_whitespace() {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(&unescape(token));
        }
    }
}

impl Pair<'_> {
    /// The target as people write it.
    pub(super) fn reference(&self) -> String {
        if self.tokenised {
            moses::detokenize(self.tokens[1].split(' '))
        } else {
            self.target.trim().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn bitext(texts: [&[u8]; 2], tokenised: bool) -> Result<(tempfile::TempDir, Bitext)> {
        let root = tempfile::tempdir().at("write", Path::new("a temporary directory"))?;
        let files = Language::BOTH.map(|language| root.path().join(format!("a.{}", language.code())));
        for (file, text) in files.iter().zip(texts) {
            std::fs::write(file, text).at("write", file)?;
        }
        Ok((root, Bitext { files, tokenised }))
    }

    fn pairs(bitext: &Bitext, length: u64) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for piece in cut_at(bitext, length)? {
            piece.visit(80, |line, pair| {
                assert_eq!(line, all.len() as u64);
                all.push(format!("{} | {} | {}", pair.tokens[0], pair.tokens[1], pair.reference()));
            })?;
        }
        Ok(all)
    }

    #[test]
    fn pieces_hold_the_same_lines_of_both_files() -> Result<()> {
        let german: Vec<String> = (0..300).map(|i| format!("{i} {}\n", "ü".repeat(i % 17))).collect();
        let english: Vec<String> = (0..300).map(|i| format!("{i}\n")).collect();
        let (german, english) = (german.concat(), english.concat());
        let (_root, bitext) = bitext([german.as_bytes(), english.trim_end().as_bytes()], false)?;
        let whole = pairs(&bitext, 1 << 20)?;
        assert_eq!(whole[2], "2 üü | 2 | 2");
        for length in [1, 50, 1_000] {
            assert_eq!(pairs(&bitext, length)?, whole, "{length}");
        }
        assert!(cut_at(&bitext, 50)?.len() > 50);
        Ok(())
    }

    #[test]
    fn raw_text_is_tokenised_and_tokens_are_taken_as_they_are() -> Result<()> {
        let texts: [&[u8]; 2] = ["\u{feff}Ja, gut.\r\n".as_bytes(), b" He said \"no\". \r\n"];
        let (_root, raw) = bitext(texts, false)?;
        assert_eq!(pairs(&raw, 9)?, ["Ja , gut . | He said \" no \" . | He said \"no\"."]);
        let texts: [&[u8]; 2] = [b"a.b &amp; &apos; c\n", b"it &apos;s so .\n"];
        let (_root, tokens) = bitext(texts, true)?;
        assert_eq!(pairs(&tokens, 9)?, ["a.b & ' c | it 's so . | it's so."]);
        Ok(())
    }

    #[test]
    fn bad_files_are_named() -> Result<()> {
        let message = |texts: [&[u8]; 2]| -> Result<String> {
            let (_root, bitext) = bitext(texts, false)?;
            let error = pairs(&bitext, 1 << 20).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            Ok(error.to_string())
        };
        let uneven = message([b"a\nb\nc\n", b"a\n"])?;
        assert!(uneven.contains("a.de has 3 lines and ") && uneven.contains("a.en has 1;"), "{uneven}");
        assert!(message([b"", b""])?.ends_with("a.de is empty"));
        assert!(message([b"a\n", b""])?.ends_with("a.en is empty"));
        assert!(message([b"a\nb\n", b"a\n\xff\n"])?.contains("a.en line 2: not valid UTF-8"));
        Ok(())
    }
}
