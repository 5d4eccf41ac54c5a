//! The fit of a power law, with or without a constant, and reasons to doubt it.

use super::constant;
use super::curve::{Curve, values};
use super::estimate::{self, Estimate};
use super::form::Form;
use super::interval::Interval;
use super::law::{self, Law};
use super::noise::Noise;
use super::options::Options;
use super::published::PublishedForm;
use super::uncertainty::Uncertainty;
use super::{screen, student, usable};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Intervals of the parameters; γ has one where it was fitted or the intervals allow for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ParameterIntervals {
    /// Interval of α.
    pub alpha: Interval,
    /// Interval of β.
    pub beta: Interval,
    /// Interval of γ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma: Option<Interval>,
}

/// A fitted law. It serialises to the keys of `scaling fit --json`.
#[derive(Debug, Clone, Serialize)]
#[serde(into = "FitRecord")]
pub struct Fit {
    /// The form that was fitted, never [`Form::Auto`].
    pub form: Form,
    /// Scale, in units of the error.
    pub alpha: f64,
    /// Exponent `β_g`.
    pub beta: f64,
    /// Irreducible error; 0 for the power law.
    pub gamma: f64,
    /// Intervals of the parameters.
    pub ci: ParameterIntervals,
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
    /// Level of the intervals.
    level: f64,
    /// Noise of a point.
    noise: Noise,
    /// Where the intervals come from.
    uncertainty: Uncertainty,
}

impl Fit {
    /// The law itself.
    pub fn law(&self) -> Law {
        Law { alpha: self.alpha, beta: self.beta, gamma: self.gamma }
    }

    /// The band of the fitted line: its interval at every m, at the level of the fit.
    pub fn band(&self, grid: &[f64]) -> Vec<Interval> {
        grid.iter().map(|m| self.uncertainty.at(*m, self.level)).collect()
    }

    /// Interval of a further measurement at `m`, at the level of the fit.
    pub fn prediction(&self, m: f64) -> Interval {
        let line = self.uncertainty.at(m, self.level);
        let centre = self.law().at(m).ln();
        // The law's own uncertainty and the noise of the measurement are independent.
        let reach = student::reach(self.level, self.noise.freedom);
        let noise = reach * self.noise.variance.sqrt();
        let end = |end: f64, sign: f64| (centre + sign * (end.ln() - centre).hypot(noise)).exp();
        Interval { low: end(line.low, -1.0), high: end(line.high, 1.0) }
    }
}

/// What files hold of a [`Fit`], under the same names; what a comparison does not need is not read back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FitRecord {
    #[serde(skip_deserializing)]
    pub(crate) form: Form,
    pub(crate) alpha: f64,
    pub(crate) beta: f64,
    #[serde(default)]
    pub(crate) gamma: f64,
    pub(crate) ci: ParameterIntervals,
    #[serde(skip_deserializing)]
    pub(crate) r2: f64,
    #[serde(skip_deserializing)]
    pub(crate) relative_rmse: f64,
    pub(crate) region: [f64; 2],
    pub(crate) points: usize,
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
}

impl From<Fit> for FitRecord {
    fn from(fit: Fit) -> Self {
        let Fit { form, alpha, beta, gamma, ci, r2, relative_rmse, region, points, warnings, .. } = fit;
        Self { form, alpha, beta, gamma, ci, r2, relative_rmse, region, points, warnings }
    }
}

