//! Error against model size, one curve per shard: where the best size lies and how flat it is.

use super::super::StudyData;
use super::super::analysis::SeriesFits;
use super::axis::LogAxis;
use super::chart::{Chart, Mark, Shape, shade};
use super::error_label;
use crate::number::short_count;

/// The chart of one model and variant, if some shard tried two sizes.
pub(super) fn chart(study: &StudyData, fitted: &SeriesFits<'_>) -> Option<Chart> {
    let series = &fitted.series;
    let shards: Vec<_> = series.shards.iter().filter(|shard| shard.sizes.len() > 1).collect();
    if shards.is_empty() {
        return None;
    }
    let sizes = || shards.iter().flat_map(|shard| &shard.sizes);
    let x = LogAxis::around(sizes().map(|size| size.parameters as f64));
    let y = LogAxis::around(sizes().map(super::super::select::Configuration::error));
    let mut marks = Vec::new();
    for (i, shard) in shards.iter().enumerate() {
        let colour = shade(i, shards.len());
        let points: Vec<(f64, f64)> =
            shard.sizes.iter().map(|size| (size.parameters as f64, size.error())).collect();
        let best = vec![points[shard.best]];
        let name = format!("{} {}", short_count(shard.best().m()), study.m_unit);
        marks.push(Mark::named(colour, Shape::Line(points.clone()), name));
        marks.push(Mark::new(colour, Shape::Dots(points)));
        marks.push(Mark::new(colour, Shape::Rings(best)));
    }
    Some(Chart {
        title: format!("Error against model size, {}", series.name()),
        x_label: "parameters".to_owned(),
        y_label: error_label(study),
        x,
        y,
        marks,
    })
}
