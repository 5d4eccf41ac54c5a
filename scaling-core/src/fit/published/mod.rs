//! Other forms from the literature, for comparison: the shifted power law and M4 of Alabdulmohsin et
//! al. 2022 (arXiv:2209.06640) and the smoothly broken power law of Caballero et al. 2023
//! (arXiv:2210.14891), by least squares of ln E from a grid of starts.

use super::curve::Curve;
use super::interval::Interval;
use super::law;
use super::least_squares::{Loss, Minimum, minimise};
use super::usable::check_span;
use super::{Form, Options, student};
use crate::error::{Error, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// The forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// E = α (1/m + μ)^-β, which ends at α μ^-β.
    Shifted,
    /// (E - γ) / (`E_0` - E)^a = α m^β: from a plateau at `E_0` to a constant γ.
    M4,
    /// E = γ + α m^β (1 + (m/d)^(1/f))^(-c f): the exponent goes from β to β - c at the break d.
    Broken,
}

/// A fitted law.
#[derive(Debug, Clone)]
pub struct Other {
    shape: Shape,
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
pub struct Parameter {
    /// Estimate.
    pub value: f64,
    /// Interval; absent where the data do not identify the parameter.
    pub ci: Option<Interval>,
}

/// What is reported of such a fit: the keys of `scaling fit --json`, and every parameter of the form.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The form.
    pub form: Form,
    /// Scale.
    pub alpha: f64,
    /// Exponent where the curve falls steepest (before the break of [`Shape::Broken`]).
    pub beta: f64,
    /// The error at the end of all data.
    pub gamma: f64,
    /// Intervals of the parameters that the data identify.
    pub ci: BTreeMap<&'static str, Interval>,
    /// All parameters.
    pub parameters: BTreeMap<&'static str, f64>,
    /// Share of the variance of ln E that the law explains.
    pub r2: f64,
    /// Root of the mean of ((E(m) - E) / E)².
    pub relative_rmse: f64,
    /// The smallest and the largest m that were used.
    pub region: [f64; 2],
    /// How many points (different m) were used.
    pub points: usize,
    /// What a reader must know before using the numbers.
    pub warnings: Vec<String>,
}

/// Fits one of these forms to every point of a curve.
///
/// # Errors
/// [`Error::Failed`] where there are no more points than parameters.
pub fn fit(curve: &Curve, shape: Shape, options: &Options) -> Result<(Other, Summary)> {
    let Options { form, level, .. } = *options;
    let values = curve.values();
    options.check()?;
    if values.len() <= shape.parameters() {
        return Err(Error::failed(format!(
            "not fitted: the form {form} needs {} sizes, there are {}",
            shape.parameters() + 1,
            values.len()
        )));
    }
    check_span(&values).map_err(|reason| Error::failed(format!("not fitted: {reason}")))?;
    let law = Other::fit(shape, &values).ok_or_else(|| {
        Error::failed(format!("not fitted: the search for the form {form} finds no start on this curve"))
    })?;
    let all = law.parameters(level);
    let parameters: BTreeMap<_, _> = all.iter().map(|(name, parameter)| (*name, parameter.value)).collect();
    let ci: BTreeMap<_, _> =
        all.iter().filter_map(|(name, parameter)| Some((*name, parameter.ci.filter(is_finite)?))).collect();
    let mut warnings = Vec::new();
    let (last, _) = values[values.len() - 1];
    if law.at(10.0 * last) > law.at(last) {
        warnings.push("beyond the data the law rises again".to_owned());
    }
    if ci.len() < parameters.len() {
        warnings.push("the curve does not identify every parameter: some have no interval".to_owned());
    }
    let summary = Summary {
        form,
        alpha: parameters["alpha"],
        beta: parameters["beta"],
        gamma: parameters.get("gamma").copied().unwrap_or_else(|| law.at(f64::MAX)),
        r2: law::r2(&values, |m| law.at(m)),
        relative_rmse: law::relative_rmse(&values, |m| law.at(m)),
        region: [values[0].0, values[values.len() - 1].0],
        points: values.len(),
        ci,
        parameters,
        warnings,
    };
    Ok((law, summary))
}

