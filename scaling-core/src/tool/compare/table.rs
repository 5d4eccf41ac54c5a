//! The comparison as text for the terminal.

use super::estimate::IntervalEstimate;
use super::row::{Row, RowFit};
use super::{Comparison, paper};
use crate::number::{short_count, significant, span};
use crate::report::table::STYLE;
use crate::report::words::{exponent, interval, level_interval};
use comfy_table::{Cell, CellAlignment, Table};
use std::fmt::Write;

/// Width that a reason is broken at, in the column of the exponent that it stands for.
const REASON: usize = 26;
/// Width of the paragraphs below the table.
const TEXT: usize = 110;

/// Columns; the second line says what the second lines of the cells are.
pub(super) const COLUMNS: [&str; 10] = [
    "task, model (variant)\nstudy",
    "beta_g",
    "paper's\nbeta_g",
    "beta_p",
    "paper's\nbeta_p",
    "alpha",
    "m",
    "sizes",
    "cost",
    "differs\nfrom next",
];

/// The cells of a row under [`COLUMNS`].
pub(super) fn cells(row: &Row) -> [String; 10] {
    let name = format!("{}\n{}", row.label(), row.study);
    let published = |of: fn(&paper::Paper) -> Option<f64>, digits: usize| {
        let beta = row.paper.as_ref().and_then(of)?;
        // As many digits as the paper prints, and no fewer than the column has.
        let (plain, padded) = (beta.to_string(), format!("{beta:.digits$}"));
        Some(if plain.len() > padded.len() { plain } else { padded })
    };
    let dash = || "-".to_owned();
    let total = row.curve.len();
    let (beta_g, alpha, m, sizes) = match &row.fitted {
        Err(reason) => (reason.clone(), dash(), dash(), format!("{total}")),
        Ok(fitted) => {
            let [from, to] = fitted.m_range.map(short_count);
            let IntervalEstimate { value, ci } = fitted.alpha;
            (
                beta_g(fitted),
                format!("{} {}\n{}", significant(value, 3), level_interval(&ci), row.unit),
                format!("{from} to {to}\n{}", row.m_unit),
                if fitted.points == total {
                    format!("{total}")
                } else {
                    format!("{} of {total}", fitted.points)
                },
            )
        }
    };
    let next = match row.separated() {
        None => "-",
        Some(false) => "no",
        Some(true) if row.separated_allowing_constant() => "yes",
        Some(true) => "without\nconstants",
    };
    [
        name,
        beta_g,
        published(|paper| Some(paper.beta_g), 3).unwrap_or_else(dash),
        row.beta_p.as_ref().map_or_else(|_| dash(), |beta_p| two_lines(*beta_p)),
        published(|paper| paper.beta_p, 2).unwrap_or_else(dash),
        alpha,
        m,
        sizes,
        cost(row),
        next.to_owned(),
    ]
}

/// The exponent and its interval, and below them the interval where a constant is allowed.
fn beta_g(fitted: &RowFit) -> String {
    let allowing = fitted.allowing.map(|allowing| format!("\n+γ {}", interval(&allowing.ci)));
    two_lines(fitted.beta_g) + &allowing.unwrap_or_default()
}

fn two_lines(estimate: IntervalEstimate) -> String {
    format!("{}\n{}", exponent(estimate.value), interval(&estimate.ci))
}

fn cost(row: &Row) -> String {
    let seconds = row.cost.seconds.map_or("-".to_owned(), span);
    let flops = row.cost.flops.map_or("-".to_owned(), |flops| format!("{} FLOP", significant(flops, 2)));
    if seconds == flops { seconds } else { format!("{seconds}\n{flops}") }
}

/// Everything that the terminal shows.
pub(super) fn terminal(comparison: &Comparison) -> String {
    let mut text = format!("{}; intervals at {}\n", comparison.title(), comparison.percent());
    let mut paragraph = |words: &str| {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{words}");
    };
    paragraph(&table(comparison).to_string());
    paragraph(&wrapped(&comparison.legend(), TEXT));
    paragraph(&wrapped(&comparison.relation.sentence, TEXT));
    if comparison.beside_the_paper() {
        paragraph(&wrapped(paper::CAVEAT, TEXT));
    }
    for (row, note) in comparison.notes() {
        paragraph(&format!("note: {row}: {note}"));
    }
    text
}

fn table(comparison: &Comparison) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(COLUMNS);
    for row in &comparison.rows {
        let mut cells = cells(row);
        let refused = row.fitted.is_err();
        if refused {
            cells[1] = wrapped(&cells[1], REASON);
        }
        let mut cells = cells.map(Cell::new);
        if refused {
            let reason = std::mem::replace(&mut cells[1], Cell::new(""));
            cells[1] = reason.set_alignment(CellAlignment::Left);
        }
        table.add_row(cells);
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        // Names and words to the left, numbers to the right.
        let alignment = if i == 0 || i == 9 { CellAlignment::Left } else { CellAlignment::Right };
        column.set_cell_alignment(alignment);
    }
    table
}

/// The text in lines of at most `width` characters, broken between words.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::tests::comparison;
    use super::*;

    #[test]
    fn the_terminal_tells_what_was_found() {
        let text = terminal(&comparison());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "4 learning curves of 2 studies, from the flattest to the steepest; intervals at 95 %"
        );
        for expected in [
            "word-lm, word-lstm2 (sgd)",
            "[-0.060, -0.040]",
            "-0.066",
            "-0.070",
            "5.00 [4.50, 5.50]",
            "1k to 8k",
            "from next",
            "not fitted: a power law",
            "note: word-lm, word-lstm2 (sgd) in words: no beta_p: try more sizes",
            "small stand-in data sets",
            "it takes 3 to say",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        let place = |name: &str| text.find(name).unwrap();
        assert!(place("word-rhn5 (sgd)") < place("memorizer (sgd)"));
        assert!(place("memorizer (sgd)") < place("short (sgd)"));
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), "one two\nthree");
        assert_eq!(wrapped("a-very-long-word b", 4), "a-very-long-word\nb");
        assert_eq!(wrapped("", 4), "");
    }
}
