//! A table of numbers, and which of its columns make a learning curve.

use crate::error::{Error, Result};
use clap::Args;
use std::collections::BTreeSet;

/// Which columns of the file to read.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Columns {
    /// Column of the number of samples [default: m, else one named like samples, else the first column of
    /// numbers that is no seed or index]
    #[arg(long, value_name = "COL")]
    pub(super) x: Option<String>,
    /// Column of the error [default: error, else one named like an error or a loss, of validation or test
    /// data if there is one, else the next column of numbers]
    #[arg(long, value_name = "COL")]
    pub(super) y: Option<String>,
    /// Columns that tell several curves apart, separated by commas
    #[arg(long, value_name = "COL", value_delimiter = ',')]
    pub(super) group: Vec<String>,
}

/// Columns in which the curves of a study differ: mixing them would fit no curve at all.
const TELL_APART: [&str; 3] = ["task", "model", "variant"];
/// Columns that are neither samples nor errors, and in which rows of one point may differ.
const NUMBERINGS: [&str; 11] =
    ["", "index", "unnamed: 0", "id", "seed", "trial", "run", "repetition", "replicate", "fold", "epoch"];
/// Words in the name of a column of samples, and in that of a column of errors.
const SAMPLES: [&str; 9] = [
    "samples",
    "examples",
    "tokens",
    "words",
    "characters",
    "images",
    "sentences",
    "utterances",
    "train_size",
];
const ERRORS: [&str; 4] = ["err", "loss", "perplexity", "risk"];
/// Of several columns of errors, the one on data that were not trained on; never what an error bar needs.
const MEASURED: [&str; 6] = ["val", "valid", "validation", "test", "dev", "eval"];
const BARS: [&str; 11] =
    ["se", "sem", "bar", "bars", "low", "lower", "high", "upper", "ci", "interval", "change"];

/// The rows of a file below its header.
pub(super) struct Table<'a> {
    /// Its name, for messages.
    pub(super) file: &'a str,
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<csv::StringRecord>,
}

