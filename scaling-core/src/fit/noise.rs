//! How far measured errors scatter about a law.

use super::curve::{Point, log_squares};
use super::student;

/// The variance of a point's ln E about the law, and how well it is known.
#[derive(Debug, Clone, Copy)]
pub struct Noise {
    /// Variance of the logarithm of a point's value.
    pub variance: f64,
    /// Degrees of freedom that it was estimated with.
    pub freedom: f64,
}

/// Variance of the median of k normal numbers in units of theirs.
const MEDIANS: [f64; 9] = [1.0, 0.5, 0.4487, 0.2982, 0.2868, 0.2147, 0.2104, 0.1682, 0.1661];
/// The seeds explain the residuals unless these are larger with this confidence.
const CONFIDENCE: f64 = 0.9;

impl Noise {
    /// The noise of `points` whose residuals ln E - ln E(m) have this sum of squares after
    /// `parameters` were fitted.
    ///
    /// Residuals hold the noise of seeds and of shards and the misfit. Where points have several
    /// seeds, these tell of their own noise: if that explains the residuals, both estimate the same
    /// variance and are pooled, otherwise the residuals alone count.
    #[must_use]
    pub fn new(points: &[Point], squares: f64, parameters: usize) -> Self {
        let freedom = points.len() as f64 - parameters as f64;
        let residual = Self { variance: squares / freedom, freedom };
        let (mut sum, mut seeds) = (0.0, 0.0);
        for point in points {
            sum += log_squares(&point.errors);
            seeds += point.errors.len() as f64 - 1.0;
        }
        if seeds < 1.0 {
            return residual;
        }
        let medians = points.iter().map(|point| median_variance(point.errors.len()));
        let shrink = medians.sum::<f64>() / points.len() as f64;
        let seed = sum / seeds * shrink;
        if freedom > 0.0 && residual.variance > seed * student::f_quantile(CONFIDENCE, freedom, seeds) {
            return residual;
        }
        let both = freedom.max(0.0) + seeds;
        Self { variance: (squares + seeds * seed) / both, freedom: both }
    }
}

fn median_variance(seeds: usize) -> f64 {
    let known = MEDIANS.get(seeds.saturating_sub(1));
    known.copied().unwrap_or(std::f64::consts::FRAC_PI_2 / seeds as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(spread: f64) -> Vec<Point> {
        (0..5).map(|i| Point { m: f64::from(i + 1), errors: vec![1.0, spread.exp()] }).collect()
    }

    #[test]
    fn seeds_are_pooled_where_they_explain_the_residuals() {
        // Two seeds a distance s apart: variance s²/2 of one, s²/4 of their median.
        let seed = 0.02f64.powi(2) / 4.0;
        let pooled = Noise::new(&points(0.02), 3.0 * seed, 2);
        assert!(pooled.freedom == 8.0 && (pooled.variance / seed - 1.0).abs() < 1e-9, "{pooled:?}");
        let alone = Noise::new(&points(0.02), 300.0 * seed, 2);
        assert!(alone.freedom == 3.0 && (alone.variance / seed - 100.0).abs() < 1e-6);
        let single = [1.0, 2.0, 4.0].map(|m| Point { m, errors: vec![1.0 / m] });
        assert_eq!(Noise::new(&single, 0.5, 2).variance, 0.5);
    }
}
