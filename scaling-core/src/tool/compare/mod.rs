//! `scaling compare`: the exponents of studies side by side, as in tables 2 and 3 of the paper.
//!
//! `--json` prints one document:
//!
//! ```text
//! level     confidence level of every interval
//! rows      from the flattest learning curve to the steepest; rows without a fit come last
//!   study, task, model, variant, metric, unit (of the error), m_unit
//!   m_range, points      range of m and number of sizes that the power law was fitted to, of `shards`
//!   form                 `power`: E(m) = alpha m^beta_g, the composite curve's
//!   alpha, beta_g, beta_p      {value, ci: [low, high]}, or null
//!   constant             {alpha, beta_g, gamma} of the law with a constant, where gamma's interval excludes 0
//!   refused, beta_p_refused    why there is no fit, or null
//!   paper                {beta_g, beta_p, source} for the same model and metric, or null
//!   cost                 {seconds, flops, trials, timed} of the curve's trials; seconds are those of the `timed`
//!   separated_from_next  whether the interval of difference_to_next excludes 0, or null
//!   difference_to_next   beta_g less that of the next row: {value, ci}, or null
//!   beta_g_allowing_constant, difference_to_next_allowing_constant   the same of the law with a constant, or null
//!   warnings             of the fit
//! relation  {method, rows, rho, p, sentence}: rank correlation of beta_g and beta_p
//! caveat    what the paper's figures are and are not
//! ```

mod estimate;
mod page;
mod paper;
mod relation;
mod row;
mod source;
mod table;

use super::{check_output, pretty, write_named};
use crate::error::{Error, Result};
use crate::number;
use crate::terminal::write;
use clap::Args;
use estimate::IntervalEstimate;
use relation::Relation;
use row::Row;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Compare the exponents of studies, from the flattest learning curve to the steepest
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Directories of studies; of each, fit.json is read, and points.csv and trials/ where they are there
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// Confidence level of the intervals
    #[arg(long, default_value_t = 0.95)]
    level: f64,
    /// Print one JSON document
    #[arg(long, conflicts_with = "html")]
    json: bool,
    /// Write the table and a figure of all curves as one self-contained HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the figure alone
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    svg: Option<PathBuf>,
}

/// What the table, the document and the page show.
struct Comparison {
    level: f64,
    studies: usize,
    rows: Vec<Row>,
    relation: Relation,
}

/// Compares the studies and prints what was found.
///
/// # Errors
/// [`Error::Input`] for a bad level, a directory that is no study with fits or is given twice, or a
/// file that cannot be read or written. A curve whose fit was refused is a row, not an error.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    for (file, ending) in [(&arguments.html, "html"), (&arguments.svg, "svg")] {
        file.as_ref().map_or(Ok(()), |file| check_output(file, ending))?;
    }
    let comparison = Comparison::of(&arguments.directories, arguments.level)?;
    if let Some(file) = &arguments.html {
        write_named(file, &page::page(&comparison)?)?;
    }
    if let Some(file) = &arguments.svg {
        let drawing = page::drawing(&comparison)?;
        let (svg, _) = drawing.ok_or_else(|| Error::failed("no study has a curve to draw"))?;
        write_named(file, &svg)?;
    }
    if arguments.html.is_some() || arguments.svg.is_some() {
        return Ok(());
    }
    let text = if arguments.json { comparison.document()? } else { table::terminal(&comparison) };
    write(text.as_bytes()).map(drop)
}

impl Comparison {
    fn of(directories: &[PathBuf], level: f64) -> Result<Self> {
        if !(level > 0.0 && level < 1.0) {
            return Err(Error::input(format!(
                "--level is a number between 0 and 1, such as 0.95; got {level}"
            )));
        }
        let sources = source::read_all(directories, level)?;
        Self::new(&sources, level)
    }

