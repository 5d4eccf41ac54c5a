//! Which form a curve asks for: the one that predicts its next point better.

use super::Form;
use super::constant;
use super::law::Law;
use super::power::Line;

/// The constant must lower the squared prediction error at least to this share.
const WORTHWHILE: f64 = 0.95;
/// Mean squared logarithmic errors below this are rounding.
const ROUNDING: f64 = 1e-12;

/// A way to fit (m, E) pairs.
type Fitter = dyn Fn(&[(f64, f64)]) -> Law;

/// [`Form::Power`] or [`Form::PowerConst`], by rolling origin: fit the first k points, predict
/// point k + 1, for every k that identifies both forms. Below five points it is the power law.
#[must_use]
pub(super) fn form(values: &[(f64, f64)]) -> Form {
    let error = |fit: &Fitter| {
        let origins = 4..values.len();
        let squares = origins.clone().map(|k| {
            let (m, error) = values[k];
            (error / fit(&values[..k]).at(m)).ln().powi(2)
        });
        squares.sum::<f64>() / origins.len() as f64
    };
    if values.len() < 5 {
        return Form::Power;
    }
    let power = error(&|prefix| Line::fit(prefix).law());
    let constant = error(&|prefix| constant::fit(prefix));
    if power > ROUNDING && constant < WORTHWHILE * power && constant::fit(values).gamma > 0.0 {
        Form::PowerConst
    } else {
        Form::Power
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn noisy(law: Law, noise: f64) -> Vec<(f64, f64)> {
        let mut random = Random::new("choose", &[1]);
        let m = (8..18).map(|i| 2f64.powi(i));
        m.map(|m| (m, law.at(m) * (noise * random.normal()).exp())).collect()
    }

    #[test]
    fn the_constant_is_taken_only_where_it_predicts() {
        let straight = Law { alpha: 3.0, beta: -0.2, gamma: 0.0 };
        let bent = Law { alpha: 20.0, beta: -0.45, gamma: 0.15 };
        for noise in [0.0, 0.01] {
            assert_eq!(form(&noisy(straight, noise)), Form::Power);
            assert_eq!(form(&noisy(bent, noise)), Form::PowerConst);
        }
        assert_eq!(form(&noisy(bent, 0.0)[..4]), Form::Power);
    }
}
