//! What no recogniser can do better than.

use super::utterance::{Utterance, expected_characters, expected_letters};
use scaling_core::task::Irreducible;

/// Utterances whose transcripts are compared with what is said.
const SAMPLE: u64 = 20_000;

/// The lowest character error rate where a share `noise` of the letters of transcripts is wrong, of
/// utterances that `draw` makes by their numbers: that of writing what is said. There is no language to guess
/// from, and what is said is at each place likelier than any other letter.
pub(super) fn of(noise: f64, draw: impl Fn(u64) -> Utterance) -> Irreducible {
    // Wrong letters next to each other may be fewer edits than there are of them, rarely.
    let mut saved = 0;
    for index in 0..SAMPLE {
        let utterance = draw(index);
        let spoken: Vec<u8> = utterance.spoken().collect();
        let wrong = spoken.iter().zip(&utterance.written).filter(|(a, b)| a != b).count();
        if wrong > 1 {
            saved += wrong - strsim::generic_levenshtein(&spoken, &utterance.written);
        }
    }
    let edits = noise * expected_letters() - saved as f64 / SAMPLE as f64;
    Irreducible {
        error: edits / expected_characters(),
        note: format!(
            "error of transcribing exactly what is said: expected wrong letters per character, minus the \
             edits saved by alignment, estimated from {SAMPLE} utterances"
        ),
    }
}
