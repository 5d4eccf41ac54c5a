//! The power law with a constant, E(m) = α m^β + γ (ICLR C.1), by least squares of ln E.
//!
//! With `ρ = γ / (α m_0^β)` and `m_0` the geometric mean of the sizes the law is
//! `ln E = s + ln((m / m_0)^β + ρ)`: for given (β, ρ) the height s is a mean. So the search is over two
//! numbers, and what is compatible with the data is a region of them.

use super::bisection::bisect;
use super::interval::Interval;
use super::law::Law;
use super::least_squares::{Loss, minimise};

/// The exponents that are searched.
pub const EXPONENTS: (f64, f64) = (-2.0, -0.01);
/// ln ρ that is searched; below its lower end the constant is rounding.
const SHARES: (f64, f64) = (-14.0, 9.0);
/// Steps of the coarse searches of the exponent and of the constant.
const COARSE: (usize, usize) = (30, 12);
/// Golden-section steps; each narrows the bracket by 0.618.
const STEPS: usize = 22;
/// Halvings when the end of a region is looked for.
const HALVINGS: usize = 24;
/// Exponents at which a region is kept, and constants at each.
const NODES: (usize, usize) = (25, 7);

/// Whether an exponent ran to an end of [`EXPONENTS`].
pub fn at_the_edge(beta: f64) -> bool {
    beta < 0.999 * EXPONENTS.0 || beta > 1.001 * EXPONENTS.1
}

/// The best law with an exponent in [`EXPONENTS`] and γ >= 0.
pub fn fit(values: &[(f64, f64)]) -> Law {
    Rows::new(values, &even(values)).best().0
}

/// [`fit`] with weights whose mean is 1, and its weighted sum of squared residuals of ln E.
pub fn fit_with_squares(values: &[(f64, f64)], weights: &[f64]) -> (Law, f64) {
    Rows::new(values, weights).best()
}

/// The law whose summed Huber loss of ln E is lowest: shards that went wrong count less.
pub fn robust(values: &[(f64, f64)], delta: f64) -> Law {
    let rows = Rows::new(values, &even(values));
    let loss = Loss::Huber(delta);
    // The squares' minimum can be far off: every decile of the exponent is tried too.
    let starts = (0..10).map(|i| rows.node(exponent(f64::from(i) / 9.0)));
    let starts = starts.chain([rows.node(rows.best().0.beta)]).filter(|node| node.share > SHARES.0);
    let minima = starts.map(|node| rows.polish(&node, loss));
    let best = minima.min_by(|a, b| a.1.total_cmp(&b.1));
    best.map_or_else(|| fit(values), |(law, _)| law)
}

/// The same weight for every point.
fn even(values: &[(f64, f64)]) -> Vec<f64> {
    vec![1.0; values.len()]
}

/// Everything that is compatible with the data: the laws whose sum of squares is at most a bound.
#[derive(Debug, Clone)]
pub struct Region {
    /// Laws at the edge and inside, each with the half width of ln of its height.
    laws: Vec<(Law, f64)>,
}

impl Region {
    /// The laws whose weighted sum of squared residuals of ln E is at most `bound`.
    pub fn new(values: &[(f64, f64)], weights: &[f64], bound: f64) -> Self {
        let rows = Rows::new(values, weights);
        let (best, _) = rows.best();
        let place = |beta: f64| {
            ((beta.abs().ln() - EXPONENTS.0.abs().ln()) / (EXPONENTS.1 / EXPONENTS.0).ln()).clamp(0.0, 1.0)
        };
        let centre = place(best.beta);
        let inside = |t: f64| rows.node(exponent(t)).squares <= bound;
        let (low, high) = (edge(centre, 0.0, inside), edge(centre, 1.0, inside));
        let mut laws = vec![(best, 0.0)];
        for i in 0..NODES.0 {
            let t = low + (high - low) * i as f64 / (NODES.0 - 1) as f64;
            let node = rows.node(exponent(t));
            let inside = |share: f64| rows.at(node.beta, share).squares <= bound * (1.0 + 1e-12);
            let (few, many) = (edge(node.share, SHARES.0, inside), edge(node.share, SHARES.1, inside));
            for j in 0..NODES.1 {
                let share = few + (many - few) * j as f64 / (NODES.1 - 1) as f64;
                let node = rows.at(node.beta, share);
                let height = ((bound - node.squares).max(0.0) / rows.points.len() as f64).sqrt();
                laws.push((rows.law(&node), height));
            }
        }
        Self { laws }
    }

    /// The range over the region of a quantity that scales with the height of the law to `power`.
    pub fn range(&self, of: impl Fn(&Law) -> f64, power: f64) -> Interval {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for (law, height) in &self.laws {
            let value = of(law);
            low = low.min(value * (-power * height).exp());
            high = high.max(value * (power * height).exp());
        }
        Interval { low, high }
    }
}

/// The exponent at a place in [0, 1], evenly spaced in its logarithm, steepest first.
fn exponent(place: f64) -> f64 {
    EXPONENTS.0 * (place * (EXPONENTS.1 / EXPONENTS.0).ln()).exp()
}

