//! Forms that others have published, for comparison: the shifted power law and M4 of Alabdulmohsin et
//! al. 2022 (arXiv:2209.06640) and the smoothly broken power law of Caballero et al. 2023
//! (arXiv:2210.14891), by least squares of ln E from a grid of starts.

mod form;
mod summary;

pub(crate) use form::PublishedForm;
pub(crate) use summary::{Summary, fit};

use super::interval::Interval;
use super::least_squares::{Loss, Minimum, minimise};
use super::student;
use form::MOST;
use std::collections::BTreeMap;

/// A fitted law.
#[derive(Debug, Clone)]
pub(crate) struct PublishedLaw {
    form: PublishedForm,
    /// Free parameters in the coordinates of the search; the unused ones are 0.
    search: [f64; MOST],
    /// ln of the geometric mean of m: m is searched relative to it.
    reference: f64,
    /// Inverse of JᵀJ, if the data identify every parameter.
    inverse: Option<[[f64; MOST]; MOST]>,
    /// Variance of ln E about the law and its degrees of freedom.
    variance: f64,
    freedom: f64,
}

/// A parameter with its interval.
#[derive(Debug, Clone, Copy)]
struct Parameter {
    /// Estimate.
    value: f64,
    /// Interval; absent where the data do not identify the parameter.
    ci: Option<Interval>,
}

/// Points that a search from many starts looks at.
const MANY: usize = 200;

impl PublishedLaw {
    /// Fits (m, E) pairs, ascending in m; `None` where there are no more points than parameters.
    fn fit(form: PublishedForm, values: &[(f64, f64)]) -> Option<Self> {
        if values.len() <= form.parameters() {
            return None;
        }
        let reference = values.iter().map(|(m, _)| m.ln()).sum::<f64>() / values.len() as f64;
        let rows: Vec<(f64, f64)> = values.iter().map(|(m, e)| (m.ln() - reference, e.ln())).collect();
        let span = (rows[0].0, rows[rows.len() - 1].0);
        let highest = values.iter().map(|(_, error)| *error).fold(0.0, f64::max);
        let lowest = values.iter().map(|(_, error)| *error).fold(f64::INFINITY, f64::min);
        let line = super::power::Line::fit(values);
        let height = line.intercept() + line.law().beta * reference;
        let descend = |rows: &[(f64, f64)], start: [f64; MOST]| -> Minimum<MOST> {
            let free = form.parameters();
            let residual = |p: &[f64; MOST], i: usize| {
                if !form.allowed(p, span) {
                    return f64::INFINITY;
                }
                // Parameters that the form lacks are pulled to 0, so that the matrix has full rank.
                if i >= rows.len() {
                    return p[free + i - rows.len()];
                }
                rows[i].1 - form.ln_error(p, rows[i].0, highest)
            };
            minimise(residual, rows.len() + MOST - free, start, Loss::Squares)
        };
        let starts = form.starts((height, line.law().beta), (lowest, highest), span);
        // Where a dense curve's minimum is, a part of its points says as well.
        let thinned: Vec<_> = rows.iter().copied().step_by(rows.len().div_ceil(MANY)).collect();
        let found = starts.into_iter().map(|start| descend(&thinned, start));
        let best = found.min_by(|a, b| a.cost.total_cmp(&b.cost))?;
        let best = if thinned.len() < rows.len() { descend(&rows, best.parameters) } else { best };
        if !best.cost.is_finite() {
            return None;
        }
        let freedom = (rows.len() - form.parameters()) as f64;
        let mut fitted = Self {
            form,
            search: best.parameters,
            reference,
            inverse: best.inverse,
            variance: 2.0 * best.cost / freedom,
            freedom,
        };
        // M4's top is relative to the highest error: from here on it stands on its own.
        if form == PublishedForm::M4 {
            fitted.search[5] = highest.ln();
        }
        Some(fitted)
    }

    /// The law's value at `m`.
    pub(super) fn at(&self, m: f64) -> f64 {
        self.ln_at(&self.search, m).exp()
    }

    fn ln_at(&self, p: &[f64; MOST], m: f64) -> f64 {
        let highest = if self.form == PublishedForm::M4 { self.search[5].exp() } else { 1.0 };
        self.form.ln_error(p, m.ln() - self.reference, highest)
    }

    /// Interval of a further measurement at `m` (its ln E by the delta method).
    pub(super) fn prediction(&self, m: f64, level: f64) -> Option<Interval> {
        let centre = self.ln_at(&self.search, m);
        let spread = self.spread(|p| self.ln_at(p, m))?.hypot(self.variance.sqrt());
        let half = student::reach(level, self.freedom) * spread;
        Some(Interval::around(centre, half).exp())
    }

    /// Standard error of a function of the parameters.
    fn spread(&self, of: impl Fn(&[f64; MOST]) -> f64) -> Option<f64> {
        let inverse = self.inverse.as_ref()?;
        let free = self.form.parameters();
        let gradient: [f64; MOST] = std::array::from_fn(|k| {
            if k >= free {
                return 0.0;
            }
            let moved = |by: f64| {
                let mut moved = self.search;
                moved[k] += by;
                of(&moved)
            };
            (moved(1e-5) - moved(-1e-5)) / 2e-5
        });
        let mut sum = 0.0;
        for a in 0..free {
            for b in 0..free {
                sum += gradient[a] * inverse[a][b] * gradient[b];
            }
        }
        (sum.is_finite() && sum >= 0.0).then(|| (sum * self.variance).sqrt())
    }

