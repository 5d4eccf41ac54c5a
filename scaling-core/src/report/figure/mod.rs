//! The figures of a study, as SVG.

mod axis;
mod chart;
mod curves;
mod fixed;
pub(crate) mod hierarchy;
mod learning;
mod size;
mod svg;

use super::StudyData;
use super::analysis::{Analysis, Fitted};
use crate::error::Result;
use chart::Chart;

/// A drawn figure.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    /// Name of its file.
    pub(super) file: &'static str,
    /// What it shows, in a sentence or two.
    pub(super) caption: String,
    /// The SVG document.
    pub(super) svg: String,
}

/// Every figure for which there are data, in the order of the page.
///
/// # Errors
/// Only if the drawing library fails.
pub(super) fn all(study: &StudyData, analysis: &Analysis<'_>) -> Result<Vec<Figure>> {
    let band = format!("{:.0} % band", 100.0 * study.level);
    let figures: [(&str, Option<Chart>, String); 4] = [
        (
            "learning-curve.svg",
            learning::chart(study, analysis),
            format!(
                "Error against training samples. Large dots: the best configuration at every shard; \
                 faint dots: every trial; line: the power law with its {band}, dashed beyond the \
                 shards it was fitted to."
            ),
        ),
        (
            "fixed-sizes.svg",
            fixed::chart(study, analysis),
            "Models of one size each, for the model and variant with the lowest error. Lines: power law + \
             constant γ, the error at exhausted capacity. Rings and dashes: the best size at every shard, with a \
             power law."
                .to_owned(),
        ),
        (
            "model-size.svg",
            size::chart(study, analysis),
            "Parameters of the best model at every shard (dots) with the fitted law; rings: the \
             optimum interpolated between the sizes tried."
                .to_owned(),
        ),
        (
            "size-curves.svg",
            curves::chart(study, analysis),
            "Error against model size at every shard, for the model and variant with the lowest error; the \
             ring marks the best size tried."
                .to_owned(),
        ),
    ];
    let drawn = figures.into_iter().filter_map(|(file, chart, caption)| {
        chart.map(|chart| Ok(Figure { file, caption, svg: svg::draw(&chart)? }))
    });
    drawn.collect()
}

/// The model and variant that a figure of one family shows: of those with the most shards the one
/// with the lowest error at its largest shard.
fn most_complete<'a, 'b>(analysis: &'b Analysis<'a>) -> Option<&'b Fitted<'a>> {
    let last = |fitted: &Fitted<'_>| {
        fitted.points.last().map_or(f64::INFINITY, super::super::fit::curve::Point::value)
    };
    analysis
        .families
        .iter()
        .min_by(|a, b| b.points.len().cmp(&a.points.len()).then(last(a).total_cmp(&last(b))))
}

fn m_label(study: &StudyData) -> String {
    format!("training samples m ({})", study.m_unit)
}

fn error_label(study: &StudyData) -> String {
    format!("{} ({})", study.metric.label, study.metric.unit)
}