fn is_finite(interval: &Interval) -> bool {
    interval.low.is_finite() && interval.high.is_finite()
}

/// Parameters of the largest form.
const MOST: usize = 6;
/// Points that a search from many starts looks at.
const MANY: usize = 200;
/// An exponent of the search steeper than this is none of a learning curve.
const STEEPEST: f64 = 4.0;

impl Shape {
    /// Free parameters.
    #[must_use]
    pub fn parameters(self) -> usize {
        match self {
            Self::Shifted => 3,
            Self::M4 => 5,
            Self::Broken => 6,
        }
    }

    /// ln E at x = ln(m / reference).
    ///
    /// Shifted: (ln α, ln -β, ln μ). M4: (ln α, ln -β, ln γ, ln a, ln(`E_0` / highest)).
    /// Broken: (ln α, ln -β, ln γ, c, ln d, ln f).
    fn ln_error(self, p: &[f64; MOST], x: f64, highest: f64) -> f64 {
        let beta = -p[1].exp();
        match self {
            Self::Shifted => p[0] - beta * ((-x).exp() + p[2].exp()).ln(),
            Self::M4 => m4(p[0] + beta * x, p[2].exp(), p[3].exp(), highest * (1.0 + p[4].exp())),
            Self::Broken => {
                let (d, f) = (p[4], p[5].exp());
                let turned = softplus((x - d) / f);
                (p[2].exp() + (p[0] + beta * x - p[3] * f * turned).exp()).ln()
            }
        }
    }

    /// Whether the search stays where the form means something.
    fn allowed(self, p: &[f64; MOST], span: (f64, f64)) -> bool {
        let beta = -p[1].exp();
        let sane = p.iter().all(|value| value.is_finite() && value.abs() < 60.0) && -beta < STEEPEST;
        sane && match self {
            Self::Shifted => true,
            Self::M4 => p[3].abs() < 3.0 && p[4] > -12.0 && p[4] < 8.0,
            Self::Broken => {
                let wide = 0.25 * (span.1 - span.0) + 1.0;
                p[3].abs() < STEEPEST
                    && p[5] < wide.ln()
                    && p[5] > -4.0
                    && (span.0 - 1.0..span.1 + 1.0).contains(&p[4])
            }
        }
    }

    fn starts(self, line: (f64, f64), (lowest, highest): (f64, f64), span: (f64, f64)) -> Vec<[f64; MOST]> {
        let steepness = line.1.abs().max(0.02);
        let mut starts = Vec::new();
        let constants = [1e-4, 0.5, 0.9].map(|share: f64| (share * lowest).ln());
        for factor in [0.7, 1.5, 3.0] {
            let beta = (steepness * factor).ln();
            match self {
                Self::Shifted => {
                    starts.extend([-9.0, -2.0, 1.0].map(|mu| [line.0, beta, mu, 0.0, 0.0, 0.0]));
                }
                Self::M4 => {
                    for gamma in constants {
                        starts.extend([-4.0, -1.0, 1.0].map(|top| [line.0, beta, gamma, 0.0, top, 0.0]));
                        // ln α is that of (E - γ) / (E_0 - E), which has no unit.
                        starts.extend([-4.0, -1.0, 1.0_f64].map(|top| {
                            let below_top = highest * (1.0 + top.exp()) - line.0.exp().min(highest);
                            [line.0 - below_top.ln(), beta, gamma, 0.0, top, 0.0]
                        }));
                    }
                }
                Self::Broken => {
                    for gamma in [constants[0], constants[1]] {
                        for turn in [0.25, 0.5, 0.75] {
                            let d = span.0 + turn * (span.1 - span.0);
                            for c in [steepness, -0.5 * steepness] {
                                starts.push([line.0, beta, gamma, c, d, -1.0]);
                            }
                        }
                    }
                }
            }
        }
        starts
    }
}

