//! Learning curves of speech recognition models (Hestness et al., ICLR C.3).

mod audio;
mod batch;
mod corpus;
mod model;
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
