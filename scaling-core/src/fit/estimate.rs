//! The law of given points by each form, with what is known about its error.

use super::curve::{Point, values};
use super::form::Form;
use super::law::Law;
use super::least_squares::Loss;
use super::noise::{self, Noise};
use super::options::Options;
use super::power::Line;
use super::uncertainty::Uncertainty;
use super::{constant, student};

/// An estimate, or why there is none.
pub(super) type Estimated = Result<Estimate, String>;

/// A law with what is known about its error.
pub(super) struct Estimate {
    pub(super) form: Form,
    pub(super) law: Law,
    pub(super) noise: Noise,
    pub(super) uncertainty: Uncertainty,
}

/// Of a power law that does not fall.
pub(super) const NOT_FALLING: &str = "the error does not fall with m";

/// Whether a power law falls over the sizes by more than rounding: the mean of equal logarithms may miss them
/// by their last digit, and the exponent of a constant curve be -7e-32.
pub(super) fn falls(law: &Law, values: &[(f64, f64)]) -> bool {
    law.beta * (values[values.len() - 1].0.ln() - values[0].0.ln()) < -1e-9
}

/// The power law.
pub(super) fn power(points: &[Point]) -> Estimated {
    if points.len() < 3 {
        return Err(format!("a power law needs 3 sizes, there are {}", points.len()));
    }
    let data = values(points);
    let weights = noise::weights(points, || Line::fit(&data).squares(), 2);
    let line = Line::weighted(&data, &weights);
    let noise = Noise::new(points, &weights, line.squares(), 2);
    let uncertainty = Uncertainty::Regression(line.scattered(noise));
    Ok(Estimate { form: Form::Power, law: line.law(), noise, uncertainty })
}

/// The power law of an error that falls.
pub(super) fn falling(points: &[Point]) -> Estimated {
    let found = power(points)?;
    if falls(&found.law, &values(points)) { Ok(found) } else { Err(NOT_FALLING.to_owned()) }
}

/// The power law with a constant.
pub(super) fn constant(points: &[Point], options: &Options) -> Estimated {
    if points.len() < 4 {
        return Err(format!("a power law with a constant needs 4 sizes, there are {}", points.len()));
    }
    let data = values(points);
    let weights = with_constant(points, &data);
    let (best, squares) = constant::fit_with_squares(&data, &weights);
    let law = match options.loss {
        Loss::Squares => best,
        Loss::Huber(delta) => constant::robust(&data, delta),
    };
    if !falls(&Line::fit(&data).law(), &data) {
        return Err(NOT_FALLING.to_owned());
    }
    if constant::at_the_edge(law.beta) {
        let (steepest, flattest) = constant::EXPONENTS;
        return Err(format!(
            "the exponent is not identified: it runs to the end of [{steepest}, {flattest}]"
        ));
    }
    let noise = Noise::new(points, &weights, squares, 3);
    let residuals = law.log_residuals(&data);
    let own: f64 =
        residuals.iter().zip(&weights).map(|(residual, weight)| weight * residual * residual).sum();
    let uncertainty = Uncertainty::region((&data, &weights), squares, noise, options.level, own);
    Ok(Estimate { form: Form::PowerConst, law, noise, uncertainty })
}

/// A constant is claimed where the power law is refuted at this level.
const EVIDENCE: f64 = 0.965;

/// Sizes from which on [`auto`] allows for a constant.
pub(super) const ALLOWING: usize = 5;

/// The power law, or that with a constant where the data show one.
pub(super) fn auto(points: &[Point], options: &Options) -> Estimated {
    let power = falling(points)?;
    let (steepest, flattest) = constant::EXPONENTS;
    if points.len() < ALLOWING || power.law.beta < steepest {
        return Ok(power);
    }
    let data = values(points);
    let weights = with_constant(points, &data);
    let (law, squares) = constant::fit_with_squares(&data, &weights);
    let noise = Noise::new(points, &weights, squares, 3);
    let line = Line::weighted(&data, &weights).squares();
    // One-sided, since γ >= 0; exact data have no noise to compare with.
    let needed = noise.variance.max(1e-20) * student::quantile(EVIDENCE, noise.freedom).powi(2);
    if line - squares > needed && law.gamma > 0.0 && !constant::at_the_edge(law.beta) {
        let uncertainty = Uncertainty::region((&data, &weights), squares, noise, options.level, squares);
        return Ok(Estimate { form: Form::PowerConst, law, noise, uncertainty });
    }
    // Beyond the exponents of the law with a constant there is nothing to allow for.
    if power.law.beta >= flattest {
        return Ok(power);
    }
    let uncertainty = Uncertainty::region((&data, &weights), squares, noise, options.level, line);
    Ok(Estimate { uncertainty, ..power })
}

/// What every point counts beside a power law with a constant.
fn with_constant(points: &[Point], data: &[(f64, f64)]) -> Vec<f64> {
    let squares = || constant::fit_with_squares(data, &vec![1.0; data.len()]).1;
    noise::weights(points, squares, 3)
}
