//! Utterances as features with transcripts: what shards are drawn from and models are trained on.

use crate::audio::{Normalization, Series};
use scaling_core::nn::CtcTargets;
use scaling_core::task::Origin;
use std::sync::Arc;

/// The symbols of transcripts, by their ids: the English alphabet, the space between words and the apostrophe
/// (MODELS 5.1).
pub(crate) const ALPHABET: &[u8; 28] = b"abcdefghijklmnopqrstuvwxyz '";

/// Spoken utterances, addressable at random.
pub(crate) trait Utterances: Send + Sync {
    /// The number of utterances; `None` if endless.
    fn len(&self) -> Option<u64>;

    /// Frames of utterance `index`, at least 1.
    fn frames(&self, index: u64) -> usize;

    /// Symbols of the transcript of utterance `index`: the unit of m.
    fn characters(&self, index: u64) -> usize;

    /// Writes the features of utterance `index`, [frames, bins of the series], normalised per bin, to `out`,
    /// which is cleared first.
    fn read(&self, index: u64, series: Series, out: &mut Vec<f32>);

    /// The transcript of utterance `index`, ids of [`ALPHABET`].
    fn transcript(&self, index: u64) -> Vec<u8>;
}

/// A source of utterances, split into parts.
pub(crate) struct Speech {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// The pool that training shards are drawn from.
    pub(crate) train: Arc<dyn Utterances>,
    /// The utterances that models are selected on; always finite.
    pub(crate) validation: Arc<dyn Utterances>,
    /// Utterances that nothing is selected on, where the source has such a part.
    pub(crate) test: Option<Arc<dyn Utterances>>,
    /// By what features are normalised: what recognising other recordings needs.
    pub(crate) normalization: Normalization,
    /// Entropy of the marginal distribution of the training part's characters, ends of utterances included,
    /// in nats per character.
    pub(crate) best_guess_loss: f64,
    /// Characters of the training part; `None` if it is endless.
    pub(crate) characters: Option<u64>,
}

/// Whether a network that keeps every second frame can align the transcript with the frames: connectionist
/// temporal classification needs a frame for each symbol, and one more between equal neighbours (MODELS 5.2).
pub(crate) fn can_align(frames: usize, transcript: &[u8]) -> bool {
    frames.div_ceil(2) >= CtcTargets::fewest_steps(transcript)
}

/// The space between words.
pub(crate) const SPACE: u8 = 26;

/// A transcript as people write it.
pub(crate) fn text(transcript: &[u8]) -> String {
    transcript
        .iter()
        .filter_map(|id| ALPHABET.get(usize::from(*id)))
        .map(|letter| char::from(*letter))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transcripts_are_text() {
        assert_eq!(text(&[8, 19, 27, 18, SPACE, 0]), "it's a");
        assert_eq!(ALPHABET[usize::from(SPACE)], b' ');
    }

    #[test]
    fn a_transcript_needs_a_frame_for_each_symbol_and_between_equal_ones() {
        assert!(can_align(8, &[1, 2, 3, 4]) && !can_align(8, &[1, 1, 3, 4]));
        assert!(can_align(9, &[1, 1, 3, 4]) && can_align(1, &[]) && can_align(1, &[5]));
    }
}
