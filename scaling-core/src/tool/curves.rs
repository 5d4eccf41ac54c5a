//! Learning curves from a CSV file.

use crate::error::{At, Error, Result};
use crate::fit::curve::Curve;
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Columns in which the curves of a study differ: mixing them would fit no curve at all.
const TELL_APART: [&str; 3] = ["task", "model", "variant"];
/// Columns that are neither samples nor errors, and in which rows of one point may differ.
const NUMBERINGS: [&str; 11] =
    ["", "index", "unnamed: 0", "id", "seed", "trial", "run", "repetition", "replicate", "fold", "epoch"];
/// Words in the name of a column of errors.
const ERRORS: [&str; 4] = ["err", "loss", "perplexity", "risk"];

/// Which columns of the file to read.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Columns {
    /// Column of the number of samples [default: m, else the first column of numbers that is no seed or index]
    #[arg(long, value_name = "COL")]
    pub(super) x: Option<String>,
    /// Column of the error [default: error, else one named like an error or a loss, else the next column of numbers]
    #[arg(long, value_name = "COL")]
    pub(super) y: Option<String>,
    /// Columns that tell several curves apart, separated by commas
    #[arg(long, value_name = "COL", value_delimiter = ',')]
    pub(super) group: Vec<String>,
}

/// The curves of a file, by group (one with an empty name without groups).
#[derive(Debug)]
pub(super) struct Curves {
    /// Name of the column of samples.
    pub(super) x: String,
    /// Name of the column of errors.
    pub(super) y: String,
    /// The curves.
    pub(super) by_group: BTreeMap<String, Curve>,
    /// What a reader must know before using the curves.
    pub(super) warnings: Vec<String>,
}

impl Curves {
    /// The file and the columns that were read, for messages.
    pub(super) fn place(&self, file: &Path) -> String {
        format!("{} (`{}` against `{}`)", file.display(), self.y, self.x)
    }
}

/// Reads the curves of a CSV file with a header; rows with the same x are seeds of one point.
///
/// # Errors
/// [`Error::Input`] naming the file and, where there is one, the row and the column.
pub(super) fn read(path: &Path, columns: &Columns) -> Result<Curves> {
    let text = std::fs::read_to_string(path).at("read", path)?;
    parse(&text, &path.display().to_string(), columns)
}

fn parse(text: &str, file: &str, columns: &Columns) -> Result<Curves> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .delimiter(separator(text))
        .from_reader(text.as_bytes());
    let bad = |error: csv::Error| Error::input(format!("{file}: {error}"));
    let header: Vec<String> = reader.headers().map_err(bad)?.iter().map(str::to_owned).collect();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.map_err(bad)).collect::<Result<_>>()?;
    if rows.is_empty() {
        return Err(Error::input(format!("{file}: no rows below the header")));
    }
    let table = Table { file, header, rows };
    let (x, y) = table.axes(columns)?;
    let group = columns.group.iter().map(|name| table.column(name)).collect::<Result<Vec<_>>>()?;
    if group.is_empty() {
        table.refuse_mixture()?;
    }

    let mut pairs: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for (i, row) in table.rows.iter().enumerate() {
        let name: Vec<&str> = group.iter().map(|column| &row[*column]).collect();
        let pair = (table.number(i, x)?, table.number(i, y)?);
        pairs.entry(name.join(" / ")).or_default().push(pair);
    }
    let curves = pairs.into_iter().map(|(name, pairs)| Ok((name, Curve::from_pairs(pairs)?)));
    let warnings = if group.is_empty() { table.mixture_warning(x, y) } else { None };
    let [x, y] = [x, y].map(|column| table.header[column].clone());
    Ok(Curves { x, y, by_group: curves.collect::<Result<_>>()?, warnings: warnings.into_iter().collect() })
}

