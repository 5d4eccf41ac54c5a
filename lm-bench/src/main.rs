//! Learning curves of word and character language models (Hestness et al., ICLR 4.2 and C.2).

mod batch;
mod corpus;
#[cfg(test)]
#[path = "../../tests/support/data_set.rs"]
mod data_set;
mod model;
mod recipe;
mod synthetic;
mod task;
mod text;

use scaling_core::cli::{Domain, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(&Domain {
        name: "lm-bench",
        about: "Learning curves of word and character language models",
        tasks: &[&task::WORDS, &task::CHARACTERS],
        commands: &[],
    })
}
