//! The power law: a straight line of ln E against ln m by least squares, weighted
//! where sizes have different numbers of seeds.

use super::interval::Interval;
use super::law::Law;
use super::noise::Noise;
use super::student;

/// A regression line of ln E on ln m with what its t intervals need.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    intercept: f64,
    slope: f64,
    /// Sum of the squared residuals, by their weights.
    squares: f64,
    /// Standard deviation of the residuals, and its degrees of freedom.
    spread: f64,
    freedom: f64,
    count: f64,
    mean_x: f64,
    sum_xx: f64,
}

impl Line {
    /// Fits (m, E) pairs, of which there must be at least two different m.
    pub fn fit(values: &[(f64, f64)]) -> Self {
        Self::weighted(values, &vec![1.0; values.len()])
    }

    /// The same with weights whose mean is 1.
    pub fn weighted(values: &[(f64, f64)], weights: &[f64]) -> Self {
        let count = values.len() as f64;
        let logs: Vec<(f64, f64, f64)> =
            values.iter().zip(weights).map(|((m, error), weight)| (m.ln(), error.ln(), *weight)).collect();
        let mean_x = logs.iter().map(|(x, _, w)| w * x).sum::<f64>() / count;
        let mean_y = logs.iter().map(|(_, y, w)| w * y).sum::<f64>() / count;
        let sum_xx: f64 = logs.iter().map(|(x, _, w)| w * (x - mean_x).powi(2)).sum();
        let covariation: f64 = logs.iter().map(|(x, y, w)| w * (x - mean_x) * (y - mean_y)).sum();
        let slope = covariation / sum_xx;
        let intercept = mean_y - slope * mean_x;
        let squares: f64 = logs.iter().map(|(x, y, w)| w * (y - intercept - slope * x).powi(2)).sum();
        let freedom = count - 2.0;
        let spread = if freedom > 0.0 { (squares / freedom).sqrt() } else { 0.0 };
        Self { intercept, slope, squares, spread, freedom, count, mean_x, sum_xx }
    }

    /// The same line with what else is known about the noise.
    pub(super) fn scattered(self, noise: Noise) -> Self {
        Self { spread: noise.variance.sqrt(), freedom: noise.freedom, ..self }
    }

    /// ln α: the height at ln m = 0.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// Sum of the squared residuals of ln E, by their weights.
    pub fn squares(&self) -> f64 {
        self.squares
    }

    /// The line as a power law.
    pub fn law(&self) -> Law {
        Law { alpha: self.intercept.exp(), beta: self.slope, gamma: 0.0 }
    }

    /// Standard error of the slope.
    fn slope_error(&self) -> f64 {
        self.spread / self.sum_xx.sqrt()
    }

    /// Standard error of the line's height (a logarithm) at `m`.
    fn height_error(&self, m: f64) -> f64 {
        self.spread * (1.0 / self.count + (m.ln() - self.mean_x).powi(2) / self.sum_xx).sqrt()
    }

    /// Standard error of one further observation (of ln E) at `m`.
    pub fn prediction_error(&self, m: f64) -> f64 {
        self.height_error(m).hypot(self.spread)
    }

    /// t interval of β.
    pub fn slope_interval(&self, level: f64) -> Interval {
        Interval::around(self.slope, student::reach(level, self.freedom) * self.slope_error())
    }

    /// t interval of the law at `m`; at m = 1 it is that of α.
    pub fn height_interval(&self, m: f64, level: f64) -> Interval {
        self.interval(m, self.height_error(m), level)
    }

    /// t interval of a further measurement at `m`.
    pub fn prediction_interval(&self, m: f64, level: f64) -> Interval {
        self.interval(m, self.prediction_error(m), level)
    }

    /// t interval about the law at `m`, given a standard error (of a logarithm) there.
    fn interval(&self, m: f64, error: f64, level: f64) -> Interval {
        let half = student::reach(level, self.freedom) * error;
        Interval::around(self.intercept + self.slope * m.ln(), half).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A curve with noise of 2 % and the estimates of an independent least-squares program.
    #[test]
    fn matches_reference_regression() {
        let m = (0..9).map(|i| 500.0 * 2f64.powi(i));
        let errors = [
            1.154_773_962_57,
            0.897_160_491_062,
            0.681_271_814_333,
            0.558_653_886_14,
            0.434_305_835_577,
            0.334_113_550_528,
            0.268_068_037_735,
            0.209_413_003_022,
            0.164_070_806_548,
        ];
        let values: Vec<(f64, f64)> = m.zip(errors).collect();
        let line = Line::fit(&values);
        assert!((line.law().alpha - 10.028_566_485_981_669).abs() < 1e-8);
        assert!((line.slope + 0.349_846_735_320_130_16).abs() < 1e-10);
        assert!((line.slope_error() - 0.002_795_556_120_633_692).abs() < 1e-10);
        assert!((line.height_error(1.0) - 0.025_617_535_286_627_465).abs() < 1e-9);
        let interval = line.slope_interval(0.95);
        assert!((interval.low + 0.356_457_175_12).abs() < 1e-8, "{interval:?}");
        assert!((interval.high + 0.343_236_295_521).abs() < 1e-8, "{interval:?}");
        assert!(line.prediction_error(1e9) > line.prediction_error(8e3));
    }

    #[test]
    fn exact_lines_are_recovered() {
        let truth = Law { alpha: 3.2, beta: -0.0656, gamma: 0.0 };
        let values: Vec<_> = (11..21).map(|i| 2f64.powi(i)).map(|m| (m, truth.at(m))).collect();
        let law = Line::fit(&values).law();
        assert!((law.alpha / truth.alpha - 1.0).abs() < 1e-12);
        assert!((law.beta - truth.beta).abs() < 1e-13);
        assert!((law.r2(&values) - 1.0).abs() < 1e-12);
        assert!(law.relative_rmse(&values) < 1e-13);
    }
}
