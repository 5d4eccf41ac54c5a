//! What parallel text holds, in one line and in numbers.

use super::clean::Dropped;
use super::layout::Layout;
use super::moses::Language;
use super::survey::Survey;
use scaling_core::data::overlap::{Overlap, Repetition};
use scaling_core::number::thousands;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The size of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartSummary {
    /// Pairs that were not left out.
    pub(crate) pairs: u64,
    /// Sub-word tokens of source and target, ends of sentences excluded.
    pub(crate) tokens: [u64; 2],
    /// Tokens that are not among the symbols.
    pub(crate) unknown: [u64; 2],
    /// Pairs that were left out.
    pub(crate) dropped: Dropped,
}

/// What parallel text holds; displayed as one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// The pool that training shards are drawn from.
    pub(crate) train: PartSummary,
    /// The validation part, or what was held out of the training part for want of one.
    pub(crate) validation: PartSummary,
    /// The test part, if there is one.
    pub(crate) test: Option<PartSummary>,
    /// Sub-word symbols of both languages, specials excluded.
    pub(crate) symbols: u64,
    /// Pairs that lie in several parts.
    pub(crate) overlap: Overlap,
    /// The share of training pairs that repeat others.
    pub(crate) repeated: f64,
    /// Files that were left alone, since they are made of others there (then by their common name) or cannot
    /// be read.
    pub(crate) left_alone: Vec<String>,
}

impl Summary {
    /// Of the parts that were read.
    pub(super) fn of(
        layout: &Layout,
        survey: &Survey,
        [train, validation]: [PartSummary; 2],
        test: Option<PartSummary>,
    ) -> Self {
        let symbols = survey.tokenizer.symbols() as u64;
        Self {
            train,
            validation,
            test,
            symbols,
            overlap: survey.overlap,
            repeated: survey.repeated,
            left_alone: layout.left_alone.clone(),
        }
    }

    /// What a reader of results on the text must know.
    pub(super) fn warnings(&self) -> Vec<String> {
        let repeated = Repetition::warning("pairs", self.repeated);
        self.overlap.warning("pairs", self.validation.pairs).into_iter().chain(repeated).collect()
    }

    fn parts(&self) -> impl Iterator<Item = (&'static str, &PartSummary)> {
        let parts = [
            ("train", Some(&self.train)),
            ("validation", Some(&self.validation)),
            ("test", self.test.as_ref()),
        ];
        parts.into_iter().filter_map(|(name, part)| Some((name, part?)))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, part) in self.parts() {
            let dropped = part.dropped.total();
            write!(f, "{name} {} pairs ({} dropped)", thousands(part.pairs), thousands(dropped))?;
            for (side, language) in Language::BOTH.into_iter().enumerate() {
                let (tokens, unknown) = (part.tokens[side], part.unknown[side]);
                let share = 100.0 * unknown as f64 / tokens.max(1) as f64;
                write!(f, ", {} {language} tokens ({share:.2} % unknown)", thousands(tokens))?;
            }
            f.write_str("; ")?;
        }
        let mut dropped = Dropped::default();
        self.parts().for_each(|(_, part)| dropped += part.dropped);
        let overlap = self.overlap.clause("pairs");
        write!(f, "{} sub-words; dropped: {dropped}; {overlap}", thousands(self.symbols))?;
        if !self.left_alone.is_empty() {
            write!(
                f,
                "; left alone, being made of others there or in another format: {}",
                self.left_alone.join(", ")
            )?;
        }
        Ok(())
    }
}
