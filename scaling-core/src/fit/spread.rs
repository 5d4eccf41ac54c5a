//! How much the error of one configuration differs between seeds, and whether that changes with m
//! (ICLR 4.3: shard and initialisation drawn anew).

use super::curve::log_squares;
use super::interval::Interval;
use super::{normal, student};
use crate::error::{Error, Result};
use serde::Serialize;

/// The errors of many seeds of one configuration at one number of samples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seeds {
    /// What tells configurations apart, such as the parameters of the model.
    pub(crate) configuration: u64,
    /// Training samples.
    pub(crate) m: f64,
    /// One error per seed.
    pub(crate) errors: Vec<f64>,
}

/// The law of the variance of ln E between seeds: proportional to m^slope.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Spread {
    /// The exponent.
    pub(crate) slope: f64,
    /// Its interval.
    pub(crate) slope_ci: Interval,
    /// Probability of a slope as far from 0 if the variance did not change with m.
    pub(crate) p: f64,
    /// Standard deviation of ln E at the smallest and at the largest m, the mean over configurations.
    pub(crate) deviations: [f64; 2],
}

/// Seeds and numbers of samples that it takes at least.
pub(crate) const LEAST: (usize, usize) = (5, 3);

impl Spread {
    /// Regresses the logarithms of the variances on ln m, every configuration with a height of its
    /// own. The logarithm of a variance from n seeds has the variance ψ'((n - 1) / 2).
    ///
    /// # Errors
    /// [`Error::Failed`] for fewer than five seeds at three numbers of samples.
    pub(crate) fn fit(seeds: &[Seeds], level: f64) -> Result<Self> {
        let many = |s: &&Seeds| s.errors.len() >= LEAST.0 && s.errors.iter().all(|error| *error > 0.0);
        let usable = |s: &&Seeds| many(s) && variance(&s.errors) > 0.0;
        let mut rows: Vec<(u64, f64, f64, f64)> = Vec::new();
        for s in seeds.iter().filter(usable) {
            let weight = trigamma(0.5 * (s.errors.len() - 1) as f64).recip();
            rows.push((s.configuration, s.m.ln(), variance(&s.errors).ln(), weight));
        }
        let mut sizes: Vec<f64> = rows.iter().map(|row| row.1).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        if sizes.len() < LEAST.1 {
            return Err(Error::failed(format!(
                "the spread between seeds takes {} seeds at {} numbers of samples",
                LEAST.0, LEAST.1
            )));
        }
        let (mut xx, mut xy) = (0.0, 0.0);
        for (configuration, ..) in &rows {
            let own: Vec<_> = rows.iter().filter(|row| row.0 == *configuration).collect();
            let sum: f64 = own.iter().map(|row| row.3).sum();
            let mean_x = own.iter().map(|row| row.3 * row.1).sum::<f64>() / sum;
            let mean_y = own.iter().map(|row| row.3 * row.2).sum::<f64>() / sum;
            // Every configuration is met once for each of its rows.
            let share = 1.0 / own.len() as f64;
            xx += share * own.iter().map(|row| row.3 * (row.1 - mean_x).powi(2)).sum::<f64>();
            xy += share * own.iter().map(|row| row.3 * (row.1 - mean_x) * (row.2 - mean_y)).sum::<f64>();
        }
        if xx <= 0.0 {
            return Err(Error::failed("every configuration was repeated at one number of samples only"));
        }
        let (slope, error) = (xy / xx, xx.recip().sqrt());
        let half = student::normal_quantile(f64::midpoint(1.0, level)) * error;
        let at = |x: f64| {
            let there: Vec<f64> =
                rows.iter().filter(|row| row.1 == x).map(|row| (0.5 * row.2).exp()).collect();
            there.iter().sum::<f64>() / there.len() as f64
        };
        Ok(Self {
            slope,
            slope_ci: Interval::around(slope, half),
            p: 2.0 * normal::cdf(-(slope / error).abs()),
            deviations: [at(sizes[0]), at(sizes[sizes.len() - 1])],
        })
    }
}

/// The variance of ln E.
fn variance(errors: &[f64]) -> f64 {
    log_squares(errors) / (errors.len() - 1).max(1) as f64
}

/// The density of `logs` at every place of `grid`, by normal kernels of Silverman's width.
pub(crate) fn density(logs: &[f64], grid: &[f64]) -> Vec<f64> {
    let count = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / count;
    let deviation = (logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / count).sqrt();
    let width = (1.06 * deviation * count.powf(-0.2)).max(1e-6);
    let kernel = |z: f64| (-0.5 * z * z).exp() / (width * count * std::f64::consts::TAU.sqrt());
    grid.iter().map(|at| logs.iter().map(|log| kernel((at - log) / width)).sum()).collect()
}

/// ψ', the variance of the logarithm of a gamma variable of shape x: by its recurrence, then asymptotically
/// (Abramowitz and Stegun 1964, 6.4.6 and 6.4.12).
fn trigamma(x: f64) -> f64 {
    if x < 10.0 {
        return trigamma(x + 1.0) + x.powi(-2);
    }
    let y = x.powi(-2);
    (1.0 + 0.5 / x + y * (1.0 / 6.0 - y * (1.0 / 30.0 - y / 42.0))) / x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn trigamma_has_its_known_values() {
        let pi = std::f64::consts::PI;
        for (x, value) in [(1.0, pi.powi(2) / 6.0), (0.5, pi.powi(2) / 2.0), (1.5, pi.powi(2) / 2.0 - 4.0)] {
            assert!((trigamma(x) - value).abs() < 1e-9, "{x}");
        }
    }

    fn seeds(slope: f64, seed: u64) -> Vec<Seeds> {
        let mut random = Random::new("spread", &[seed]);
        let mut all = Vec::new();
        for configuration in 0..2 {
            for i in 0..4 {
                let m = 1000.0 * 2f64.powi(i);
                let deviation = 0.02 * (configuration + 1) as f64 * (m / 1000.0).powf(slope / 2.0);
                let errors = (0..30).map(|_| 5.0 * (deviation * random.normal()).exp()).collect();
                all.push(Seeds { configuration, m, errors });
            }
        }
        all
    }

    #[test]
    fn the_slope_of_the_variance_is_found_and_covered() {
        let (mut inside, mut alarms) = (0, 0);
        for seed in 0..200 {
            inside += usize::from(Spread::fit(&seeds(-1.0, seed), 0.95).unwrap().slope_ci.contains(-1.0));
            alarms += usize::from(Spread::fit(&seeds(0.0, seed), 0.95).unwrap().p < 0.05);
        }
        assert!((180..=198).contains(&inside), "{inside}");
        assert!(alarms < 22, "{alarms}");
        let spread = Spread::fit(&seeds(-1.0, 1), 0.95).unwrap();
        assert!(spread.p < 0.01 && spread.deviations[0] > spread.deviations[1], "{spread:?}");
    }

    #[test]
    fn few_seeds_are_refused() {
        assert!(Spread::fit(&seeds(0.0, 1)[..2], 0.95).is_err());
    }

    #[test]
    fn densities_integrate_to_one() {
        let grid: Vec<f64> = (0..400).map(|i| -2.0 + 0.01 * f64::from(i)).collect();
        let sum: f64 = density(&[0.1, 0.0, -0.3, 0.2], &grid).iter().map(|d| 0.01 * d).sum();
        assert!((sum - 1.0).abs() < 1e-2, "{sum}");
    }
}
