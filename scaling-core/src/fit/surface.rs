//! The joint law of model size and data, E(N, D) = `E_0` + A / N^a + B / D^b (Hoffmann et al. 2022, eq. 2), and
//! how it says a budget of compute is best spent.

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

/// The parameters, and how well they are known.
#[derive(Debug, Clone)]
struct Parameters {
    values: Vector,
    /// Covariance, times the square of the quantile of Student's t.
    covariance: [Vector; 5],
    /// Logarithms of the geometric means of N and D.
    means: [f64; 2],
}

impl Parameters {
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
        let count = runs.len() as f64;
        let mean = |of: fn(&Run) -> f64| runs.iter().map(|run| of(run).ln()).sum::<f64>() / count;
        let (n0, d0) = (mean(|run| run.parameters), mean(|run| run.m));
        let lowest = runs.iter().map(|run| run.error).fold(f64::INFINITY, f64::min);
        let rows: Vec<[f64; 3]> =
            runs.iter().map(|run| [run.parameters.ln() - n0, run.m.ln() - d0, run.error.ln()]).collect();
        let residual = |p: &Vector, i: usize| {
            let [n, d, y] = rows[i];
            let (a, b) = (p[2].exp(), p[4].exp());
            if a > STEEPEST || b > STEEPEST {
                return f64::INFINITY;
            }
            y - (p[0].exp() + (p[1] - a * n).exp() + (p[3] - b * d).exp()).ln()
        };
        let unidentified = || {
            Error::failed("the runs do not identify both exponents: try more sizes, or a wider range of data")
        };
        let found = search(residual, rows.len(), lowest).ok_or_else(unidentified)?;
        let p = found.parameters;
        let inverse = found.inverse.ok_or_else(unidentified)?;
        let squares: f64 = (0..rows.len()).map(|i| residual(&p, i).powi(2)).sum();
        let freedom = count - 5.0;
        let reach = student::reach(level, freedom);
        let factor = reach.powi(2) * squares / freedom;
        let covariance = inverse.map(|row| row.map(|entry| entry * factor));
        let parameters = Parameters { values: p, covariance, means: [n0, d0] };
        let (a, b) = (p[2].exp(), p[4].exp());
        let half_a = parameters.half([0.0, 0.0, 1.0, 0.0, 0.0]);
        let half_b = parameters.half([0.0, 0.0, 0.0, 0.0, 1.0]);
        // An exponent with an interval wider than a factor of ten either way, or at the end of the search, is
        // not identified.
        if !(half_a < 10f64.ln() && half_b < 10f64.ln()) || a.max(b) > 0.99 * STEEPEST {
            return Err(unidentified());
        }
        // logit(b / (a + b)) = ln b - ln a.
        let half = parameters.half([0.0, 0.0, -1.0, 0.0, 1.0]);
        let logit = p[4] - p[2];
        let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
        let most = runs.iter().map(|run| run.flops).filter(|flops| flops.is_finite()).fold(0.0, f64::max);
        let flops_per_parameter_sample = flops_per_parameter_sample(&runs);
        let next = allocation(&parameters, flops_per_parameter_sample, 10.0 * most);
        Ok(Self {
            irreducible: p[0].exp(),
            a_scale: (p[1] + a * n0).exp(),
            a,
            b_scale: (p[3] + b * d0).exp(),
            b,
            a_ci: around(a, half_a),
            b_ci: around(b, half_b),
            size_exponent: logistic(logit),
            size_exponent_ci: Interval { low: logistic(logit - half), high: logistic(logit + half) },
            flops_per_parameter_sample,
            next,
            rmse: (squares / count).sqrt(),
            runs: runs.len(),
        })
    }
}

