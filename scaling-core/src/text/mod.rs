//! Text files as every corpus of text is read: which files are text, pieces that several threads read,
//! records of ids in the cache, and ids that no symbol has.

pub mod files;
pub mod lines;
pub mod records;
mod specials;

pub use specials::Specials;
