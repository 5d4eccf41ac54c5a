//! The command line of a domain binary, parsed only: nothing is opened here.

use crate::task::Preset;
use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Measures learning curves: trains models of many sizes on shards of many sizes and fits power laws.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) action: Action,
}

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Train all trials of a study, fit its curves and write the report; run again to resume
    Study(StudyArguments),
    /// Show what a study would cost; trains nothing
    Plan(StudyArguments),
    /// Run one trial of a study (what every executor starts)
    Trial(TrialArguments),
    /// Measure training speed
    Throughput(ThroughputArguments),
    /// Exact parameters and arithmetic of a model
    Model(ModelArguments),
    /// Check data, or prepare them once for all studies
    Data(DataArguments),
    /// List compiled and available devices
    Devices,
}

/// A number of threads or of trials at the same time, at most as many as a large machine has cores.
fn count() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=4096)
}

#[derive(Debug, Args)]
pub(super) struct StudyArguments {
    /// Training data: a path, or the embedded generator [default: synthetic]
    #[arg(long, value_name = "PATH|synthetic")]
    pub(super) data: Option<String>,
    /// Model, or several separated by commas [default: the binary's first; of speech-bench, both]
    #[arg(long, value_name = "NAME")]
    pub(super) model: Option<String>,
    /// How much work [default: smoke]
    #[arg(long)]
    pub(super) preset: Option<Preset>,
    /// Settings from a TOML file
    #[arg(long, value_name = "FILE.toml")]
    pub(super) config: Option<PathBuf>,
    /// Study directory [default: runs/<task>-<date>]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Device [default: cpu]
    #[arg(long)]
    pub(super) device: Option<String>,
    /// Trials to run at the same time; they share the cores [default: one per core; on an NVIDIA GPU as many
    /// as its memory and speed, both measured, are worth; 1 on another]
    #[arg(long, value_name = "N", value_parser = count())]
    pub(super) jobs: Option<usize>,
    /// Seed of shards, initialisation and data order [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub(super) seed: Option<u64>,
    /// Override a setting of study.toml
    #[arg(long = "set", value_name = "key=value")]
    pub(super) assignments: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct TrialArguments {
    /// Study directory
    #[arg(long, value_name = "DIR")]
    pub(super) study: PathBuf,
    /// Trial name, a directory in DIR/trials
    #[arg(long, value_name = "ID")]
    pub(super) trial: String,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = count())]
    pub(super) threads: Option<usize>,
}

#[derive(Debug, Args)]
pub(super) struct ThroughputArguments {
    /// Model [default: the binary's first]
    #[arg(long, value_name = "NAME")]
    pub(super) model: Option<String>,
    /// Model size: hidden units or width, or the filter factor of a ResNet [default: 128; ResNets: 1]
    #[arg(long, value_name = "K")]
    pub(super) size: Option<f64>,
    /// Sequences or images per update
    #[arg(long, value_name = "B", default_value_t = 32)]
    pub(super) batch: u64,
    /// Steps of a sequence, or image side [default: the model's]
    #[arg(long, value_name = "N")]
    pub(super) length: Option<usize>,
    /// Symbols or classes [default: the model's]
    #[arg(long, value_name = "V")]
    pub(super) vocab: Option<usize>,
    /// Device
    #[arg(long, default_value = "cpu")]
    pub(super) device: String,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = count())]
    pub(super) threads: Option<usize>,
    /// Seconds to measure for, at least
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    pub(super) seconds: f64,
    /// One JSON document
    #[arg(long)]
    pub(super) json: bool,
    /// Override a model option, or `precision`
    #[arg(long = "set", value_name = "key=value")]
    pub(super) assignments: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct ModelArguments {
    /// Model [default: the binary's first]
    #[arg(long, value_name = "NAME")]
    pub(super) model: Option<String>,
    /// Model size: hidden units or width, or the filter factor of a ResNet [default: 128; ResNets: 1]
    #[arg(long, value_name = "K")]
    pub(super) size: Option<f64>,
    /// One JSON document
    #[arg(long)]
    pub(super) json: bool,
    /// Override a model option
    #[arg(long = "set", value_name = "key=value")]
    pub(super) assignments: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct DataArguments {
    #[command(subcommand)]
    pub(super) action: DataAction,
    /// Model whose data to use [default: all tasks]
    #[arg(long, value_name = "NAME", global = true)]
    pub(super) model: Option<String>,
    /// Override an option
    #[arg(long = "set", value_name = "key=value", global = true)]
    pub(super) assignments: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum DataAction {
    /// Read everything, write nothing, say what is there
    Check {
        /// Data directory or file
        path: String,
    },
    /// Read everything once into memory-mapped files in the cache directory
    Prepare {
        /// Data directory or file
        path: String,
    },
}
