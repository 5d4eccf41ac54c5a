//! Parallel text: read, tokenised, cut into sub-words, and kept as memory-mapped ids.

mod tokenizer;

pub(crate) use tokenizer::Tokenizer;
