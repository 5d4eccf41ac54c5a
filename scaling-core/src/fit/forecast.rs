//! Forecasts: the error that more data will bring, and the data that an error will cost.

use super::bisection::bisect;
use super::continuation::Continuation;
use super::curve::{self, Curve};
use super::form::Form;
use super::interval::Interval;
use super::options::Options;
use super::power_law::{Fit, fit};
use super::published::{self, PublishedForm, PublishedLaw};
use super::screen;
use super::trend::Trend;
use super::usable::check_span;
use crate::error::{Error, Result};
use crate::number::{grouped, short, significant};
use serde::Serialize;

/// An expected error.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// Training samples.
    pub m: f64,
    /// The median of the error that would be measured there.
    pub error: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
    /// What a reader must know before using the numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The data that an error will cost; `None` where it is not reached within [`FURTHEST`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataForError {
    /// The error aimed at.
    pub error: f64,
    /// Where the median of the forecast reaches it.
    pub m: Option<f64>,
    /// Where the lower end of the interval does: the least data.
    pub low: Option<f64>,
    /// Where the upper end does: the most data.
    pub high: Option<f64>,
    /// What a reader must know before using the numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// With this probability that a curve scatters more than forecasts reckon with, they warn.
const LOUD: f64 = 0.2;
/// Sizes are looked for up to this multiple of the largest that was measured.
pub const FURTHEST: f64 = 1e6;
/// Places at which a curve is looked at for where it reaches an error.
const PLACES: usize = 160;
/// Beyond this multiple of the largest size there is no experience with how well forecasts do.
const EXPERIENCE: f64 = 16.0;

/// A curve made ready for forecasts.
#[derive(Debug, Clone)]
pub struct Forecaster {
    values: Vec<(f64, f64)>,
    law: Extrapolation,
    level: f64,
    warnings: Vec<String>,
}

#[derive(Debug, Clone)]
enum Extrapolation {
    Trend(Continuation),
    Power(Box<Fit>),
    Published(Box<PublishedLaw>),
}

impl Forecaster {
    /// Prepares forecasts with a form; [`Form::Auto`] takes the local trend, which no
    /// single form can beat on curves of unknown kind.
    ///
    /// # Errors
    /// As [`fit`], for all forms; [`Error::Failed`] for a trend of fewer than three sizes.
    pub fn new(curve: &Curve, options: &Options) -> Result<Self> {
        options.check()?;
        let mut values = curve.values();
        check_span(&values).map_err(|reason| Error::failed(format!("no forecast: {reason}")))?;
        let mut warnings = Vec::new();
        let law = if let Some(form) = PublishedForm::of(options.form) {
            let (law, summary) = published::fit(curve, form, options)?;
            warnings.extend(summary.warnings);
            Extrapolation::Published(Box::new(law))
        } else if options.form == Form::Auto {
            if values.len() < 3 {
                return Err(Error::failed(format!(
                    "no forecast: it needs 3 sizes, there are {}{}",
                    values.len(),
                    curve.without()
                )));
            }
            if values.len() < 5 {
                warnings.push(format!("{} sizes say little about where the curve goes", values.len()));
            }
            warnings.extend(curve.left_out());
            let rise = screen::rise_in_words(&values);
            warnings.extend(rise.map(|rise| format!("{rise}: this may be no power law")));
            let mut points = curve.points().to_vec();
            warnings.extend(screen::without_undertuned(&mut points));
            values = curve::values(&points);
            let trend = Trend::new(&values);
            if trend.loud() > LOUD {
                warnings.push(
                    "the sizes scatter by more than 8 % about any trend; the interval may be too narrow (a larger \
                     validation set or more seeds would help)"
                        .into(),
                );
            }
            Extrapolation::Trend(Continuation::new(trend, &values, options.level))
        } else {
            let fit = fit(curve, options)?;
            warnings.extend(fit.warnings.iter().cloned());
            Extrapolation::Power(Box::new(fit))
        };
        Ok(Self { values, law, level: options.level, warnings })
    }

