//! Learning curves of German-English translation models (Hestness et al., ICLR C.1).

mod batch;
mod beam;
mod bleu;
mod corpus;
#[cfg(test)]
#[path = "../../tests/support/data_set.rs"]
mod data_set;
mod model;
mod pairs;
#[cfg(test)]
#[path = "../../tests/support/real.rs"]
mod real;
mod recipe;
mod synthetic;
mod task;
mod text;
#[cfg(all(test, feature = "tch"))]
#[path = "../../tests/support/torch.rs"]
mod torch;
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