/// What separates the columns: a comma, or the semicolon or tab of a header that has none.
fn separator(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    [b',', b';', b'\t'].into_iter().find(|byte| header.as_bytes().contains(byte)).unwrap_or(b',')
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

struct Table<'a> {
    file: &'a str,
    header: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

impl Table<'_> {
    /// The place of a column.
    fn column(&self, name: &str) -> Result<usize> {
        let found = self.header.iter().position(|column| column == name);
        let names = self.header.iter().map(String::as_str);
        found.ok_or_else(|| {
            let unknown = Error::unknown("column", name, names);
            Error::input(format!("{}: {unknown}", self.file))
        })
    }

    /// The columns of samples and errors.
    fn axes(&self, columns: &Columns) -> Result<(usize, usize)> {
        let named = |given: &Option<String>, usual: &str| match given {
            Some(name) => self.column(name).map(Some),
            None => Ok(self.header.iter().position(|column| column == usual)),
        };
        let (x, y) = (named(&columns.x, "m")?, named(&columns.y, "error")?);
        let numeric = |taken: Option<usize>, words: &[&str]| {
            let may_be = |i: &usize| Some(*i) != taken && self.is_numeric(*i);
            let is_meant = |i: &usize| {
                let name = self.header[*i].to_lowercase();
                // Standard errors are no errors.
                may_be(i) && !name.contains("std") && words.iter().any(|word| name.contains(word))
            };
            let is_data =
                |i: &usize| may_be(i) && !NUMBERINGS.contains(&self.header[*i].to_lowercase().as_str());
            let columns = || 0..self.header.len();
            let found = columns().find(is_meant).or_else(|| columns().find(is_data));
            found.ok_or_else(|| {
                Error::input(format!(
                    "{}: no two columns of numbers below a header; name them with --x and --y",
                    self.file
                ))
            })
        };
        let x = x.map_or_else(|| numeric(y, &[]), Ok)?;
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

    /// A finite number above 0.
    fn number(&self, row: usize, column: usize) -> Result<f64> {
        let cell = &self.rows[row][column];
        let number = cell.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
        number.ok_or_else(|| {
            let [cell, name] = [cell, &self.header[column]].map(shown);
            let (file, row) = (self.file, row + 1);
            Error::input(format!(
                "{file}, row {row}, column `{name}`: `{cell}` is not a finite number above 0"
            ))
        })
    }

    /// What to say where several rows have one x and another column tells them apart: they may be curves, not seeds.
    fn mixture_warning(&self, x: usize, y: usize) -> Option<String> {
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
    fn refuse_mixture(&self) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, columns: &Columns) -> Result<Curves> {
        parse(text, "curve.csv", columns)
    }

    fn message(text: &str) -> String {
        read(text, &Columns::default()).unwrap_err().to_string()
    }

    #[test]
    fn a_message_is_one_short_line() {
        let unbalanced = message("m,error\n10,\"3\n20,2.5\n40,2.1\n80,1.8\n160,1.6\n320,1.5\n640,1.4\n");
        assert!(!unbalanced.contains('\n') && unbalanced.len() < 150, "{unbalanced}");
        assert!(message("10,3\n20,2\n40,1").ends_with("the first line holds numbers; a header is needed"));
        assert!(message("Model,m,error\na,1,2\nb,1,3").ends_with("add --group Model"));
    }

    #[test]
    fn columns_are_found() {
        let usual = read("task,error,m\na,3,10\na,2,20\n", &Columns::default()).unwrap();
        assert_eq!(usual.by_group[""].values(), [(10.0, 3.0), (20.0, 2.0)]);
        let first = read("\u{feff}name,Seen Examples, Loss\nx,10,3\nx,20,2", &Columns::default());
        let first = first.unwrap();
        assert_eq!((first.x.as_str(), first.y.as_str()), ("Seen Examples", "Loss"));
        let named = Columns { y: Some("b".to_owned()), ..Columns::default() };
        assert_eq!(read("a,b,c\n1,2,3", &named).unwrap().by_group[""].values(), [(1.0, 2.0)]);
        let unknown = Columns { x: Some("erorr".to_owned()), ..Columns::default() };
        let unknown = read("m,error\n1,2", &unknown).unwrap_err().to_string();
        assert_eq!(unknown, "curve.csv: unknown column `erorr`; did you mean `error`?");
        for (text, expected) in [
            (",samples,err\n0,10,3\n1,20,2", ("samples", "err")),
            ("n_samples,seed,test_error\n10,1,3\n20,1,2", ("n_samples", "test_error")),
            ("# by hand\nn;size;val_loss\n10;1;3\n20;1;2", ("n", "val_loss")),
            ("n\tE\n10\t3\n20\t2", ("n", "E")),
            ("n,stderr,loss\n10,1,3\n20,1,2", ("n", "loss")),
        ] {
            let curves = read(text, &Columns::default()).unwrap();
            assert_eq!((curves.x.as_str(), curves.y.as_str()), expected);
            assert_eq!(curves.by_group[""].values(), [(10.0, 3.0), (20.0, 2.0)]);
        }
    }

    #[test]
    fn rows_that_may_be_of_several_curves_are_told_of() {
        let said = |text: &str| read(text, &Columns::default()).unwrap().warnings.join("\n");
        let mixed = said("m,error,layers\n1,3,2\n2,2,2\n1,4,8\n2,3,8\n");
        assert!(mixed.contains("differ in `layers`") && mixed.ends_with("add --group \"layers\""), "{mixed}");
        assert_eq!(said("m,error,seed\n1,3,1\n2,2,1\n1,4,2\n2,3,2\n"), "");
        assert_eq!(said("m,error,layers\n1,3,2\n2,2,2\n4,1,8\n8,0.5,8\n"), "");
    }

    #[test]
    fn bad_cells_are_named() {
        for cell in ["NaN", "0", "-1", "", "abc", "inf"] {
            let expected =
                format!("curve.csv, row 3, column `error`: `{cell}` is not a finite number above 0");
            assert_eq!(message(&format!("m,error\n1,3\n2,2\n4,{cell}\n8,1\n")), expected);
        }
        assert!(message("m,error\n").contains("no rows"));
        assert!(message("a,b\nx,y\n").contains("no two columns of numbers"));
        assert!(message("m,error\n1,2\n3\n").contains("line: 3"));
    }

    #[test]
    fn groups_and_seeds_are_kept_apart() {
        let text = "model,variant,m,error\nw,sgd,1,3\nw,adam,1,4\nw,sgd,1,5\n";
        assert!(message(text).ends_with("differ in variant; add --group variant"));
        let group = ["model", "variant"].map(str::to_owned).to_vec();
        let curves = read(text, &Columns { group, ..Columns::default() }).unwrap().by_group;
        assert_eq!(curves["w / sgd"].points()[0].errors, [3.0, 5.0]);
        assert_eq!(curves["w / adam"].points()[0].errors, [4.0]);
    }
}
