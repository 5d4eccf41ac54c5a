//! What was found for every curve of a file: printed together, refusals named.

use super::curves::Curves;
use super::pretty;
use crate::error::{Error, Result};
use crate::fit::curve::Curve;
use crate::report::document::Recorded;
use crate::terminal::{tell, write};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::path::Path;

/// What was found for the curve of a name, or why nothing was.
pub(super) type Found<'a, T> = (&'a str, Result<T>);

/// Asks the same of every curve of a file, after telling what a reader must know of them. `ask` gives what it
/// found for one curve, or an error that ends the command.
///
/// # Errors
/// That of `ask`; [`Error::Failed`] where there is but a `single` curve, without groups, and it is refused.
pub(super) fn ask_all<'a, T>(
    curves: &'a Curves,
    file: &Path,
    single: bool,
    mut ask: impl FnMut(&str, &Curve) -> Result<Result<T>>,
) -> Result<Vec<Found<'a, T>>> {
    curves.warnings.iter().for_each(|warning| tell(&format!("warning: {warning}")));
    let mut all: Vec<Found<'_, T>> = Vec::new();
    for (name, curve) in &curves.by_group {
        let found = match curve {
            // Of this curve alone.
            Err(error) => Err(error.clone()),
            Ok(curve) => ask(name, curve)?,
        };
        all.push((name, found));
    }
    // A single curve's refusal is the outcome of the command.
    if single && let Some((_, Err(error))) = all.first() {
        return Err(Error::failed(format!("{}: {error}", curves.place(file))));
    }
    Ok(all)
}

/// Prints what was found, as one JSON document or in the words of `prose`.
///
/// # Errors
/// [`Error::Input`] if some of the `what` were refused for bad input: a cell, or an m below the smallest
/// size; [`Error::Failed`] if others were.
pub(super) fn print<T: Serialize>(
    all: &[Found<'_, T>],
    what: &str,
    single: bool,
    json: bool,
    prose: impl FnOnce() -> String,
) -> Result<()> {
    let text = if json { document(all, single)? } else { prose() };
    write(text.as_bytes())?;
    conclude(all, what)
}

/// One JSON document: the only answer, or an object from group to answer.
pub(super) fn document<T: Serialize>(all: &[Found<'_, T>], single: bool) -> Result<String> {
    let value = |found: &Result<T>| json!(Recorded::of(found.as_ref()));
    let document = match all {
        [(_, only)] if single => value(only),
        _ => Value::Object(
            all.iter().map(|(name, found)| ((*name).to_owned(), value(found))).collect::<Map<_, _>>(),
        ),
    };
    pretty(&document)
}

/// What stands before the lines of a group.
pub(super) fn prefix(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("{name}: ") }
}

/// The outcome of the command.
fn conclude<T>(all: &[Found<'_, T>], what: &str) -> Result<()> {
    let refused: Vec<&str> = all.iter().filter(|(_, found)| found.is_err()).map(|(name, _)| *name).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let message = format!("{} of {} {what} refused: {}", refused.len(), all.len(), refused.join(", "));
    let is_bad_input = all.iter().any(|(_, found)| matches!(found, Err(Error::Input(_))));
    Err(if is_bad_input { Error::Input(message) } else { Error::Failed(message) })
}