    /// The error at `m`.
    ///
    /// # Errors
    /// [`Error::Input`] for an `m` that is not a number above 0 or lies below the smallest size.
    pub fn at(&self, m: f64) -> Result<Forecast> {
        let (first, last) = (self.values[0].0, self.values[self.values.len() - 1].0);
        if !(m.is_finite() && m > 0.0) {
            return Err(Error::input(format!("a forecast needs a number of samples above 0; got {m}")));
        }
        if m < first {
            return Err(Error::input(format!(
                "a forecast goes forward: m = {m} lies below the smallest size, {first}"
            )));
        }
        let (error, Interval { low, high }) = self.point(m);
        let mut warnings = self.warnings.clone();
        if m > EXPERIENCE * last {
            warnings.push(format!(
                "m is {} times the largest size: the interval was not tested beyond {EXPERIENCE} times",
                short((m / last).round())
            ));
        }
        Ok(Forecast { m, error, low, high, warnings })
    }

    /// The least m at which the error is `target` or below.
    ///
    /// # Errors
    /// [`Error::Input`] for a target that is not a number above 0.
    pub fn cost(&self, target: f64) -> Result<DataForError> {
        if !(target.is_finite() && target > 0.0) {
            return Err(Error::input(format!("a forecast needs a target error above 0; got {target}")));
        }
        let m = self.crossing(target, |(error, _)| error);
        let low = self.crossing(target, |(_, interval)| interval.low);
        let high = self.crossing(target, |(_, interval)| interval.high);
        let mut warnings = self.warnings.clone();
        let (first, last) = (self.values[0].0, self.values[self.values.len() - 1].0);
        match m {
            Some(m) if m <= first * (1.0 + 1e-9) => {
                warnings.push(format!("the smallest size, {}, reaches it already", grouped(first)));
            }
            None if self.constant().is_some_and(|gamma| target <= gamma) => warnings.push(format!(
                "never reached: the fitted constant is {}",
                significant(self.constant().unwrap_or_default(), 3)
            )),
            None => warnings.push(format!(
                "not reached within {FURTHEST:.0} times the largest size, as far as this curve tells"
            )),
            Some(m) if m > EXPERIENCE * last => warnings.push(format!(
                "m is {} times the largest size: the interval was not tested beyond {EXPERIENCE} times",
                short((m / last).round())
            )),
            Some(_) => {}
        }
        Ok(DataForError { error: target, m, low, high, warnings })
    }

    /// The constant that the error tends to, of a form that has one.
    fn constant(&self) -> Option<f64> {
        match &self.law {
            Extrapolation::Power(fit) if fit.form == Form::PowerConst => Some(fit.gamma),
            _ => None,
        }
    }

    /// Median and interval at an `m` from the smallest size on.
    fn point(&self, m: f64) -> (f64, Interval) {
        match &self.law {
            Extrapolation::Power(fit) => (fit.law().at(m), fit.prediction(m)),
            Extrapolation::Published(law) => {
                let unknown = Interval { low: 0.0, high: f64::INFINITY };
                (law.at(m), law.prediction(m, self.level).unwrap_or(unknown))
            }
            Extrapolation::Trend(continuation) => continuation.point(m),
        }
    }

