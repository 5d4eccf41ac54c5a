//! The best model of a study, for subcommands that put it to use.

use crate::device::Compute;
use crate::error::Result;
use crate::study::best_trial;
use crate::task::Task;
use crate::trial::{TrialConfig, Weights};
use clap::{Arg, ArgMatches, value_parser};
use std::path::PathBuf;

/// The model with the lowest error of a study.
pub struct BestModel {
    /// The study's, where it keeps what its models need besides.
    pub directory: PathBuf,
    /// How the model was trained.
    pub trial: TrialConfig,
    /// What it has learnt.
    pub weights: Weights,
    /// Where it is to compute.
    pub compute: Compute,
}

impl BestModel {
    /// A subcommand that also takes `--study` and `--device`.
    pub fn arguments(command: clap::Command) -> clap::Command {
        let study = Arg::new("study").long("study").value_name("DIR").required(true);
        let device = Arg::new("device").long("device").value_name("D").default_value("cpu").help("Device");
        command
            .arg(study.value_parser(value_parser!(PathBuf)).help("Study directory, whose best model is used"))
            .arg(device)
    }

    /// The best model of the study that was named.
    ///
    /// # Errors
    /// An unknown device; no study of the task there, or none that has kept weights.
    pub fn load(given: &ArgMatches, task: &dyn Task) -> Result<Self> {
        let directory = given.get_one::<PathBuf>("study").map_or_else(|| PathBuf::from("."), PathBuf::clone);
        let compute = Compute::parse(given.get_one::<String>("device").map_or("cpu", String::as_str))?;
        let (trial, weights) = best_trial(&directory, task.about().name)?;
        Ok(Self { directory, trial, weights, compute })
    }
}
