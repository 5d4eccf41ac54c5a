//! Learning curves of models of one size, and the composite curve of the best of them (ICLR Fig. 5): the
//! former bend to their model's capacity, the latter goes on.

use super::super::StudyData;
use super::super::analysis::{FixedSize, SeriesFits};
use super::super::words;
use super::axis::LogAxis;
use super::chart::{Chart, Mark, Shape, shade};
use super::{error_label, m_label};
use crate::fit::curve::{Point, values};
use crate::number::{short_count, significant};
use plotters::style::{BLACK, RGBColor};

/// The chart of one model and variant, if it has a curve of two points.
pub(super) fn chart(study: &StudyData, fitted: &SeriesFits<'_>) -> Option<Chart> {
    let curves: Vec<&FixedSize> = fitted.fixed.iter().filter(|c| c.points.len() > 1).collect();
    if curves.is_empty() {
        return None;
    }
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let x = LogAxis::around(points().map(|point| point.m));
    let y = LogAxis::around(points().map(Point::value));
    let mut marks = Vec::new();
    for (i, curve) in curves.iter().enumerate() {
        marks.extend(one_size(curve, shade(i, curves.len()), &x, &y));
    }
    if curves.len() > 1 {
        marks.extend(composite(fitted, &x, &y));
    }
    Some(Chart { title: title(fitted), x_label: m_label(study), y_label: error_label(study), x, y, marks })
}

fn title(fitted: &SeriesFits<'_>) -> String {
    format!("Learning curves at fixed model sizes, {}", fitted.series.name())
}

/// The best model at every shard, and its power law.
fn composite(fitted: &SeriesFits<'_>, x: &LogAxis, y: &LogAxis) -> Vec<Mark> {
    let best = Mark::new(BLACK, Shape::Rings(values(&fitted.points)));
    let Ok(fit) = &fitted.power else {
        return vec![best];
    };
    let law = fit.law();
    let line = y.clipped(|m| law.at(m), x.grid(60));
    let name = format!("best size: E = {}", words::formula(&law));
    vec![Mark::named(BLACK, Shape::Dashes(line), name), best]
}

fn one_size(curve: &FixedSize, colour: RGBColor, x: &LogAxis, y: &LogAxis) -> Vec<Mark> {
    let dots = Shape::Dots(values(&curve.points));
    let name = format!("{} parameters", short_count(curve.parameters as f64));
    match &curve.fit {
        Ok(fit) => {
            let law = fit.law();
            let line = y.clipped(|m| law.at(m), x.grid(60));
            let name = format!("{name}, γ {}", significant(fit.gamma, 3));
            vec![Mark::named(colour, Shape::Line(line), name), Mark::new(colour, dots)]
        }
        Err(_) => vec![Mark::named(colour, dots, name)],
    }
}
