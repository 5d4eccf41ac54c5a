//! What a data set holds, in one line and in numbers.

use super::listing::HeldOut;
use scaling_core::data::overlap::{Overlap, Repetition};
use scaling_core::data::quarantine::{Few, Rejected};
use scaling_core::number::thousands;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The size of a part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PartSummary {
    /// Utterances that are used.
    pub(crate) utterances: u64,
    /// Symbols of their transcripts: the unit of m.
    pub(crate) characters: u64,
    /// Length of their recordings.
    pub(crate) seconds: f64,
}

impl fmt::Display for PartSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { utterances, characters, seconds } = self;
        let plural = if *utterances == 1 { "" } else { "s" };
        let (utterances, characters) = (thousands(*utterances), thousands(*characters));
        write!(f, "{utterances} utterance{plural} ({:.2} h, {characters} characters)", seconds / 3_600.0)
    }
}

/// What a data set holds; displayed as one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// The pool that training shards are drawn from.
    pub(crate) train: PartSummary,
    /// The validation part, or what was held out of the training part for want of one.
    pub(crate) validation: PartSummary,
    /// By what it was held out.
    pub(crate) held_out: Option<HeldOut>,
    /// The test part, if there is one.
    pub(crate) test: Option<PartSummary>,
    /// Speakers of both the training and the validation part; `None` where speakers are not known.
    pub(crate) shared_speakers: Option<u64>,
    /// Speakers of the test part who speak in another one too; `None` where there is none or they are not
    /// known.
    pub(crate) tested_speakers: Option<u64>,
    /// Recordings that lie in several parts.
    pub(crate) overlap: Overlap,
    /// Training recordings that repeat an earlier one.
    pub(crate) repeated: u64,
    /// Utterances whose transcripts had punctuation, which is left out.
    pub(crate) punctuated: u64,
    /// What is not used.
    pub(crate) rejected: Vec<Rejected>,
    /// What of the data set is left alone. It may change while the prepared data stay the same, so it is not
    /// stored.
    #[serde(skip)]
    pub(crate) notes: Vec<String>,
}

impl Summary {
    /// What a reader of results on the recordings must know.
    pub(super) fn warnings(&self) -> Vec<String> {
        let repeated = self.repeated as f64 / self.train.utterances.max(1) as f64;
        let repeated = Repetition::warning("recordings", repeated);
        self.overlap.warning("recordings", self.validation.utterances).into_iter().chain(repeated).collect()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to train on, {} to validate", self.train, self.validation)?;
        match self.held_out {
            Some(HeldOut::Speaker) => f.write_str(" (held out by speaker)")?,
            Some(HeldOut::Utterance) => f.write_str(" (held out by utterance)")?,
            None => {}
        }
        if let Some(test) = &self.test {
            write!(f, ", {test} to test")?;
        }
        let speakers = self.shared_speakers.map_or("not known".to_owned(), thousands);
        let tested = |tested| format!(", of the test part and another: {}", thousands(tested));
        let speakers = speakers + &self.tested_speakers.map_or(String::new(), tested);
        write!(
            f,
            "; {}; speakers of both training and validation: {speakers}; training recordings that repeat another: {}; \
             transcripts whose punctuation is dropped: {}; {}",
            self.overlap.clause("recordings"),
            thousands(self.repeated),
            thousands(self.punctuated),
            Few(&self.rejected)
        )?;
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}
