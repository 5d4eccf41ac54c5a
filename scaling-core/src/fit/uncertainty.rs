//! Confidence intervals of the parameters and of the fitted line.

use super::constant::Region;
use super::interval::Interval;
use super::noise::Noise;
use super::power::Line;
use super::student;

/// What is known about the error of a fitted law.
#[derive(Debug, Clone)]
pub(super) enum Uncertainty {
    /// Normal theory of a straight line.
    Regression(Line),
    /// Every law that is compatible with the data (profile likelihood).
    Region(Region),
}

impl Uncertainty {
    /// The laws whose likelihood is not below the best one's by more than `level` allows, for the
    /// points' noise. `least` is a sum of squares that lies inside in any case: that of the law reported.
    pub(super) fn region(
        (values, weights): (&[(f64, f64)], &[f64]),
        squares: f64,
        noise: Noise,
        level: f64,
        least: f64,
    ) -> Self {
        let reach = student::reach(level, noise.freedom);
        Self::Region(Region::new(values, weights, (squares + reach * reach * noise.variance).max(least)))
    }

    /// Interval of α.
    pub(super) fn alpha(&self, level: f64) -> Interval {
        match self {
            Self::Regression(line) => line.height_interval(1.0, level),
            Self::Region(region) => region.range(|law| law.alpha, 1.0),
        }
    }

    /// Interval of β.
    pub(super) fn beta(&self, level: f64) -> Interval {
        match self {
            Self::Regression(line) => line.slope_interval(level),
            Self::Region(region) => region.range(|law| law.beta, 0.0),
        }
    }

    /// Interval of γ.
    pub(super) fn gamma(&self) -> Interval {
        match self {
            Self::Regression(_) => Interval { low: 0.0, high: 0.0 },
            Self::Region(region) => region.range(|law| law.gamma, 1.0),
        }
    }

    /// Interval of the law (not of a further measurement) at `m`: one place of the band around it.
    pub(super) fn at(&self, m: f64, level: f64) -> Interval {
        match self {
            Self::Regression(line) => line.height_interval(m, level),
            Self::Region(region) => region.range(|law| law.at(m), 1.0),
        }
    }
}
