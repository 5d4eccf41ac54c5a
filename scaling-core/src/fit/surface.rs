//! The joint law of model size and data, E(N, D) = `E_0` + A / N^a + B / D^b (Hoffmann et al. 2022, eq. 2),
//! and how it says a budget of compute is best spent.

use super::frontier::Run;
use super::interval::Interval;
use super::least_squares::{Loss, Minimum, minimise};
use super::student;
use crate::error::{Error, Result};
use serde::Serialize;

/// The model and the data that a budget of compute is best spent on.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Allocation {
    /// The budget C.
    pub(crate) flops: f64,
    /// `N_opt(C)`.
    pub(crate) parameters: f64,
    /// Interval of `N_opt(C)`.
    pub(crate) parameters_ci: Interval,
    /// `D_opt(C)`.
    pub(crate) m: f64,
    /// Interval of `D_opt(C)`; as wide in logarithms as that of `N_opt(C)`, since N D is fixed.
    pub(crate) m_ci: Interval,
}

/// A fitted surface.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Surface {
    /// Irreducible error.
    pub(crate) irreducible: f64,
    /// A, of the model's size.
    pub(crate) a_scale: f64,
    /// a > 0.
    pub(crate) a: f64,
    /// B, of the data.
    pub(crate) b_scale: f64,
    /// b > 0.
    pub(crate) b: f64,
    /// Interval of a.
    pub(crate) a_ci: Interval,
    /// Interval of b.
    pub(crate) b_ci: Interval,
    /// Exponent of `N_opt(C)`, b / (a + b); that of `D_opt(C)` is one less it.
    pub(crate) size_exponent: f64,
    /// Interval of that exponent.
    pub(crate) size_exponent_ci: Interval,
    /// Operations per parameter and sample, the median over the runs: C = this · N · D.
    pub(crate) flops_per_parameter_sample: f64,
    /// How ten times the costliest run's compute is best spent.
    pub(crate) next: Allocation,
    /// Root of the mean squared residual of ln E.
    pub(crate) rmse: f64,
    /// Runs used.
    pub(crate) runs: usize,
}

/// ln `E_0`, ln A, ln a, ln B, ln b; A and B at the geometric means of N and D.
type Vector = [f64; 5];

/// Sizes and shards that it takes at least.
const LEAST: usize = 3;
/// The steepest exponents that are searched.
const STEEPEST: f64 = 5.0;
/// Residuals of ln E beyond this count less: undertuned runs lie above the surface.
const UNDERTUNED: f64 = 0.03;

impl Surface {
    /// Fits runs of at least three sizes on at least three shards.
    ///
    /// # Errors
    /// [`Error::Failed`] with the reason: too few sizes or shards, or runs that do not identify both
    /// exponents.
    pub(crate) fn fit(runs: &[Run], level: f64) -> Result<Self> {
        let runs = usable(runs)?;
        let rows = Rows::new(&runs);
        let found = rows.search().and_then(|minimum| Parameters::new(&minimum, &rows, level));
        let parameters = found.filter(Parameters::identify_exponents).ok_or_else(|| {
            Error::failed("the runs do not identify both exponents: try more sizes, or a wider range of data")
        })?;
        Ok(Self::of(&parameters, &runs))
    }

    /// What the parameters say.
    fn of(parameters: &Parameters, runs: &[Run]) -> Self {
        let [ln_irreducible, ln_a_scale, ln_a, ln_b_scale, ln_b] = parameters.values;
        let [n0, d0] = parameters.means;
        let (a, b) = (ln_a.exp(), ln_b.exp());
        let [half_a, half_b] = parameters.halves_of_exponents();
        // logit(b / (a + b)) = ln b - ln a.
        let half = parameters.half([0.0, 0.0, -1.0, 0.0, 1.0]);
        let logit = ln_b - ln_a;
        let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
        let most = runs.iter().map(|run| run.flops).filter(|flops| flops.is_finite()).fold(0.0, f64::max);
        let flops_per_parameter_sample = flops_per_parameter_sample(runs);
        Self {
            irreducible: ln_irreducible.exp(),
            a_scale: (ln_a_scale + a * n0).exp(),
            a,
            b_scale: (ln_b_scale + b * d0).exp(),
            b,
            a_ci: around(a, half_a),
            b_ci: around(b, half_b),
            size_exponent: logistic(logit),
            size_exponent_ci: Interval { low: logistic(logit - half), high: logistic(logit + half) },
            flops_per_parameter_sample,
            next: allocation(parameters, flops_per_parameter_sample, 10.0 * most),
            rmse: (parameters.squares / runs.len() as f64).sqrt(),
            runs: runs.len(),
        }
    }
}

/// The runs that a surface can be fitted to.
fn usable(runs: &[Run]) -> Result<Vec<Run>> {
    // An error of 0 has no logarithm.
    let runs: Vec<Run> = runs.iter().copied().filter(|run| run.error > 0.0).collect();
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
    Ok(runs)
}

/// What the parameters are searched with.
struct Rows {
    /// ln N and ln D less their means, and ln E, of every run.
    logs: Vec<[f64; 3]>,
    /// Logarithms of the geometric means of N and D.
    means: [f64; 2],
    /// The lowest error.
    lowest: f64,
}

