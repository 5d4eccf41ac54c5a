//! What connectionist temporal classification is to find.

use std::sync::Arc;

/// What the rows of a batch are to say.
#[derive(Debug, Clone)]
pub struct CtcTargets {
    /// The symbols of every row, without blanks, [B]; there may be none.
    pub symbols: Arc<[Vec<u16>]>,
    /// Steps of every row, [B], each between 1 and T.
    pub lengths: Arc<[usize]>,
}

impl CtcTargets {
    /// The fewest steps in which `symbols` can be said: one for each, and one for the blank that keeps two
    /// equal neighbours apart.
    pub fn fewest_steps<T: PartialEq>(symbols: &[T]) -> usize {
        symbols.len() + symbols.windows(2).filter(|pair| pair[0] == pair[1]).count()
    }

    /// The most symbols of a row.
    pub(super) fn longest(&self) -> usize {
        self.symbols.iter().map(Vec::len).max().unwrap_or_default()
    }
}
