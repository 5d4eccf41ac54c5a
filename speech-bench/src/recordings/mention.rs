//! What LibriSpeech's layout and manifests have in common.

use std::path::PathBuf;

/// What a layout says in one place of an utterance.
#[derive(Debug, Clone)]
pub(super) struct Mention {
    pub(super) audio: PathBuf,
    pub(super) transcript: Option<String>,
    pub(super) speaker: Option<String>,
    /// Seconds of the recording before the utterance.
    pub(super) offset: f64,
    /// Seconds of the utterance, where they are known.
    pub(super) duration: Option<f64>,
}
