//! The learning curve and its fits as text for the terminal.

use super::analysis::{Analysis, SeriesFits};
use super::{Status, StudyData, words};
use crate::number::{grouped, significant};
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};
use std::fmt::Write;

/// A line above, below and under the header, nothing else.
pub(crate) const STYLE: TableStyle = {
    let line = LineStyle::none().fill('─').junction('─');
    TableStyle::new().top_border(line).header_separator(line).bottom_border(line)
};

/// Columns of the learning curve.
pub(super) fn columns(study: &StudyData) -> Vec<String> {
    let fixed = ["size", "parameters", "error", "s.e.", "training loss", "settings", "seeds"];
    let m = if study.m_unit.is_empty() { "m" } else { &study.m_unit };
    let test = study.is_tested().then_some("test error");
    std::iter::once(m).chain(fixed).chain(test).map(str::to_owned).collect()
}

/// Rows of the learning curve of one model and variant, under [`columns`].
pub(super) fn rows(fitted: &SeriesFits<'_>, study: &StudyData) -> Vec<Vec<String>> {
    let shards = fitted.series.shards.iter().map(|shard| {
        let best = shard.best();
        let optional = |number: Option<f64>| number.map_or("-".to_owned(), |n| significant(n, 3));
        let error = best.error();
        let settings = best.settings.iter().map(|(name, value)| format!("{name} {value}"));
        let mut row = vec![
            grouped(best.m()),
            best.name(&fitted.series),
            grouped(best.parameters as f64),
            significant(error, 4),
            optional(best.median_of(|t| t.relative_standard_error).map(|share| share * error)),
            optional(best.median_of(|t| t.training_loss)),
            settings.collect::<Vec<_>>().join(", "),
            best.trials.len().to_string(),
        ];
        if study.is_tested() {
            let test = best.median_of(|t| t.test_error);
            row.push(test.map_or("-".to_owned(), |error| significant(error, 4)));
        }
        row
    });
    shards.collect()
}

/// How many trials ended in which way, for example `189 finished, 1 diverged, 2 missing`.
pub(super) fn outcomes(study: &StudyData) -> String {
    let states = [Status::Finished, Status::Diverged, Status::Failed, Status::Missing];
    let counts = states.map(|state| (state, study.trials.iter().filter(|t| t.status == state).count()));
    let texts = counts.iter().filter(|(_, n)| *n > 0).map(|(state, n)| format!("{n} {state}"));
    let text = texts.collect::<Vec<_>>().join(", ");
    if text.is_empty() { "none".to_owned() } else { text }
}

/// Everything that the terminal shows at the end of a study.
pub(super) fn terminal(study: &StudyData, analysis: &Analysis<'_>) -> String {
    let mut text = format!("{}\ntrials: {}\n", study.title, outcomes(study));
    study.shards.iter().for_each(|shards| line(&mut text, shards));
    for fitted in &analysis.series {
        let unit = &study.metric.unit;
        line(&mut text, &format!("\n{}, {} in {unit}", fitted.series.name(), study.metric.label));
        line(&mut text, &table(fitted, study).to_string());
        for (what, words) in words::lines(fitted, study) {
            line(&mut text, &format!("{what}: {words}"));
        }
    }
    if analysis.series.is_empty() {
        line(&mut text, "no finished trial, so there is no curve");
    }
    if !study.published.is_empty() && !analysis.series.is_empty() {
        line(&mut text, "\npublished:");
        study.published.iter().for_each(|p| line(&mut text, &format!("  {}", words::published(p))));
    }
    for warning in &analysis.warnings {
        line(&mut text, &format!("warning: {warning}"));
    }
    text
}

fn table(fitted: &SeriesFits<'_>, study: &StudyData) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(columns(study));
    table.add_rows(rows(fitted, study));
    for (i, column) in table.column_iter_mut().enumerate() {
        // Numbers to the right, the settings to the left.
        let alignment = if i == 6 { CellAlignment::Left } else { CellAlignment::Right };
        column.set_cell_alignment(alignment);
    }
    table
}

fn line(text: &mut String, line: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn the_terminal_tells_what_was_found() {
        let study = example::study();
        let text = terminal(&study, &Analysis::new(&study));
        for expected in [
            "trials: 189 finished, 1 diverged, 1 failed, 1 missing",
            "\nthe shards resemble the pool\n",
            "word-lstm2 (sgd), validation loss in nats per word",
            "power law: E(m) = ",
            "of 6 points",
            "(entropy rate of the source, exact); the lowest error measured is ",
            "best model size: s(m) = ",
            "at a fixed size: ",
            "word LSTM: beta_g -0.066, beta_p 0.68 over 10^6 to 10^9 words",
            "different data and range",
            "warning: the validation set is small",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(text.contains("199,997") && !text.contains("test error"), "{text}");
    }

    #[test]
    fn the_test_error_stands_beside_what_was_selected() {
        let mut study = example::study();
        for trial in study.trials.iter_mut().filter(|trial| trial.requested > 10_000) {
            trial.test_error = trial.error.map(|error| 2.0 * error);
        }
        let analysis = Analysis::new(&study);
        let (columns, rows) = (columns(&study), rows(&analysis.series[0], &study));
        let at = |name: &str| columns.iter().position(|column| column == name).unwrap();
        assert_eq!(rows[0][at("test error")], "-");
        for row in &rows[1..] {
            let [error, test] = ["error", "test error"].map(|name| row[at(name)].parse::<f64>().unwrap());
            assert!(row.len() == columns.len() && (test / error - 2.0).abs() < 2e-3, "{row:?}");
        }
        assert!(terminal(&study, &analysis).contains("test error"));
    }
}
