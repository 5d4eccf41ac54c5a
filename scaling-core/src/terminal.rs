//! What a command tells: results on standard output, messages on standard error, how it ended as an exit
//! code.

use crate::error::{At, Result};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

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
    write(format!("{text}\n").as_bytes())
}

/// As [`say_if_heard`], without a line end.
///
/// # Errors
/// As [`say`].
pub fn write(bytes: &[u8]) -> Result<bool> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => written.at("write", Path::new("standard output")).map(|()| true),
    }
}

/// Prints a line to standard error, if anybody listens.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A name, or a message that quotes one, for one line of text: control characters are escaped.
pub fn shown(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars() {
        if c.is_control() { line.extend(c.escape_debug()) } else { line.push(c) }
    }
    line
}

/// Prints an error once, in one line, and gives its exit code.
pub fn conclude(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&shown(&format!("error: {error}")));
            ExitCode::from(error.exit_code())
        }
    }
}

/// Help and version as clap prints them; a usage error in at most 4 lines.
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
        tell(&shown(line));
    }
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_once() {
        let line = shown("a\nb\u{1b}é");
        assert_eq!(line, "a\\nb\\u{1b}é");
        assert_eq!(shown(&line), line);
    }
}
