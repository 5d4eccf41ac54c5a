//! The settings of a study: their names, kinds and defaults, wherever they come from
//! (task defaults, `--preset`, `--config FILE.toml`, `--set key=value`; later ones win).

use crate::error::{Error, Result};
use crate::nn::Precision;
use crate::shard::Mode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// What a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number >= 0.
    Count,
    /// A whole number > 0.
    Positive,
    /// A number.
    Number,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// A list of whole numbers > 0.
    Counts,
    /// A list of numbers > 0.
    Numbers,
    /// A list of numbers.
    Reals,
    /// A list of numbers from 0 to below 1.
    Shares,
    /// A list of some words.
    Choices(&'static [&'static str]),
}

/// The name of a setting, what it may hold, its default, and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// As in `study.toml` and `--set`.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// As it would be written on the command line.
    pub default: &'static str,
    /// One line.
    pub help: &'static str,
}

const fn key(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Key {
    Key { name, kind, default, help }
}

/// The settings that every task has.
pub const KEYS: &[Key] = &[
    key("shards", Kind::Counts, "1000", "training-set sizes m, in the task's unit"),
    key("mode", Kind::Choice(&["independent", "disjoint", "nested"]), "independent", "how shards relate"),
    key("sizes", Kind::Numbers, "1", "model sizes (hidden units, width or filter factor)"),
    key("seeds", Kind::Count, "1", "repetitions of every point, each with its own shard and initialisation"),
    key(
        "search",
        Kind::Choice(&["grid", "guided"]),
        "grid",
        "guided: large shards try only neighbours of the best settings of the shard before",
    ),
    key(
        "optimizers",
        Kind::Choices(&["sgd", "nesterov", "adam"]),
        "sgd",
        "optimisers; each gives a curve of its own",
    ),
    key("sgd_rates", Kind::Numbers, "0.2", "learning rates of SGD, with momentum or without"),
    key("adam_rates", Kind::Numbers, "0.001", "learning rates of Adam"),
    key("batch_sizes", Kind::Counts, "32", "sequences or images per update"),
    key(
        "schedule",
        Kind::Choice(&["constant", "plateau"]),
        "plateau",
        "plateau: reduce the rate when the validation loss stalls",
    ),
    key("drop", Kind::Number, "0.5", "factor on the learning rate at each reduction"),
    key("drops", Kind::Count, "3", "maximum number of rate reductions"),
    key("stall", Kind::Count, "2", "evaluations without improvement before the rate is reduced"),
    key(
        "patience",
        Kind::Count,
        "2",
        "evaluations without improvement at the lowest rate before training stops",
    ),
    key("epochs", Kind::Count, "200", "maximum passes over the shard"),
    key("clip", Kind::Number, "10", "largest global gradient norm; 0 = none"),
    key("adam_beta2", Kind::Number, "0.999", "decay of Adam's second moment"),
    key("adam_epsilon", Kind::Number, "1e-8", "offset of Adam's denominator"),
    key("validation", Kind::Count, "0", "validation samples; 0 = the whole validation part"),
    key("level", Kind::Number, "0.95", "level of the intervals"),
    key(
        "precision",
        Kind::Choice(Precision::NAMES),
        "f32",
        "precision of matrix products; bf16 needs a device tch:...",
    ),
    key("checkpoint_seconds", Kind::Number, "60", "time between checkpoints"),
    key(
        "weights",
        Kind::Choice(&["best", "all", "none"]),
        "best",
        "whose trained weights are kept: the best trial of each shard, all, none",
    ),
];

/// The default of a setting that every task has.
pub(crate) fn default(name: &str) -> Option<Value> {
    let key = KEYS.iter().find(|key| key.name == name)?;
    parse(key, key.default).ok()
}

/// Settings that change no result: a study may be resumed with other values.
pub const HARMLESS: &[&str] = &["checkpoint_seconds", "level", "weights"];

/// The settings that every task has, typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // documented in `KEYS`
pub struct Settings {
    pub shards: Vec<u64>,
    pub mode: Mode,
    pub sizes: Vec<f64>,
    pub seeds: u64,
    pub search: String,
    pub optimizers: Vec<String>,
    pub sgd_rates: Vec<f64>,
    pub adam_rates: Vec<f64>,
    pub batch_sizes: Vec<u64>,
    pub schedule: String,
    pub drop: f64,
    pub drops: u64,
    pub stall: u64,
    pub patience: u64,
    pub epochs: u64,
    pub clip: f64,
    pub adam_beta2: f64,
    pub adam_epsilon: f64,
    pub validation: u64,
    pub level: f64,
    pub precision: String,
    pub checkpoint_seconds: f64,
    pub weights: String,
}

/// The settings that one task adds (`unroll`, `vocabulary`, ...). Lists among them are what a study compares:
/// it trains every model with each of their values, and a trial has one (see [`Options::variants`]).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Options(BTreeMap<String, Value>);

impl Options {
    /// The defaults of a task.
    ///
    /// # Errors
    /// Never, for defaults that suit their kinds.
    pub fn defaults(keys: &[Key]) -> Result<Self> {
        keys.iter().map(|k| Ok((k.name.to_owned(), parse(k, k.default)?))).collect::<Result<_>>().map(Self)
    }

    /// A whole number.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.0.get(name).and_then(Value::as_integer).map_or(0, |n| n as u64)
    }

    /// A number; of a list the first.
    #[must_use]
    pub fn number(&self, name: &str) -> f64 {
        let value = self.single(name);
        value.map_or(0.0, |v| v.as_float().unwrap_or_else(|| v.as_integer().unwrap_or(0) as f64))
    }

    /// A word; of a list the first.
    #[must_use]
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

    /// Every combination of one value from each list, and what tells it from the others: such as
    /// `["encoder bidirectional", "dropout 0.2"]`, nothing of lists of one value.
    #[must_use]
    pub fn variants(&self) -> Vec<(Vec<String>, Self)> {
        let mut variants = vec![(Vec::new(), self.clone())];
        for (name, list) in self.0.iter().filter_map(|(name, value)| Some((name, value.as_array()?))) {
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

/// Reads a value as written on the command line (`0.1,0.2` for lists).
///
/// # Errors
/// Names the key and what it may hold.
fn parse(key: &Key, text: &str) -> Result<Value> {
    let wrong = |expected: &str| Error::input(format!("`{}` must be {expected}, not `{text}`", key.name));
    let list = || text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let number = |part: &str| part.replace('_', "").parse::<f64>().ok().filter(|x| x.is_finite());
    let count = |part: &str| part.replace('_', "").parse::<i64>().ok().filter(|n| *n >= 0);
    let filled = |items: Vec<Value>, expected: &str| {
        if items.is_empty() { Err(wrong(expected)) } else { Ok(Value::Array(items)) }
    };
    match key.kind {
        Kind::Positive => {
            count(text).filter(|n| *n > 0).map(Value::Integer).ok_or_else(|| wrong("a whole number > 0"))
        }
        Kind::Count => count(text).map(Value::Integer).ok_or_else(|| wrong("a whole number >= 0")),
        Kind::Number => number(text).map(Value::Float).ok_or_else(|| wrong("a number")),
        Kind::Choice(words) => words
            .contains(&text)
            .then(|| Value::String(text.to_owned()))
            .ok_or_else(|| Error::unknown(&format!("value of `{}`", key.name), text, words.iter().copied())),
        Kind::Counts => {
            let expected = "whole numbers > 0 separated by commas";
            let items: Option<Vec<Value>> =
                list().map(|p| count(p).filter(|n| *n > 0).map(Value::Integer)).collect();
            filled(items.ok_or_else(|| wrong(expected))?, expected)
        }
        Kind::Numbers => {
            let expected = "numbers > 0 separated by commas";
            let items: Option<Vec<Value>> =
                list().map(|p| number(p).filter(|x| *x > 0.0).map(Value::Float)).collect();
            filled(items.ok_or_else(|| wrong(expected))?, expected)
        }
        Kind::Reals => {
            let expected = "numbers separated by commas";
            let items: Option<Vec<Value>> = list().map(|p| number(p).map(Value::Float)).collect();
            filled(items.ok_or_else(|| wrong(expected))?, expected)
        }
        Kind::Shares => {
            let expected = "numbers from 0 to below 1 separated by commas";
            let items: Option<Vec<Value>> =
                list().map(|p| number(p).filter(|x| (0.0..1.0).contains(x)).map(Value::Float)).collect();
            filled(items.ok_or_else(|| wrong(expected))?, expected)
        }
        Kind::Choices(words) => {
            let items: Result<Vec<Value>> = list()
                .map(|part| {
                    let unknown =
                        || Error::unknown(&format!("value of `{}`", key.name), part, words.iter().copied());
                    words.contains(&part).then(|| Value::String(part.to_owned())).ok_or_else(unknown)
                })
                .collect();
            filled(items?, "a list of words")
        }
    }
}

/// Brings a value from a configuration file into the form of the command line, and parses that.
fn parse_toml(key: &Key, value: &Value) -> Result<Value> {
    fn text(value: &Value) -> String {
        match value {
            Value::String(s) => s.clone(),
            Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        }
    }
    parse(key, &text(value))
}

fn assign(keys: &[Key], assignment: &str) -> Result<(String, Value)> {
    let (name, text) = assignment
        .split_once('=')
        .ok_or_else(|| Error::input(format!("`--set {assignment}` must have the form key=value")))?;
    let key = find(keys, name.trim())?;
    Ok((key.name.to_owned(), parse(key, text.trim())?))
}

fn find<'a>(keys: &'a [Key], name: &str) -> Result<&'a Key> {
    const OPTIONS: [(&str, &str); 5] =
        [("models", "model"), ("data", "data"), ("preset", "preset"), ("device", "device"), ("seed", "seed")];
    const NOTES: [&str; 6] = ["version", "task", "fingerprint", "command", "compute", "schema"];
    if let Some((_, option)) = OPTIONS.iter().find(|(key, _)| *key == name) {
        return Err(Error::input(format!("`{name}` is no setting; give it as `--{option}`")));
    }
    if NOTES.contains(&name) {
        return Err(Error::input(format!(
            "`{name}` says how a study was begun and cannot be set; leave it out"
        )));
    }
    keys.iter()
        .find(|k| k.name == name)
        .ok_or_else(|| Error::unknown("setting", name, keys.iter().map(|k| k.name)))
}

/// Collects settings from their sources, in rising order of precedence.
#[derive(Debug, Clone)]
pub struct Layers {
    keys: Vec<Key>,
    values: Table,
}

impl Layers {
    /// Starts with the defaults of the core and of a task.
    ///
    /// # Errors
    /// Never, for defaults that suit their kinds.
    pub fn new(task_keys: &[Key]) -> Result<Self> {
        let keys: Vec<Key> = KEYS.iter().chain(task_keys).copied().collect();
        let values =
            keys.iter().map(|k| Ok((k.name.to_owned(), parse(k, k.default)?))).collect::<Result<_>>()?;
        Ok(Self { keys, values })
    }

    /// Adds (key, value) pairs as written on the command line.
    ///
    /// # Errors
    /// If a key is unknown or a value does not suit it.
    pub fn pairs(&mut self, pairs: &[(&'static str, String)]) -> Result<()> {
        for (name, text) in pairs {
            let key = find(&self.keys, name)?;
            self.values.insert(key.name.to_owned(), parse(key, text)?);
        }
        Ok(())
    }

    /// Adds the content of a configuration file.
    ///
    /// # Errors
    /// If a key is unknown or a value does not suit it.
    pub fn table(&mut self, table: &Table) -> Result<()> {
        for (name, value) in table {
            let key = find(&self.keys, name)?;
            self.values.insert(key.name.to_owned(), parse_toml(key, value)?);
        }
        Ok(())
    }

    /// Adds `--set key=value`.
    ///
    /// # Errors
    /// If the key is unknown or the value does not suit it.
    pub fn set(&mut self, assignment: &str) -> Result<()> {
        let (name, value) = assign(&self.keys, assignment)?;
        self.values.insert(name, value);
        Ok(())
    }

    /// The typed settings of the core, and the options of the task.
    ///
    /// # Errors
    /// If a value is out of its range.
    pub fn resolve(&self) -> Result<(Settings, Options)> {
        let mut settings: Settings = self
            .values
            .clone()
            .try_into()
            .map_err(|e: toml::de::Error| Error::input(e.message().to_owned()))?;
        settings.shards.sort_unstable();
        settings.shards.dedup();
        settings.sizes.sort_by(f64::total_cmp);
        settings.sizes.dedup();
        if settings.seeds == 0 || settings.epochs == 0 || settings.patience == 0 {
            return Err(Error::input("`seeds`, `epochs` and `patience` must be at least 1"));
        }
        if !(settings.level > 0.5 && settings.level < 1.0) {
            return Err(Error::input(format!("`level` must lie between 0.5 and 1, not {}", settings.level)));
        }
        if !(0.0..=1e9).contains(&settings.checkpoint_seconds) || settings.clip < 0.0 {
            return Err(Error::input(
                "`checkpoint_seconds` must lie between 0 and 1e9, and `clip` must not be negative",
            ));
        }
        if !(settings.drop > 0.0 && settings.drop < 1.0) {
            return Err(Error::input(format!("`drop` must lie between 0 and 1, not {}", settings.drop)));
        }
        if !(0.0..1.0).contains(&settings.adam_beta2) || settings.adam_epsilon <= 0.0 {
            return Err(Error::input("`adam_beta2` must lie between 0 and 1, and `adam_epsilon` above 0"));
        }
        // The guided search takes neighbours in the list for neighbours in value.
        for rates in [&mut settings.sgd_rates, &mut settings.adam_rates] {
            rates.sort_by(f64::total_cmp);
            rates.dedup();
        }
        settings.batch_sizes.sort_unstable();
        settings.batch_sizes.dedup();
        if settings.mode == Mode::Disjoint && settings.shards.windows(2).any(|w| w[1] < 2 * w[0]) {
            return Err(Error::input("disjoint shards must lie at least a factor 2 apart"));
        }
        let core: Vec<&str> = KEYS.iter().map(|k| k.name).collect();
        let options = self.values.iter().filter(|(name, _)| !core.contains(&name.as_str()));
        Ok((settings, Options(options.map(|(k, v)| (k.clone(), v.clone())).collect())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describes_a_study_is_no_setting() {
        let error = find(KEYS, "seed").expect_err("an option");
        assert_eq!(error.to_string(), "`seed` is no setting; give it as `--seed`");
        assert!(find(KEYS, "command").expect_err("a note").to_string().contains("leave it out"));
    }

    const UNROLL: &[Key] = &[key("unroll", Kind::Count, "80", "steps")];

    #[test]
    fn later_layers_win_and_names_are_checked() {
        let mut layers = Layers::new(UNROLL).unwrap();
        layers.pairs(&[("shards", "200,100".into())]).unwrap();
        layers.table(&toml::from_str("sizes = [64, 32]\nunroll = 20").unwrap()).unwrap();
        layers.set("unroll=40").unwrap();
        let (settings, options) = layers.resolve().unwrap();
        assert_eq!(settings.shards, [100, 200]);
        assert_eq!(settings.sizes, [32.0, 64.0]);
        assert_eq!(options.count("unroll"), 40);
        let message = layers.set("shard=3").unwrap_err().to_string();
        assert!(message.contains("did you mean `shards`"), "{message}");
        let message = layers.set("shards=3,x").unwrap_err().to_string();
        assert_eq!(message, "`shards` must be whole numbers > 0 separated by commas, not `3,x`");
        let message = layers.set("mode=nestd").unwrap_err().to_string();
        assert!(message.contains("did you mean `nested`"), "{message}");
    }

    #[test]
    fn lists_of_a_task_are_variants() {
        const KEYS: &[Key] = &[
            key("encoder", Kind::Choices(&["one", "two"]), "one", ""),
            key("dropout", Kind::Shares, "0.2,0", ""),
            key("unroll", Kind::Count, "80", ""),
        ];
        let options = Options::defaults(KEYS).unwrap();
        assert_eq!((options.number("dropout"), options.choice("encoder")), (0.2, "one"));
        let variants = options.variants();
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
