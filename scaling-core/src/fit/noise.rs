//! How far measured errors scatter about a law.

use super::curve::{Point, log_squares};
use super::student;

/// The variance of a point's ln E about the law, and how well it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noise {
    /// Variance of the logarithm of a point's value.
    pub(super) variance: f64,
    /// Degrees of freedom that it was estimated with.
    pub(super) freedom: f64,
}

/// Variance of the median of k normal numbers in units of theirs.
const MEDIANS: [f64; 9] = [1.0, 0.5, 0.4487, 0.2982, 0.2868, 0.2147, 0.2104, 0.1682, 0.1661];
/// The seeds explain the residuals unless these are larger with this confidence. More would pool what differs
/// where shards scatter as much as seeds, and intervals be too narrow; less would waste what seeds tell where
/// they do not.
const CONFIDENCE: f64 = 0.7;

impl Noise {
    /// The noise of `points` whose residuals ln E - ln E(m) have this weighted sum of squares after
    /// `parameters` were fitted: the variance of a point of weight 1.
    ///
    /// Residuals hold the noise of seeds and of shards and the misfit. Where points have several
    /// seeds, these tell of their own noise: if that explains the residuals, both estimate the same
    /// variance and are pooled, otherwise the residuals alone count.
    pub(super) fn new(points: &[Point], weights: &[f64], squares: f64, parameters: usize) -> Self {
        let freedom = points.len() as f64 - parameters as f64;
        let residual = Self { variance: squares / freedom, freedom };
        let Some((variance, seeds)) = of_seeds(points) else { return residual };
        let medians = points.iter().map(|point| median_variance(point.errors.len()));
        let medians = medians.zip(weights).map(|(median, weight)| weight * median);
        let seed = variance * medians.sum::<f64>() / points.len() as f64;
        if freedom > 0.0 && residual.variance > seed * student::f_quantile(CONFIDENCE, freedom, seeds) {
            return residual;
        }
        let both = freedom.max(0.0) + seeds;
        Self { variance: (squares + seeds * seed) / both, freedom: both }
    }
}

/// What every point counts, 1 on average: the inverse of its variance, where points have different numbers of
/// seeds.
///
/// That variance is what the seeds leave of their own in the median, and what else moves the points off the
/// law: as much as is left of the residuals, whose sum of squares is this after `parameters` were fitted with
/// even weights.
pub(super) fn weights(points: &[Point], squares: impl FnOnce() -> f64, parameters: usize) -> Vec<f64> {
    let even = vec![1.0; points.len()];
    let count = points.len() as f64;
    let freedom = count - parameters as f64;
    let alike = points.windows(2).all(|pair| pair[0].errors.len() == pair[1].errors.len());
    if alike || freedom < 1.0 {
        return even;
    }
    let Some((variance, _)) = of_seeds(points) else { return even };
    let own: Vec<f64> = points.iter().map(|point| variance * median_variance(point.errors.len())).collect();
    let other = (squares() / freedom - own.iter().sum::<f64>() / count).max(0.0);
    let inverses: Vec<f64> = own.iter().map(|own| 1.0 / (own + other)).collect();
    let mean = inverses.iter().sum::<f64>() / count;
    if mean.is_finite() { inverses.iter().map(|inverse| inverse / mean).collect() } else { even }
}

/// The variance of ln E from seed to seed, and its degrees of freedom, if any point has several seeds.
fn of_seeds(points: &[Point]) -> Option<(f64, f64)> {
    let errors: Vec<Vec<f64>> = points.iter().map(Point::above_zero).collect();
    let freedom: f64 = errors.iter().map(|errors| errors.len() as f64 - 1.0).sum();
    let sum: f64 = errors.iter().map(|errors| log_squares(errors)).sum();
    (freedom >= 1.0).then(|| (sum / freedom, freedom))
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
        let pooled = Noise::new(&points(0.02), &[1.0; 5], 3.0 * seed, 2);
        assert!(pooled.freedom == 8.0 && (pooled.variance / seed - 1.0).abs() < 1e-9, "{pooled:?}");
        let alone = Noise::new(&points(0.02), &[1.0; 5], 300.0 * seed, 2);
        assert!(alone.freedom == 3.0 && (alone.variance / seed - 100.0).abs() < 1e-6);
        let single = [1.0, 2.0, 4.0].map(|m| Point { m, errors: vec![1.0 / m] });
        assert_eq!(Noise::new(&single, &[1.0; 3], 0.5, 2).variance, 0.5);
    }

    #[test]
    fn points_of_many_seeds_count_more_unless_something_else_moves_them() {
        assert_eq!(weights(&points(0.02), || 1.0, 2), [1.0; 5]);
        let mut uneven = points(0.02);
        uneven[0].errors.truncate(1);
        // Half the variance of one seed is what the median of two has.
        let by_seeds = weights(&uneven, || 0.0, 2);
        assert!((2.0 * by_seeds[0] / by_seeds[1] - 1.0).abs() < 1e-9, "{by_seeds:?}");
        assert!((by_seeds.iter().sum::<f64>() - 5.0).abs() < 1e-9);
        let by_shards = weights(&uneven, || 1.0, 2);
        assert!(by_shards.iter().all(|weight| (weight - 1.0).abs() < 1e-3), "{by_shards:?}");
        // Seeds that agree exactly leave nothing to weigh by.
        let mut exact = points(0.0);
        exact[0].errors.truncate(1);
        assert_eq!(weights(&exact, || 0.0, 2), [1.0; 5]);
    }
}
