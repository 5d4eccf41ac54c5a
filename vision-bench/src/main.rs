//! Learning curves of residual networks on images (Hestness et al., ICLR 4.1).

mod augment;
mod corpus;
#[cfg(test)]
#[path = "../../tests/support/data_set.rs"]
mod data_set;
mod images;
mod model;
#[cfg(test)]
#[path = "../../tests/support/real.rs"]
mod real;
mod recipe;
mod synthetic;
mod task;

use scaling_core::cli::{Domain, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(&Domain {
        name: "vision-bench",
        about: "Learning curves of residual networks on images",
        tasks: &[&task::IMAGES],
        commands: &[],
    })
}
