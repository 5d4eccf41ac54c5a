//! The subcommands that all domain binaries share.

mod arguments;
mod best_model;
mod command_line;
mod data;
mod date;
mod inspect;
pub(crate) mod interrupt;
mod open;
mod panic;
mod study;
mod throughput;

pub use best_model::BestModel;

use crate::error::{Error, Result};
use crate::settings::{Key, Options};
use crate::task::Task;
use crate::terminal::{complain_about_usage, conclude};
use clap::{CommandFactory, FromArgMatches};
use std::process::ExitCode;

/// A binary: its name and its tasks. The first model of the first task is the default.
pub struct Domain {
    /// Name of the binary.
    pub name: &'static str,
    /// One line for `--help`.
    pub about: &'static str,
    /// What it can study.
    pub tasks: &'static [&'static dyn Task],
    /// What it can do besides, such as translate by a study's best model.
    pub commands: &'static [Command],
}

/// A subcommand of one binary alone.
pub struct Command {
    /// What it is called and takes.
    pub arguments: fn() -> clap::Command,
    /// What it does with the arguments that were given.
    pub run: fn(&clap::ArgMatches) -> Result<()>,
}

impl Domain {
    /// The task that a model belongs to, and the model's full name.
    ///
    /// # Errors
    /// If no task knows the model.
    fn find(&self, model: Option<&str>) -> Result<(&'static dyn Task, &'static str)> {
        let all =
            || self.tasks.iter().flat_map(|task| task.about().models.iter().map(move |name| (*task, *name)));
        match model {
            None => all().next().ok_or_else(|| Error::failed("this binary has no model")),
            Some(wanted) => all()
                .find(|(_, name)| *name == wanted)
                .ok_or_else(|| Error::unknown("model", wanted, all().map(|(_, name)| name))),
        }
    }
}

/// Task options from `--set`, the rest at their defaults.
fn options(keys: &[Key], assignments: &[String]) -> Result<Options> {
    let mut options = Options::defaults(keys)?;
    for assignment in assignments {
        options.set(keys, assignment)?;
    }
    Ok(options)
}

/// Runs a domain binary: parses the command line, acts, prints one error line at most.
pub fn run(domain: &Domain) -> ExitCode {
    interrupt::exit_at_once();
    let command = arguments::Arguments::command().name(domain.name).bin_name(domain.name).about(domain.about);
    let command = command.subcommands(domain.commands.iter().map(|own| (own.arguments)()));
    let matches = match command.try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return complain_about_usage(&error),
    };
    if let Some((name, given)) = matches.subcommand()
        && let Some(own) = domain.commands.iter().find(|own| (own.arguments)().get_name() == name)
    {
        return conclude((own.run)(given));
    }
    let arguments = match arguments::Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => return complain_about_usage(&error),
    };
    use arguments::Action;
    let outcome = match arguments.action {
        Action::Study(options) => study::study(domain, &options),
        Action::Plan(options) => study::plan(domain, &options),
        Action::Trial(options) => study::trial(domain, &options),
        Action::Throughput(options) => throughput::throughput(domain, &options),
        Action::Model(options) => inspect::model(domain, &options),
        Action::Data(options) => data::data(domain, &options),
        Action::Devices => inspect::devices(),
    };
    conclude(outcome)
}
