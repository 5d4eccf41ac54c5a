//! A complete study in milliseconds: a task whose learning curve is known in closed form.
//!
//! `cargo run --release -p scaling-core --example analytic -- study`

use scaling_core::analytic::Memorizer;
use scaling_core::cli::{Domain, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(&Domain {
        name: "analytic",
        about: "Learning curve of a memoriser of Zipf-distributed facts",
        tasks: &[&Memorizer],
        commands: &[],
    })
}
