//! What a corpus holds, in one line and in numbers.

use super::Unit;
use scaling_core::data::overlap::{Overlap, Repetition};
use scaling_core::number::thousands;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The size of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartSummary {
    /// Lines that are not blank.
    pub(crate) sentences: u64,
    /// Words or characters, ends of sentences excluded.
    pub(crate) tokens: u64,
    /// Tokens that are not among the symbols.
    pub(crate) unknown: u64,
}

/// What a corpus holds; displayed as one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// What a token is.
    pub(crate) unit: Unit,
    /// The pool that training shards are drawn from.
    pub(crate) train: PartSummary,
    /// The validation part, or what was held out of the training part for want of one.
    pub(crate) validation: PartSummary,
    /// The test part, if there is one.
    pub(crate) test: Option<PartSummary>,
    /// Types of the training part.
    pub(crate) types: u64,
    /// Blank lines, which were skipped.
    pub(crate) blank_lines: u64,
    /// Sentences that lie in several parts.
    pub(crate) overlap: Overlap,
    /// The share of training sentences that repeat others.
    pub(crate) repeated: f64,
    /// Files that were left alone, since they hold the text of others once more.
    pub(crate) left_alone: Vec<String>,
}

/// The share of unknown tokens above which errors say little.
const UNKNOWN: f64 = 0.2;

impl Summary {
    /// What a reader of results on the corpus must know.
    pub(super) fn warnings(&self) -> Vec<String> {
        let PartSummary { sentences, tokens, unknown } = &self.validation;
        let unknown = *unknown as f64 / (*tokens).max(1) as f64;
        let unknown = (unknown > UNKNOWN).then(|| {
            let unit = self.unit;
            format!(
                "{:.0} % of the validation {unit} are unknown, which is easy to foresee: errors are not comparable; \
                 raise `vocabulary`",
                100.0 * unknown
            )
        });
        let repeated = Repetition::warning("sentences", self.repeated);
        self.overlap.warning("sentences", *sentences).into_iter().chain(unknown).chain(repeated).collect()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("train", Some(&self.train)),
            ("validation", Some(&self.validation)),
            ("test", self.test.as_ref()),
        ];
        for (name, part) in parts.into_iter().filter_map(|(name, part)| Some((name, part?))) {
            write!(
                f,
                "{name} {} sentences, {} {} ({:.2} % unknown); ",
                thousands(part.sentences),
                thousands(part.tokens),
                self.unit,
                100.0 * part.unknown as f64 / part.tokens.max(1) as f64
            )?;
        }
        write!(
            f,
            "{} types; {} blank lines skipped; {}",
            thousands(self.types),
            thousands(self.blank_lines),
            self.overlap.clause("sentences")
        )?;
        if !self.left_alone.is_empty() {
            write!(f, "; left alone, holding the text of others once more: {}", self.left_alone.join(", "))?;
        }
        Ok(())
    }
}
