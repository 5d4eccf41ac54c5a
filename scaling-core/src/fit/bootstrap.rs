//! The bootstrap: the law refitted to data resampled over seeds and over points.

use super::curve::{Point, median};
use super::interval::Interval;
use super::law::Law;
use super::student;
use crate::random::Random;

/// Bootstrap replicates of one fit.
pub const REPLICATES: usize = 1000;

/// Refitted laws around an estimate.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    law: Law,
    draws: Vec<Law>,
    /// Degrees of freedom of the variance that the draws rest on.
    freedom: f64,
}

impl Bootstrap {
    /// Refits `law`, which has `parameters` free parameters, to resampled data.
    ///
    /// A replicate is the law times exp(noise) at every point. Where a point has several seeds the
    /// noise has two parts: the median of as many fresh seeds, and a resampled residual shrunk to
    /// the variance that the seeds do not explain (the noise of the shard itself, and lack of fit).
    /// Where it has one seed the whole resampled residual is its noise.
    pub fn new(
        points: &[Point],
        law: Law,
        parameters: usize,
        refit: impl Fn(&[(f64, f64)]) -> Law,
        replicates: usize,
        seed: u64,
    ) -> Self {
        let mut random = Random::new("bootstrap", &[seed]);
        let count = points.len();
        let values: Vec<(f64, f64)> = points.iter().map(|p| (p.m, p.value())).collect();
        let residuals = inflated(&law.log_residuals(&values), parameters);
        let seeds: Vec<SeedNoise> = points.iter().map(SeedNoise::of).collect();
        let seed_noise: Vec<Vec<f64>> =
            (0..replicates).map(|_| seeds.iter().map(|noise| noise.draw(&mut random)).collect()).collect();
        let shares = Shares::new(&seeds, &seed_noise, &residuals, parameters);

        let draws = seed_noise
            .iter()
            .map(|noise| {
                let resampled: Vec<(f64, f64)> = (0..count)
                    .map(|i| {
                        let residual = residuals[random.below(count as u64) as usize];
                        let share = if seeds[i].count > 1 { shares.residual } else { 1.0 };
                        let noise = shares.seed * noise[i] + share * residual;
                        (points[i].m, law.at(points[i].m) * noise.exp())
                    })
                    .collect();
                refit(&resampled)
            })
            .collect();
        Self { law, draws, freedom: shares.freedom }
    }

    /// Percentiles of the draws, stretched about the estimate by t / z for the few degrees of
    /// freedom that the size of the noise was estimated from.
    pub(super) fn interval(&self, of: impl Fn(&Law) -> f64, level: f64) -> Interval {
        let mut draws: Vec<f64> = self.draws.iter().map(&of).collect();
        draws.sort_by(f64::total_cmp);
        let upper = f64::midpoint(1.0, level);
        let stretch = student::quantile(upper, self.freedom) / student::normal_quantile(upper);
        let estimate = of(&self.law);
        let end = |p: f64| {
            let place = (p * draws.len() as f64).floor() as usize;
            estimate + stretch * (draws[place.min(draws.len() - 1)] - estimate)
        };
        Interval { low: end(1.0 - upper).min(estimate), high: end(upper).max(estimate) }
    }

    /// The interval of a positive quantity, found for its logarithm.
    pub(super) fn logarithmic(&self, of: impl Fn(&Law) -> f64, level: f64) -> Interval {
        let logs = self.interval(|law| of(law).ln(), level);
        Interval { low: logs.low.exp(), high: logs.high.exp() }
    }
}

/// The noise of one point's median over its seeds.
struct SeedNoise {
    /// Seeds.
    count: usize,
    /// Standard deviation of the logarithm of one seed's error.
    spread: f64,
}

impl SeedNoise {
    fn of(point: &Point) -> Self {
        let count = point.errors.len();
        let logs: Vec<f64> = point.errors.iter().map(|error| error.ln()).collect();
        let mean = logs.iter().sum::<f64>() / count as f64;
        let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
        Self { count, spread: (squares / (count - 1).max(1) as f64).sqrt() }
    }

    /// The median of `count` normal deviates of the point's own spread. (Drawing from the few seeds
    /// themselves overstates the variance of their median: 95 % intervals then covered 99.9 %.)
    fn draw(&self, random: &mut Random) -> f64 {
        if self.count < 2 {
            return 0.0;
        }
        let deviates: Vec<f64> = (0..self.count).map(|_| random.normal()).collect();
        self.spread * median(&deviates)
    }
}

/// How much of each kind of noise a replicate takes.
struct Shares {
    seed: f64,
    residual: f64,
    freedom: f64,
}

