//! How much an exponent depends on what was chosen: range, form and loss.

use super::curve::Curve;
use super::form::Form;
use super::interval::Interval;
use super::least_squares::{HUBER, Loss};
use super::options::Options;
use super::power_law::fit;
use serde::Serialize;

/// The exponent under one choice.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Choice {
    /// Which sizes were fitted.
    pub(crate) sizes: &'static str,
    /// The form.
    pub(crate) form: Form,
    /// `squares` or `huber`.
    pub(crate) loss: &'static str,
    /// `β_g`.
    pub(crate) beta: f64,
    /// Its interval; a robust loss has none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ci: Option<Interval>,
    /// Points used.
    pub(crate) points: usize,
}

/// The exponent for every range, form and loss that the curve allows. Reported as one table, since
/// many published exponents do not say which of these they are (Li et al. 2025).
pub(crate) fn table(curve: &Curve, level: f64) -> Vec<Choice> {
    let points = curve.points();
    let ranges = [
        ("all", 0..points.len()),
        ("without the smallest", 1..points.len()),
        ("without the two smallest", 2..points.len()),
        ("without the largest", 0..points.len().saturating_sub(1)),
    ];
    let methods = [
        (Form::Power, Loss::Squares, "squares"),
        (Form::PowerConst, Loss::Squares, "squares"),
        (Form::PowerConst, Loss::Huber(HUBER), "huber"),
    ];
    let mut table = Vec::new();
    for (sizes, range) in ranges {
        let Some(part) = points.get(range).filter(|part| part.len() >= 3) else { continue };
        let Ok(part) = Curve::new(part.iter().cloned()) else { continue };
        for (form, loss, name) in methods {
            let options = Options { form, level, loss, ..Options::default() };
            if let Ok(fit) = fit(&part, &options) {
                table.push(Choice {
                    sizes,
                    form,
                    loss: name,
                    beta: fit.beta,
                    ci: (loss == Loss::Squares).then_some(fit.ci.beta),
                    points: fit.points,
                });
            }
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_law_does_not_depend_on_choices() {
        let m = (0..8).map(|i| 1000.0 * 2f64.powi(i));
        let curve = Curve::from_pairs(m.map(|m| (m, 5.0 * m.powf(-0.3)))).unwrap();
        let table = table(&curve, 0.95);
        assert_eq!(table.len(), 12);
        assert!(table.iter().all(|choice| (choice.beta + 0.3).abs() < 1e-3), "{table:?}");
        let bent =
            Curve::from_pairs((0..8).map(|i| 1000.0 * 2f64.powi(i)).map(|m| (m, 5.0 * m.powf(-0.3) + 0.1)));
        let bent = super::table(&bent.unwrap(), 0.95);
        let steepest = bent.iter().filter(|c| c.form == Form::Power).map(|c| c.beta).fold(0.0, f64::min);
        assert!(
            steepest > -0.3 && bent.iter().any(|c| c.form == Form::PowerConst && (c.beta + 0.3).abs() < 1e-3)
        );
    }
}
