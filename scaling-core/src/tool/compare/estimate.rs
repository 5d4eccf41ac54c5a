//! An estimate with its interval, and the difference of two.

use crate::fit::interval::Interval;
use serde::Serialize;

/// A number with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct IntervalEstimate {
    /// The number.
    pub(super) value: f64,
    /// Its interval.
    pub(super) ci: Interval,
}

/// a - b with the interval that the two intervals imply if the estimates are independent: its lower
/// end lies below a - b by the root of the squares of a's distance to its lower end and of b's to its
/// upper end (Zou and Donner 2008, "Construction of confidence limits about effect measures").
///
/// Unlike a z test it needs no standard errors, which a t interval of few points and a
/// profile interval do not give alike, and unlike overlap it does not call intervals that overlap a little
/// the same.
pub(super) fn difference(a: IntervalEstimate, b: IntervalEstimate) -> IntervalEstimate {
    let value = a.value - b.value;
    let below = (a.value - a.ci.low).hypot(b.ci.high - b.value);
    let above = (a.ci.high - a.value).hypot(b.value - b.ci.low);
    IntervalEstimate { value, ci: Interval { low: value - below, high: value + above } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(value: f64, low: f64, high: f64) -> IntervalEstimate {
        IntervalEstimate { value, ci: Interval { low, high } }
    }

    #[test]
    fn differences_have_the_known_intervals() {
        let apart = difference(estimate(-0.1, -0.13, -0.08), estimate(-0.2, -0.25, -0.16));
        assert!((apart.value - 0.1).abs() < 1e-12);
        // 3-4-5 triangles of hundredths, and hypot(2, 5).
        assert!((apart.ci.low - 0.05).abs() < 1e-12, "{apart:?}");
        assert!((apart.ci.high - (0.1 + 0.0029f64.sqrt())).abs() < 1e-12, "{apart:?}");
        let unknown = difference(estimate(-0.1, f64::NEG_INFINITY, 0.0), estimate(-0.9, -1.0, -0.8));
        assert!(unknown.ci.contains(0.0));
    }
}
