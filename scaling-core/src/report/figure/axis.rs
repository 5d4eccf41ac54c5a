//! Logarithmic axes with ticks that people can read.

use crate::number::short;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// Ticks that an axis holds without crowding.
const MOST_TICKS: usize = 9;
/// Ticks below which an axis cannot be read.
const FEWEST_TICKS: usize = 4;

/// A logarithmic axis over a range of positive numbers.
#[derive(Debug, Clone)]
pub(super) struct LogAxis {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl LogAxis {
    /// An axis that holds all of `numbers` with a margin on both sides.
    pub(super) fn around(numbers: impl IntoIterator<Item = f64>) -> Self {
        let start = (f64::INFINITY, 0.0f64);
        let (low, high) = numbers
            .into_iter()
            .filter(|n| n.is_normal() && *n > 0.0)
            .fold(start, |(low, high), number| (low.min(number), high.max(number)));
        // A single number still needs a range to stand in, and numbers end where floating point does.
        let margin = (high / low).min(f64::MAX).powf(0.06).max(1.02);
        let (low, high) = ((low / margin).max(f64::MIN_POSITIVE), (high * margin).min(f64::MAX));
        Self { low, high, ticks: ticks(low, high) }
    }

    /// `count` numbers from one end to the other, evenly spaced on the axis.
    pub(super) fn grid(&self, count: usize) -> Vec<f64> {
        let step = (self.high / self.low).ln() / (count - 1) as f64;
        (0..count).map(|i| self.low * (step * i as f64).exp()).collect()
    }

    /// The points of a curve that are on this axis, the vertical one; `at` are places on the other.
    pub(super) fn clipped(&self, curve: impl Fn(f64) -> f64, at: Vec<f64>) -> Vec<(f64, f64)> {
        let points = at.into_iter().map(|place| (place, curve(place)));
        points.filter(|(_, value)| (self.low..=self.high).contains(value)).collect()
    }

    /// The ends of the axis.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }
}

/// ln(to / from), also where the quotient is beyond all numbers.
fn distance(from: f64, to: f64) -> f64 {
    let quotient = to / from;
    if quotient.is_finite() { quotient.ln() } else { to.ln() - from.ln() }
}

/// Decades, 1-2-5 steps, or round steps within less than a decade, whichever fits the range.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let inside = |tick: &f64| (low..=high).contains(tick);
    for steps in [&[1.0, 2.0, 5.0][..], &[1.0]] {
        let all = decades.clone().flat_map(|power| steps.iter().map(move |s| decimal(*s, power)));
        let ticks: Vec<f64> = all.filter(inside).collect();
        if (FEWEST_TICKS..=MOST_TICKS).contains(&ticks.len()) {
            return ticks;
        }
        if ticks.len() < FEWEST_TICKS {
            return round_ticks(low, high);
        }
    }
    let every = 1 + decades.clone().count() / MOST_TICKS;
    decades.step_by(every).map(|power| decimal(1.0, power)).filter(inside).collect()
}

/// Multiples of the smallest round step that does not crowd the axis.
fn round_ticks(low: f64, high: f64) -> Vec<f64> {
    let magnitude = (high - low).log10().floor() as i32;
    let steps = (magnitude - 2..=magnitude + 1).flat_map(|power| [1.0, 2.0, 5.0].map(|step| (step, power)));
    let multiples = |(step, power): (f64, i32)| {
        let width = decimal(step, power);
        let numbers = (low / width).ceil() as i64..=(high / width).floor() as i64;
        numbers.map(|i| decimal(step * i as f64, power)).collect::<Vec<f64>>()
    };
    let fits = |ticks: &Vec<f64>| ticks.len() <= MOST_TICKS - 2;
    steps.map(multiples).find(fits).unwrap_or_default()
}

/// step · 10^power without the rounding of 10^-n.
fn decimal(step: f64, power: i32) -> f64 {
    if power < 0 { step / 10f64.powi(-power) } else { step * 10f64.powi(power) }
}

impl Ranged for LogAxis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        // An error of 0 has no place of its own: it lies on the edge.
        let place = (distance(self.low, *value) / distance(self.low, self.high)).clamp(0.0, 1.0);
        limit.0 + (place * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for LogAxis {
    fn format(value: &f64) -> String {
        short(*value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64) -> Vec<String> {
        ticks(low, high).into_iter().map(short).collect()
    }

    #[test]
    fn ticks_suit_the_range() {
        assert_eq!(labels(5e3, 2.5e5), ["5k", "10k", "20k", "50k", "100k", "200k"]);
        assert_eq!(labels(80.0, 2e8), ["100", "1k", "10k", "100k", "1M", "10M", "100M"]);
        assert_eq!(labels(3.1, 5.9), ["3.5", "4", "4.5", "5", "5.5"]);
        assert_eq!(labels(0.048, 0.061), ["0.048", "0.05", "0.052", "0.054", "0.056", "0.058", "0.06"]);
        assert!((4..10).contains(&labels(1e-6, 1e20).len()));
    }

    #[test]
    fn an_axis_ends_where_numbers_do() {
        for numbers in [[1e3, 1e295], [1e-300, 1e300], [f64::MIN_POSITIVE, f64::MAX], [5e-324, 1.0]] {
            let axis = LogAxis::around(numbers);
            let (low, high) = axis.ends();
            assert!(low > 0.0 && high.is_finite() && (1..10).contains(&axis.ticks.len()), "{axis:?}");
            assert!(
                axis.map(&numbers[0], (0, 1000)) < 100 && axis.map(&numbers[1], (0, 1000)) > 400,
                "{axis:?}"
            );
        }
    }

    #[test]
    fn a_single_number_has_an_axis() {
        let axis = LogAxis::around([3.0]);
        assert!(axis.low < 3.0 && axis.high > 3.0 && !axis.ticks.is_empty(), "{axis:?}");
        assert_eq!(axis.map(&3.0, (0, 100)), 50);
        let grid = axis.grid(3);
        assert!((grid[1] - 3.0).abs() < 1e-12 && (grid[2] / axis.high - 1.0).abs() < 1e-12);
    }
}
