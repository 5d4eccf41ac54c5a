//! The joint law of model size and data, E(N, D) = `E_0` + A / N^a + B / D^b (Hoffmann et al. 2022, eq. 2), and
//! how it says a budget of compute is best spent.

use super::interval::Interval;
use super::least_squares::{Loss, minimise};
use super::student;
use crate::error::{Error, Result};
use serde::Serialize;

/// One trained model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// Parameters N.
    pub parameters: f64,
    /// Training samples D.
    pub m: f64,
    /// Its error.
    pub error: f64,
    /// Floating-point operations of its training.
    pub flops: f64,
}

/// The model and the data that a budget of compute is best spent on.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Allocation {
    /// The budget C.
    pub flops: f64,
    /// `N_opt(C)`.
    pub parameters: f64,
    /// `D_opt(C)`.
    pub m: f64,
}

/// A fitted surface.
#[derive(Debug, Clone, Serialize)]
pub struct Surface {
    /// Irreducible error.
    pub irreducible: f64,
    /// A, of the model's size.
    pub a_scale: f64,
    /// a > 0.
    pub a: f64,
    /// B, of the data.
    pub b_scale: f64,
    /// b > 0.
    pub b: f64,
    /// Interval of a.
    pub a_ci: Interval,
    /// Interval of b.
    pub b_ci: Interval,
    /// Exponent of `N_opt(C)`, b / (a + b); that of `D_opt(C)` is one less it.
    pub size_exponent: f64,
    /// Interval of that exponent.
    pub size_exponent_ci: Interval,
    /// Operations per parameter and sample, the median over the runs: C = this · N · D.
    pub flops_per_parameter_sample: f64,
    /// How ten times the costliest run's compute is best spent.
    pub next: Allocation,
    /// Root of the mean squared residual of ln E.
    pub rmse: f64,
    /// Runs used.
    pub runs: usize,
}

/// Sizes and shards that it takes at least.
const LEAST: usize = 3;
/// Residuals of ln E beyond this count less: undertuned runs lie above the surface.
const HUBER: f64 = 0.03;

impl Surface {
    /// Fits runs of at least three sizes on at least three shards.
    ///
    /// # Errors
    /// [`Error::Failed`] with the reason: too few sizes or shards, or runs that do not identify both
    /// exponents.
    pub fn fit(runs: &[Run], level: f64) -> Result<Self> {
        let distinct = |of: fn(&Run) -> f64| {
            let mut all: Vec<f64> = runs.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all.dedup();
            all.len()
        };
        let (sizes, shards) = (distinct(|run| run.parameters), distinct(|run| run.m));
        if sizes < LEAST || shards < LEAST || runs.len() < 8 {
            return Err(Error::failed(format!(
                "a surface needs {LEAST} sizes on {LEAST} shards and 8 runs; there are {sizes}, {shards} and {}",
                runs.len()
            )));
        }
        let count = runs.len() as f64;
        let mean = |of: fn(&Run) -> f64| runs.iter().map(|run| of(run).ln()).sum::<f64>() / count;
        let (n0, d0) = (mean(|run| run.parameters), mean(|run| run.m));
        let lowest = runs.iter().map(|run| run.error).fold(f64::INFINITY, f64::min);
        let rows: Vec<[f64; 3]> =
            runs.iter().map(|run| [run.parameters.ln() - n0, run.m.ln() - d0, run.error.ln()]).collect();
        // ln E_0, ln A, ln a, ln B, ln b; A and B at the geometric means of N and D.
        let residual = |p: &[f64; 5], i: usize| {
            let [n, d, y] = rows[i];
            let (a, b) = (p[2].exp(), p[4].exp());
            if a > 5.0 || b > 5.0 {
                return f64::INFINITY;
            }
            y - (p[0].exp() + (p[1] - a * n).exp() + (p[3] - b * d).exp()).ln()
        };
        let mut best: Option<super::least_squares::Minimum<5>> = None;
        for share in [0.1, 0.5, 0.9] {
            for a in [0.05f64, 0.2, 0.5] {
                for b in [0.05f64, 0.2, 0.5] {
                    let rest = ((1.0 - share) * lowest).ln();
                    let start = [(share * lowest).ln(), rest - 1.0, a.ln(), rest, b.ln()];
                    let found = minimise(residual, rows.len(), start, Loss::Huber(HUBER));
                    if best.as_ref().is_none_or(|best| found.cost < best.cost) {
                        best = Some(found);
                    }
                }
            }
        }
        let unidentified = || {
            Error::failed("the runs do not identify both exponents: try more sizes, or a wider range of data")
        };
        let found = best.ok_or_else(unidentified)?;
        let p = found.parameters;
        let inverse = found.inverse.ok_or_else(unidentified)?;
        let squares: f64 = (0..rows.len()).map(|i| residual(&p, i).powi(2)).sum();
        let freedom = count - 5.0;
        let variance = squares / freedom;
        let reach = student::quantile(f64::midpoint(1.0, level), freedom);
        let spread = |gradient: [f64; 5]| {
            let sum: f64 = (0..5)
                .flat_map(|i| (0..5).map(move |j| (i, j)))
                .map(|(i, j)| gradient[i] * inverse[i][j] * gradient[j])
                .sum();
            reach * (sum.max(0.0) * variance).sqrt()
        };
        let (a, b) = (p[2].exp(), p[4].exp());
        let around =
            |value: f64, half: f64| Interval { low: value * (-half).exp(), high: value * half.exp() };
        let (half_a, half_b) = (spread([0.0, 0.0, 1.0, 0.0, 0.0]), spread([0.0, 0.0, 0.0, 0.0, 1.0]));
        // An exponent known to less than a factor of ten either way is not known.
        if !(half_a < 10f64.ln() && half_b < 10f64.ln()) {
            return Err(unidentified());
        }
        // logit(b / (a + b)) = ln b - ln a.
        let half = spread([0.0, 0.0, -1.0, 0.0, 1.0]);
        let logit = p[4] - p[2];
        let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
        let mut rates: Vec<f64> = runs
            .iter()
            .map(|run| run.flops / (run.parameters * run.m))
            .filter(|rate| rate.is_finite())
            .collect();
        rates.sort_by(f64::total_cmp);
        let most = runs.iter().map(|run| run.flops).filter(|flops| flops.is_finite()).fold(0.0, f64::max);
        let mut surface = Self {
            irreducible: p[0].exp(),
            a_scale: (p[1] + a * n0).exp(),
            a,
            b_scale: (p[3] + b * d0).exp(),
            b,
            a_ci: around(a, half_a),
            b_ci: around(b, half_b),
            size_exponent: logistic(logit),
            size_exponent_ci: Interval { low: logistic(logit - half), high: logistic(logit + half) },
            flops_per_parameter_sample: rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN),
            next: Allocation { flops: 10.0 * most, parameters: 0.0, m: 0.0 },
            rmse: (squares / count).sqrt(),
            runs: runs.len(),
        };
        surface.next = surface.allocation(10.0 * most);
        Ok(surface)
    }

    /// The error of a model of `parameters` trained on `m` samples.
    #[must_use]
    pub fn at(&self, parameters: f64, m: f64) -> f64 {
        self.irreducible + self.a_scale * parameters.powf(-self.a) + self.b_scale * m.powf(-self.b)
    }

    /// Parameters and samples with the lowest error that `flops` can buy (ibid., eq. 4).
    #[must_use]
    pub fn allocation(&self, flops: f64) -> Allocation {
        let product = flops / self.flops_per_parameter_sample;
        let sum = self.a + self.b;
        let ratio = (self.a * self.a_scale / (self.b * self.b_scale)).powf(1.0 / sum);
        let parameters = ratio * product.powf(self.b / sum);
        Allocation { flops, parameters, m: product / parameters }
    }
}

