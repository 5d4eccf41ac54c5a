//! How the two exponents of the rows go together.

use super::estimate::IntervalEstimate;
use crate::number::{percent, significant};
use crate::random::Random;
use serde::Serialize;
use std::fmt::Write;

/// Rows without which a correlation says nothing.
const FEWEST: usize = 3;
/// Random orders that tell what chance gives.
const ORDERS: usize = 100_000;

/// The rank correlation of `beta_g` and `beta_p`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Relation {
    /// Always `spearman`.
    pub(super) method: &'static str,
    /// Rows that have both exponents.
    pub(super) rows: usize,
    /// The coefficient, where it can be computed.
    pub(super) rho: Option<f64>,
    /// How often random orders of the same numbers give a coefficient at least as large in size.
    pub(super) p: Option<f64>,
    /// The same in words.
    pub(super) sentence: String,
}

impl Relation {
    /// Of (`beta_g`, `beta_p`) pairs; `level` decides what is more than chance. `shared`: some pairs are
    /// of one study.
    pub(super) fn of(pairs: &[(IntervalEstimate, IntervalEstimate)], shared: bool, level: f64) -> Self {
        let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(g, p)| (g.value, p.value)).unzip();
        let (x, y) = (ranks(&x), ranks(&y));
        let rho = if pairs.len() < FEWEST { None } else { correlation(&x, &y) };
        let p = rho.map(|rho| chance(rho, &x, &y));
        let mut sentence = sentence(pairs.len(), rho.zip(p), level);
        if rho.is_some() {
            let determined = pairs.iter().filter(|(_, beta_p)| !beta_p.ci.contains(0.0)).count();
            let _ = write!(sentence, " The interval of beta_p excludes 0 in {determined} of them.");
            if shared {
                sentence
                    .push_str(" Rows of one study share its data, so they count for less than their number.");
            }
        }
        Self { method: "spearman", rows: pairs.len(), rho, p, sentence }
    }
}

fn sentence(rows: usize, found: Option<(f64, f64)>, level: f64) -> String {
    let Some((rho, p)) = found else {
        return if rows < FEWEST {
            format!(
                "beta_g and beta_p: {rows} of the rows {} both, and it takes {FEWEST} to say how they go together.",
                if rows == 1 { "has" } else { "have" }
            )
        } else {
            format!(
                "beta_g and beta_p: one of the two is the same in all {rows} rows, so they cannot be correlated."
            )
        };
    };
    let coefficient = format!(
        "Over {rows} rows the rank correlation of beta_g and beta_p (Spearman) is {}",
        significant(rho, 2)
    );
    let often = percent(p);
    if p > 1.0 - level {
        return format!(
            "{coefficient}; random orders give one as strong in {often} of cases, so no relation is shown."
        );
    }
    let growth = if rho > 0.0 { "slower" } else { "faster" };
    format!(
        "{coefficient} (random orders give one as strong in {often} of cases): the steeper the learning curve, the {growth} the best model grows with the data."
    )
}

/// Ranks from 1; equal numbers share the mean of theirs.
fn ranks(numbers: &[f64]) -> Vec<f64> {
    let rank = |number: &f64| {
        let below = numbers.iter().filter(|other| *other < number).count();
        let equal = numbers.iter().filter(|other| *other == number).count();
        below as f64 + f64::midpoint(equal as f64, 1.0)
    };
    numbers.iter().map(rank).collect()
}

/// Pearson's coefficient; none where one side does not vary.
fn correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mx, my) = (mean(x), mean(y));
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 { x.iter().zip(y).map(|(a, b)| f(a - mx, b - my)).sum() };
    let scale = (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    (scale > 0.0).then(|| sum(&|a, b| a * b) / scale)
}

/// The share of random orders whose coefficient is at least as large in size.
fn chance(rho: f64, x: &[f64], y: &[f64]) -> f64 {
    let mut random = Random::new("relation", &[x.len() as u64]);
    let mut order = y.to_vec();
    let strong = (0..ORDERS).filter(|_| {
        random.shuffle(&mut order);
        // Equal coefficients may differ by rounding.
        correlation(x, &order).is_some_and(|other| other.abs() >= rho.abs() - 1e-9)
    });
    // The order at hand is one of them.
    (strong.count() + 1) as f64 / (ORDERS + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::interval::Interval;

    /// The relation of pairs of which the last has a `beta_p` that is not determined.
    fn relation(pairs: &[(f64, f64)]) -> Relation {
        let estimate = |value: f64, half: f64| IntervalEstimate { value, ci: Interval::around(value, half) };
        let last = pairs.len() - 1;
        let estimates = pairs.iter().enumerate().map(|(i, (beta_g, beta_p))| {
            (estimate(*beta_g, 0.01), estimate(*beta_p, if i == last { 5.0 } else { 0.01 }))
        });
        Relation::of(&estimates.collect::<Vec<_>>(), false, 0.95)
    }

    /// Table 2 of the paper; its ranks by hand: 5 3.5 / 4 5 / 3 3.5 / 2 1 / 1 2.
    #[test]
    fn the_papers_own_table() {
        let table = [(-0.066, 0.68), (-0.092, 0.89), (-0.128, 0.68), (-0.291, 0.54), (-0.309, 0.57)];
        let relation = relation(&table);
        let rho = 7.0 / 95f64.sqrt();
        assert!((relation.rho.unwrap() - rho).abs() < 1e-12, "{relation:?}");
        assert!(relation.p.unwrap() > 0.05, "{relation:?}");
        let end = "so no relation is shown. The interval of beta_p excludes 0 in 4 of them.";
        assert!(relation.sentence.ends_with(end), "{relation:?}");
    }

    #[test]
    fn chance_is_that_of_all_orders() {
        // Of 3! orders 2 are monotonous, of 5! as many.
        let monotonous = |n: i32| {
            let pairs: Vec<(f64, f64)> = (0..n).map(|i| (-f64::from(i), 0.5 + 0.1 * f64::from(i))).collect();
            relation(&pairs)
        };
        let (three, five) = (monotonous(3), monotonous(5));
        assert!((three.p.unwrap() - 1.0 / 3.0).abs() < 0.01, "{three:?}");
        assert!((five.p.unwrap() - 1.0 / 60.0).abs() < 0.002, "{five:?}");
        assert!((five.rho.unwrap() + 1.0).abs() < 1e-12);
        assert!(five.sentence.contains("the steeper the learning curve, the faster"), "{}", five.sentence);
    }

    #[test]
    fn what_has_no_coefficient_is_said() {
        let two = relation(&[(-0.1, 0.5), (-0.2, 0.6)]);
        assert!(two.rho.is_none() && two.sentence.contains("2 of the rows have both, and it takes 3"));
        let same = relation(&[(-0.1, 0.5), (-0.2, 0.5), (-0.3, 0.5)]);
        assert!(same.p.is_none() && same.sentence.contains("cannot be correlated"));
    }
}