impl Shares {
    fn new(seeds: &[SeedNoise], drawn: &[Vec<f64>], residuals: &[f64], parameters: usize) -> Self {
        let square = |noise: &f64| noise * noise;
        let several = seeds.iter().filter(|noise| noise.count > 1).count();
        let seed_variance =
            drawn.iter().flatten().map(square).sum::<f64>() / (drawn.len() * several).max(1) as f64;
        let residual_variance = residuals.iter().map(square).sum::<f64>() / residuals.len() as f64;
        let freedom = (residuals.len() - parameters) as f64;
        if residual_variance >= seed_variance {
            let unexplained =
                if residual_variance > 0.0 { 1.0 - seed_variance / residual_variance } else { 0.0 };
            return Self { seed: 1.0, residual: unexplained.sqrt(), freedom };
        }
        // The residuals are no larger than the seeds explain: both measure the same noise.
        let seed_freedom = seeds.iter().map(|noise| noise.count - 1).sum::<usize>() as f64;
        let both = seed_freedom + freedom;
        let pooled = (seed_freedom + freedom * residual_variance / seed_variance) / both;
        Self { seed: pooled.sqrt(), residual: 0.0, freedom: both }
    }
}

/// Centred residuals, scaled for the degrees of freedom that fitting took away.
fn inflated(residuals: &[f64], parameters: usize) -> Vec<f64> {
    let count = residuals.len() as f64;
    let mean = residuals.iter().sum::<f64>() / count;
    let factor = (count / (count - parameters as f64)).sqrt();
    residuals.iter().map(|residual| (residual - mean) * factor).collect()
}

#[cfg(test)]
mod tests {
    use super::super::constant;
    use super::super::interval::Uncertainty;
    use super::super::power::Line;
    use super::*;

    const CURVES: u64 = 300;

    /// The share of synthetic curves whose 95 % interval contains the truth, for each quantity.
    fn coverage<const N: usize>(
        truth: Law,
        seeds: usize,
        shard_noise: f64,
        uncertainty: impl Fn(&[Point], u64) -> Uncertainty,
        hits: impl Fn(&Uncertainty) -> [bool; N],
    ) -> [f64; N] {
        let mut inside = [0.0; N];
        for curve in 0..CURVES {
            let mut random = Random::new("coverage", &[curve]);
            let points: Vec<Point> = (0..8)
                .map(|i| {
                    let m = 1000.0 * 2f64.powi(i);
                    let shard = shard_noise * random.normal();
                    let mut draw = || truth.at(m) * (shard + 0.01 * random.normal()).exp();
                    Point { m, errors: (0..seeds).map(|_| draw()).collect() }
                })
                .collect();
            for (sum, hit) in inside.iter_mut().zip(hits(&uncertainty(&points, curve))) {
                *sum += if hit { 1.0 / CURVES as f64 } else { 0.0 };
            }
        }
        inside
    }

    fn values(points: &[Point]) -> Vec<(f64, f64)> {
        points.iter().map(|p| (p.m, p.value())).collect()
    }

    fn check<const N: usize>(shares: [f64; N]) {
        assert!(shares.iter().all(|share| (0.90..=0.99).contains(share)), "{shares:?}");
    }

    #[test]
    fn power_law_intervals_cover() {
        let truth = Law { alpha: 8.0, beta: -0.15, gamma: 0.0 };
        let hits = |u: &Uncertainty| {
            [
                u.alpha(0.95).contains(truth.alpha),
                u.beta(0.95).contains(truth.beta),
                u.at(1e6, 0.95).contains(truth.at(1e6)),
            ]
        };
        let regression = |points: &[Point], _| Uncertainty::Regression(Line::fit(&values(points)));
        check(coverage(truth, 1, 0.0, regression, hits));
        let bootstrap = |points: &[Point], seed| {
            let refit = |values: &[(f64, f64)]| Line::fit(values).law();
            let law = refit(&values(points));
            Uncertainty::Bootstrap(Bootstrap::new(points, law, 2, refit, 300, seed))
        };
        for (seeds, shard_noise) in [(2, 0.0), (5, 0.0), (3, 0.02)] {
            check(coverage(truth, seeds, shard_noise, bootstrap, hits));
        }
    }

    #[test]
    fn constant_form_intervals_cover() {
        let truth = Law { alpha: 20.0, beta: -0.45, gamma: 0.3 };
        let hits = |u: &Uncertainty| {
            [
                u.alpha(0.95).contains(truth.alpha),
                u.beta(0.95).contains(truth.beta),
                u.gamma(0.95).contains(truth.gamma),
                u.at(1e6, 0.95).contains(truth.at(1e6)),
            ]
        };
        let bootstrap = |points: &[Point], seed| {
            let law = constant::fit(&values(points));
            Uncertainty::Bootstrap(Bootstrap::new(points, law, 3, constant::fit, 200, seed))
        };
        for (seeds, shard_noise) in [(1, 0.0), (3, 0.01)] {
            check(coverage(truth, seeds, shard_noise, bootstrap, hits));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let points: Vec<Point> = (1..8)
            .map(|i| Point { m: f64::from(i), errors: vec![1.0 / f64::from(i), 1.1 / f64::from(i)] })
            .collect();
        let refit = |values: &[(f64, f64)]| Line::fit(values).law();
        let interval = |seed| {
            let law = refit(&values(&points));
            Uncertainty::Bootstrap(Bootstrap::new(&points, law, 2, refit, 200, seed)).beta(0.95)
        };
        assert_eq!(interval(1), interval(1));
        assert_ne!(interval(1), interval(2));
    }
}
