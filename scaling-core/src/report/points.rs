//! `points.csv`, read back: all that is left of the trials where only the report was kept.

use super::{Status, Trial};
use crate::error::{At, Error, Result};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

/// The trials of a `points.csv`; it holds no times, so they have none.
///
/// # Errors
/// [`Error::Input`] naming the file and, where there is one, the row and the column.
pub(crate) fn read(path: &Path) -> Result<Vec<Trial>> {
    let text = std::fs::read_to_string(path).at("read", path)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().at("read", path)?.iter().map(str::to_owned).collect();
    // Settings and metrics stand between fixed columns, under names of the task's own.
    let between = |before: &str, after: &str| -> Option<Range<usize>> {
        let place = |name| header.iter().position(|column| column == name);
        Some(place(before)? + 1..place(after)?)
    };
    let (settings, metrics) = between("seed", "error")
        .zip(between("loss", "training_loss"))
        .ok_or_else(|| Error::input(format!("{}: not the points of a study", path.display())))?;
    let rows = reader.records().enumerate().map(|(i, record)| {
        let record = record.at("read", path)?;
        let row = Row { path, number: i + 1, header: &header, record: &record };
        row.trial(&settings, &metrics)
    });
    rows.collect()
}

struct Row<'a> {
    path: &'a Path,
    number: usize,
    header: &'a [String],
    record: &'a csv::StringRecord,
}

impl Row<'_> {
    fn trial(&self, settings: &Range<usize>, metrics: &Range<usize>) -> Result<Trial> {
        let text = |name| self.cell(name).map(str::to_owned);
        Ok(Trial {
            id: text("trial")?,
            model: text("model")?,
            variant: text("variant")?,
            size: self.value("size")?,
            parameters: self.value("parameters")?,
            flops: self.value("flops")?,
            requested: self.value("requested")?,
            m: self.value("m")?,
            items: self.value("items")?,
            hours: self.rare("hours")?,
            seed: self.value("seed")?,
            settings: self.numbers(settings)?,
            status: self.value("status")?,
            error: self.optional("error")?,
            loss: self.optional("loss")?,
            test_error: self.rare("test_error")?,
            minima: self.numbers(metrics)?,
            training_loss: self.optional("training_loss")?,
            capacity_limited: self.value("capacity_limited")?,
            relative_standard_error: self.optional("relative_standard_error")?,
            steps: self.value("steps")?,
            best_epoch: self.value("best_epoch")?,
        })
    }

    /// The cells of a range that are not empty, by the names of their columns.
    fn numbers(&self, range: &Range<usize>) -> Result<BTreeMap<String, f64>> {
        let filled = range.clone().filter(|i| !self.record[*i].is_empty()).map(|i| &self.header[i]);
        filled.map(|name| Ok((name.clone(), self.value(name)?))).collect()
    }

    fn cell(&self, name: &str) -> Result<&str> {
        let found = self.header.iter().position(|column| column == name);
        found.map(|i| &self.record[i]).ok_or_else(|| {
            Error::input(format!(
                "{}: the column `{name}` is missing; `scaling report` makes the file anew",
                self.path.display()
            ))
        })
    }

    fn value<T: FromStr>(&self, name: &str) -> Result<T> {
        let cell = self.cell(name)?;
        cell.parse().map_err(|_| {
            Error::input(format!(
                "{}, row {}, column `{name}`: cannot read `{cell}`",
                self.path.display(),
                self.number
            ))
        })
    }

    /// A figure that whole studies are without.
    fn rare(&self, name: &str) -> Result<Option<f64>> {
        if self.header.iter().any(|column| column == name) { self.optional(name) } else { Ok(None) }
    }

    fn optional(&self, name: &str) -> Result<Option<f64>> {
        if self.cell(name)?.is_empty() { Ok(None) } else { self.value(name).map(Some) }
    }
}

impl FromStr for Status {
    type Err = ();

    fn from_str(name: &str) -> std::result::Result<Self, ()> {
        let all = [Self::Finished, Self::Diverged, Self::Failed, Self::Missing];
        all.into_iter().find(|status| status.to_string() == name).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{csv, example, fits};
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let mut study = example::study();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), csv::points(&study).unwrap()).unwrap();
        let read = read(file.path()).unwrap();
        assert_eq!(read.len(), study.trials.len());
        let before = fits(&study).value();
        study.trials = read;
        assert_eq!(fits(&study).value(), before, "the same trials give the same fits");
    }

    #[test]
    fn what_only_some_studies_have_is_read_back() {
        let mut study = example::study();
        let file = tempfile::NamedTempFile::new().unwrap();
        for (hours, test_error) in
            [(None, None), (Some(0.5), None), (None, Some(3.25)), (Some(2.0), Some(4.0))]
        {
            study.trials.truncate(1);
            (study.trials[0].hours, study.trials[0].test_error) = (hours, test_error);
            let bytes = csv::points(&study).unwrap();
            let head = std::str::from_utf8(&bytes).unwrap().lines().next().unwrap();
            let has = ["hours", "test_error"].map(|name| head.split(',').any(|column| column == name));
            assert_eq!(has, [hours.is_some(), test_error.is_some()], "{head}");
            std::fs::write(file.path(), &bytes).unwrap();
            let trial = read(file.path()).unwrap().remove(0);
            assert_eq!((trial.hours, trial.test_error), (hours, test_error));
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let message = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            read(file.path()).unwrap_err().to_string()
        };
        assert!(message("m,error\n1,2\n").ends_with(": not the points of a study"));
        let text = String::from_utf8(csv::points(&example::study()).unwrap()).unwrap();
        let broken = text.replacen("finished", "finish", 1);
        assert!(message(&broken).ends_with(", row 1, column `status`: cannot read `finish`"));
        let shorter = text.replacen(",items,", ",thing,", 1);
        assert!(message(&shorter).contains(": the column `items` is missing; `scaling report` makes"));
    }
}
