//! `scaling forecast`: what more data will bring, and what an error will cost.

use super::curves::{self, Columns, Curves};
use super::fit::form_parser;
use super::print;
use crate::error::{At, Error, Result};
use crate::fit::forecast::{Cost, FURTHEST, Forecast, Forecaster};
use crate::fit::{Form, Options};
use crate::report::number::{grouped, significant};
use clap::{ArgGroup, Args};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Digits of an error.
const DIGITS: i32 = 4;

/// Forecast a learning curve: the error at more data, or the data that an error will cost
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("question").required(true).args(["at", "target"])))]
pub(super) struct Arguments {
    /// CSV file with a header; rows with the same m are seeds of one point
    #[arg(value_name = "CURVE.csv")]
    file: PathBuf,
    /// Numbers of samples to forecast the error at, separated by commas
    #[arg(long, value_name = "M", value_delimiter = ',')]
    at: Vec<f64>,
    /// Errors to find the number of samples for, separated by commas
    #[arg(long, value_name = "E", value_delimiter = ',')]
    target: Vec<f64>,
    /// Form of the law; `auto` follows the local trend of the curve
    #[arg(long, default_value = "auto", value_parser = form_parser())]
    form: Form,
    #[command(flatten)]
    columns: Columns,
    /// Share of measurements that the intervals contain
    #[arg(long, default_value_t = 0.9)]
    level: f64,
    /// Error of the best constant predictor; sizes that are no better are left out by the power laws
    #[arg(long, value_name = "E")]
    best_guess: Option<f64>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Forecasts every curve of the file; curves that are refused are named on standard error.
///
/// # Errors
/// [`Error::Input`] for a bad file or option, [`Error::Failed`] where a forecast is refused.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { columns, form, level, best_guess, .. } = arguments;
    let curves = curves::read(&arguments.file, columns)?;
    let options = Options { form: *form, level: *level, best_guess: *best_guess, ..Options::default() };
    let mut all: Vec<(&str, Result<Vec<Answer>>)> = Vec::new();
    for (name, curve) in &curves.by_group {
        let answers = Forecaster::new(curve, &options).and_then(|forecaster| {
            let at = arguments.at.iter().map(|m| forecaster.at(*m).map(Answer::Error));
            let target = arguments.target.iter().map(|error| forecaster.cost(*error).map(Answer::Data));
            at.chain(target).collect()
        });
        if let Err(Error::Input(reason)) = &answers {
            let group = if name.is_empty() { String::new() } else { format!(", {name}") };
            return Err(Error::input(format!("{}{group}: {reason}", arguments.file.display())));
        }
        all.push((name, answers));
    }
    let single = columns.group.is_empty();
    if single && let Some((_, Err(error))) = all.first() {
        return Err(Error::failed(format!("{}: {error}", arguments.file.display())));
    }
    let text = if arguments.json { document(&all, single)? } else { prose(&all, &curves, *level) };
    print(text.as_bytes())?;
    let refused: Vec<&str> = all.iter().filter(|(_, a)| a.is_err()).map(|(name, _)| *name).collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(Error::failed(format!(
        "{} of {} forecasts refused: {}",
        refused.len(),
        all.len(),
        refused.join(", ")
    )))
}

/// The answer to one question.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Answer {
    Error(Forecast),
    Data(Cost),
}

/// The list of answers, or an object from group to it.
fn document(all: &[(&str, Result<Vec<Answer>>)], single: bool) -> Result<String> {
    let value = |answers: &Result<Vec<Answer>>| match answers {
        Ok(answers) => json!(answers),
        Err(error) => json!({ "refused": error.to_string() }),
    };
    let document = if single {
        all.first().map_or(Value::Null, |(_, answers)| value(answers))
    } else {
        Value::Object(all.iter().map(|(name, a)| ((*name).to_owned(), value(a))).collect::<Map<_, _>>())
    };
    let text = serde_json::to_string_pretty(&document).at("write", Path::new("standard output"))?;
    Ok(text + "\n")
}

/// A line for every answer; warnings go to standard error, each once for a curve.
fn prose(all: &[(&str, Result<Vec<Answer>>)], curves: &Curves, level: f64) -> String {
    let mut text = String::new();
    for (name, answers) in all {
        let prefix = if name.is_empty() { String::new() } else { format!("{name}: ") };
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) => {
                text.extend([&prefix, &error.to_string(), "\n"]);
                continue;
            }
        };
        let mut said: Vec<&String> = Vec::new();
        for answer in answers {
            let (line, warnings) = match answer {
                Answer::Error(forecast) => (error_line(forecast, curves, level), &forecast.warnings),
                Answer::Data(cost) => (data_line(cost, curves, level), &cost.warnings),
            };
            text.extend([&prefix[..], &line, "\n"]);
            for warning in warnings.iter().filter(|w| !said.contains(w)).collect::<Vec<_>>() {
                eprintln!("warning: {prefix}{warning}");
                said.push(warning);
            }
        }
    }
    text
}

fn error_line(forecast: &Forecast, curves: &Curves, level: f64) -> String {
    let number = |number: f64| significant(number, DIGITS);
    format!(
        "at {x} = {m}: {y} = {error}, {share:.0} % of measurements in [{low}, {high}]",
        x = curves.x,
        m = grouped(forecast.m),
        y = curves.y,
        error = number(forecast.error),
        share = 100.0 * level,
        low = number(forecast.low),
        high = number(forecast.high),
    )
}

fn data_line(cost: &Cost, curves: &Curves, level: f64) -> String {
    let size = |m: Option<f64>| {
        m.map_or_else(|| format!("more than {FURTHEST:.0} times the largest"), |m| grouped(m.round()))
    };
    format!(
        "{y} = {error} costs {x} = {m}; {share:.0} %: from {low} to {high}",
        y = curves.y,
        error = significant(cost.error, DIGITS),
        x = curves.x,
        m = size(cost.m),
        share = 100.0 * level,
        low = size(cost.low),
        high = size(cost.high),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::curve::Curve;
    use std::collections::BTreeMap;

    #[test]
    fn answers_have_the_fixed_keys() {
        let m = (0..9).map(|i| 1000.0 * 2f64.powi(i));
        let curve = Curve::from_pairs(m.map(|m| (m, 10.0 * m.powf(-0.3)))).unwrap();
        let forecaster = Forecaster::new(&curve, &Options { level: 0.9, ..Options::default() }).unwrap();
        let answers = vec![
            Answer::Error(forecaster.at(512_000.0).unwrap()),
            Answer::Data(forecaster.cost(0.2).unwrap()),
        ];
        let all = [("", Ok(answers))];
        let value: Value = serde_json::from_str(&document(&all, true).unwrap()).unwrap();
        let keys = |i: usize| value[i].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(0), ["error", "high", "low", "m"]);
        assert_eq!(keys(1), ["error", "high", "low", "m"]);
        let curves = Curves { x: "m".to_owned(), y: "loss".to_owned(), by_group: BTreeMap::new() };
        let text = prose(&all, &curves, 0.9);
        assert!(text.starts_with("at m = 512,000: loss = 0.19"), "{text}");
        assert!(text.contains("loss = 0.2000 costs m = 4"), "{text}");
    }
}