/// Where `inside` ends between `from`, where it holds, and `to`.
fn edge(from: f64, to: f64, inside: impl Fn(f64) -> bool) -> f64 {
    if inside(to) {
        return to;
    }
    let (mut inner, mut outer) = (from, to);
    // The region is often narrow: its end lies nearer to `from` than to `to`.
    for step in 0..10 {
        let tried = from + (to - from) * 0.5f64.powi(10 - step);
        if inside(tried) {
            inner = tried;
        } else {
            outer = tried;
            break;
        }
    }
    bisect(inner, outer, HALVINGS, inside).0
}

/// The points, with m relative to its geometric mean.
struct Rows {
    reference: f64,
    /// (ln(m / `m_0)`, ln E, weight); the mean of the weights is 1.
    points: Vec<(f64, f64, f64)>,
}

/// The best law for one exponent, or for one exponent and constant.
#[derive(Clone, Copy)]
struct Node {
    beta: f64,
    /// ln ρ
    share: f64,
    height: f64,
    squares: f64,
}

impl Rows {
    fn new(values: &[(f64, f64)], weights: &[f64]) -> Self {
        let reference = values.iter().map(|(m, _)| m.ln()).sum::<f64>() / values.len() as f64;
        let rows = values.iter().zip(weights);
        let points = rows.map(|((m, error), weight)| (m.ln() - reference, error.ln(), *weight)).collect();
        Self { reference, points }
    }

    /// ln of the law at height 0.
    fn shape(beta: f64, share: f64, x: f64) -> f64 {
        if share <= SHARES.0 { beta * x } else { ((beta * x).exp() + share.exp()).ln() }
    }

    /// The best height for an exponent and a constant.
    fn at(&self, beta: f64, share: f64) -> Node {
        let (mut sum, mut squares) = (0.0, 0.0);
        for (x, y, weight) in &self.points {
            let left = y - Self::shape(beta, share, *x);
            sum += weight * left;
            squares += weight * left * left;
        }
        let count = self.points.len() as f64;
        let height = sum / count;
        // Two passes: the squares of what is left are tiny beside the height's own.
        if squares > 0.0 {
            squares = self.points.iter().fold(0.0, |total, (x, y, weight)| {
                total + weight * (y - Self::shape(beta, share, *x) - height).powi(2)
            });
        }
        Node { beta, share, height, squares }
    }

    /// The best constant and height for an exponent.
    fn node(&self, beta: f64) -> Node {
        let step = (SHARES.1 - SHARES.0) / COARSE.1 as f64;
        let tried = (0..=COARSE.1).map(|i| self.at(beta, SHARES.0 + step * i as f64));
        let coarse = tried.min_by(|a, b| a.squares.total_cmp(&b.squares)).map_or(SHARES.0, |node| node.share);
        let ends = ((coarse - step).max(SHARES.0), (coarse + step).min(SHARES.1));
        let share = golden_section(|share| self.at(beta, share).squares, ends.0, ends.1);
        let (fine, none) = (self.at(beta, share), self.at(beta, SHARES.0));
        if none.squares <= fine.squares { none } else { fine }
    }

    /// The best law of all and its sum of squares.
    fn best(&self) -> (Law, f64) {
        let cost = |place: f64| self.node(exponent(place)).squares;
        let place = |i: usize| i as f64 / (COARSE.0 - 1) as f64;
        let tried = (0..COARSE.0).map(|i| (cost(place(i)), i));
        let coarse = tried.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0, |(_, i)| i);
        let fine =
            golden_section(cost, place(coarse.saturating_sub(1)), place((coarse + 1).min(COARSE.0 - 1)));
        let node = self.node(exponent(fine));
        if node.share <= SHARES.0 {
            return (self.law(&node), node.squares);
        }
        let (law, cost) = self.polish(&node, Loss::Squares);
        let inside = law.beta >= EXPONENTS.0 && law.beta <= EXPONENTS.1;
        if inside && 2.0 * cost <= node.squares { (law, 2.0 * cost) } else { (self.law(&node), node.squares) }
    }

    /// Descends to the bottom from near it.
    fn polish(&self, node: &Node, loss: Loss) -> (Law, f64) {
        let residual = |p: &[f64; 3], i: usize| {
            let (x, y, weight) = self.points[i];
            weight.sqrt() * (y - p[0] - Self::shape(-p[1].exp(), p[2], x))
        };
        let start = [node.height, node.beta.abs().ln(), node.share];
        let found = minimise(residual, self.points.len(), start, loss);
        let [height, steepness, share] = found.parameters;
        (self.law(&Node { beta: -steepness.exp(), share, height, squares: 0.0 }), found.cost)
    }

    fn law(&self, node: &Node) -> Law {
        let gamma = if node.share <= SHARES.0 { 0.0 } else { (node.height + node.share).exp() };
        Law { alpha: (node.height - node.beta * self.reference).exp(), beta: node.beta, gamma }
    }
}

/// Where a function with one valley between `low` and `high` is lowest.
fn golden_section(cost: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    let (mut a, mut b) = (high - golden * (high - low), low + golden * (high - low));
    let (mut cost_a, mut cost_b) = (cost(a), cost(b));
    for _ in 0..STEPS {
        if cost_a < cost_b {
            (high, b, cost_b) = (b, a, cost_a);
            a = high - golden * (high - low);
            cost_a = cost(a);
        } else {
            (low, a, cost_a) = (a, b, cost_b);
            b = low + golden * (high - low);
            cost_b = cost(b);
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
        assert!(law.gamma > 1.0 && (law.at(1.0) / law.at(8.0) - 1.0).abs() < 1e-3, "{law:?}");
    }
}
