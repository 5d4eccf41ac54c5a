//! `scaling fit`: the law of a learning curve.

use super::curves::{self, Curves};
use super::groups::{self, Found};
use super::table::Columns;
use crate::error::{Error, Result};
use crate::fit::curve::Curve;
use crate::fit::interval::Interval;
use crate::fit::least_squares::{HUBER, Loss};
use crate::fit::published::{self, PublishedForm, Summary};
use crate::fit::{Fit, Form, Options, fit};
use crate::number::{grouped, percent, significant};
use crate::terminal::tell;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use std::path::PathBuf;

/// Digits of the parameters: rounding an exponent further would bias predictions.
const DIGITS: i32 = 5;

/// Fit E(m) = alpha m^beta (+ gamma) to a learning curve
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// CSV file with a header; rows with the same m are seeds of one point
    #[arg(value_name = "CURVE.csv")]
    file: PathBuf,
    /// Form of the law; a given form takes every point, `auto` also looks for the power-law region
    #[arg(long, default_value = "auto", value_parser = form_parser())]
    form: Form,
    /// Loss, with `--form power+const`: `huber` counts residuals of ln E beyond 0.001 less
    #[arg(long, default_value = "squares", value_parser = ["squares", "huber"])]
    loss: String,
    #[command(flatten)]
    columns: Columns,
    /// Confidence level of the intervals
    #[arg(long, default_value_t = 0.95)]
    level: f64,
    /// Error of the best constant predictor; the smallest sizes, which are no better, are left out
    #[arg(long, value_name = "E")]
    best_guess: Option<f64>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn form_parser() -> impl TypedValueParser<Value = Form> {
    let names = PossibleValuesParser::new(Form::ALL.map(Form::name));
    names.try_map(|name| name.parse::<Form>())
}

/// Fits every curve of the file and prints what was found; curves that are refused are named on
/// standard error.
///
/// # Errors
/// [`Error::Input`] for a bad file, cell or option, [`Error::Failed`] where a fit is refused.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { columns, form, level, best_guess, .. } = arguments;
    let curves = curves::read(&arguments.file, columns)?;
    let loss = if arguments.loss == "huber" { Loss::Huber(HUBER) } else { Loss::Squares };
    let options = Options { form: *form, level: *level, best_guess: *best_guess, loss, ..Options::default() };
    let single = columns.group.is_empty();
    let fits =
        groups::ask_all(&curves, &arguments.file, single, |_, curve| match fit_form(curve, &options) {
            Err(error @ Error::Input(_)) => Err(error),
            fitted => Ok(fitted),
        })?;
    groups::print(&fits, "fits", single, arguments.json, || prose(&fits, &curves))
}

/// A law of either family.
#[derive(Serialize)]
#[serde(untagged)]
enum Fitted {
    Power(Box<Fit>),
    Published(Box<Summary>),
}

impl Fitted {
    fn warnings(&self) -> &[String] {
        match self {
            Self::Power(fit) => &fit.warnings,
            Self::Published(summary) => &summary.warnings,
        }
    }
}

fn fit_form(curve: &Curve, options: &Options) -> Result<Fitted> {
    match PublishedForm::of(options.form) {
        Some(form) => {
            if options.best_guess.is_some() {
                let form = options.form;
                return Err(Error::input(format!("`--best-guess` goes with power laws, not with {form}")));
            }
            let (_, summary) = published::fit(curve, form, options)?;
            Ok(Fitted::Published(Box::new(summary)))
        }
        None => fit(curve, options).map(|fit| Fitted::Power(Box::new(fit))),
    }
}

