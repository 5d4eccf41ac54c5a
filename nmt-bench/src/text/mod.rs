//! Parallel text: read, tokenised, cut into sub-words, and kept as memory-mapped ids.

mod clean;
mod encode;
mod format;
mod layout;
mod moses;
mod names;
mod part;
mod pieces;
mod prepare;
mod store;
mod summary;
mod survey;
mod tally;
mod tokenizer;

pub(crate) use prepare::check;
pub(crate) use store::open;
pub(crate) use tokenizer::Tokenizer;
