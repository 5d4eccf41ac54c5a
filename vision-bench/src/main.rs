//! Learning curves of residual networks on images (Hestness et al., ICLR 4.1).

mod augment;
mod corpus;
mod images;
mod model;
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