/// The lowest minimum from many starts, the first of equals; `lowest` is the lowest error.
fn search(residual: impl Fn(&Vector, usize) -> f64 + Copy, count: usize, lowest: f64) -> Option<Minimum<5>> {
    let mut best: Option<Minimum<5>> = None;
    for share in [0.1, 0.5, 0.9] {
        for a in [0.05f64, 0.2, 0.5] {
            for b in [0.05f64, 0.2, 0.5] {
                let rest = ((1.0 - share) * lowest).ln();
                let start = [(share * lowest).ln(), rest - 1.0, a.ln(), rest, b.ln()];
                let found = minimise(residual, count, start, Loss::Huber(UNDERTUNED));
                if best.as_ref().is_none_or(|best| found.cost < best.cost) {
                    best = Some(found);
                }
            }
        }
    }
    best
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
pub(super) mod tests {
    use super::*;
    use crate::random::Random;

    pub(in crate::fit) fn runs(noise: f64, seed: u64) -> Vec<Run> {
        let mut random = Random::new("surface", &[seed]);
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
        let surface = Surface::fit(&runs(0.0, 1), 0.95).unwrap();
        assert!((surface.a - 0.34).abs() < 1e-4 && (surface.b - 0.28).abs() < 1e-4, "{surface:?}");
        assert!(
            (surface.irreducible - 1.7).abs() < 1e-3 && (surface.size_exponent - 0.28 / 0.62).abs() < 1e-4
        );
        let Allocation { flops, parameters, parameters_ci, m, .. } = surface.next;
        assert!(parameters_ci.contains(parameters) && parameters_ci.high < 1.01 * parameters);
        assert!((6.0 * parameters * m / flops - 1.0).abs() < 1e-9);
        let error = |parameters: f64, m: f64| {
            surface.irreducible
                + surface.a_scale * parameters.powf(-surface.a)
                + surface.b_scale * m.powf(-surface.b)
        };
        let best = error(parameters, m);
        for factor in [0.8, 1.25] {
            assert!(error(parameters * factor, m / factor) > best, "{factor}");
        }
    }

    #[test]
    fn intervals_hold_the_truth_and_too_little_is_refused() {
        let surface = Surface::fit(&runs(0.01, 1), 0.95).unwrap();
        assert!(surface.a_ci.contains(0.34) && surface.b_ci.contains(0.28), "{surface:?}");
        assert!(surface.size_exponent_ci.contains(0.28 / 0.62));
        let next = surface.next;
        assert!((next.parameters_ci.high * next.m_ci.low / (next.parameters * next.m) - 1.0).abs() < 1e-9);
        let refused = Surface::fit(&runs(0.0, 1)[..12], 0.95).unwrap_err().to_string();
        assert!(refused.contains("there are 2, 6 and 12"), "{refused}");
        // A real study (RHNs of 32, 64 and 128 units on novels), in which sizes hardly differ: a runs to the end.
        let errors = [
            [5.5547, 5.3137, 5.1475, 4.9584, 4.7784, 4.6123],
            [5.5638, 5.3252, 5.1128, 4.9172, 4.7565, 4.5605],
            [5.5724, 5.3513, 5.1577, 4.9461, 4.7690, 4.5464],
        ];
        let sizes = [662_868.0, 1_340_308.0, 2_768_916.0].into_iter().zip(errors);
        let alike = sizes.flat_map(|(parameters, errors)| {
            let shards =
                [12_519.0, 25_010.0, 50_000.0, 100_021.0, 200_016.0, 400_017.0].into_iter().zip(errors);
            shards.map(move |(m, error)| Run { parameters, m, error, flops: 6.0 * parameters * m })
        });
        let refused = Surface::fit(&alike.collect::<Vec<_>>(), 0.95).unwrap_err().to_string();
        assert!(refused.contains("do not identify both exponents"), "{refused}");
    }

    /// Of surfaces with noise of 2 %, the intervals of the best size and the best amount of data hold the true ones.
    #[test]
    fn intervals_of_the_best_allocation_cover() {
        let exact = Surface::fit(&runs(0.0, 1), 0.9).unwrap();
        let (mut inside, mut fitted) = (0, 0);
        for seed in 0..100 {
            let Ok(surface) = Surface::fit(&runs(0.02, seed), 0.9) else { continue };
            let (found, truth) = (surface.next, exact.next);
            fitted += 1;
            let holds = found.parameters_ci.contains(truth.parameters);
            assert_eq!(holds, found.m_ci.contains(truth.m));
            inside += usize::from(holds);
        }
        assert!(fitted >= 90 && (80..=98).contains(&(100 * inside / fitted)), "{inside} of {fitted}");
    }
}
