//! Text files as every corpus of text is read: which part a file belongs to, pieces that several threads
//! read, what is held out, and records of ids in the cache.

pub mod held_out;
pub mod lines;
pub mod parts;
pub mod records;
