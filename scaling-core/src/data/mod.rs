//! What all data sets on disk have in common: which part a file belongs to, what is held out, what occurs
//! twice, what cannot be used, and data prepared once in a cache.

pub mod cache;
pub mod held_out;
pub mod mapped;
pub mod overlap;
pub mod parts;
pub mod pipeline;
pub mod quarantine;
