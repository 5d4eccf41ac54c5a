//! The power law with a constant, E(m) = α m^β + γ (ICLR C.1), by least squares of the relative
//! error Σ ((α m^β + γ - E) / E)².

use super::law::Law;

/// The exponents that are searched.
pub const EXPONENTS: (f64, f64) = (-2.0, -0.01);
/// Exponents of the coarse search, evenly spaced in their logarithm.
const COARSE: usize = 40;
/// Golden-section steps; each narrows the bracket by 0.618.
const STEPS: usize = 45;
/// A constant below this share of the error is rounding.
const ROUNDING: f64 = 1e-9;

/// The best law with exponent in [`EXPONENTS`], α >= 0 and γ >= 0.
///
/// For a fixed β the problem is linear in (α, γ) and solved in closed form; over β a coarse grid
/// finds the valley (there can be several) and golden-section search its bottom.
#[must_use]
pub fn fit(values: &[(f64, f64)]) -> Law {
    let rows = Rows::new(values);
    let (low, high) = (EXPONENTS.0.abs().ln(), EXPONENTS.1.abs().ln());
    let exponent = |i: usize| -(low + (high - low) * i as f64 / (COARSE - 1) as f64).exp();
    let cost = |beta: f64| rows.solve(beta).cost;
    let best =
        (0..COARSE).map(|i| (cost(exponent(i)), i)).min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0, |(_, i)| i);
    let beta = golden_section(cost, exponent(best.saturating_sub(1)), exponent((best + 1).min(COARSE - 1)));
    rows.solve(beta).law(rows.reference)
}

/// The points as rows of the linear problem, with m relative to its geometric mean.
struct Rows {
    reference: f64,
    /// (ln(m / reference), 1 / E)
    rows: Vec<(f64, f64)>,
}

/// The solution for one exponent.
struct Solution {
    scale: f64,
    beta: f64,
    gamma: f64,
    cost: f64,
}

impl Rows {
    fn new(values: &[(f64, f64)]) -> Self {
        let reference = values.iter().map(|(m, _)| m.ln()).sum::<f64>() / values.len() as f64;
        let rows = values.iter().map(|(m, error)| (m.ln() - reference, 1.0 / error)).collect();
        Self { reference, rows }
    }

    /// Minimises Σ (a x + γ z - 1)² with x = (m / reference)^β / E and z = 1 / E.
    fn solve(&self, beta: f64) -> Solution {
        let (mut xx, mut xz, mut zz, mut x1, mut z1) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (log_m, z) in &self.rows {
            let x = (beta * log_m).exp() * z;
            xx += x * x;
            xz += x * z;
            zz += z * z;
            x1 += x;
            z1 += z;
        }
        let determinant = xx * zz - xz * xz;
        let mut scale = (x1 * zz - z1 * xz) / determinant;
        let mut gamma = (z1 * xx - x1 * xz) / determinant;
        if gamma < 0.0 || determinant <= 0.0 {
            (scale, gamma) = (x1 / xx, 0.0);
        } else if scale < 0.0 {
            (scale, gamma) = (0.0, z1 / zz);
        }
        let residual = |(log_m, z): &(f64, f64)| (scale * (beta * log_m).exp() + gamma) * z - 1.0;
        let cost = self.rows.iter().map(|row| residual(row).powi(2)).sum();
        Solution { scale, beta, gamma, cost }
    }
}

impl Solution {
    fn law(&self, reference: f64) -> Law {
        let alpha = self.scale * (-self.beta * reference).exp();
        let gamma = if self.gamma < ROUNDING * self.scale { 0.0 } else { self.gamma };
        Law { alpha, beta: self.beta, gamma }
    }
}

/// The bottom of a function with one valley in [low, high].
fn golden_section(cost: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut cost_left, mut cost_right) = (cost(left), cost(right));
    for _ in 0..STEPS {
        if cost_left < cost_right {
            (high, right, cost_right) = (right, left, cost_left);
            left = high - ratio * (high - low);
            cost_left = cost(left);
        } else {
            (low, left, cost_left) = (left, right, cost_right);
            right = low + ratio * (high - low);
            cost_right = cost(right);
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::super::power::Line;
    use super::*;

    fn sampled(law: Law, exponents: std::ops::RangeInclusive<i32>) -> Vec<(f64, f64)> {
        exponents.map(|i| 2f64.powi(i)).map(|m| (m, law.at(m))).collect()
    }

    #[test]
    fn recovers_exact_laws() {
        for (alpha, beta, gamma) in
            [(2.5, -0.3, 0.05), (20.0, -0.45, 0.15), (300.0, -0.9, 0.02), (6.0, -0.12, 1.7)]
        {
            let law = fit(&sampled(Law { alpha, beta, gamma }, 8..=18));
            assert!((law.alpha / alpha - 1.0).abs() < 1e-6, "{law:?}");
            assert!((law.beta - beta).abs() < 1e-7, "{law:?}");
            assert!((law.gamma / gamma - 1.0).abs() < 1e-6, "{law:?}");
        }
    }

    #[test]
    fn a_power_law_misses_the_constant() {
        let values = sampled(Law { alpha: 2.5, beta: -0.3, gamma: 0.05 }, 10..=18);
        assert!((values[0].1 - 0.3625).abs() < 1e-12);
        assert!((values[8].1 - 0.109_207_678).abs() < 1e-9);
        let law = Line::fit(&values).law();
        assert!((law.alpha - 1.57355).abs() < 1e-5, "{law:?}");
        assert!((law.beta + 0.217_137).abs() < 1e-6, "{law:?}");
    }

    #[test]
    fn a_pure_power_law_has_no_constant() {
        let law = fit(&sampled(Law { alpha: 10.0, beta: -0.5, gamma: 0.0 }, 11..=18));
        assert!(law.gamma < 1e-8 && (law.beta + 0.5).abs() < 1e-7, "{law:?}");
    }

    #[test]
    fn a_rising_curve_leaves_only_the_constant() {
        let law = fit(&[(1.0, 1.0), (2.0, 2.0), (4.0, 3.0), (8.0, 4.0)]);
        assert!(law.alpha == 0.0 && law.gamma > 1.0, "{law:?}");
    }
}
