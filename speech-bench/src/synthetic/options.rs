//! What a user says of the utterances.

use scaling_core::error::{Error, Result};

/// What the utterances are like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Options {
    /// The first so many letters of the alphabet are used, 2 to 26.
    pub(crate) letters: usize,
    /// Share of the letters of transcripts that are replaced by another one, in [0, 0.3].
    pub(crate) noise: f64,
}

#[cfg(test)]
impl Default for Options {
    fn default() -> Self {
        Self { letters: 10, noise: 0.02 }
    }
}

impl Options {
    /// Refuses options that are out of their ranges.
    ///
    /// # Errors
    /// Names the first such option.
    pub(super) fn check(&self) -> Result<()> {
        if !(2..=26).contains(&self.letters) {
            return Err(Error::input(format!(
                "`synthetic_letters` must lie between 2 and 26, not {}",
                self.letters
            )));
        }
        if !(0.0..=0.3).contains(&self.noise) {
            return Err(Error::input(format!(
                "`label_noise`, the share of wrong letters in transcripts, must lie between 0 and 0.3, not {}",
                self.noise
            )));
        }
        Ok(())
    }
}
