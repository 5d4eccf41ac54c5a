//! Tokenisation as Moses does it (Koehn et al. 2007), for German and English: what `tokenizer.perl` and its
//! port sacremoses make of a line, and back. The rules are theirs; the lists of abbreviations are our own,
//! and `benchmarks/moses.py` counts the lines on which that makes a difference.
//!
//! Tokens are kept as plain text. Moses' escapes such as `&apos;` exist only in files that Moses wrote.

mod characters;
mod detokenize;
pub(crate) mod entities;
mod prefixes;
mod tokenize;

pub(crate) use detokenize::detokenize;
pub(crate) use tokenize::tokenize;

use std::fmt;

/// The two languages of the pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    German,
    English,
}

impl Language {
    /// Source, then target.
    pub(crate) const BOTH: [Self; 2] = [Self::German, Self::English];

    /// The ending of its files.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::German => "de",
            Self::English => "en",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::German => "German",
            Self::English => "English",
        })
    }
}