impl Other {
    /// Fits (m, E) pairs, ascending in m; `None` where there are no more points than parameters.
    #[must_use]
    pub fn fit(shape: Shape, values: &[(f64, f64)]) -> Option<Self> {
        if values.len() <= shape.parameters() {
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
            let free = shape.parameters();
            let residual = |p: &[f64; MOST], i: usize| {
                if !shape.allowed(p, span) {
                    return f64::INFINITY;
                }
                // Parameters that the form lacks are pulled to 0, so that the matrix has full rank.
                if i >= rows.len() {
                    return p[free + i - rows.len()];
                }
                rows[i].1 - shape.ln_error(p, rows[i].0, highest)
            };
            minimise(residual, rows.len() + MOST - free, start, Loss::Squares)
        };
        let starts = shape.starts((height, line.law().beta), (lowest, highest), span);
        // Where a dense curve's minimum is, a part of its points says as well.
        let thinned: Vec<_> = rows.iter().copied().step_by(rows.len().div_ceil(MANY)).collect();
        let found = starts.into_iter().map(|start| descend(&thinned, start));
        let best = found.min_by(|a, b| a.cost.total_cmp(&b.cost))?;
        let best = if thinned.len() < rows.len() { descend(&rows, best.parameters) } else { best };
        if !best.cost.is_finite() {
            return None;
        }
        let freedom = (rows.len() - shape.parameters()) as f64;
        let mut fitted = Self {
            shape,
            search: best.parameters,
            reference,
            inverse: best.inverse,
            variance: 2.0 * best.cost / freedom,
            freedom,
        };
        // M4's top is relative to the highest error: from here on it stands on its own.
        if shape == Shape::M4 {
            fitted.search[5] = highest.ln();
        }
        Some(fitted)
    }

    /// The law's value at `m`.
    #[must_use]
    pub fn at(&self, m: f64) -> f64 {
        self.ln_at(&self.search, m).exp()
    }

    fn ln_at(&self, p: &[f64; MOST], m: f64) -> f64 {
        let highest = if self.shape == Shape::M4 { self.search[5].exp() } else { 1.0 };
        self.shape.ln_error(p, m.ln() - self.reference, highest)
    }

    /// Interval of a further measurement at `m` (its ln E by the delta method).
    #[must_use]
    pub fn prediction(&self, m: f64, level: f64) -> Option<Interval> {
        let centre = self.ln_at(&self.search, m);
        let spread = self.spread(|p| self.ln_at(p, m))?.hypot(self.variance.sqrt());
        let half = student::quantile(f64::midpoint(1.0, level), self.freedom) * spread;
        Some(Interval { low: (centre - half).exp(), high: (centre + half).exp() })
    }

    /// Standard error of a function of the parameters.
    fn spread(&self, of: impl Fn(&[f64; MOST]) -> f64) -> Option<f64> {
        let inverse = self.inverse.as_ref()?;
        let free = self.shape.parameters();
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
    #[must_use]
    pub fn parameters(&self, level: f64) -> BTreeMap<&'static str, Parameter> {
        let reach = student::quantile(f64::midpoint(1.0, level), self.freedom);
        let reference = self.reference;
        type Natural = Box<dyn Fn(&[f64; MOST]) -> f64>;
        // α belongs to m itself: the search's height belongs to m / reference.
        let alpha: Natural = Box::new(move |p| p[0] + p[1].exp() * reference);
        let logarithm = |k: usize| -> Natural { Box::new(move |p| p[k]) };
        let top = self.search[5];
        let named: Vec<(&'static str, Natural)> = match self.shape {
            Shape::Shifted => vec![("alpha", alpha), ("mu", Box::new(move |p| p[2] - reference))],
            Shape::M4 => vec![
                ("alpha", alpha),
                ("gamma", logarithm(2)),
                ("a", logarithm(3)),
                ("e0", Box::new(move |p| top + p[4].exp().ln_1p())),
            ],
            Shape::Broken => vec![
                ("alpha", alpha),
                ("gamma", logarithm(2)),
                ("d", Box::new(move |p| p[4] + reference)),
                ("f", logarithm(5)),
            ],
        };
        let mut all: BTreeMap<&'static str, Parameter> = BTreeMap::new();
        for (name, log) in named {
            let (centre, half) = (log(&self.search), self.spread(&log).map(|s| reach * s));
            let ci = half.map(|half| Interval { low: (centre - half).exp(), high: (centre + half).exp() });
            all.insert(name, Parameter { value: centre.exp(), ci });
        }
        let mut plain = vec![("beta", Box::new(|p: &[f64; MOST]| -p[1].exp()) as Natural)];
        if self.shape == Shape::Broken {
            plain.push(("c", Box::new(|p: &[f64; MOST]| p[3])));
        }
        for (name, of) in plain {
            let (value, half) = (of(&self.search), self.spread(&of).map(|s| reach * s));
            let ci = half.map(|half| Interval { low: value - half, high: value + half });
            all.insert(name, Parameter { value, ci });
        }
        all
    }
}

