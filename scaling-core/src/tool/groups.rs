//! What was found for every curve of a file: printed together, refusals named.

use super::pretty;
use crate::error::{Error, Result};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What was found for the curve of a name, or why nothing was.
pub(super) type Found<'a, T> = (&'a str, Result<T>);

/// One JSON document: the only answer, or an object from group to answer.
pub(super) fn document<T: Serialize>(all: &[Found<'_, T>], single: bool) -> Result<String> {
    let value = |found: &Result<T>| match found {
        Ok(found) => json!(found),
        Err(error) => json!({ "refused": error.to_string() }),
    };
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

/// The outcome of the command: failed if some of the `what` were refused.
pub(super) fn conclude<T>(all: &[Found<'_, T>], what: &str) -> Result<()> {
    let refused: Vec<&str> = all.iter().filter(|(_, found)| found.is_err()).map(|(name, _)| *name).collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(Error::failed(format!("{} of {} {what} refused: {}", refused.len(), all.len(), refused.join(", "))))
}
