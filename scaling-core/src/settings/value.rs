//! The values of settings, read as people write them.

use super::key::{Key, Kind, find};
use crate::error::{Error, Result};
use toml::Value;

/// Reads a value as written on the command line (`0.1,0.2` for lists).
///
/// # Errors
/// Names the key and what it may hold.
pub(super) fn parse(key: &Key, text: &str) -> Result<Value> {
    let wrong = |expected: &str| Error::input(format!("`{}` must be {expected}, not `{text}`", key.name));
    let one = |value: Option<Value>, expected: &str| value.ok_or_else(|| wrong(expected));
    let list = |item: &dyn Fn(&str) -> Option<Value>, expected: &str| {
        let items = parts(text).map(item).collect::<Option<Vec<Value>>>();
        one(items.filter(|items| !items.is_empty()).map(Value::Array), expected)
    };
    match key.kind {
        Kind::Count => one(count(text, 0), "a whole number >= 0"),
        Kind::Positive => one(count(text, 1), "a whole number > 0"),
        Kind::Number => one(number(text, |_| true), "a number"),
        Kind::NumberOr(word) if text == word => Ok(Value::String(text.to_owned())),
        Kind::NumberOr(word) => one(number(text, |_| true), &format!("a number or `{word}`")),
        Kind::Choice(words) => word(key, words, text),
        Kind::Counts => list(&|part| count(part, 1), "whole numbers > 0 separated by commas"),
        Kind::Numbers => list(&|part| number(part, |x| x > 0.0), "numbers > 0 separated by commas"),
        Kind::Reals => list(&|part| number(part, |_| true), "numbers separated by commas"),
        Kind::Shares => {
            let share = |part: &str| number(part, |x| (0.0..1.0).contains(&x));
            list(&share, "numbers from 0 to below 1 separated by commas")
        }
        Kind::Choices(words) => {
            let items = parts(text).map(|part| word(key, words, part)).collect::<Result<Vec<Value>>>()?;
            one(Some(items).filter(|items| !items.is_empty()).map(Value::Array), "a list of words")
        }
    }
}

/// The items of a list.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// A whole number from `least` on.
fn count(text: &str, least: i64) -> Option<Value> {
    let text = text.replace('_', "");
    // `1e6` is a whole number too.
    let real = || text.parse::<f64>().ok().filter(|x| x.fract() == 0.0 && x.abs() < 1e15).map(|x| x as i64);
    text.parse::<i64>().ok().or_else(real).filter(|n| *n >= least).map(Value::Integer)
}

/// A finite number that suits.
fn number(text: &str, suits: impl Fn(f64) -> bool) -> Option<Value> {
    text.replace('_', "").parse::<f64>().ok().filter(|x| x.is_finite() && suits(*x)).map(Value::Float)
}

/// One of some words.
fn word(key: &Key, words: &[&str], text: &str) -> Result<Value> {
    let unknown = || Error::unknown(&format!("value of `{}`", key.name), text, words.iter().copied());
    words.contains(&text).then(|| Value::String(text.to_owned())).ok_or_else(unknown)
}

/// Brings a value from a configuration file into the form of the command line, and parses that.
pub(super) fn parse_toml(key: &Key, value: &Value) -> Result<Value> {
    fn text(value: &Value) -> String {
        match value {
            Value::String(s) => s.clone(),
            Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        }
    }
    parse(key, &text(value))
}

/// Reads `key=value`.
///
/// # Errors
/// If it is none, the key is unknown or the value does not suit it.
pub(super) fn assign(keys: &[Key], assignment: &str) -> Result<(String, Value)> {
    let (name, text) = assignment
        .split_once('=')
        .ok_or_else(|| Error::input(format!("`--set {assignment}` must have the form key=value")))?;
    let key = find(keys, name.trim())?;
    Ok((key.name.to_owned(), parse(key, text.trim())?))
}