impl Table<'_> {
    /// The place of a column.
    pub(super) fn column(&self, name: &str) -> Result<usize> {
        let found = self.header.iter().position(|column| column == name);
        let names = self.header.iter().map(String::as_str);
        found.ok_or_else(|| {
            let unknown = Error::unknown("column", name, names);
            Error::input(format!("{}: {unknown}", self.file))
        })
    }

    /// The columns of samples and errors.
    pub(super) fn axes(&self, columns: &Columns) -> Result<(usize, usize)> {
        let named = |given: &Option<String>, usual: &str| match given {
            Some(name) => self.column(name).map(Some),
            None => Ok(self.header.iter().position(|column| column == usual)),
        };
        let (x, y) = (named(&columns.x, "m")?, named(&columns.y, "error")?);
        let numeric = |taken: Option<usize>, words: &[&str]| {
            let may_be = |i: &usize| Some(*i) != taken && self.is_numeric(*i);
            let holds = |i: &usize, is_one: &dyn Fn(&str) -> bool| {
                self.header[*i].to_lowercase().split(|c: char| !c.is_alphanumeric()).any(is_one)
            };
            let is_bar = |i: &usize| holds(i, &|word| BARS.contains(&word) || word.starts_with("std"));
            let is_meant = |i: &usize| {
                let name = self.header[*i].to_lowercase();
                may_be(i) && words.iter().any(|word| name.contains(word)) && !is_bar(i)
            };
            let is_data =
                |i: &usize| may_be(i) && !NUMBERINGS.contains(&self.header[*i].to_lowercase().as_str());
            let columns = || 0..self.header.len();
            let measured = columns().find(|i| is_meant(i) && holds(i, &|word| MEASURED.contains(&word)));
            let found = measured.or_else(|| columns().find(is_meant)).or_else(|| columns().find(is_data));
            found.ok_or_else(|| {
                Error::input(format!(
                    "{}: no two columns of numbers below a header; name them with --x and --y",
                    self.file
                ))
            })
        };
        let x = x.map_or_else(|| numeric(y, &SAMPLES), Ok)?;
        let y = y.map_or_else(|| numeric(Some(x), &ERRORS), Ok)?;
        if [x, y].iter().all(|column| self.header[*column].parse::<f64>().is_ok()) {
            let file = self.file;
            return Err(Error::input(format!("{file}: the first line holds numbers; a header is needed")));
        }
        Ok((x, y))
    }

    /// Whether at least half of a column are numbers.
    fn is_numeric(&self, column: usize) -> bool {
        let numbers = self.rows.iter().filter(|row| row[column].parse::<f64>().is_ok());
        2 * numbers.count() >= self.rows.len()
    }

    /// A number of samples: finite and above 0.
    pub(super) fn samples(&self, row: &csv::StringRecord, column: usize) -> Result<f64> {
        self.number(row, column, "a finite number above 0", |number| number > 0.0)
    }

    /// An error: finite, and 0 where nothing was wrong.
    pub(super) fn error(&self, row: &csv::StringRecord, column: usize) -> Result<f64> {
        self.number(row, column, "a finite number from 0 on", |number| number >= 0.0)
    }

    fn number(
        &self,
        row: &csv::StringRecord,
        column: usize,
        kind: &str,
        is_of_it: impl Fn(f64) -> bool,
    ) -> Result<f64> {
        let cell = &row[column];
        let number = cell.parse::<f64>().ok().filter(|number| number.is_finite() && is_of_it(*number));
        number.ok_or_else(|| {
            let remedy = match cell {
                _ if cell.contains('\n') => "a quotation mark is never closed",
                _ if cell.ends_with('%') => "write it without %",
                _ if cell.contains([',', '_']) => "write a decimal point, and nothing between thousands",
                _ => "correct it, or remove the line",
            };
            let [cell, name] = [cell, &self.header[column]].map(shown);
            let (file, line) = (self.file, row.position().map_or(0, csv::Position::line));
            Error::input(format!("{file} line {line}, column `{name}`: `{cell}` is not {kind}; {remedy}"))
        })
    }

    /// What to say where several rows have one x and another column tells them apart: they may be curves, not
    /// seeds.
    pub(super) fn mixture_warning(&self, x: usize, y: usize) -> Option<String> {
        let distinct = |columns: &[usize]| {
            let cells =
                |row: &csv::StringRecord| columns.iter().map(|c| row[*c].to_owned()).collect::<Vec<_>>();
            self.rows.iter().map(cells).collect::<BTreeSet<_>>().len()
        };
        if distinct(&[x]) == self.rows.len() {
            return None;
        }
        let tells_apart = |column: &usize| {
            let is_numbering = NUMBERINGS.contains(&self.header[*column].to_lowercase().as_str());
            let few = distinct(&[*column]);
            !is_numbering
                && few > 1
                && 2 * few <= self.rows.len()
                && distinct(&[x, *column]) == self.rows.len()
        };
        let column = (0..self.header.len()).filter(|c| *c != x && *c != y).find(tells_apart)?;
        let (x, column) = (&self.header[x], &self.header[column]);
        Some(format!(
            "rows with the same {x} differ in `{column}` and are taken for seeds of one point; \
             if they belong to several curves, add --group \"{column}\""
        ))
    }

    /// An error where the file holds several curves of a study and no group was asked for.
    pub(super) fn refuse_mixture(&self) -> Result<()> {
        let differs = |name: &&String| {
            let Some(column) = self.header.iter().position(|column| column == *name) else {
                return false;
            };
            self.rows.iter().map(|row| &row[column]).collect::<BTreeSet<_>>().len() > 1
        };
        let tells = |name: &&String| TELL_APART.iter().any(|known| name.eq_ignore_ascii_case(known));
        let mixed: Vec<&str> = self.header.iter().filter(tells).filter(differs).map(String::as_str).collect();
        if mixed.is_empty() {
            return Ok(());
        }
        let columns = mixed.join(",");
        Err(Error::input(format!(
            "{}: several curves, which differ in {columns}; add --group {columns}",
            self.file
        )))
    }
}

/// A cell on one line, and not more of it than names it.
fn shown(cell: &str) -> String {
    const MOST: usize = 40;
    let mut text: String = cell.chars().take(MOST).flat_map(char::escape_debug).collect();
    if cell.chars().count() > MOST {
        text.push('…');
    }
    text
}
