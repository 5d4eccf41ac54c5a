//! `report.html`: one page that needs nothing but itself.

use super::analysis::{Analysis, SeriesFits};
use super::figure::Figure;
use super::{StudyData, table, words};
use crate::number;

const STYLE: &str = "\
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p.headline { font-size: 1.1rem; border-left: 4px solid #0072b2; padding-left: .8rem; }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid #ddd; }
th:nth-child(7), td:nth-child(7), table.words th, table.words td { text-align: left; }
table.words th { white-space: nowrap; vertical-align: top; font-weight: 600; }
figure { margin: 1rem 0 2rem; } figure svg { width: 100%; height: auto; }
figcaption { font-size: .9rem; color: #444; }
pre { background: #f4f4f4; padding: .7rem; overflow-x: auto; }
ul.warnings { background: #fff6e5; border-left: 4px solid #e69f00; padding: .6rem .6rem .6rem 2rem; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem 1rem; }";

const GLOSSARY: [(&str, &str); 7] = [
    ("shard", "a sample of the training data of a given size m, drawn afresh for every seed"),
    ("trial", "one model trained on one shard with one set of settings and one seed"),
    (
        "composite curve",
        "at every m the lowest error over all sizes and settings; what a power law describes",
    ),
    ("exponent", "beta_g in E(m) = alpha m^beta_g: doubling the data multiplies the error by 2^beta_g"),
    ("irreducible error", "gamma: what no amount of data removes, such as the entropy of the source"),
    ("best guess", "the error of the best predictor that ignores its input; small shards do no better"),
    ("model-size law", "s(m) = sigma m^beta_p: parameters of the best model at every m"),
];

/// What the last column of a table holds.
const TESTED: &str = " The test error is that of the weights with the lowest validation loss, on data that nothing is \
    selected on.";

/// The whole page.
pub(super) fn page(study: &StudyData, analysis: &Analysis<'_>, figures: &[Figure]) -> String {
    let title = escape(&study.title);
    let headline = words::headline(study, analysis);
    let headline = headline.iter().map(|s| escape(s)).collect::<Vec<_>>().join("<br>\n");
    let outcomes = table::outcomes(study);
    let data: Vec<&str> = std::iter::once(study.data.as_str()).chain(study.shards.as_deref()).collect();
    let data = data.join("; ");
    let body = [
        format!("<h1>{title}</h1>\n<p class=\"headline\">{headline}</p>"),
        warnings(analysis),
        format!("<p>Data: {}. Trials: {outcomes}.</p>", escape(&data)),
        figures.iter().map(figure).collect(),
        analysis.series.iter().map(|fitted| series(fitted, study)).collect(),
        published(study),
        format!(
            "<h2>How this was made</h2>\n<pre>{}</pre>\n<p>Intervals are at the {} level. \
             <code>points.csv</code> holds every trial, <code>curve.csv</code> the best per shard, \
             <code>fit.json</code> every fit.</p>",
            escape(&study.command),
            number::level(study.level)
        ),
        glossary(&GLOSSARY),
    ];
    document(&study.title, "", &body)
}

/// An HTML document of these parts in the style of every page, with rules of its own after it.
pub(crate) fn document(title: &str, rules: &str, body: &[String]) -> String {
    let body: Vec<&str> = body.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{STYLE}{rules}\n</style>\n</head>\n<body>\n{}\n</body>\n</html>\n",
        escape(title),
        body.join("\n")
    )
}

fn warnings(analysis: &Analysis<'_>) -> String {
    let items = analysis.warnings.iter().map(|warning| format!("<li>{}</li>\n", escape(warning)));
    let items: String = items.collect();
    if items.is_empty() { items } else { format!("<ul class=\"warnings\">\n{items}</ul>") }
}

fn figure(figure: &Figure) -> String {
    captioned(&figure.svg, &figure.caption)
}

/// A figure with its caption.
pub(crate) fn captioned(svg: &str, caption: &str) -> String {
    format!("<figure>\n{}\n<figcaption>{}</figcaption>\n</figure>\n", svg.trim(), escape(caption))
}

fn series(fitted: &SeriesFits<'_>, study: &StudyData) -> String {
    let cells = |tag: &str, row: &[String]| -> String {
        row.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell))).collect::<Vec<_>>().concat()
    };
    let rows = table::rows(fitted, study);
    let rows = rows.iter().map(|row| format!("<tr>{}</tr>\n", cells("td", row))).collect::<Vec<_>>().concat();
    let words = words::lines(fitted, study);
    let words = words
        .iter()
        .map(|(what, words)| format!("<tr><th>{}</th><td>{}</td></tr>\n", escape(what), escape(words)));
    format!(
        "<h2>{}</h2>\n<p>The best configuration at every shard; {} in {}, median over seeds.{}</p>\n\
         <div class=\"wide\"><table>\n<tr>{}</tr>\n{rows}</table></div>\n<h3>Fits</h3>\n\
         <div class=\"wide\"><table class=\"words\">\n{}</table></div>\n",
        escape(&fitted.series.name()),
        escape(&study.metric.label),
        escape(&study.metric.unit),
        if study.is_tested() { TESTED } else { "" },
        cells("th", &table::columns(study)),
        words.collect::<String>(),
    )
}

fn published(study: &StudyData) -> String {
    let items = study.published.iter().map(|p| format!("<li>{}</li>\n", escape(&words::published(p))));
    let items: String = items.collect();
    if items.is_empty() {
        return items;
    }
    format!(
        "<h2>Published figures</h2>\n<p>Measured by the paper on other data and other ranges: they \
         show the order of magnitude, not what this study should have found.</p>\n<ul>\n{items}</ul>"
    )
}

/// What terms mean, at the end of a page.
pub(crate) fn glossary(terms: &[(&str, &str)]) -> String {
    let entries = terms.iter().map(|(term, meaning)| format!("<dt>{term}</dt><dd>{meaning}</dd>\n"));
    format!("<h2>Terms</h2>\n<dl>\n{}</dl>", entries.collect::<String>())
}

/// Text as HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::{example, figure};
    use super::*;

    #[test]
    fn the_page_is_complete_and_self_contained() {
        let study = example::study();
        let analysis = Analysis::new(&study);
        let figures = figure::all(&study, &analysis).unwrap();
        let page = page(&study, &analysis, &figures);
        assert_eq!(page.matches("<svg").count(), 6);
        assert_eq!(page.matches("<tr>").count(), page.matches("</tr>").count());
        for expected in [
            "word-lstm2 (adam)",
            "falls as m^-",
            "irreducible error",
            "beta_g -0.066",
            "; the shards resemble the pool",
        ] {
            assert!(page.contains(expected), "{expected}");
        }
        assert!(page.contains("--out &quot;runs/&lt;new&gt;&quot;"));
        assert!(!page.contains("test error"));
        for outside in ["<script", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
