//! Learning curves of residual networks on images (Hestness et al., ICLR 4.1).

mod augment;
#[cfg(test)]
#[path = "../../tests/support/bench.rs"]
mod bench;
mod corpus;
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
