//! Learning curves of speech recognition models (Hestness et al., ICLR C.3).

mod audio;
mod batch;
#[cfg(test)]
#[path = "../../tests/support/bench.rs"]
mod bench;
mod corpus;
mod model;
#[cfg(test)]
#[path = "../../tests/support/real.rs"]
mod real;
mod recipe;
mod recordings;
mod synthetic;
mod task;
mod transcribe;
mod utterances;

use scaling_core::cli::{Domain, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(&Domain {
        name: "speech-bench",
        about: "Learning curves of speech recognition models",
        tasks: &[&task::SPEECH],
        commands: &[transcribe::TRANSCRIBE],
    })
}