impl Rows {
    fn new(runs: &[Run]) -> Self {
        let count = runs.len() as f64;
        let mean = |of: fn(&Run) -> f64| runs.iter().map(|run| of(run).ln()).sum::<f64>() / count;
        let (n0, d0) = (mean(|run| run.parameters), mean(|run| run.m));
        let logs = runs.iter().map(|run| [run.parameters.ln() - n0, run.m.ln() - d0, run.error.ln()]);
        let lowest = runs.iter().map(|run| run.error).fold(f64::INFINITY, f64::min);
        Self { logs: logs.collect(), means: [n0, d0], lowest }
    }

    /// ln E of the `i`-th run less that of the surface; infinite beyond the exponents that are searched.
    fn residual(&self, p: &Vector, i: usize) -> f64 {
        let [n, d, y] = self.logs[i];
        let (a, b) = (p[2].exp(), p[4].exp());
        if a > STEEPEST || b > STEEPEST {
            return f64::INFINITY;
        }
        y - (p[0].exp() + (p[1] - a * n).exp() + (p[3] - b * d).exp()).ln()
    }

    /// The lowest minimum from many starts, the first of equals.
    fn search(&self) -> Option<Minimum<5>> {
        let residual = |p: &Vector, i: usize| self.residual(p, i);
        let mut best: Option<Minimum<5>> = None;
        for share in [0.1, 0.5, 0.9] {
            for a in [0.05f64, 0.2, 0.5] {
                for b in [0.05f64, 0.2, 0.5] {
                    let rest = ((1.0 - share) * self.lowest).ln();
                    let start = [(share * self.lowest).ln(), rest - 1.0, a.ln(), rest, b.ln()];
                    let found = minimise(residual, self.logs.len(), start, Loss::Huber(UNDERTUNED));
                    if best.as_ref().is_none_or(|best| found.cost < best.cost) {
                        best = Some(found);
                    }
                }
            }
        }
        best
    }
}

/// The parameters, and how well they are known.
#[derive(Debug, Clone)]
struct Parameters {
    values: Vector,
    /// Covariance, times the square of the quantile of Student's t.
    covariance: [Vector; 5],
    /// Logarithms of the geometric means of N and D.
    means: [f64; 2],
    /// Sum of the squared residuals of ln E.
    squares: f64,
}

impl Parameters {
    /// Those at a minimum, if it is not one of a whole valley.
    fn new(minimum: &Minimum<5>, rows: &Rows, level: f64) -> Option<Self> {
        let values = minimum.parameters;
        let inverse = minimum.inverse?;
        let squares: f64 = (0..rows.logs.len()).map(|i| rows.residual(&values, i).powi(2)).sum();
        let freedom = rows.logs.len() as f64 - 5.0;
        let factor = student::reach(level, freedom).powi(2) * squares / freedom;
        let covariance = inverse.map(|row| row.map(|entry| entry * factor));
        Some(Self { values, covariance, means: rows.means, squares })
    }

    /// Half the widths of the intervals of ln a and ln b.
    fn halves_of_exponents(&self) -> [f64; 2] {
        [[0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]].map(|gradient| self.half(gradient))
    }

    /// Whether both exponents are identified: neither at the end of the search, nor with an interval wider
    /// than a factor of ten either way.
    fn identify_exponents(&self) -> bool {
        let known = self.halves_of_exponents().iter().all(|half| *half < 10f64.ln());
        known && self.values[2].exp().max(self.values[4].exp()) <= 0.99 * STEEPEST
    }

    /// Half the width of the interval of a quantity with this gradient by the parameters (delta method).
    fn half(&self, gradient: Vector) -> f64 {
        let pairs = (0..5).flat_map(|i| (0..5).map(move |j| (i, j)));
        let sum: f64 = pairs.map(|(i, j)| gradient[i] * self.covariance[i][j] * gradient[j]).sum();
        sum.max(0.0).sqrt()
    }

    /// ln `N_opt` where N D is `product` (ibid., eq. 4), and half the width of its interval.
    fn size(&self, product: f64) -> (f64, f64) {
        let [n0, d0] = self.means;
        let (left, right) = (n0, product.ln() - d0);
        let [_, ln_a_scale, ln_a, ln_b_scale, ln_b] = self.values;
        let (a, b) = (ln_a.exp(), ln_b.exp());
        // a A (N / N_0)^-a = b B (D / D_0)^-b, solved for ln N.
        let numerator = ln_a + ln_a_scale - ln_b - ln_b_scale + a * left + b * right;
        let size = numerator / (a + b);
        let by_a = 1.0 + a * (left - size);
        let by_b = -1.0 + b * (right - size);
        (size, self.half([0.0, 1.0, by_a, -1.0, by_b].map(|slope| slope / (a + b))))
    }
}

/// Operations per parameter and sample, the median over the runs.
fn flops_per_parameter_sample(runs: &[Run]) -> f64 {
    let rates = runs.iter().map(|run| run.flops / (run.parameters * run.m));
    let mut rates: Vec<f64> = rates.filter(|rate| rate.is_finite()).collect();
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Parameters and samples with the lowest error that `flops` can buy (ibid., eq. 4).
fn allocation(parameters: &Parameters, flops_per_parameter_sample: f64, flops: f64) -> Allocation {
    let product = flops / flops_per_parameter_sample;
    let (size, half) = parameters.size(product);
    let (parameters, m) = (size.exp(), product / size.exp());
    Allocation { flops, parameters, parameters_ci: around(parameters, half), m, m_ci: around(m, half) }
}

/// Interval of a value, given half the width of the interval of its logarithm.
fn around(value: f64, half: f64) -> Interval {
    Interval { low: value * (-half).exp(), high: value * half.exp() }
}

#[cfg(test)]
pub(super) mod tests;
