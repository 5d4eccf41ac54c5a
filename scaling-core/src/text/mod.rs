//! Text files as every corpus of text is read: which part a file belongs to, pieces that several threads
//! read, what is held out, records of ids in the cache, and ids that no symbol has.

pub mod held_out;
pub mod lines;
pub mod parts;
pub mod records;
mod specials;

pub use specials::Specials;
