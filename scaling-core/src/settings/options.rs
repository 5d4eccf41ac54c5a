//! The settings that one task adds.

use super::key::Key;
use super::value::{assign, parse};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Value;

/// The settings that one task adds (`unroll`, `vocabulary`, ...). Lists among them are what a study compares:
/// it trains every model with each of their values, and a trial has one (see [`Options::variants`]).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Options(pub(super) BTreeMap<String, Value>);

impl Options {
    /// The defaults of a task.
    ///
    /// # Errors
    /// Never, for defaults that suit their kinds.
    pub fn defaults(keys: &[Key]) -> Result<Self> {
        keys.iter().map(|k| Ok((k.name.to_owned(), parse(k, k.default)?))).collect::<Result<_>>().map(Self)
    }

    /// A whole number.
    pub fn count(&self, name: &str) -> u64 {
        self.0.get(name).and_then(Value::as_integer).map_or(0, |n| n as u64)
    }

    /// A number; of a list the first.
    pub fn number(&self, name: &str) -> f64 {
        let value = self.single(name);
        value.map_or(0.0, |v| v.as_float().unwrap_or_else(|| v.as_integer().unwrap_or(0) as f64))
    }

    /// A word; of a list the first.
    pub fn choice(&self, name: &str) -> &str {
        self.single(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Removes and returns a setting that is not an option of the task, such as `precision`.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)?.as_str().map(str::to_owned)
    }

    fn single(&self, name: &str) -> Option<&Value> {
        let value = self.0.get(name)?;
        value.as_array().map_or(Some(value), |list| list.first())
    }

    /// Every combination of one value from each list, and what tells it from the others: such as `["encoder
    /// bidirectional", "dropout 0.2"]`, nothing of lists of one value. Of a list that makes no difference
    /// only the first value counts.
    pub fn variants(&self, matters: impl Fn(&str) -> bool) -> Vec<(Vec<String>, Self)> {
        let mut variants = vec![(Vec::new(), self.clone())];
        for (name, list) in self.0.iter().filter_map(|(name, value)| Some((name, value.as_array()?))) {
            let list = if matters(name) { &list[..] } else { &list[..list.len().min(1)] };
            let with = |(names, options): &(Vec<String>, Self), value: &Value| {
                let (mut names, mut options) = (names.clone(), options.clone());
                options.0.insert(name.clone(), value.clone());
                if list.len() > 1 {
                    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    names.push(format!("{name} {value}"));
                }
                (names, options)
            };
            variants = variants.iter().flat_map(|v| list.iter().map(move |value| with(v, value))).collect();
        }
        variants
    }

    /// Overrides one option with a value as on the command line.
    ///
    /// # Errors
    /// If the key is unknown or the value does not suit it.
    pub fn set(&mut self, keys: &[Key], assignment: &str) -> Result<()> {
        let (key, value) = assign(keys, assignment)?;
        self.0.insert(key, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Layers;
    use super::super::key::Kind;
    use super::*;

    #[test]
    fn lists_of_a_task_are_variants() {
        const KEYS: &[Key] = &[
            Key::new("encoder", Kind::Choices(&["one", "two"]), "one", ""),
            Key::new("dropout", Kind::Shares, "0.2,0", ""),
            Key::new("unroll", Kind::Count, "80", ""),
        ];
        let options = Options::defaults(KEYS).unwrap();
        assert_eq!((options.number("dropout"), options.choice("encoder")), (0.2, "one"));
        let one = options.variants(|name| name != "dropout");
        assert_eq!((one.len(), &one[0].0, one[0].1.number("dropout")), (1, &vec![], 0.2));
        let variants = options.variants(|_| true);
        let names: Vec<String> = variants.iter().map(|(names, _)| names.join(", ")).collect();
        assert_eq!(names, ["dropout 0.2", "dropout 0.0"]);
        let second = &variants[1].1;
        assert_eq!(
            (second.number("dropout"), second.choice("encoder"), second.count("unroll")),
            (0.0, "one", 80)
        );
        let message = Layers::new(KEYS).unwrap().set("dropout=1").unwrap_err().to_string();
        assert_eq!(message, "`dropout` must be numbers from 0 to below 1 separated by commas, not `1`");
    }
}
