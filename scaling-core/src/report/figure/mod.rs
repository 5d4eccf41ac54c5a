//! The figures of a study, as SVG.

mod axis;
mod chart;
mod curves;
mod fixed;
pub(crate) mod hierarchy;
mod learning;
pub(crate) mod outlook;
mod size;
mod svg;
mod violin;

use super::StudyData;
use super::analysis::{Analysis, SeriesFits};
use crate::error::Result;
use crate::number;

/// A drawn figure.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    /// Name of its file.
    pub(super) file: String,
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
    let band = format!("{} band", number::level(study.level));
    let mut figures = vec![
        (
            "learning-curve.svg".to_owned(),
            learning::chart(study, analysis),
            format!(
                "Error against training samples. Large dots: the best configuration at every shard; \
                 faint dots: every trial; line: the power law with its {band}, dashed beyond the \
                 shards it was fitted to."
            ),
        ),
        (
            "model-size.svg".to_owned(),
            size::chart(study, analysis),
            "Parameters of the best model at every shard (dots) with the fitted law; rings: the \
             optimum interpolated between the sizes tried."
                .to_owned(),
        ),
    ];
    for (i, fitted) in most_complete_first(analysis).into_iter().enumerate() {
        let name = |stem: &str| match i {
            0 => format!("{stem}.svg"),
            _ => format!("{stem}-{}.svg", slug(&fitted.series.name())),
        };
        figures.push((
            name("fixed-sizes"),
            fixed::chart(study, fitted),
            "Models of one size each. Lines: power law + constant γ, the error at exhausted capacity. Rings and \
             dashes: the best size at every shard, with a power law."
                .to_owned(),
        ));
        figures.push((
            name("seeds"),
            violin::chart(study, fitted),
            "Errors of all seeds (shard and initialisation drawn anew), relative to their median, with their \
             density, for every size and shard."
                .to_owned(),
        ));
        figures.push((
            name("size-curves"),
            curves::chart(study, fitted),
            "Error against model size at every shard; the ring marks the best size tried.".to_owned(),
        ));
    }
    let drawn = figures.into_iter().filter_map(|(file, chart, caption)| {
        chart.map(|chart| Ok(Figure { file, caption, svg: svg::draw(&chart)? }))
    });
    drawn.collect()
}

/// The models and variants in the order of their own figures: those with the most shards first, among them
/// the one with the lowest error at its largest shard.
fn most_complete_first<'a, 'b>(analysis: &'b Analysis<'a>) -> Vec<&'b SeriesFits<'a>> {
    let last = |fitted: &SeriesFits<'_>| {
        fitted.points.last().map_or(f64::INFINITY, super::super::fit::curve::Point::value)
    };
    let mut series: Vec<&SeriesFits<'_>> = analysis.series.iter().collect();
    series.sort_by(|a, b| b.points.len().cmp(&a.points.len()).then(last(a).total_cmp(&last(b))));
    series
}

/// A name as a part of a file name.
fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

fn m_label(study: &StudyData) -> String {
    format!("training samples m ({})", study.m_unit)
}

fn error_label(study: &StudyData) -> String {
    format!("{} ({})", study.metric.label, study.metric.unit)
}