    fn crossing(&self, target: f64, of: impl Fn((f64, Interval)) -> f64) -> Option<f64> {
        let sizes = || self.values.iter().map(|(m, _)| m.ln());
        let (first, last) = (self.values[0].0.ln(), self.values[self.values.len() - 1].0.ln());
        let step = (last - first + FURTHEST.ln()) / PLACES as f64;
        // Beside places at equal distances the measured sizes: an error may have been lower at one than at
        // all others.
        let mut places: Vec<f64> = (0..=PLACES).map(|i| first + step * i as f64).chain(sizes()).collect();
        places.sort_by(f64::total_cmp);
        let reached = |t: f64| of(self.point(t.exp())) <= target * (1.0 + 1e-9);
        let place = places.iter().position(|t| reached(*t))?;
        let before = places[place.saturating_sub(1)];
        let (_, reaching) = bisect(before, places[place], 30, |t| !reached(t));
        Some(reaching.exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(law: impl Fn(f64) -> f64) -> Curve {
        let m = (0..9).map(|i| 1000.0 * 2f64.powi(i));
        Curve::from_pairs(m.map(|m| (m, law(m)))).unwrap()
    }

    fn forecaster(form: Form) -> Forecaster {
        let curve = curve(|m| 10.0 * m.powf(-0.3) + 0.1);
        Forecaster::new(&curve, &Options { form, level: 0.9, ..Options::default() }).unwrap()
    }

    #[test]
    fn every_form_continues_its_curve() {
        let truth = 10.0 * 1e6f64.powf(-0.3) + 0.1;
        for form in [Form::Auto, Form::PowerConst, Form::M4, Form::Broken] {
            let forecast = forecaster(form).at(1e6).unwrap();
            assert!((forecast.error / truth - 1.0).abs() < 0.02, "{form}: {forecast:?} {truth}");
            assert!(forecast.low <= forecast.error && forecast.error <= forecast.high, "{form}");
        }
        let power = forecaster(Form::Power).at(1e6).unwrap();
        assert!(power.error < 0.95 * truth, "a power law alone falls below the constant: {power:?}");
    }

    #[test]
    fn a_target_is_the_inverse_of_a_forecast() {
        let forecaster = forecaster(Form::Auto);
        let cost = forecaster.cost(0.3).unwrap();
        let m = cost.m.unwrap();
        assert!((forecaster.at(m).unwrap().error - 0.3).abs() < 1e-4, "{cost:?}");
        assert!(cost.low.unwrap() <= m && m <= cost.high.unwrap());
        // Between measured sizes.
        assert!((forecaster.cost(0.8).unwrap().m.unwrap() / 7073.0 - 1.0).abs() < 0.05);
        let never = forecaster.cost(1e-4).unwrap();
        assert!(never.m.is_none() && never.warnings[0].contains("not reached"), "{never:?}");
    }

    #[test]
    fn what_was_measured_is_not_contradicted() {
        let pairs = [
            (300.0, 0.22),
            (600.0, 0.11),
            (1200.0, 0.034),
            (2400.0, 0.015),
            (4800.0, 0.006),
            (9600.0, 0.015),
        ];
        let forecaster = Forecaster::new(&Curve::from_pairs(pairs).unwrap(), &Options::default()).unwrap();
        for (m, error) in &pairs[..5] {
            assert!((forecaster.at(*m).unwrap().error / error - 1.0).abs() < 1e-9, "{m}");
        }
        let m = forecaster.cost(0.01).unwrap().m.unwrap();
        assert!((2400.0..4800.0).contains(&m), "reached before 4,800: {m}");
        let m = forecaster.cost(0.006).unwrap().m.unwrap();
        assert!((m / 4800.0 - 1.0).abs() < 1e-3, "reached at 4,800 alone: {m}");
        let [before, at, past] =
            [9600.0 * (1.0 - 1e-6), 9600.0, 9600.0 * (1.0 + 1e-6)].map(|m| forecaster.at(m).unwrap());
        for other in [&before, &past] {
            for (here, there) in [(at.error, other.error), (at.low, other.low), (at.high, other.high)] {
                assert!((here / there - 1.0).abs() < 1e-3, "no jump at the last size: {at:?} {other:?}");
            }
        }
        assert!((at.low..at.high).contains(&0.015), "the last measurement lies within: {at:?}");
    }

    #[test]
    fn a_last_size_that_was_not_tuned_is_left_out() {
        let law = |m: f64| 10.0 * m.powf(-0.3);
        let spoilt = curve(|m| law(m) * if m > 2e5 { 2.0 } else { 1.0 });
        let forecast = Forecaster::new(&spoilt, &Options::default()).unwrap().at(1e6).unwrap();
        assert!((forecast.error / law(1e6) - 1.0).abs() < 0.1, "{forecast:?}");
        assert_eq!(
            forecast.warnings,
            ["left out m = 256000: it lies above the law of all others (undertuned?)"]
        );
    }

    #[test]
    fn what_cannot_be_forecast_is_refused() {
        let forecaster = forecaster(Form::Auto);
        assert_eq!(forecaster.at(10.0).unwrap_err().exit_code(), 2);
        assert_eq!(forecaster.at(f64::NAN).unwrap_err().exit_code(), 2);
        assert_eq!(forecaster.cost(-1.0).unwrap_err().exit_code(), 2);
        assert!(forecaster.at(1e8).unwrap().warnings[0].contains("not tested beyond 16"));
        let two = Curve::from_pairs([(1.0, 2.0), (2.0, 1.0)]).unwrap();
        assert!(Forecaster::new(&two, &Options::default()).unwrap_err().to_string().contains("needs 3"));
        let three = Curve::from_pairs([(1.0, 2.0), (2.0, 1.0), (4.0, 0.6)]).unwrap();
        let three = Forecaster::new(&three, &Options::default()).unwrap();
        assert!(three.at(8.0).unwrap().warnings[0].contains("3 sizes say little"));
    }
}
