//! Learning curves with their forecasts: what was measured, what is expected, and its interval.

use super::axis::LogAxis;
use super::chart::{Chart, Mark, Shape, colour};
use super::svg;
use crate::error::Result;
use crate::fit::forecast::Forecast;
use crate::number;

/// One curve and where it goes.
#[derive(Debug, Clone)]
pub(crate) struct Outlook {
    /// Its text in the legend.
    pub(crate) name: String,
    /// (m, error) of every size, in ascending order of m.
    pub(crate) points: Vec<(f64, f64)>,
    /// Forecasts from the last size on, in ascending order of m.
    pub(crate) ahead: Vec<Forecast>,
}

/// The figure as SVG, with the names of the axes and the share of measurements in the band.
///
/// # Errors
/// Only if the drawing library fails.
pub(crate) fn draw(outlooks: &[Outlook], x_label: &str, y_label: &str, level: f64) -> Result<String> {
    let points = || outlooks.iter().flat_map(|outlook| &outlook.points);
    let ahead = || outlooks.iter().flat_map(|outlook| &outlook.ahead);
    let x = LogAxis::around(points().map(|(m, _)| *m).chain(ahead().map(|forecast| forecast.m)));
    let ends = ahead().flat_map(|f| [f.low, f.high]).filter(|end| end.is_finite() && *end > 0.0);
    let y = LogAxis::around(points().map(|(_, error)| *error).chain(ends));
    let (low, high) = y.ends();
    let mut marks = Vec::new();
    for (i, Outlook { name, points, ahead }) in outlooks.iter().enumerate() {
        let band = ahead.iter().map(|f| (f.m, f.low.max(low), f.high.min(high))).collect();
        let line = ahead.iter().map(|f| (f.m, f.error)).filter(|(_, error)| (low..=high).contains(error));
        marks.push(Mark::new(colour(i), Shape::Band(band)));
        marks.push(Mark::named(colour(i), Shape::Dashes(line.collect()), name));
        marks.push(Mark::new(colour(i), Shape::Dots(points.clone())));
    }
    svg::draw(&Chart {
        title: format!("Forecast; {} of measurements in the band", number::level(level)),
        x_label: x_label.to_owned(),
        y_label: y_label.to_owned(),
        x,
        y,
        marks,
    })
}
