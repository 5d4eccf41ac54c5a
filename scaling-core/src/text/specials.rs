//! The ids that no symbol has.

/// The ids that follow the symbols of a vocabulary, in the order that the paper's graphs show (padding
/// second).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Specials {
    /// A token that is not among the symbols.
    pub unknown: u16,
    /// Fills a batch; excluded from the loss.
    pub padding: u16,
    /// Before the first token of a sentence.
    pub start: u16,
    /// After its last token.
    pub end: u16,
}

impl Specials {
    /// The most symbols that leave room for the specials in 16 bits.
    pub const MOST_SYMBOLS: usize = 65_532;

    /// The specials after `symbols` symbols (at most [`Self::MOST_SYMBOLS`]).
    pub fn after(symbols: usize) -> Self {
        debug_assert!(symbols <= Self::MOST_SYMBOLS);
        let unknown = symbols as u16;
        Self { unknown, padding: unknown + 1, start: unknown + 2, end: unknown + 3 }
    }
}
