//! The summary of a fit of such a form to a curve: what is reported of it.

use super::super::curve::Curve;
use super::super::form::Form;
use super::super::interval::Interval;
use super::super::options::Options;
use super::super::usable::check_span;
use super::super::{law, screen};
use super::{PublishedForm, PublishedLaw};
use crate::error::{Error, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is reported of such a fit: the keys of `scaling fit --json`, and every parameter of the form.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    /// The form.
    pub(crate) form: Form,
    /// Scale.
    pub(crate) alpha: f64,
    /// Exponent where the curve falls steepest (before the break of [`PublishedForm::Broken`]).
    pub(crate) beta: f64,
    /// The error at the end of all data.
    pub(crate) gamma: f64,
    /// Intervals of the parameters that the data identify.
    pub(crate) ci: BTreeMap<&'static str, Interval>,
    /// All parameters.
    pub(crate) parameters: BTreeMap<&'static str, f64>,
    /// Share of the variance of ln E that the law explains.
    pub(crate) r2: f64,
    /// Root of the mean of ((E(m) - E) / E)².
    pub(crate) relative_rmse: f64,
    /// The smallest and the largest m that were used.
    pub(crate) region: [f64; 2],
    /// How many points (different m) were used.
    pub(crate) points: usize,
    /// What a reader must know before using the numbers.
    pub(crate) warnings: Vec<String>,
}

/// Fits one of these forms to every point of a curve.
///
/// # Errors
/// [`Error::Failed`] where there are no more points than parameters.
pub(crate) fn fit(
    curve: &Curve,
    published: PublishedForm,
    options: &Options,
) -> Result<(PublishedLaw, Summary)> {
    let Options { form, level, .. } = *options;
    let values = curve.values();
    options.check()?;
    if values.len() <= published.parameters() {
        return Err(Error::failed(format!(
            "not fitted: the form {form} needs {} sizes, there are {}{}",
            published.parameters() + 1,
            values.len(),
            curve.without()
        )));
    }
    check_span(&values).map_err(|reason| Error::failed(format!("not fitted: {reason}")))?;
    let law = PublishedLaw::fit(published, &values).ok_or_else(|| {
        Error::failed(format!("not fitted: the search for the form {form} finds no start on this curve"))
    })?;
    let all = law.parameters(level);
    let parameters: BTreeMap<_, _> = all.iter().map(|(name, parameter)| (*name, parameter.value)).collect();
    let ci: BTreeMap<_, _> =
        all.iter().filter_map(|(name, parameter)| Some((*name, parameter.ci.filter(is_finite)?))).collect();
    let relative_rmse = law::relative_rmse(&values, |m| law.at(m));
    let strange = screen::rise_in_words(&values).into_iter().chain(law::miss_in_words(relative_rmse));
    let mut warnings: Vec<String> = curve.left_out().collect();
    warnings.extend(strange.map(|what| format!("{what}: the form {form} may not describe this curve")));
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
        relative_rmse,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_does_not_describe_its_curve_is_warned_of() {
        let warnings = |form: Form, errors: [f64; 8]| {
            let pairs =
                errors.into_iter().enumerate().map(|(i, error)| (1000.0 * 2f64.powi(i as i32), error));
            let options = Options { form, ..Options::default() };
            let published = PublishedForm::of(form).unwrap();
            fit(&Curve::from_pairs(pairs).unwrap(), published, &options).unwrap().1.warnings
        };
        let peak = [0.5, 0.4, 0.9, 1.2, 0.9, 0.5, 0.3, 0.2];
        for form in [Form::Shifted, Form::M4, Form::Broken] {
            let said = warnings(form, peak);
            let expected = format!(
                "the error rises from 0.4 at m = 2000 to 1.2 at m = 8000: the form {form} may not describe this curve"
            );
            assert!(said.contains(&expected), "{said:?}");
        }
        let said = warnings(Form::Shifted, peak);
        assert!(
            said.iter().any(|said| said.contains(" % off the law: the form shifted may not")),
            "{said:?}"
        );
        let straight = std::array::from_fn(|i| 0.5f64.powi(i as i32));
        assert!(!warnings(Form::Shifted, straight).iter().any(|said| said.contains("may not describe")));
    }
}
