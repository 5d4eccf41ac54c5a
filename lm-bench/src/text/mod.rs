//! Text for the language models: sentences of token ids, and those that are read from files.
//!
//! A corpus of `n` symbols has the ids `0..n`; the four specials follow (see [`Specials`]), so a
//! model's output has `n + 4` entries: 10,004 for the paper's words, 98 for its characters.

mod encode;
mod layout;
mod lines;
mod part;
mod prepare;
mod store;
mod summary;
mod tally;

pub(crate) use prepare::check;
pub(crate) use scaling_core::text::Specials;
pub(crate) use store::open;

use scaling_core::number::thousands;
use scaling_core::task::Origin;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Sentences of token ids, addressable at random. A sentence excludes the marks of its start and
/// end; its ids are below the number of symbols, or [`Specials::unknown`].
pub(crate) trait Sentences: Send + Sync {
    /// The number of sentences; `None` if endless.
    fn len(&self) -> Option<u64>;

    /// Writes the ids of sentence `index` to `out`, which is cleared first.
    fn read(&self, index: u64, out: &mut Vec<u16>);

    /// The tokens (words or characters) of sentence `index`, without its end: the unit of m.
    fn tokens(&self, index: u64) -> u32;
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    /// Tokens are separated by ASCII whitespace (paper, section 4.2.1).
    Words,
    /// Every character of a line, spaces included (paper, appendix C.2).
    Characters,
}

impl Unit {
    /// The most tokens of a sentence that count in m: characters beyond `unroll` predictions are never seen.
    pub(crate) fn longest(self, unroll: u64) -> u64 {
        match self {
            Self::Words => u64::MAX,
            Self::Characters => unroll,
        }
    }
}

/// How a description goes on where only `samples` of the training tokens count, the first `longest` of every
/// sentence.
pub(crate) fn samples_clause(samples: u64, tokens: u64, longest: u64) -> String {
    if samples == tokens {
        return String::new();
    }
    let samples = thousands(samples);
    format!("; {samples} of the training characters are among the first {longest} of a sentence, and count")
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Words => "words",
            Self::Characters => "characters",
        })
    }
}

/// A source of text, split into parts.
pub(crate) struct Text {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// What a token is.
    pub(crate) unit: Unit,
    /// The pool that training shards are drawn from.
    pub(crate) train: Arc<dyn Sentences>,
    /// The sentences that models are selected on; always finite.
    pub(crate) validation: Arc<dyn Sentences>,
    /// Sentences that nothing is selected on, where the source has such a part.
    pub(crate) test: Option<Arc<dyn Sentences>>,
    /// n: the number of symbols before the specials. It may exceed the length of `vocabulary`, so
    /// that a model's parameter count does not depend on the data.
    pub(crate) symbols: usize,
    /// The symbols of the ids `0..`, without the specials.
    #[cfg(test)]
    pub(crate) vocabulary: Vec<String>,
    /// Entropy of the marginal token distribution of the training part, in nats per predicted token,
    /// the end of the sentence included: the loss of the best constant prediction (section 2).
    pub(crate) best_guess: f64,
    /// Training tokens in total; `None` if endless.
    pub(crate) tokens: Option<u64>,
}

impl Text {
    /// The ids of the specials.
    pub(crate) fn specials(&self) -> Specials {
        Specials::after(self.symbols)
    }
}
