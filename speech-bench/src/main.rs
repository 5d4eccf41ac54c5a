//! Learning curves of speech recognition models (Hestness et al. 2017, sections 4.4 and C.3).

#![allow(dead_code, reason = "under construction")]

mod audio;
mod synthetic;
mod utterances;

fn main() {}
