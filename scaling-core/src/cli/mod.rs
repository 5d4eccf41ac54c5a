//! The subcommands that all domain binaries share.

mod arguments;
mod best_model;
mod data;
mod inspect;
mod interrupt;
mod study;
mod throughput;

pub use best_model::BestModel;
pub(crate) use interrupt::PARENT;

use crate::error::{At, Error, Result};
use crate::settings::{Key, Options};
use crate::task::Task;
use clap::{CommandFactory, FromArgMatches};
use std::io::{ErrorKind, Write};
use std::path::Path;
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
        let all = || self.tasks.iter().flat_map(|task| task.models().iter().map(move |name| (*task, *name)));
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
#[must_use]
pub fn run(domain: &Domain) -> ExitCode {
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

/// Prints an error once and gives its exit code.
#[must_use]
pub fn conclude(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

/// Help and version as clap prints them; a usage error in at most 4 lines.
#[must_use]
pub fn complain_about_usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        tell("error: a subcommand is needed; `--help` lists them");
        return ExitCode::from(2);
    }
    let text = error.to_string();
    for line in text.lines().filter(|line| !line.trim().is_empty()).take(4) {
        tell(line);
    }
    ExitCode::from(2)
}

/// Prints a text and a line end to standard output; a reader that has gone away is no error.
///
/// # Errors
/// If standard output cannot be written for another reason.
pub fn say(text: &str) -> Result<()> {
    say_if_heard(text).map(drop)
}

/// As [`say`], and whether anybody still reads: who could go on for long stops otherwise.
///
/// # Errors
/// As [`say`].
pub fn say_if_heard(text: &str) -> Result<bool> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => written.at("write", Path::new("standard output")).map(|()| true),
    }
}

/// Prints a line to standard error, if anybody listens.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
