//! A log-log chart as data: what it shows, before how it is drawn.

use super::axis::LogAxis;
use plotters::style::RGBColor;

/// How many unordered things have a colour of their own.
pub(super) const COLOURS: usize = 7;
/// Colours that the colour-blind can tell apart (Okabe and Ito).
const PALETTE: [RGBColor; COLOURS] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];
/// Dark blue to light green, for what has an order (viridis without its yellow end).
const SEQUENCE: [(f64, f64, f64); 4] =
    [(68.0, 1.0, 84.0), (57.0, 86.0, 140.0), (31.0, 150.0, 139.0), (115.0, 208.0, 85.0)];

/// The colour of the `i`-th of several unordered things.
pub(super) fn colour(i: usize) -> RGBColor {
    PALETTE[i % PALETTE.len()]
}

/// The colour of the `i`-th of `count` ordered things.
pub(super) fn shade(i: usize, count: usize) -> RGBColor {
    let place = i as f64 / (count.max(2) - 1) as f64 * (SEQUENCE.len() - 1) as f64;
    let left = (place.floor() as usize).min(SEQUENCE.len() - 2);
    let (a, b, share) = (SEQUENCE[left], SEQUENCE[left + 1], place - left as f64);
    let mix = |a: f64, b: f64| (a + share * (b - a)).round() as u8;
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// One thing on a chart.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    /// Its colour.
    pub(super) colour: RGBColor,
    /// Its text in the legend; none to leave it out.
    pub(super) legend: Option<String>,
    /// What is drawn.
    pub(super) shape: Shape,
}

/// What is drawn, in data coordinates.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// Faint small dots.
    Faint(Vec<(f64, f64)>),
    /// Dots.
    Dots(Vec<(f64, f64)>),
    /// Circles.
    Rings(Vec<(f64, f64)>),
    /// A line.
    Line(Vec<(f64, f64)>),
    /// A dashed line.
    Dashes(Vec<(f64, f64)>),
    /// (x, low, high) of a band.
    Band(Vec<(f64, f64, f64)>),
    /// The outline of an area.
    Area(Vec<(f64, f64)>),
    /// A dashed line over the whole width with its name on it, at the left end or the right.
    Level { y: f64, name: String, left: bool },
}

impl Mark {
    /// A mark without a place in the legend.
    pub(super) fn new(colour: RGBColor, shape: Shape) -> Self {
        Self { colour, legend: None, shape }
    }

    /// The same with a text in the legend.
    pub(super) fn named(colour: RGBColor, shape: Shape, legend: impl Into<String>) -> Self {
        Self { colour, legend: Some(legend.into()), shape }
    }
}

/// A chart; marks are drawn in their order.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    /// Title.
    pub(super) title: String,
    /// Label of the horizontal axis, with its unit.
    pub(super) x_label: String,
    /// Label of the vertical axis, with its unit.
    pub(super) y_label: String,
    /// Horizontal axis.
    pub(super) x: LogAxis,
    /// Vertical axis.
    pub(super) y: LogAxis,
    /// What is drawn.
    pub(super) marks: Vec<Mark>,
}
