//! Learning curves from a CSV file.

use super::table::{Columns, Table};
use crate::error::{At, Error, Result};
use crate::fit::curve::Curve;
use std::collections::BTreeMap;
use std::path::Path;

/// The curves of a file, by group (one with an empty name without groups).
#[derive(Debug)]
pub(super) struct Curves {
    /// Name of the column of samples.
    pub(super) x: String,
    /// Name of the column of errors.
    pub(super) y: String,
    /// The curves; where there are groups, one that cannot be read does not silence the others.
    pub(super) by_group: BTreeMap<String, Result<Curve>>,
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

    let mut pairs: BTreeMap<String, Vec<Result<(f64, f64)>>> = BTreeMap::new();
    for row in &table.rows {
        let name: Vec<&str> = group.iter().map(|column| &row[*column]).collect();
        let pair = table.samples(row, x).and_then(|x| Ok((x, table.error(row, y)?)));
        pairs.entry(name.join(" / ")).or_default().push(pair);
    }
    let mut by_group = BTreeMap::new();
    for (name, pairs) in pairs {
        let curve = pairs.into_iter().collect::<Result<Vec<_>>>().and_then(Curve::from_pairs);
        by_group.insert(name, if group.is_empty() { Ok(curve?) } else { curve });
    }
    let warnings = if group.is_empty() { table.mixture_warning(x, y) } else { None };
    let [x, y] = [x, y].map(|column| table.header[column].clone());
    Ok(Curves { x, y, by_group, warnings: warnings.into_iter().collect() })
}

/// What separates the columns: a comma, or the semicolon or tab of a header that has none.
fn separator(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    [b',', b';', b'\t'].into_iter().find(|byte| header.as_bytes().contains(byte)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, columns: &Columns) -> Result<Curves> {
        parse(text, "curve.csv", columns)
    }

    fn only(curves: &Curves) -> &Curve {
        curves.by_group[""].as_ref().unwrap()
    }

    fn message(text: &str) -> String {
        read(text, &Columns::default()).unwrap_err().to_string()
    }

    #[test]
    fn a_message_is_one_short_line() {
        let unbalanced = message("m,error\n10,\"3\n20,2.5\n40,2.1\n80,1.8\n160,1.6\n320,1.5\n640,1.4\n");
        assert!(!unbalanced.contains('\n') && unbalanced.len() < 170, "{unbalanced}");
        assert!(message("10,3\n20,2\n40,1").ends_with("the first line holds numbers; a header is needed"));
        assert!(message("Model,m,error\na,1,2\nb,1,3").ends_with("add --group Model"));
    }

    #[test]
    fn columns_are_found() {
        let usual = read("task,error,m\na,3,10\na,2,20\n", &Columns::default()).unwrap();
        assert_eq!(only(&usual).values(), [(10.0, 3.0), (20.0, 2.0)]);
        let first = read("\u{feff}name,Seen Examples, Loss\nx,10,3\nx,20,2", &Columns::default());
        let first = first.unwrap();
        assert_eq!((first.x.as_str(), first.y.as_str()), ("Seen Examples", "Loss"));
        let named = Columns { y: Some("b".to_owned()), ..Columns::default() };
        assert_eq!(only(&read("a,b,c\n1,2,3", &named).unwrap()).values(), [(1.0, 2.0)]);
        let unknown = Columns { x: Some("erorr".to_owned()), ..Columns::default() };
        let unknown = read("m,error\n1,2", &unknown).unwrap_err().to_string();
        assert_eq!(unknown, "curve.csv: unknown column `erorr`; did you mean `error`?");
        for (text, expected) in [
            (",samples,err\n0,10,3\n1,20,2", ("samples", "err")),
            ("n_samples,seed,test_error\n10,1,3\n20,1,2", ("n_samples", "test_error")),
            ("# by hand\nn;size;val_loss\n10;1;3\n20;1;2", ("n", "val_loss")),
            ("n\tE\n10\t3\n20\t2", ("n", "E")),
            ("n,stderr,loss\n10,1,3\n20,1,2", ("n", "loss")),
            ("n,err_low,error_bar,err\n10,1,1,3\n20,1,1,2", ("n", "err")),
            ("n,train_loss,val_loss\n10,1,3\n20,1,2", ("n", "val_loss")),
            ("n,loss,loss_interval,latest_loss\n10,3,1,1\n20,2,1,1", ("n", "loss")),
            ("layers,tokens,loss\n2,10,3\n2,20,2", ("tokens", "loss")),
        ] {
            let curves = read(text, &Columns::default()).unwrap();
            assert_eq!((curves.x.as_str(), curves.y.as_str()), expected);
            assert_eq!(only(&curves).values(), [(10.0, 3.0), (20.0, 2.0)]);
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
        let what = |cell: &str| message(&format!("# by hand\nm;error\n1;3\n\n2;2\n4;{cell}\n8;1\n"));
        for cell in ["NaN", "-1", "", "abc", "inf"] {
            let expected = format!(
                "curve.csv line 6, column `error`: `{cell}` is not a finite number from 0 on; correct it, or remove the line"
            );
            assert_eq!(what(cell), expected);
        }
        let no_samples = message("m,error\n1,3\n0,2\n");
        assert!(
            no_samples.contains("line 3, column `m`: `0` is not a finite number above 0"),
            "{no_samples}"
        );
        let perfect = read("m,error\n1,3\n2,2\n4,0\n", &Columns::default()).unwrap();
        assert_eq!(only(&perfect).values(), [(1.0, 3.0), (2.0, 2.0)]);
        assert!(what("3,0").ends_with("; write a decimal point, and nothing between thousands"));
        assert!(what("30%").ends_with("; write it without %"));
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
        let errors = |group: &str| curves[group].as_ref().unwrap().points()[0].errors.clone();
        assert_eq!((errors("w / sgd"), errors("w / adam")), (vec![3.0, 5.0], vec![4.0]));
        let group = Columns { group: vec!["g".to_owned()], ..Columns::default() };
        let curves = read("g,m,error\na,1,3\na,2,-1\nb,1,2\n", &group).unwrap().by_group;
        assert!(curves["b"].is_ok() && curves["a"].as_ref().unwrap_err().to_string().contains(" line 3, "));
    }
}
