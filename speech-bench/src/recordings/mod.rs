//! Recorded speech, read from files.

mod frontend;
mod layout;
mod leftover;
mod librispeech;
mod listing;
mod manifest;
mod mention;
mod names;
mod prepare;
mod store;
mod summary;
mod tally;
#[cfg(test)]
mod tests;
mod transcript;

pub(crate) use prepare::{check, open};
