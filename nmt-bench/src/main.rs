//! Learning curves of German-English translation models (Hestness et al., ICLR C.1).

mod batch;
mod beam;
mod bleu;
mod corpus;
mod model;
mod pairs;
mod recipe;
mod synthetic;
mod task;
mod text;
mod translate;

use scaling_core::cli::{Domain, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(&Domain {
        name: "nmt-bench",
        about: "Learning curves of German-English translation models",
        tasks: &[&task::TRANSLATION],
        commands: &[translate::TRANSLATE, translate::BLEU],
    })
}