    /// The parameters by name, with intervals.
    fn parameters(&self, level: f64) -> BTreeMap<&'static str, Parameter> {
        let reach = student::reach(level, self.freedom);
        let reference = self.reference;
        type Natural = Box<dyn Fn(&[f64; MOST]) -> f64>;
        // α belongs to m itself: the search's height belongs to m / reference.
        let alpha: Natural = Box::new(move |p| p[0] + p[1].exp() * reference);
        let logarithm = |k: usize| -> Natural { Box::new(move |p| p[k]) };
        let top = self.search[5];
        let named: Vec<(&'static str, Natural)> = match self.form {
            PublishedForm::Shifted => vec![("alpha", alpha), ("mu", Box::new(move |p| p[2] - reference))],
            PublishedForm::M4 => vec![
                ("alpha", alpha),
                ("gamma", logarithm(2)),
                ("a", logarithm(3)),
                ("e0", Box::new(move |p| top + p[4].exp().ln_1p())),
            ],
            PublishedForm::Broken => vec![
                ("alpha", alpha),
                ("gamma", logarithm(2)),
                ("d", Box::new(move |p| p[4] + reference)),
                ("f", logarithm(5)),
            ],
        };
        let mut all: BTreeMap<&'static str, Parameter> = BTreeMap::new();
        for (name, log) in named {
            let (centre, half) = (log(&self.search), self.spread(&log).map(|s| reach * s));
            let ci = half.map(|half| Interval::around(centre, half).exp());
            all.insert(name, Parameter { value: centre.exp(), ci });
        }
        let mut plain = vec![("beta", Box::new(|p: &[f64; MOST]| -p[1].exp()) as Natural)];
        if self.form == PublishedForm::Broken {
            plain.push(("c", Box::new(|p: &[f64; MOST]| p[3])));
        }
        for (name, of) in plain {
            let (value, half) = (of(&self.search), self.spread(&of).map(|s| reach * s));
            let ci = half.map(|half| Interval::around(value, half));
            all.insert(name, Parameter { value, ci });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::form::m4;
    use super::*;

    fn sampled(law: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        (5..20).map(|i| 2f64.powi(i)).map(|m| (m, law(m))).collect()
    }

    fn continues(form: PublishedForm, law: impl Fn(f64) -> f64) -> PublishedLaw {
        let fitted = PublishedLaw::fit(form, &sampled(&law)).unwrap();
        for m in [50.0, 1e4, 4e6] {
            assert!((fitted.at(m) / law(m) - 1.0).abs() < 1e-4, "{form:?} at {m}: {}", fitted.at(m));
        }
        fitted
    }

    #[test]
    fn every_form_finds_its_own_curve() {
        let shifted = continues(PublishedForm::Shifted, |m| 3.0 * (1.0 / m + 1e-4).powf(0.4));
        let parameters = shifted.parameters(0.95);
        assert!((parameters["mu"].value / 1e-4 - 1.0).abs() < 1e-4, "{parameters:?}");
        assert!(
            (parameters["beta"].value + 0.4).abs() < 1e-5 && (parameters["alpha"].value - 3.0).abs() < 1e-3
        );
        let broken = |m: f64| 0.01 + 2.0 * m.powf(-0.1) * (1.0 + (m / 2000.0).powf(2.0)).powf(-0.15);
        let parameters = continues(PublishedForm::Broken, broken).parameters(0.95);
        assert!((parameters["d"].value / 2000.0 - 1.0).abs() < 1e-2, "{parameters:?}");
        assert!((parameters["c"].value - 0.3).abs() < 1e-2, "{parameters:?}");
    }

    #[test]
    fn m4_does_not_depend_on_the_unit_of_the_error() {
        let values = |unit: f64| -> Vec<(f64, f64)> {
            (0..10).map(|i| 1e9 * 2f64.powi(i)).map(|m| (m, unit * (1e9 / m.sqrt() + 1000.0))).collect()
        };
        for unit in [1e-4, 1.0, 1e4] {
            let fitted = PublishedLaw::fit(PublishedForm::M4, &values(unit)).unwrap();
            let forecast = fitted.at(1e13) / unit;
            assert!((forecast / 1316.2 - 1.0).abs() < 1e-2, "{unit}: {forecast}");
        }
    }

    #[test]
    fn m4_goes_from_its_plateau_to_its_constant() {
        let law = |m: f64| m4((20.0 * m.powf(-0.5)).ln(), 0.05, 1.3, 0.9).exp();
        for m in [100.0, 1e5] {
            let error = law(m);
            assert!(((error - 0.05) / (0.9 - error).powf(1.3) / (20.0 * m.powf(-0.5)) - 1.0).abs() < 1e-9);
        }
        assert!((law(1e-6) - 0.9).abs() < 1e-3 && (law(1e12) - 0.05).abs() < 1e-4);
        let parameters = continues(PublishedForm::M4, law).parameters(0.95);
        assert!((parameters["e0"].value - 0.9).abs() < 1e-3, "{parameters:?}");
    }

    #[test]
    fn more_points_than_parameters_are_needed() {
        assert!(PublishedLaw::fit(PublishedForm::M4, &sampled(|m| 1.0 / m)[..5]).is_none());
    }
}