/// Fits a power law, with or without a constant.
///
/// A power law is fitted over the power-law region, the form with a constant over that and the
/// irreducible region (ICLR 4.1 and C.1). [`Form::Auto`] claims a constant where the data refute
/// the power law (F test, a false claim in about one of 30); its intervals allow for a constant in any
/// case, since few sizes can exclude one.
///
/// # Errors
/// [`Error::Input`] for a level outside (0, 1) or a form that is no power law; [`Error::Failed`]
/// where the curve is no power law or does not identify the form: an error that does not fall (unless a power
/// law takes every point), fewer than three points for a power law or four for the form with a constant, an
/// exponent at the edge of the search.
pub fn fit(curve: &Curve, options: &Options) -> Result<Fit> {
    options.check()?;
    if PublishedForm::of(options.form).is_some() {
        return Err(Error::input(format!("the form {} is not one of power laws", options.form)));
    }
    let (used, warnings) = usable::points(curve, options)?;
    let data = values(&used);
    let representable = |found: Estimate| match found.law.alpha {
        alpha if alpha.is_finite() && alpha > 0.0 => Ok(found),
        alpha => Err(format!("alpha would be {alpha}: choose a larger unit of m")),
    };
    let found = usable::check_span(&data).and_then(|()| match options.form {
        Form::Power if options.regions => estimate::falling(&used),
        Form::Power => estimate::power(&used),
        Form::PowerConst => estimate::constant(&used, options),
        _ => estimate::auto(&used, options),
    });
    let Estimate { form, law, noise, uncertainty } = found.and_then(representable).map_err(|reason| {
        let left_out = if warnings.is_empty() { String::new() } else { format!("; {}", warnings.join("; ")) };
        Error::failed(format!("not fitted: {reason}{left_out}"))
    })?;
    let ci = ParameterIntervals {
        alpha: uncertainty.alpha(options.level),
        beta: uncertainty.beta(options.level),
        // Also where no constant is claimed, but the intervals allow for one.
        gamma: matches!(uncertainty, Uncertainty::Region(_)).then(|| uncertainty.gamma()),
    };
    let mut warnings = warnings;
    warnings.extend(doubts(&data, &law, form, &uncertainty));
    if options.form == Form::Auto && data.len() < estimate::ALLOWING {
        warnings.push(format!(
            "{} sizes are too few to allow for a constant: if there is one, the interval of the exponent is too narrow",
            data.len()
        ));
    }
    Ok(Fit {
        form,
        alpha: law.alpha,
        beta: law.beta,
        gamma: law.gamma,
        ci,
        r2: law.r2(&data),
        relative_rmse: law.relative_rmse(&data),
        region: [data[0].0, data[data.len() - 1].0],
        points: data.len(),
        warnings,
        level: options.level,
        noise,
        uncertainty,
    })
}

/// Reasons not to trust the law beyond its numbers.
fn doubts(values: &[(f64, f64)], law: &Law, form: Form, uncertainty: &Uncertainty) -> Vec<String> {
    let mut doubts = Vec::new();
    if !estimate::falls(law, values) {
        doubts.push(format!("{}: as far as this curve tells, more data do not help", estimate::NOT_FALLING));
    }
    let last = values[values.len() - 1];
    let span = last.0 / values[0].0;
    if form == Form::PowerConst && span < 10.0 {
        doubts.push(format!(
            "m spans a factor of {span:.1}: below 10 the exponent and the constant are hardly told apart"
        ));
    }
    if form == Form::PowerConst && values.len() == 4 {
        doubts.push("three parameters from four sizes: the intervals are rough".to_owned());
    }
    let hidden = uncertainty.gamma().high / last.1;
    if form == Form::Power && hidden > 0.05 {
        let most = if hidden < 1.0 { format!("{:.0} % of", 100.0 * hidden) } else { "all of".to_owned() };
        doubts.push(format!(
            "a constant of up to {most} the last error cannot be excluded, and the intervals allow for it; \
             --form power gives those of a power law without one"
        ));
    }
    if let Uncertainty::Region(region) = uncertainty {
        let (steepest, flattest) = constant::EXPONENTS;
        let beta = region.range(|law| law.beta, 0.0);
        if constant::at_the_edge(beta.low) || constant::at_the_edge(beta.high) {
            doubts.push(format!(
                "the interval of beta ends where the search does, at {steepest} or {flattest}: the data allow more"
            ));
        }
    }
    if screen::steepens(values) {
        doubts.push(
            "the curve falls faster and faster, as no power law does: it may go on more steeply, or the smallest sizes may \
             come before the law"
                .to_owned(),
        );
    }
    let miss = law::miss_in_words(law.relative_rmse(values));
    doubts.extend(miss.map(|miss| format!("{miss}: this may not be a power law")));
    doubts
}

#[cfg(test)]
mod tests;
