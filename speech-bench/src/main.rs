//! Learning curves of speech recognition models (Hestness et al., ICLR C.3).

mod audio;
mod batch;
mod corpus;
#[cfg(test)]
#[path = "../../tests/support/data_set.rs"]
mod data_set;
#[cfg(test)]
#[path = "../../tests/support/flac.rs"]
mod flac;
mod model;
#[cfg(test)]
#[path = "../../tests/support/real.rs"]
mod real;
mod recipe;
mod recordings;
mod synthetic;
mod task;
#[cfg(all(test, feature = "tch"))]
#[path = "../../tests/support/torch.rs"]
mod torch;
mod transcribe;
mod utterances;
#[cfg(test)]
#[path = "../../tests/support/wav.rs"]
mod wav;

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
