//! The continuation of a curve by its local trend: beyond the last size, and between the measured ones.

use super::interval::Interval;
use super::power::Line;
use super::trend::Trend;

/// The distance of the quantiles from the median is stretched by this. The mixture knows the noise and the
/// wandering of the slope but treats what it estimated them from as independent points; on real
/// curves its intervals would be somewhat too narrow (docs/forecasting.md).
const STRETCH: f64 = 1.12;
/// The error is not expected to fall faster than m to this power, or than it fell so far on average if that
/// is steeper.
const STEEPEST: f64 = 0.7;
/// Nearest sizes whose scatter about their line gives the interval of a value between measured sizes.
const NEIGHBOURS: usize = 5;

/// A curve and its trend, made ready for values at any size.
#[derive(Debug, Clone)]
pub(super) struct Continuation {
    trend: Trend,
    /// Its quantiles at the last size: lower end, median, upper end.
    now: [f64; 3],
    values: Vec<(f64, f64)>,
    level: f64,
}

impl Continuation {
    /// Of (m, E) pairs, ascending in m, by their trend, with intervals at `level`.
    pub(super) fn new(trend: Trend, values: &[(f64, f64)], level: f64) -> Self {
        let tail = 0.5 * (1.0 - level);
        let now = trend.quantiles(values[values.len() - 1].0, [tail, 0.5, 1.0 - tail]);
        Self { trend, now, values: values.to_vec(), level }
    }

    /// Median and interval at an `m` from the smallest size on.
    pub(super) fn point(&self, m: f64) -> (f64, Interval) {
        let (last_m, _) = self.values[self.values.len() - 1];
        if m < last_m { self.between(m) } else { self.ahead(m) }
    }

    /// Median and interval of the trend beyond the last point.
    fn ahead(&self, m: f64) -> (f64, Interval) {
        let [below, now, above] = self.now;
        let (last_m, last) = self.values[self.values.len() - 1];
        let tail = 0.5 * (1.0 - self.level);
        let [low, raw, high] = self.trend.quantiles(m, [tail, 0.5, 1.0 - tail]);

        let highest = self.values.iter().map(|(_, error)| error.ln()).fold(f64::NEG_INFINITY, f64::max);
        // More data do not make it worse: a slope that rises is noise. Measurements are held between the
        // worst so far and the steepest fall, give or take the noise.
        let steepest = STEEPEST.max(-self.trend.mean_slope());
        let floor = last.ln().min(now) - steepest * (m / last_m).ln();
        let median = raw.min(now).max(floor);
        let ends = (floor - STRETCH * (now - below), highest + STRETCH * (above - now));
        let stretched = |end: f64| (median + STRETCH * (end - raw)).clamp(ends.0, ends.1).exp();
        (median.exp(), Interval { low: stretched(low), high: stretched(high) })
    }

    /// Median and interval between measured sizes: what the two neighbours say (of the last size, what the
    /// trend makes of it), give or take the noise at a neighbour and, halfway, the scatter about a line
    /// through the nearest sizes.
    fn between(&self, m: f64) -> (f64, Interval) {
        let [below, now, above] = self.now;
        let next = self.values.partition_point(|(size, _)| *size < m).max(1);
        let ((left, before), (right, after)) = (self.values[next - 1], self.values[next]);
        let share = (m / left).ln() / (right / left).ln();
        let after = if next + 1 == self.values.len() { now } else { after.ln() };
        let error = before.ln() + share * (after - before.ln());
        // The nearest of all are among as many on either side.
        let window = next.saturating_sub(NEIGHBOURS)..(next + NEIGHBOURS).min(self.values.len());
        let mut nearest = self.values[window].to_vec();
        nearest.sort_by(|a, b| (a.0 / m).ln().abs().total_cmp(&(b.0 / m).ln().abs()));
        nearest.truncate(NEIGHBOURS);
        let line = Line::fit(&nearest);
        let (scatter, middle) = (line.prediction_interval(m, self.level), line.law().at(m));
        let halfway = 4.0 * share * (1.0 - share);
        let reach = |noise: f64, end: f64| {
            let noise = STRETCH * noise;
            noise + halfway * ((end / middle).ln().abs() - noise).max(0.0)
        };
        let low = (error - reach(now - below, scatter.low)).exp();
        (error.exp(), Interval { low, high: (error + reach(above - now, scatter.high)).exp() })
    }
}
