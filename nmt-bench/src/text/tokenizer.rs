//! From text to sub-word ids and back.

use scaling_core::error::Result;
use std::path::Path;

/// Moses tokenisation and a shared byte-pair encoding, or plain words of a fixed lexicon.
#[derive(Clone)]
pub(crate) struct Tokenizer {
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Words separated by spaces, with the ids of their places in `lexicon`: for synthetic languages.
    ///
    /// # Errors
    /// A word that occurs twice.
    pub(crate) fn words(_lexicon: &[String]) -> Result<Self> {
        todo!()
    }

    /// Reads `tokenizer.json`.
    ///
    /// # Errors
    /// A file that is no tokenizer.
    pub(crate) fn load(_path: &Path) -> Result<Self> {
        todo!()
    }

    /// Writes `tokenizer.json`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn save(&self, _path: &Path) -> Result<()> {
        todo!()
    }

    /// The number of symbols, specials excluded.
    pub(crate) fn symbols(&self) -> usize {
        self.inner.get_vocab_size(false)
    }

    /// The ids of a source sentence as people write it.
    pub(crate) fn encode(&self, _sentence: &str) -> Vec<u16> {
        todo!()
    }

    /// The sentence of target ids, as people write it.
    pub(crate) fn decode(&self, _ids: &[u16]) -> String {
        todo!()
    }
}
