//! Parallel text: read, tokenised, cut into sub-words, and kept as memory-mapped ids.

mod clean;
mod encode;
mod layout;
mod mapped;
mod moses;
mod part;
mod pieces;
mod prepare;
mod survey;
mod tokenizer;

// The task is going to use them.
#[allow(unused_imports)]
pub(crate) use mapped::open;
#[allow(unused_imports)]
pub(crate) use prepare::{Summary, check};
pub(crate) use tokenizer::Tokenizer;
