//! Fits of learning curves: E(m) = α m^β, with or without a constant γ, with intervals.
//!
//! The methods are those of Hestness et al. 2017 (sections 2 and 4, appendix C.1); where the paper
//! is silent the choices are stated with the functions. Nothing here knows of studies or files.

pub mod constant;
pub mod curve;
mod estimate;
pub mod forecast;
mod form;
pub mod interval;
pub mod law;
pub mod least_squares;
pub mod noise;
pub mod normal;
mod options;

pub mod power;
pub mod published;
pub mod region;
pub mod screen;
pub mod sensitivity;
pub mod size;
pub mod spread;
pub mod student;
pub mod surface;
pub mod trend;
pub mod uncertainty;
mod usable;

use crate::error::{Error, Result};
use curve::{Curve, values};
use estimate::Estimate;
pub use form::Form;
use interval::Interval;
use law::Law;
use noise::Noise;
pub use options::Options;
use serde::Serialize;
use uncertainty::Uncertainty;

/// Intervals of the parameters; γ has one only where it was fitted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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
    #[serde(skip)]
    level: f64,
    /// Noise of a point.
    #[serde(skip)]
    noise: Noise,
    /// Where the intervals come from.
    #[serde(skip)]
    uncertainty: Uncertainty,
}

impl Fit {
    /// The law itself.
    #[must_use]
    pub fn law(&self) -> Law {
        Law { alpha: self.alpha, beta: self.beta, gamma: self.gamma }
    }

    /// The band of the fitted line: its interval at every m, at the level of the fit.
    #[must_use]
    pub fn band(&self, grid: &[f64]) -> Vec<Interval> {
        grid.iter().map(|m| self.uncertainty.at(*m, self.level)).collect()
    }