/// The runs that no cheaper run beats, from the cheapest on: (operations, error).
#[must_use]
pub fn frontier(runs: &[Run]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<&Run> = runs.iter().filter(|run| run.flops > 0.0).collect();
    sorted.sort_by(|a, b| a.flops.total_cmp(&b.flops).then(a.error.total_cmp(&b.error)));
    let mut frontier: Vec<(f64, f64)> = Vec::new();
    for run in sorted {
        if frontier.last().is_none_or(|(_, error)| run.error < *error) {
            frontier.push((run.flops, run.error));
        }
    }
    frontier
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn runs(noise: f64) -> Vec<Run> {
        let mut random = Random::new("surface", &[1]);
        let mut all = Vec::new();
        for i in 0..5 {
            for j in 0..6 {
                let (parameters, m) = (1e5 * 4f64.powi(i), 1e6 * 4f64.powi(j));
                let error = 1.7 + 400.0 / parameters.powf(0.34) + 410.0 / m.powf(0.28);
                let error = error * (noise * random.normal()).exp();
                all.push(Run { parameters, m, error, flops: 6.0 * parameters * m });
            }
        }
        all
    }

    #[test]
    fn exact_surfaces_are_recovered() {
        let surface = Surface::fit(&runs(0.0), 0.95).unwrap();
        assert!((surface.a - 0.34).abs() < 1e-4 && (surface.b - 0.28).abs() < 1e-4, "{surface:?}");
        assert!(
            (surface.irreducible - 1.7).abs() < 1e-3 && (surface.size_exponent - 0.28 / 0.62).abs() < 1e-4
        );
        let Allocation { parameters, m, .. } = surface.allocation(6e15);
        assert!((6.0 * parameters * m / 6e15 - 1.0).abs() < 1e-9);
        let best = surface.at(parameters, m);
        for factor in [0.8, 1.25] {
            assert!(surface.at(parameters * factor, m / factor) > best, "{factor}");
        }
    }

    #[test]
    fn intervals_hold_the_truth_and_too_little_is_refused() {
        let surface = Surface::fit(&runs(0.01), 0.95).unwrap();
        assert!(surface.a_ci.contains(0.34) && surface.b_ci.contains(0.28), "{surface:?}");
        assert!(surface.size_exponent_ci.contains(0.28 / 0.62));
        let refused = Surface::fit(&runs(0.0)[..12], 0.95).unwrap_err().to_string();
        assert!(refused.contains("there are 2, 6 and 12"), "{refused}");
    }

    #[test]
    fn the_frontier_falls() {
        let frontier = frontier(&runs(0.02));
        assert!(frontier.len() > 5);
        assert!(frontier.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 > w[1].1));
    }
}
