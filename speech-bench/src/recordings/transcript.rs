//! Transcripts as people write them, turned into the symbols that models predict.

use crate::utterances::{ALPHABET, SPACE};

/// Punctuation that is not spoken: each mark is read as a space.
const MARKS: &str = ".,?!;:\"()-‐‑‒–—―−“”„‟‚«»‹›…";

/// Apostrophes other than the one of the alphabet.
const APOSTROPHES: &str = "’‘ʼ";

/// A transcript in symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Transcript {
    /// Ids of [`ALPHABET`], at least one.
    pub(super) symbols: Vec<u8>,
    /// Whether punctuation was left out.
    pub(super) had_marks: bool,
}

impl Transcript {
    /// Lower-cases A-Z, straightens apostrophes, reads the marks `. , ? ! ; : " ( ) -` and their typographic
    /// forms as spaces, and white space of any length as one space, none at the ends.
    ///
    /// # Errors
    /// Why the text is no transcript: digits and letters outside a-z, whose pronunciation would have to be
    /// guessed, other characters, or nothing at all.
    pub(super) fn of(text: &str) -> Result<Self, String> {
        let mut had_marks = false;
        let mut symbols = Vec::with_capacity(text.len());
        for character in text.chars() {
            let written = match character.to_ascii_lowercase() {
                mark if MARKS.contains(mark) => {
                    had_marks = true;
                    ' '
                }
                apostrophe if APOSTROPHES.contains(apostrophe) => '\'',
                space if space.is_whitespace() => ' ',
                other => other,
            };
            let is_repeated = written == ' ' && symbols.last().is_none_or(|last| *last == SPACE);
            match id(written) {
                Some(_) if is_repeated => {}
                Some(id) => symbols.push(id),
                None => return Err(foreign(character)),
            }
        }
        if symbols.last() == Some(&SPACE) {
            symbols.pop();
        }
        if symbols.is_empty() {
            Err("has an empty transcript".into())
        } else if !symbols.iter().any(|id| ALPHABET[usize::from(*id)].is_ascii_lowercase()) {
            Err("has a transcript without a letter".into())
        } else {
            Ok(Self { symbols, had_marks })
        }
    }
}

fn id(character: char) -> Option<u8> {
    ALPHABET.iter().position(|symbol| char::from(*symbol) == character).map(|id| id as u8)
}

fn foreign(character: char) -> String {
    let code = u32::from(character);
    let printed = character.escape_debug();
    format!("has a transcript with `{printed}` (U+{code:04X}), which is not a-z, a space or an apostrophe")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let symbols = Transcript::of(text)?.symbols;
        Ok(symbols.into_iter().map(|id| char::from(ALPHABET[id as usize])).collect())
    }

    #[test]
    fn spelling_is_brought_to_the_alphabet() {
        assert_eq!(read("  THERE'S\tIRON \u{a0} THEY  SAY\n").as_deref(), Ok("there's iron they say"));
        assert_eq!(
            read("“Don’t!” – she said (twice); well-read…").as_deref(),
            Ok("don't she said twice well read")
        );
        assert_eq!(read("well\u{2010}known ― «hi»").as_deref(), Ok("well known hi"));
        assert_eq!(Transcript::of("a. b").map(|t| t.had_marks), Ok(true));
        assert_eq!(Transcript::of("a b").map(|t| t.had_marks), Ok(false));
    }

    #[test]
    fn what_would_have_to_be_guessed_is_refused() {
        let reason = |text: &str| read(text).unwrap_err();
        let why = "which is not a-z, a space or an apostrophe";
        assert_eq!(reason("room 5"), format!("has a transcript with `5` (U+0035), {why}"));
        assert_eq!(reason("café"), format!("has a transcript with `é` (U+00E9), {why}"));
        assert_eq!(reason("a\u{7}"), format!("has a transcript with `\\u{{7}}` (U+0007), {why}"));
        // The sign of the kelvin is a K to Unicode's lower case.
        assert_eq!(reason("\u{212a}"), format!("has a transcript with `\u{212a}` (U+212A), {why}"));
        assert_eq!(reason("50% & more"), format!("has a transcript with `5` (U+0035), {why}"));
        assert_eq!(reason(" -.- "), "has an empty transcript");
        assert_eq!(reason("' '"), "has a transcript without a letter");
        assert_eq!(reason(""), "has an empty transcript");
    }
}