    /// Interval of a further measurement at `m`, at the level of the fit.
    #[must_use]
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

/// Fits a power law, with or without a constant.
///
/// A power law is fitted over the power-law region, the form with a constant over that and the
/// irreducible region (ICLR 4.1 and C.1). [`Form::Auto`] claims a constant where the data refute
/// the power law (F test, a false claim in about one of 30); its intervals allow for a constant in any
/// case, since few sizes can exclude one.
///
/// # Errors
/// [`Error::Input`] for a level outside (0, 1) or a form that [`published::fit`] fits; [`Error::Failed`]
/// where the curve is no power law or does not identify the form: an error that rises, fewer than
/// three points for a power law or four for the form with a constant, an exponent at the edge of
/// the search.
pub fn fit(curve: &Curve, options: &Options) -> Result<Fit> {
    options.check()?;
    if options.form.published().is_some() {
        return Err(Error::input(format!("the form {} is not one of power laws", options.form)));
    }
    let (used, warnings) = usable::points(curve, options)?;
    let data = values(&used);
    let representable = |found: Estimate| match found.law.alpha {
        alpha if alpha.is_finite() && alpha > 0.0 => Ok(found),
        alpha => Err(format!("alpha would be {alpha}: choose a larger unit of m")),
    };
    let found = usable::check_span(&data).and_then(|()| match options.form {
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
    let miss = law.relative_rmse(values);
    if miss > 0.1 {
        doubts.push(format!("the sizes lie {:.0} % off the law: this may not be a power law", 100.0 * miss));
    }
    doubts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(law: Law, exponents: std::ops::Range<i32>) -> Curve {
        let m = exponents.map(|i| 2f64.powi(i));
        Curve::from_pairs(m.map(|m| (m, law.at(m)))).unwrap()
    }

    const BENT: Law = Law { alpha: 2.5, beta: -0.3, gamma: 0.05 };
    const STRAIGHT: Law = Law { alpha: 10.0, beta: -0.5, gamma: 0.0 };

    #[test]
    fn auto_finds_the_form() {
        let bent = fit(&sampled(BENT, 10..19), &Options::default()).unwrap();
        assert_eq!(bent.form, Form::PowerConst);
        assert!((bent.gamma - 0.05).abs() < 1e-7 && (bent.alpha - 2.5).abs() < 1e-5);
        let straight = fit(&sampled(STRAIGHT, 11..19), &Options::default()).unwrap();
        assert_eq!((straight.form, straight.points), (Form::Power, 8));
        assert!((straight.alpha - 10.0).abs() < 1e-8 && straight.warnings.is_empty());
    }

    #[test]
    fn a_given_power_law_takes_every_point_unless_told_to_look() {
        let power = Options { form: Form::Power, ..Options::default() };
        let all = fit(&sampled(BENT, 10..19), &power).unwrap();
        assert!((all.beta + 0.217_137).abs() < 1e-6 && all.points == 9);
        let floor = sampled(Law { gamma: 0.05, ..STRAIGHT }, 8..24);
        let looking = fit(&floor, &Options { regions: true, ..power }).unwrap();
        assert!(looking.points < 16 && looking.warnings[0].contains("largest sizes"));
    }

    #[test]
    fn the_best_guess_excludes_the_plateau() {
        let plateau = (4..9).map(|i| (2f64.powi(i), 0.9));
        let law = sampled(Law { alpha: 30.0, beta: -0.5, gamma: 0.0 }, 11..18).values();
        let curve = Curve::from_pairs(plateau.chain(law)).unwrap();
        let options = Options { best_guess: Some(0.9), form: Form::Power, ..Options::default() };
        let known = fit(&curve, &options).unwrap();
        assert!(known.region == [2048.0, 131_072.0] && known.warnings.len() == 1, "{known:?}");
        assert_eq!(fit(&curve, &Options::default()).unwrap().region, known.region);
    }

    #[test]
    fn json_has_the_fixed_keys() {
        let keys = |form| {
            let options = Options { form, ..Options::default() };
            let fit = fit(&sampled(BENT, 10..19), &options).unwrap();
            let json = serde_json::to_value(fit).unwrap();
            let keys: Vec<String> = json.as_object().unwrap().keys().cloned().collect();
            assert_eq!(json["form"], form.name());
            let parameters = if form == Form::Power { 2 } else { 3 };
            assert_eq!(json["ci"].as_object().unwrap().len(), parameters);
            keys
        };
        let fixed =
            ["alpha", "beta", "ci", "form", "gamma", "points", "r2", "region", "relative_rmse", "warnings"];
        for form in [Form::Power, Form::PowerConst] {
            let mut sorted = keys(form);
            sorted.sort();
            assert_eq!(sorted, fixed);
        }
    }

    #[test]
    fn what_is_not_identified_is_refused() {
        let refused = |curve: &Curve, form| {
            fit(curve, &Options { form, ..Options::default() }).unwrap_err().to_string()
        };
        let two = refused(&sampled(STRAIGHT, 3..5), Form::Power);
        assert_eq!(two, "not fitted: a power law needs 3 sizes, there are 2");
        assert!(refused(&sampled(BENT, 3..6), Form::PowerConst).contains("needs 4 sizes"));
        let rising = Curve::from_pairs((1..7).map(|i| (f64::from(i), f64::from(i)))).unwrap();
        assert!(refused(&rising, Form::PowerConst).contains("does not fall"));
        let level = Options { level: 95.0, ..Options::default() };
        assert_eq!(fit(&sampled(BENT, 3..9), &level).unwrap_err().exit_code(), 2);
    }

    /// Six sizes within a factor of six, noise of 1 %, truth (9, -0.3, 0.3).
    #[test]
    fn a_narrow_range_is_reported_as_such() {
        let m = [10000.0, 14310.0, 20477.0, 29302.0, 41930.0, 60000.0];
        let errors = [
            0.884_218_073_459,
            0.802_164_821_494,
            0.755_755_988_705,
            0.714_889_923_58,
            0.665_069_227_716,
            0.630_229_437_222,
        ];
        let curve = Curve::from_pairs(m.into_iter().zip(errors)).unwrap();
        let options = Options { form: Form::PowerConst, ..Options::default() };
        let narrow = fit(&curve, &options).unwrap();
        let gamma = narrow.ci.gamma.unwrap();
        assert!(gamma.contains(0.3) && gamma.high - gamma.low > 0.3, "{gamma:?}");
        assert!(narrow.warnings[0].contains("factor of 6.0"), "{:?}", narrow.warnings);
    }

    #[test]
    fn units_and_the_order_of_rows_do_not_matter() {
        let mut random = crate::random::Random::new("units", &[1]);
        for case in 0..40 {
            let gamma = if case % 2 == 0 { 0.0 } else { 0.2 };
            let law = Law { alpha: 9.0, beta: -0.1 - 0.3 * random.uniform(), gamma };
            let sizes = 5 + random.below(5) as i32;
            let points: Vec<(f64, f64)> = (0..2 * sizes)
                .map(|i| 1000.0 * 2f64.powi(i % sizes))
                .map(|m| (m, law.at(m) * (0.01 * random.normal()).exp()))
                .collect();
            let fitted = |points: &[(f64, f64)]| {
                fit(&Curve::from_pairs(points.iter().copied()).unwrap(), &Options::default()).unwrap()
            };
            let base = fitted(&points);
            let mut shuffled = points.clone();
            random.shuffle(&mut shuffled);
            let again = fitted(&shuffled);
            assert_eq!((base.alpha, base.beta, base.gamma), (again.alpha, again.beta, again.gamma));
            assert_eq!(base.ci, again.ci);

            let (k, c) = (37.0, 0.011);
            let scaled: Vec<(f64, f64)> = points.iter().map(|(m, e)| (k * m, c * e)).collect();
            let scaled = fitted(&scaled);
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-5 * b.abs() + 1e-9;
            assert!(scaled.form == base.form && close(scaled.beta, base.beta), "{scaled:?} {base:?}");
            assert!(close(scaled.alpha, base.alpha * c * k.powf(-base.beta)), "{scaled:?} {base:?}");
            assert!(close(scaled.gamma, base.gamma * c), "{scaled:?} {base:?}");
            let near = |a: Interval, b: Interval| {
                (a.low / b.low - 1.0).abs() < 1e-3 && (a.high / b.high - 1.0).abs() < 1e-3
            };
            assert!(near(scaled.ci.beta, base.ci.beta), "{:?} {:?}", scaled.ci, base.ci);
        }
    }

    #[test]
    fn extreme_numbers_do_no_harm() {
        for (m, error) in [(1e300, 1e-300), (1e-300, 1e300)] {
            let curve =
                Curve::from_pairs((0..6).map(|i| (m * 2f64.powi(i), error * 0.9f64.powi(i)))).unwrap();
            let fit = fit(&curve, &Options { form: Form::Power, ..Options::default() }).unwrap();
            assert!((fit.beta - 0.9f64.ln() / 2f64.ln()).abs() < 1e-6, "{fit:?}");
        }
        let same = Curve::from_pairs([(5.0, 1.0), (5.0, 2.0), (5.0, 1.5)]).unwrap();
        assert!(fit(&same, &Options::default()).is_err());
    }

    /// The shares that `examples/coverage.rs` prints, for fewer studies.
    #[test]
    fn intervals_of_the_exponent_cover() {
        for gamma_share in [0.0, 0.3] {
            let (mut inside, mut claimed) = (0, 0);
            for seed in 0..300 {
                let mut random = crate::random::Random::new("cover", &[seed]);
                let beta = -0.05 - 0.45 * random.uniform();
                let sizes = 5 + random.below(5) as i32;
                let last = 5.0 * (1000.0 * 2f64.powi(sizes - 1)).powf(beta);
                let law = Law { alpha: 5.0, beta, gamma: last * gamma_share / (1.0 - gamma_share) };
                let m = (0..3 * sizes).map(|i| 1000.0 * 2f64.powi(i % sizes));
                let curve =
                    Curve::from_pairs(m.map(|m| (m, law.at(m) * (0.015 * random.normal()).exp()))).unwrap();
                let fit = fit(&curve, &Options::default()).unwrap();
                inside += usize::from(fit.ci.beta.contains(beta));
                claimed += usize::from(fit.form == Form::PowerConst);
            }
            assert!((276..=297).contains(&inside), "{gamma_share}: {inside} of 300");
            assert!(gamma_share > 0.0 || claimed <= 18, "{claimed} of 300");
        }
    }
}
