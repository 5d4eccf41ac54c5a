//! `scaling forecast`: what more data will bring, and what an error will cost.

use super::curves::{self, Curves};
use super::fit::form_parser;
use super::groups::{self, Found};
use super::table::Columns;
use super::{check_output, write_named};
use crate::error::{Error, Result};
use crate::fit::curve::Curve;
use crate::fit::forecast::{DataForError, FURTHEST, Forecast, Forecaster};
use crate::fit::{Form, Options};
use crate::number::{self, grouped, significant};
use crate::report::outlook::{self, Outlook};
use crate::terminal::tell;
use clap::{ArgGroup, Args};
use serde::Serialize;
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
    /// Error of the best constant predictor, with `--form power` or `power+const`; the smallest sizes, which
    /// are no better, are left out
    #[arg(long, value_name = "E")]
    best_guess: Option<f64>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Draw the curves and their forecasts
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// A figure goes at least to this multiple of the largest size.
const DRAWN: f64 = 4.0;
/// Places at which a forecast is drawn.
const PLACES: usize = 40;

/// Forecasts every curve of the file; curves that are refused are named on standard error.
///
/// # Errors
/// [`Error::Input`] for a bad file, cell or option, [`Error::Failed`] where a forecast is refused.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { columns, form, level, best_guess, .. } = arguments;
    if let Some(bad) = arguments.at.iter().chain(&arguments.target).find(|n| !(n.is_finite() && **n > 0.0)) {
        let hint = if *bad == 0.0 && arguments.at.len() + arguments.target.len() > 1 {
            " (commas separate several: write 1000000 or 1e6)"
        } else {
            ""
        };
        return Err(Error::input(format!("a forecast needs numbers above 0; got {bad}{hint}")));
    }
    if let Some(file) = &arguments.svg {
        check_output(file, "svg")?;
    }
    if best_guess.is_some() && !matches!(form, Form::Power | Form::PowerConst) {
        return Err(Error::input(format!(
            "`--best-guess` goes with power laws, not with {form}; leave it out, or give --form power or power+const"
        )));
    }
    let options = Options { form: *form, level: *level, best_guess: *best_guess, ..Options::default() };
    options.check()?;
    let curves = curves::read(&arguments.file, columns)?;
    let mut outlooks: Vec<Outlook> = Vec::new();
    let mut answer = |name: &str, curve: &Curve| -> Result<Vec<Answer>> {
        let forecaster = Forecaster::new(curve, &options)?;
        let at = arguments.at.iter().map(|m| forecaster.at(*m).map(Answer::Error));
        let target = arguments.target.iter().map(|error| forecaster.cost(*error).map(Answer::Data));
        let answers: Vec<Answer> = at.chain(target).collect::<Result<_>>()?;
        if arguments.svg.is_some() {
            outlooks.push(outlook(name, curve, &forecaster, &answers)?);
        }
        Ok(answers)
    };
    let single = columns.group.is_empty();
    let all = groups::ask_all(&curves, &arguments.file, single, |name, curve| match answer(name, curve) {
        // With groups, an m that one curve cannot answer does not silence the others.
        Err(Error::Input(reason)) if single => {
            Err(Error::input(format!("{}: {reason}", arguments.file.display())))
        }
        answers => Ok(answers),
    })?;
    if let Some(file) = &arguments.svg {
        draw(file, &outlooks, &curves, *level)?;
    }
    groups::print(&all, "forecasts", single, arguments.json, || prose(&all, &curves, *level))
}

/// The answer to one question.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Answer {
    Error(Forecast),
    Data(DataForError),
}

/// The forecasts from the last size to what was asked for, or a little beyond the last size.
fn outlook(name: &str, curve: &Curve, forecaster: &Forecaster, answers: &[Answer]) -> Result<Outlook> {
    let points = curve.values();
    let last = points[points.len() - 1].0;
    let asked = answers.iter().filter_map(|answer| match answer {
        Answer::Error(forecast) => Some(forecast.m),
        Answer::Data(cost) => cost.m,
    });
    let end = asked.fold(DRAWN * last, f64::max);
    let step = (end / last).ln() / (PLACES - 1) as f64;
    let ahead = (0..PLACES).map(|i| forecaster.at(last * (step * i as f64).exp())).collect::<Result<_>>()?;
    let name = if name.is_empty() { "forecast" } else { name }.to_owned();
    Ok(Outlook { name, points, ahead })
}

/// Writes the figure, if there is a curve to draw.
fn draw(file: &Path, outlooks: &[Outlook], curves: &Curves, level: f64) -> Result<()> {
    if outlooks.is_empty() {
        tell(&format!("{} is not written: no curve has a forecast", file.display()));
        return Ok(());
    }
    write_named(file, &outlook::draw(outlooks, &curves.x, &curves.y, level)?)
}