/// A short paragraph for every fit; warnings go to standard error.
fn prose(fits: &[Found<'_, Fitted>], curves: &Curves) -> String {
    let paragraphs = fits.iter().map(|(name, fitted)| {
        let prefix = groups::prefix(name);
        match fitted {
            Ok(fit) => {
                fit.warnings().iter().for_each(|warning| tell(&format!("warning: {prefix}{warning}")));
                let text = match fit {
                    Fitted::Power(fit) => paragraph(fit, curves),
                    Fitted::Published(summary) => list(summary, curves),
                };
                format!("{prefix}{text}\n")
            }
            Err(error) => format!("{prefix}{error}\n"),
        }
    });
    paragraphs.collect::<Vec<_>>().concat()
}

fn paragraph(fit: &Fit, curves: &Curves) -> String {
    let number = |number: f64| significant(number, DIGITS);
    let ends = |interval: &Interval| format!("[{}, {}]", number(interval.low), number(interval.high));
    let constant =
        fit.ci.gamma.map_or(String::new(), |gamma| format!(", gamma {} {}", number(fit.gamma), ends(&gamma)));
    let plus = if fit.form == Form::PowerConst { format!(" + {}", number(fit.gamma)) } else { String::new() };
    format!(
        "{y} = {alpha} {x}^{beta}{plus}\n  \
         {form}: alpha {alpha} {alpha_ci}, beta {beta} {beta_ci}{constant}\n  \
         R2 {r2:.5}, relative RMSE {rmse}, {points} sizes from {from} to {to}; doubling {x} \
         multiplies the reducible part by {factor:.4}",
        x = curves.x,
        y = curves.y,
        form = fit.form,
        alpha = number(fit.alpha),
        alpha_ci = ends(&fit.ci.alpha),
        beta = number(fit.beta),
        beta_ci = ends(&fit.ci.beta),
        r2 = fit.r2,
        rmse = percent(fit.relative_rmse),
        points = fit.points,
        from = grouped(fit.region[0]),
        to = grouped(fit.region[1]),
        factor = 2f64.powf(fit.beta),
    )
}

/// The parameters of a form that has others than α, β and γ.
fn list(summary: &Summary, curves: &Curves) -> String {
    let parameters = summary.parameters.iter().map(|(name, value)| {
        let ci = summary.ci.get(name);
        let ci = ci.map_or("(not identified)".to_owned(), |ci| {
            format!("[{}, {}]", significant(ci.low, DIGITS), significant(ci.high, DIGITS))
        });
        format!("{name} {} {ci}", significant(*value, DIGITS))
    });
    format!(
        "{y} as a function of {x}, form {form}: {parameters}\n  \
         R2 {r2:.5}, relative RMSE {rmse}, {points} sizes from {from} to {to}",
        x = curves.x,
        y = curves.y,
        form = summary.form,
        parameters = parameters.collect::<Vec<_>>().join(", "),
        r2 = summary.r2,
        rmse = percent(summary.relative_rmse),
        points = summary.points,
        from = grouped(summary.region[0]),
        to = grouped(summary.region[1]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn fits() -> Vec<Found<'static, Fitted>> {
        let m = (10..19).map(|i| 2f64.powi(i));
        let curve = Curve::from_pairs(m.map(|m| (m, 2.5 * m.powf(-0.3) + 0.05))).unwrap();
        let short = Curve::from_pairs([(1.0, 2.0), (2.0, 1.0)]).unwrap();
        let options = Options::default();
        vec![("long", fit_form(&curve, &options)), ("short", fit_form(&short, &options))]
    }

    #[test]
    fn documents_are_json() {
        let fits = fits();
        let one: serde_json::Value =
            serde_json::from_str(&groups::document(&fits[..1], true).unwrap()).unwrap();
        assert_eq!(one["form"], "power+const");
        let both: serde_json::Value = serde_json::from_str(&groups::document(&fits, false).unwrap()).unwrap();
        assert_eq!(both["long"], one);
        assert!(both["short"]["refused"].as_str().unwrap().contains("needs 3 sizes"));
    }

    #[test]
    fn a_bad_cell_of_one_curve_is_bad_input() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("curve.csv");
        std::fs::write(&file, "g,m,error\na,1,4\na,2,3\na,4,2\nb,1,x\n").unwrap();
        let arguments = Arguments {
            file,
            form: Form::Auto,
            loss: "squares".to_owned(),
            columns: Columns { group: vec!["g".to_owned()], ..Columns::default() },
            level: 0.95,
            best_guess: None,
            json: false,
        };
        let refusal = run(&arguments).unwrap_err();
        assert_eq!((refusal.to_string().as_str(), refusal.exit_code()), ("1 of 2 fits refused: b", 2));
    }

    #[test]
    fn prose_names_the_columns() {
        let curves =
            Curves { x: "m".to_owned(), y: "loss".to_owned(), by_group: BTreeMap::new(), warnings: vec![] };
        let text = prose(&fits(), &curves);
        assert!(text.starts_with("long: loss = 2.5000 m^-0.30000 + 0.050000\n"), "{text}");
        assert!(text.contains("9 sizes from 1,024 to 262,144"), "{text}");
        assert!(text.contains("short: not fitted: "), "{text}");
    }
}