/// ln(1 + e^z)
fn softplus(z: f64) -> f64 {
    if z > 30.0 { z } else { z.exp().ln_1p() }
}

/// ln E of M4: the root of ln(E - γ) - a ln(`E_0` - E) = `right`, which rises with E.
fn m4(right: f64, gamma: f64, a: f64, top: f64) -> f64 {
    if gamma >= top {
        return f64::INFINITY;
    }
    // In z = ln((E - γ) / (E_0 - E)) the left side is smooth and monotone: Newton within brackets.
    let width = (top - gamma).ln();
    let value = |z: f64| (1.0 - a) * width + z - softplus(z) + a * softplus(z) - right;
    let (mut low, mut high) = (-60.0, 60.0);
    let mut z = 0.0;
    for _ in 0..60 {
        let off = value(z);
        if off > 0.0 {
            high = z;
        } else {
            low = z;
        }
        let share = 1.0 / (1.0 + (-z).exp());
        let newton = z - off / (1.0 - share + a * share);
        let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
        if (next - z).abs() < 1e-13 * z.abs().max(1.0) {
            break;
        }
        z = next;
    }
    (gamma + (top - gamma) / (1.0 + (-z).exp())).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(law: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        (5..20).map(|i| 2f64.powi(i)).map(|m| (m, law(m))).collect()
    }

    fn continues(shape: Shape, law: impl Fn(f64) -> f64) -> Other {
        let fitted = Other::fit(shape, &sampled(&law)).unwrap();
        for m in [50.0, 1e4, 4e6] {
            assert!((fitted.at(m) / law(m) - 1.0).abs() < 1e-4, "{shape:?} at {m}: {}", fitted.at(m));
        }
        fitted
    }

    #[test]
    fn every_form_finds_its_own_curve() {
        let shifted = continues(Shape::Shifted, |m| 3.0 * (1.0 / m + 1e-4).powf(0.4));
        let parameters = shifted.parameters(0.95);
        assert!((parameters["mu"].value / 1e-4 - 1.0).abs() < 1e-4, "{parameters:?}");
        assert!(
            (parameters["beta"].value + 0.4).abs() < 1e-5 && (parameters["alpha"].value - 3.0).abs() < 1e-3
        );
        let broken = |m: f64| 0.01 + 2.0 * m.powf(-0.1) * (1.0 + (m / 2000.0).powf(2.0)).powf(-0.15);
        let parameters = continues(Shape::Broken, broken).parameters(0.95);
        assert!((parameters["d"].value / 2000.0 - 1.0).abs() < 1e-2, "{parameters:?}");
        assert!((parameters["c"].value - 0.3).abs() < 1e-2, "{parameters:?}");
    }

    #[test]
    fn m4_does_not_depend_on_the_unit_of_the_error() {
        let values = |unit: f64| -> Vec<(f64, f64)> {
            (0..10).map(|i| 1e9 * 2f64.powi(i)).map(|m| (m, unit * (1e9 / m.sqrt() + 1000.0))).collect()
        };
        for unit in [1e-4, 1.0, 1e4] {
            let fitted = Other::fit(Shape::M4, &values(unit)).unwrap();
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
        let parameters = continues(Shape::M4, law).parameters(0.95);
        assert!((parameters["e0"].value - 0.9).abs() < 1e-3, "{parameters:?}");
    }

    #[test]
    fn more_points_than_parameters_are_needed() {
        assert!(Other::fit(Shape::M4, &sampled(|m| 1.0 / m)[..5]).is_none());
    }
}
