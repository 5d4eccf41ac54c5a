//! Pairs of sentences as ids: what shards are drawn from and models are trained on.
//!
//! Both languages share `n` sub-word symbols with the ids `0..n`; specials follow (see [`Specials`]): two in
//! a source, four in a target (MODELS 4.1), so |V_S| = n + 2 and |V_T| = n + 4.

pub(crate) use scaling_core::text::Specials;

use crate::text::Tokenizer;
use scaling_core::task::Origin;
use std::sync::Arc;

/// Pairs of a source sentence and its translation, addressable at random. Neither includes marks of its
/// start or end; ids are below the number of symbols, or [`Specials::unknown`].
pub(crate) trait Pairs: Send + Sync {
    /// The number of pairs; `None` if endless.
    fn len(&self) -> Option<u64>;

    /// Writes the ids of pair `index` to `source` and `target`, which are cleared first.
    fn read(&self, index: u64, source: &mut Vec<u16>, target: &mut Vec<u16>);

    /// The tokens of source and target of pair `index`; those of the target are the unit of m.
    fn tokens(&self, index: u64) -> [u32; 2];

    /// The target sentence of pair `index` as people write it: what BLEU compares with. Of training pairs
    /// it need not be known.
    fn reference(&self, index: u64) -> String;
}

/// A source of pairs, split into parts.
pub(crate) struct Parallel {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// The pool that training shards are drawn from.
    pub(crate) train: Arc<dyn Pairs>,
    /// The pairs that models are selected on; always finite.
    pub(crate) validation: Arc<dyn Pairs>,
    /// Pairs that nothing is selected on, where the source has such a part.
    pub(crate) test: Option<Arc<dyn Pairs>>,
    /// From text to ids and back.
    pub(crate) tokenizer: Tokenizer,
    /// Per-token error of the best constant guess: 1 less the share of the most frequent target token of the
    /// training part, ends included.
    pub(crate) best_guess: f64,
    /// Entropy of the marginal distribution of those tokens, in nats.
    pub(crate) best_guess_loss: f64,
    /// Target tokens of the training part; `None` if endless.
    pub(crate) tokens: Option<u64>,
}

impl Parallel {
    /// The number of sub-word symbols, specials excluded.
    pub(crate) fn symbols(&self) -> usize {
        self.tokenizer.symbols()
    }
}