    fn new(sources: &[source::Source], level: f64) -> Result<Self> {
        let rows = row::rows(sources)?;
        let both = |row: &Row| Some((row.fitted.as_ref().ok()?.beta_g, *row.beta_p.as_ref().ok()?));
        let pairs: Vec<(IntervalEstimate, IntervalEstimate)> = rows.iter().filter_map(both).collect();
        let from: BTreeSet<&str> =
            rows.iter().filter(|row| both(row).is_some()).map(|row| &row.study[..]).collect();
        let shared = from.len() < pairs.len();
        Ok(Self { level, studies: sources.len(), rows, relation: Relation::of(&pairs, shared, level) })
    }

    fn document(&self) -> Result<String> {
        pretty(&json!({
            "level": self.level,
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "relation": self.relation,
            "caveat": paper::CAVEAT,
        }))
    }

    /// `95 %`.
    fn percent(&self) -> String {
        number::level(self.level)
    }

    /// `4 learning curves of 3 studies, from the flattest to the steepest`.
    fn title(&self) -> String {
        let count = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
        format!(
            "{} of {}, from the flattest to the steepest",
            count(self.rows.len(), "learning curve", "learning curves"),
            count(self.studies, "study", "studies"),
        )
    }

    /// What the last column and the intervals mean, in sentences.
    fn legend(&self) -> String {
        format!(
            "A curve differs from the next where the {} interval of the difference in beta_g, made of the two \
             intervals as if they were independent (Zou and Donner 2008), excludes 0; every pair is judged by itself. +γ: \
             the interval of beta_g where a constant is allowed; curves that differ `without constants` need not \
             differ then. Intervals know the scatter of the sizes (and of the seeds, where there are several), not what other \
             data or a wider search would give.",
            self.percent()
        )
    }

    /// Whether the paper has a figure for some row.
    fn beside_the_paper(&self) -> bool {
        self.rows.iter().any(|row| row.paper.is_some())
    }

    /// What must be known of single rows: (row, note).
    fn notes(&self) -> impl Iterator<Item = (String, String)> {
        let of = |row: &Row| {
            let name = format!("{} in {}", row.label(), row.study);
            row.notes().into_iter().map(move |note| (name.clone(), note)).collect::<Vec<_>>()
        };
        self.rows.iter().flat_map(of)
    }
}

#[cfg(test)]
mod tests {
    use super::row::tests::source;
    use super::*;
    use crate::report::document::Recorded;

    pub(super) fn comparison() -> Comparison {
        let mut words = source("words", &[("word-lstm2", -0.05, 0.01), ("word-rhn5", -0.055, 0.02)]);
        let odd = source("odd <&>", &[("memorizer", -0.6, 0.1), ("short", -0.1, 0.01)]);
        words.document.curves[0].model_size = Recorded::Refused { refused: "try more sizes".to_owned() };
        let mut sources = [words, odd];
        sources[1].document.curves[1].composite.power =
            Recorded::Refused { refused: "not fitted: a power law needs 3 sizes, there are 2".to_owned() };
        Comparison::new(&sources, 0.95).unwrap()
    }

    #[test]
    fn the_document_has_the_fixed_keys() {
        let document: serde_json::Value = serde_json::from_str(&comparison().document().unwrap()).unwrap();
        let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["caveat", "level", "relation", "rows"]);
        assert_eq!(document["rows"].as_array().unwrap().len(), 4);
        assert_eq!(document["rows"][0]["separated_from_next"], false);
        assert_eq!(document["rows"][1]["separated_from_next"], true);
        // The rows with both exponents: word-rhn5 and the memoriser.
        assert_eq!(document["relation"]["rows"], 2);
    }

    #[test]
    fn a_level_outside_its_range_is_refused() {
        for level in [0.0, 1.0, 95.0, f64::NAN] {
            let Err(error) = Comparison::of(&[PathBuf::from(".")], level) else { panic!("{level}") };
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().starts_with("--level is a number between 0 and 1"));
        }
    }
}
