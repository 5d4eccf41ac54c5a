//! The binary `scaling`: work on curves and studies that exist.
//!
//! Data go to standard output, messages to standard error. Exit codes: 0 done, 1 a fit was
//! refused, 2 bad usage or input, 130 interrupted.

mod compare;
mod curves;
mod fit;
mod forecast;
mod groups;
mod table;

use crate::cli::interrupt::exit_at_once;
use crate::error::{At, Error, Result};
use crate::files::{behind_links, links, write_output};
use crate::terminal::{complain_about_usage, conclude, say, tell, write};
use clap::{CommandFactory, Parser, Subcommand};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Fits, reports and comparisons of learning curves
#[derive(Debug, Parser)]
#[command(name = "scaling", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Fit(fit::Arguments),
    Forecast(forecast::Arguments),
    Compare(compare::Arguments),
    /// Rebuild the tables, figures and report of a study from its trials
    Report {
        /// Study directory
        directory: PathBuf,
    },
    /// Print the completions of a shell
    Completions {
        /// Shell to complete for
        shell: clap_complete::Shell,
    },
}

/// Runs the command line and tells how it ended.
pub fn main() -> ExitCode {
    exit_at_once();
    match Arguments::try_parse() {
        Ok(arguments) => conclude(run(arguments.command)),
        Err(usage) => complain_about_usage(&usage),
    }
}

/// Refuses to write a figure or a page over a file of another kind, or over one that the shell has opened,
/// which it would replace.
fn check_output(file: &Path, ending: &str) -> Result<()> {
    let target = behind_links(file);
    // As `/dev/stdout` does, and `/dev/fd`.
    let leads_through = |folder: &&str| links(file).any(|link| link.starts_with(folder));
    let is_open = ["/proc", "/dev/fd"].iter().any(leads_through);
    if target.is_file() && is_open {
        let (file, target) = (file.display(), target.display());
        return Err(Error::input(format!("{file} is the open file {target}; give a name of its own")));
    }
    if !target.is_file() || target.extension().is_some_and(|e| e.to_string_lossy().to_lowercase() == ending) {
        return Ok(());
    }
    Err(Error::input(format!(
        "{} would be overwritten; give a name that ends in .{ending}",
        target.display()
    )))
}

/// Writes a figure or a page, and says so.
fn write_named(file: &Path, text: &str) -> Result<()> {
    write_output(file, text.as_bytes())?;
    tell(&format!("wrote {}", file.display()));
    Ok(())
}

/// A JSON document as it goes to standard output.
fn pretty(document: &Value) -> Result<String> {
    let text = serde_json::to_string_pretty(document).at("write", Path::new("standard output"))?;
    Ok(text + "\n")
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Fit(arguments) => fit::run(&arguments),
        Command::Forecast(arguments) => forecast::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Report { directory } => {
            let text = crate::report::write(&crate::study::collect(&directory)?, &directory)?;
            say(&text)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "scaling", &mut script);
            write(&script).map(drop)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_file_of_another_kind_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [curve, figure, link] =
            ["curve.csv", "figure.svg", "link.svg"].map(|name| folder.path().join(name));
        std::fs::write(&curve, "m,error").unwrap();
        std::os::unix::fs::symlink(&curve, &link).unwrap();
        let message = check_output(&link, "svg").unwrap_err().to_string();
        assert!(message.contains("curve.csv would be overwritten"), "{message}");
        std::fs::remove_file(&curve).unwrap();
        std::fs::write(&figure, "<svg/>").unwrap();
        for file in [&figure, &link] {
            assert_eq!(check_output(file, "svg"), Ok(()), "{}", file.display());
        }
    }
}