/// A line for every answer; warnings go to standard error, each once for a curve.
fn prose(all: &[Found<'_, Vec<Answer>>], curves: &Curves, level: f64) -> String {
    let mut text = String::new();
    for (name, answers) in all {
        let prefix = groups::prefix(name);
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
                tell(&format!("warning: {prefix}{warning}"));
                said.push(warning);
            }
        }
    }
    text
}

fn error_line(forecast: &Forecast, curves: &Curves, level: f64) -> String {
    let digits = |number: f64| significant(number, DIGITS);
    format!(
        "at {x} = {m}: {y} = {error}, {share} of measurements in [{low}, {high}]",
        x = curves.x,
        m = grouped(forecast.m),
        y = curves.y,
        error = digits(forecast.error),
        share = number::level(level),
        low = digits(forecast.low),
        high = digits(forecast.high),
    )
}

fn data_line(cost: &DataForError, curves: &Curves, level: f64) -> String {
    let size =
        |m: Option<f64>| m.map_or_else(|| format!("more than {FURTHEST:.0} times the largest"), grouped);
    format!(
        "{y} = {error} costs {x} = {m}; {share}: from {low} to {high}",
        y = curves.y,
        error = significant(cost.error, DIGITS),
        x = curves.x,
        m = size(cost.m),
        share = number::level(level),
        low = size(cost.low),
        high = size(cost.high),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// What `scaling forecast --group g --at 8` is asked of two curves.
    fn asked(folder: &Path) -> Arguments {
        let file = folder.join("curve.csv");
        std::fs::write(&file, "g,m,error\na,1,4\na,2,3\na,4,2\nb,1,5\nb,2,4\nb,4,3\n").unwrap();
        let columns = Columns { group: vec!["g".to_owned()], ..Columns::default() };
        let (form, level, best_guess) = (Form::Auto, 0.9, None);
        Arguments {
            file,
            at: vec![8.0],
            target: vec![],
            form,
            columns,
            level,
            best_guess,
            json: false,
            svg: None,
        }
    }

    #[test]
    fn a_bad_level_is_bad_usage_and_not_a_refusal_of_every_curve() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = run(&Arguments { level: 2.0, ..asked(folder.path()) }).unwrap_err();
        assert_eq!(refusal.exit_code(), 2);
        assert!(
            refusal.to_string().starts_with("the confidence level is a number between 0 and 1"),
            "{refusal}"
        );
    }

    #[test]
    fn a_bad_cell_of_one_curve_is_bad_input_and_a_short_curve_is_not() {
        let folder = tempfile::tempdir().unwrap();
        for (row, code) in [("b,2,x", 2), ("a,8,1.5", 1)] {
            let asked = asked(folder.path());
            std::fs::write(&asked.file, format!("g,m,error\na,1,4\na,2,3\na,4,2\nb,1,5\n{row}\n")).unwrap();
            let refusal = run(&asked).unwrap_err();
            assert_eq!(
                (refusal.to_string().as_str(), refusal.exit_code()),
                ("1 of 2 forecasts refused: b", code)
            );
        }
    }

    #[test]
    fn a_best_guess_goes_with_power_laws_alone() {
        let folder = tempfile::tempdir().unwrap();
        for form in [Form::Auto, Form::Shifted, Form::M4, Form::Broken] {
            let guessing = Arguments { form, best_guess: Some(4.5), ..asked(folder.path()) };
            let refusal = run(&guessing).unwrap_err();
            let expected = format!("`--best-guess` goes with power laws, not with {form}; leave it out");
            assert!(refusal.exit_code() == 2 && refusal.to_string().starts_with(&expected), "{refusal}");
        }
    }

    #[test]
    fn without_a_forecast_there_is_no_figure() {
        let folder = tempfile::tempdir().unwrap();
        let Arguments { file, columns, .. } = asked(folder.path());
        let (curves, figure) = (curves::read(&file, &columns).unwrap(), folder.path().join("f.svg"));
        draw(&figure, &[], &curves, 0.9).unwrap();
        assert!(!figure.exists());
    }

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
        let value: serde_json::Value = serde_json::from_str(&groups::document(&all, true).unwrap()).unwrap();
        let keys = |i: usize| value[i].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(0), ["error", "high", "low", "m"]);
        assert_eq!(keys(1), ["error", "high", "low", "m"]);
        let curves =
            Curves { x: "m".to_owned(), y: "loss".to_owned(), by_group: BTreeMap::new(), warnings: vec![] };
        let text = prose(&all, &curves, 0.9);
        assert!(text.starts_with("at m = 512,000: loss = 0.19"), "{text}");
        assert!(text.contains("loss = 0.2000 costs m = 4"), "{text}");
    }
}
