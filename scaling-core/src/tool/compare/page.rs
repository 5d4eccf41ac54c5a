//! The comparison as one HTML page that needs nothing but itself.

use super::row::{Row, RowFit};
use super::table::{COLUMNS, cells};
use super::{Comparison, paper};
use crate::error::Result;
use crate::fit::law::Law;
use crate::report::hierarchy::{self, Axes, DrawnCurve};
use crate::report::html::{captioned, document, escape, glossary};
use crate::report::words::{exponent, interval};
use std::collections::BTreeSet;

/// What this page's wide table needs beyond the style of every page.
const RULES: &str = "
body { max-width: 80rem; } p, ul, dl, figure { max-width: 52rem; }
table.compare th, table.compare td { text-align: right; vertical-align: top; white-space: nowrap;
  padding: .3rem .5rem; }
table.compare th:first-child, table.compare td:first-child, table.compare th:last-child,
table.compare td:last-child, table.compare td.reason { text-align: left; }
table.compare td.reason { white-space: normal; }
table.compare span { color: #555; font-size: .85em; }";

const GLOSSARY: [(&str, &str); 6] = [
    (
        "beta_g",
        "exponent of the learning curve E(m) = alpha m^beta_g of the best configurations (the composite curve): \
         doubling the data multiplies the error by 2^beta_g",
    ),
    ("beta_p", "exponent of the parameters of the best model, s(m) = sigma m^beta_p"),
    ("alpha", "the law's error at m = 1, in the unit of the error; it depends on the unit of m"),
    ("m", "training samples that the power law was fitted to, from the smallest size to the largest"),
    ("sizes", "how many sizes those are, of how many there are where some were left out"),
    ("cost", "time and floating-point operations of all trials behind the curve"),
];

/// The whole page.
///
/// # Errors
/// Only if the drawing library fails.
pub(super) fn page(comparison: &Comparison) -> Result<String> {
    let title = comparison.title();
    let body = [
        format!("<h1>{}</h1>\n{}", escape(&title), headline(comparison)),
        caveat(comparison),
        table(comparison),
        format!("<p>{}</p>", escape(&comparison.legend())),
        figure(comparison)?,
        format!("<h2>Data and model size</h2>\n<p>{}</p>", escape(&comparison.relation.sentence)),
        notes(comparison),
        glossary(&GLOSSARY),
    ];
    Ok(document(&title, RULES, &body))
}

/// The flattest and the steepest curve in a sentence.
fn headline(comparison: &Comparison) -> String {
    let mut fitted = comparison.rows.iter().filter_map(|row| Some((row.label(), row.fitted.as_ref().ok()?)));
    let law = |(label, fitted): (String, &RowFit)| {
        let beta = fitted.beta_g;
        format!("{label}, as m^{} {}", exponent(beta.value), interval(&beta.ci))
    };
    let (first, last) = (fitted.next().map(law), fitted.next_back().map(law));
    let sentence = match (first, last) {
        (Some(flattest), Some(steepest)) => {
            format!("The error falls slowest for {flattest}, and fastest for {steepest}.")
        }
        (Some(only), None) => format!("The error falls for {only}."),
        _ => "No curve was fitted.".to_owned(),
    };
    format!("<p class=\"headline\">{}</p>", escape(&sentence))
}

fn caveat(comparison: &Comparison) -> String {
    if !comparison.beside_the_paper() {
        return String::new();
    }
    format!("<ul class=\"warnings\">\n<li>{}</li>\n</ul>", escape(paper::CAVEAT))
}

fn table(comparison: &Comparison) -> String {
    let header = COLUMNS.iter().map(|column| format!("<th>{}</th>", lines(column)));
    let header = header.collect::<Vec<_>>().concat();
    let rows = comparison.rows.iter().map(|row| format!("<tr>{}</tr>\n", cells_of(row)));
    let rows = rows.collect::<Vec<_>>().concat();
    format!("<div class=\"wide\"><table class=\"compare\">\n<tr>{header}</tr>\n{rows}</table></div>")
}

fn cells_of(row: &Row) -> String {
    let mut cells = cells(row);
    let last = cells.len() - 1;
    if let Some(difference) = row.next {
        // There is room here for what the answer rests on.
        let by = format!("\n{} {}", exponent(difference.value), interval(&difference.ci));
        cells[last].push_str(&by);
    }
    let cell = |i: usize| format!("<td>{}</td>", lines(&cells[i]));
    match &row.fitted {
        Ok(_) => (0..=last).map(cell).collect(),
        // The reason takes the place of the numbers.
        Err(reason) => {
            let reason = format!("<td class=\"reason\" colspan=\"{}\">{}</td>", last - 1, escape(reason));
            [cell(0), reason, cell(last)].concat()
        }
    }
}

/// The first line as it is, the other smaller below it.
fn lines(cell: &str) -> String {
    match cell.split_once('\n') {
        Some((first, second)) => format!("{}<br><span>{}</span>", escape(first), escape(second)),
        None => escape(cell),
    }
}

fn figure(comparison: &Comparison) -> Result<String> {
    Ok(match drawing(comparison)? {
        Some((svg, caption)) => captioned(&svg, &caption),
        None => "<p>There is no curve to draw.</p>".to_owned(),
    })
}

/// All curves in one figure, and its caption.
pub(super) fn drawing(comparison: &Comparison) -> Result<Option<(String, String)>> {
    let rows = &comparison.rows;
    let labels: Vec<String> = rows.iter().map(Row::label).collect();
    let curves = rows.iter().zip(&labels).map(|(row, label)| {
        let study = if labels.iter().filter(|other| *other == label).count() > 1 {
            format!(" in {}", row.study)
        } else {
            String::new()
        };
        let law = row.fitted.as_ref().ok().map(|fitted| {
            let law = Law { alpha: fitted.alpha.value, beta: fitted.beta_g.value, gamma: 0.0 };
            (law, fitted.m_range)
        });
        let found = law.map_or("no fit".to_owned(), |(law, _)| format!("m^{}", exponent(law.beta)));
        DrawnCurve { name: format!("{label}{study}: {found}"), points: row.curve.clone(), law }
    });
    let curves: Vec<DrawnCurve> = curves.collect();
    let units: BTreeSet<(&str, &str)> =
        rows.iter().filter(|row| !row.curve.is_empty()).map(|row| (&row.m_unit[..], &row.unit[..])).collect();
    let (axes, scale) = match units.first() {
        Some((m, error)) if units.len() == 1 => {
            (Axes::Absolute { m: (*m).to_owned(), error: (*error).to_owned() }, "")
        }
        _ => (
            Axes::Relative,
            " Units of m and of the error differ, so both are relative to the smallest size that each law was \
             fitted to and to the law's error there: all lines start at (1, 1), and how fast a line falls is \
             its exponent.",
        ),
    };
    let Some(svg) = hierarchy::draw(&curves, &axes)? else {
        return Ok(None);
    };
    let caption = format!(
        "Dots: the best configuration at every size; lines: the power laws over the sizes that they were fitted \
         to; rings: sizes that were left out.{scale}"
    );
    Ok(Some((svg, caption)))
}

fn notes(comparison: &Comparison) -> String {
    let items =
        comparison.notes().map(|(row, note)| format!("<li>{}: {}</li>\n", escape(&row), escape(&note)));
    let items: String = items.collect();
    if items.is_empty() { items } else { format!("<h2>Notes</h2>\n<ul>\n{items}</ul>") }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::source;
    use super::super::tests::comparison;
    use super::*;

    #[test]
    fn the_page_is_complete_and_self_contained() {
        let page = page(&comparison()).unwrap();
        assert_eq!(page.matches("<svg").count(), 1);
        assert_eq!(page.matches("<tr>").count(), 5);
        for expected in [
            "<span>odd &lt;&amp;&gt;</span>",
            "colspan=\"8\">not fitted: a power law needs 3 sizes",
            "small stand-in data sets",
            "error (nats per word)",
            "word-lm, short (sgd): no fit",
        ] {
            assert!(page.contains(expected), "{expected}");
        }
        for outside in ["<script", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn different_units_are_drawn_relative_to_the_start() {
        let words = source("words", &[("word-lstm2", -0.05, 0.01)]);
        let mut pictures = source("pictures", &[("resnet18", -0.3, 0.01)]);
        pictures.document.m_unit = "images".to_owned();
        let page = page(&Comparison::new(&[words, pictures], 0.95).unwrap()).unwrap();
        assert!(page.contains("relative to the smallest size fitted"));
        assert!(page.contains("all lines start at (1, 1)"));
    }

    #[test]
    fn a_study_without_curves_has_a_page() {
        let page = page(&Comparison::new(&[source("none", &[])], 0.95).unwrap()).unwrap();
        assert!(page.contains("no finished trial") && page.contains("There is no curve to draw."));
    }
}
