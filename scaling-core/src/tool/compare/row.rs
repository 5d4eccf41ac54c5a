//! The rows of the comparison, in their order, and what separates one from the next.

use super::paper::{self, Paper};
use super::source::{Curve, Recorded, Source, Spent};
use crate::error::Result;
use crate::fit::interval::Interval;
use crate::number::significant;
use crate::report::words::{exponent, interval, level_interval};
use serde::Serialize;
use serde_json::{Value, json};

/// A number with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Estimate {
    /// The number.
    pub(super) value: f64,
    /// Its interval.
    pub(super) ci: Interval,
}

/// The power law with a constant.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Constant {
    pub(super) alpha: Estimate,
    pub(super) beta_g: Estimate,
    pub(super) gamma: Estimate,
}

/// What was fitted to the curve of a row.
#[derive(Debug, Clone)]
pub(super) struct Fitted {
    /// Scale of the power law, in units of the error.
    pub(super) alpha: Estimate,
    /// Its exponent.
    pub(super) beta_g: Estimate,
    /// The exponent where a constant is allowed, whether or not the data ask for one.
    pub(super) allowing: Option<Estimate>,
    /// The law with a constant beside it, where the interval of the constant excludes 0.
    pub(super) constant: Option<Constant>,
    /// The smallest and the largest m that the power law was fitted to.
    pub(super) m_range: [f64; 2],
    /// How many sizes that are.
    pub(super) points: usize,
    /// What the fit warned of.
    pub(super) warnings: Vec<String>,
}

/// One learning curve of one study.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) study: String,
    pub(super) task: String,
    pub(super) model: String,
    pub(super) variant: String,
    pub(super) metric: String,
    pub(super) unit: String,
    pub(super) m_unit: String,
    /// (m, error) of every shard.
    pub(super) curve: Vec<(f64, f64)>,
    /// The fits of the error, or why there are none.
    pub(super) fitted: std::result::Result<Fitted, String>,
    /// Exponent of the model-size law, or why there is none.
    pub(super) beta_p: std::result::Result<Estimate, String>,
    pub(super) paper: Option<Paper>,
    pub(super) cost: Spent,
    /// `beta_g` of this row less that of the next, where both have one.
    pub(super) next: Option<Estimate>,
    /// The same where a constant is allowed.
    pub(super) next_allowing: Option<Estimate>,
}

/// The rows of all studies, from the flattest curve to the steepest; those without a fit come last.
///
/// # Errors
/// If the cost of a trial cannot be read.
pub(super) fn rows(sources: &[Source]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for source in sources {
        for curve in &source.document.curves {
            rows.push(Row::of(source, curve)?);
        }
        if source.document.curves.is_empty() {
            rows.push(Row::empty(source));
        }
    }
    let beta = |row: &Row| row.fitted.as_ref().map_or(f64::NEG_INFINITY, |fitted| fitted.beta_g.value);
    rows.sort_by(|a, b| beta(b).total_cmp(&beta(a)).then_with(|| a.label().cmp(&b.label())));
    for i in 1..rows.len() {
        let between = |of: &dyn Fn(&Fitted) -> Option<Estimate>| {
            let [own, next] = [i - 1, i].map(|row| rows[row].fitted.as_ref().ok().and_then(of));
            own.zip(next).map(|(own, next)| difference(own, next))
        };
        let (next, allowing) = (between(&|fitted| Some(fitted.beta_g)), between(&|fitted| fitted.allowing));
        (rows[i - 1].next, rows[i - 1].next_allowing) = (next, allowing);
    }
    Ok(rows)
}

impl Row {
    fn of(source: &Source, curve: &Curve) -> Result<Self> {
        let fitted = match &curve.composite.power {
            Recorded::Refused { refused } => Err(refused.clone()),
            Recorded::Found(law) => Ok(Fitted {
                alpha: Estimate { value: law.alpha, ci: law.ci.alpha },
                beta_g: Estimate { value: law.beta, ci: law.ci.beta },
                allowing: match &curve.composite.constant {
                    Recorded::Found(law) => Some(Estimate { value: law.beta, ci: law.ci.beta }),
                    Recorded::Refused { .. } => None,
                },
                constant: constant(curve),
                m_range: law.region,
                points: law.points,
                warnings: law.warnings.clone(),
            }),
        };
        let beta_p = match &curve.model_size {
            Recorded::Refused { refused } => Err(refused.clone()),
            Recorded::Found(law) => Ok(Estimate { value: law.beta_p, ci: law.beta_p_ci }),
        };
        Ok(Self {
            model: curve.model.clone(),
            variant: curve.variant.clone(),
            curve: curve.shards.iter().map(|shard| (shard.m, shard.error)).collect(),
            fitted,
            beta_p,
            paper: paper::find(&curve.model, &curve.variant, &source.document.metric),
            cost: source.cost(curve)?,
            ..Self::empty(source)
        })
    }

    /// The row of a study without a curve.
    fn empty(source: &Source) -> Self {
        let document = &source.document;
        let none = "no finished trial, so there is no curve";
        Self {
            study: source.name.clone(),
            task: document.task.clone(),
            model: String::new(),
            variant: String::new(),
            metric: document.metric.clone(),
            unit: document.unit.clone(),
            m_unit: document.m_unit.clone(),
            curve: Vec::new(),
            fitted: Err(none.to_owned()),
            beta_p: Err(none.to_owned()),
            paper: None,
            cost: Spent::default(),
            next: None,
            next_allowing: None,
        }
    }

    /// `char-lm, char-rhn10 (adam)`.
    pub(super) fn label(&self) -> String {
        let model = if self.model.is_empty() { String::new() } else { format!(", {}", self.model) };
        let variant = if self.variant.is_empty() { String::new() } else { format!(" ({})", self.variant) };
        format!("{}{model}{variant}", self.task)
    }

    /// Whether the interval of the difference to the next row excludes 0; none where one of the two
    /// has no fit, or there is no next.
    pub(super) fn separated(&self) -> Option<bool> {
        self.next.map(|difference| !difference.ci.contains(0.0))
    }

    /// Whether the same holds, in the same direction, where a constant is allowed: false too where that cannot be told.
    pub(super) fn separated_allowing_constant(&self) -> bool {
        let sign = self.next.map(|difference| difference.value.signum());
        self.next_allowing
            .is_some_and(|difference| !difference.ci.contains(0.0) && sign == Some(difference.value.signum()))
    }

    /// What a reader must know of the row's numbers.
    pub(super) fn notes(&self) -> Vec<String> {
        let Ok(fitted) = &self.fitted else {
            return Vec::new();
        };
        let mut notes = fitted.warnings.clone();
        if let Some(Constant { beta_g, gamma, .. }) = &fitted.constant {
            notes.push(format!(
                "with a constant, gamma is {} {} and beta_g {} {}; the exponent above is that of the power law alone",
                significant(gamma.value, 3),
                level_interval(&gamma.ci),
                exponent(beta_g.value),
                interval(&beta_g.ci),
            ));
        }
        if let Err(reason) = &self.beta_p {
            notes.push(format!("no beta_p: {reason}"));
        }
        if self.cost.seconds.is_some() && self.cost.timed < self.cost.trials {
            notes.push(format!("the time is that of {} of its {} trials", self.cost.timed, self.cost.trials));
        }
        notes
    }

    /// The row as an element of `rows` in the JSON document; every key is always there.
    pub(super) fn json(&self) -> Value {
        let fitted = self.fitted.as_ref().ok();
        json!({
            "study": self.study,
            "task": self.task,
            "model": self.model,
            "variant": self.variant,
            "metric": self.metric,
            "unit": self.unit,
            "m_unit": self.m_unit,
            "m_range": fitted.map(|f| f.m_range),
            "points": fitted.map(|f| f.points),
            "shards": self.curve.len(),
            "form": fitted.map(|_| "power"),
            "alpha": fitted.map(|f| f.alpha),
            "beta_g": fitted.map(|f| f.beta_g),
            "beta_p": self.beta_p.as_ref().ok(),
            "beta_g_allowing_constant": fitted.and_then(|f| f.allowing),
            "constant": fitted.and_then(|f| f.constant),
            "refused": self.fitted.as_ref().err(),
            "beta_p_refused": self.beta_p.as_ref().err(),
            "paper": self.paper,
            "cost": self.cost,
            "separated_from_next": self.separated(),
            "difference_to_next": self.next,
            "difference_to_next_allowing_constant": self.next_allowing,
            "warnings": fitted.map(|f| &f.warnings[..]).unwrap_or_default(),
        })
    }
}

/// The law with a constant, if the data ask for one.
fn constant(curve: &Curve) -> Option<Constant> {
    let Recorded::Found(law) = &curve.composite.constant else {
        return None;
    };
    let gamma = law.ci.gamma.filter(|ci| ci.low > 0.0)?;
    Some(Constant {
        alpha: Estimate { value: law.alpha, ci: law.ci.alpha },
        beta_g: Estimate { value: law.beta, ci: law.ci.beta },
        gamma: Estimate { value: law.gamma, ci: gamma },
    })
}

/// a - b with the interval that the two intervals imply if the estimates are independent: its lower
/// end lies below a - b by the root of the squares of a's distance to its lower end and of b's to its
/// upper end (Zou and Donner 2008, "Construction of confidence limits about effect measures").
///
/// Unlike a z test it needs no standard errors, which a t interval of few points and a
/// profile interval do not give alike, and unlike overlap it does not call intervals that overlap a little
/// the same.
fn difference(a: Estimate, b: Estimate) -> Estimate {
    let value = a.value - b.value;
    let below = (a.value - a.ci.low).hypot(b.ci.high - b.value);
    let above = (a.ci.high - a.value).hypot(b.value - b.ci.low);
    Estimate { value, ci: Interval { low: value - below, high: value + above } }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn estimate(value: f64, low: f64, high: f64) -> Estimate {
        Estimate { value, ci: Interval { low, high } }
    }

    /// Curves 5 m^beta over four sizes of 1000 to 8000 words, with intervals of ± `width`.
    pub(in crate::tool::compare) fn source(name: &str, curves: &[(&str, f64, f64)]) -> Source {
        let curves: Vec<Value> = curves
            .iter()
            .map(|(model, beta, width)| {
                let m = [1000.0, 2000.0, 4000.0, 8000.0];
                let shards: Vec<Value> =
                    m.iter().map(|m: &f64| json!({"m": m, "error": 5.0 * m.powf(*beta)})).collect();
                json!({
                    "model": model,
                    "variant": "sgd",
                    "shards": shards,
                    "composite": {
                        "power": {
                            "alpha": 5.0, "beta": beta, "points": 4, "region": [1000.0, 8000.0],
                            "ci": {"alpha": [4.5, 5.5], "beta": [beta - width, beta + width]},
                        },
                        "power+const": {"refused": "the error does not fall with m"},
                    },
                    "model_size": {"beta_p": 0.7, "beta_p_ci": [0.6, 0.8]},
                })
            })
            .collect();
        let document = json!({
            "task": "word-lm", "metric": "nats_per_word", "unit": "nats per word", "m_unit": "words",
            "level": 0.95, "best_guess": null, "curves": curves,
        });
        Source::made_up(name, serde_json::from_value(document).unwrap())
    }

    #[test]
    fn differences_have_the_known_intervals() {
        let apart = difference(estimate(-0.1, -0.13, -0.08), estimate(-0.2, -0.25, -0.16));
        assert!((apart.value - 0.1).abs() < 1e-12);
        // 3-4-5 triangles of hundredths, and hypot(2, 5).
        assert!((apart.ci.low - 0.05).abs() < 1e-12, "{apart:?}");
        assert!((apart.ci.high - (0.1 + 0.0029f64.sqrt())).abs() < 1e-12, "{apart:?}");
        let unknown = difference(estimate(-0.1, f64::NEG_INFINITY, 0.0), estimate(-0.9, -1.0, -0.8));
        assert!(unknown.ci.contains(0.0));
    }

    #[test]
    fn rows_go_from_the_flattest_to_the_steepest() {
        let one = source("one", &[("word-lstm2", -0.3, 0.01), ("word-rhn5", -0.05, 0.01)]);
        let two = source("two", &[("word-lstm4", -0.06, 0.01)]);
        let rows = rows(&[one, two]).unwrap();
        let seen: Vec<(&str, &str, Option<bool>)> =
            rows.iter().map(|row| (&row.model[..], &row.study[..], row.separated())).collect();
        assert_eq!(
            seen,
            [
                ("word-rhn5", "one", Some(false)),
                ("word-lstm4", "two", Some(true)),
                ("word-lstm2", "one", None)
            ]
        );
        assert_eq!(rows[2].label(), "word-lm, word-lstm2 (sgd)");
        assert_eq!(rows[2].paper.unwrap().beta_g, -0.066);
    }

    #[test]
    fn rows_differ_for_sure_if_they_do_where_a_constant_is_allowed() {
        let with = |beta: f64, width: f64| {
            let mut source = source("one", &[("word-lstm2", beta, 0.01)]);
            let law = json!({
                "alpha": 9.0, "beta": beta, "gamma": 0.0, "points": 4, "region": [1000.0, 8000.0],
                "ci": {"alpha": [8.0, 10.0], "beta": [beta - width, beta + 0.01], "gamma": [0.0, 0.5]},
            });
            source.document.curves[0].composite.constant =
                Recorded::Found(serde_json::from_value(law).unwrap());
            source
        };
        let first = |sources: &[Source]| {
            let row = rows(sources).unwrap().remove(0);
            (row.separated(), row.separated_allowing_constant())
        };
        assert_eq!(first(&[with(-0.1, 0.01), with(-0.3, 0.01)]), (Some(true), true));
        assert_eq!(first(&[with(-0.1, 0.25), with(-0.3, 0.01)]), (Some(true), false));
        let mut turned = with(-0.1, 0.01);
        if let Recorded::Found(law) = &mut turned.document.curves[0].composite.constant {
            (law.beta, law.ci.beta) = (-0.9, Interval { low: -0.91, high: -0.89 });
        }
        assert_eq!(first(&[turned, with(-0.3, 0.01)]), (Some(true), false));
        // Of the second it is not known how it would be with a constant.
        let refused = source("two", &[("word-lstm2", -0.3, 0.01)]);
        assert_eq!(first(&[with(-0.1, 0.01), refused]), (Some(true), false));
    }

    #[test]
    fn rows_without_a_fit_come_last_with_their_reason() {
        let mut refused = source("short", &[("word-lstm2", -0.3, 0.01)]);
        refused.document.curves[0].composite.power = Recorded::Refused { refused: "too few".to_owned() };
        let rows =
            rows(&[refused, source("none", &[]), source("fine", &[("word-lstm2", -2.0, 0.1)])]).unwrap();
        assert_eq!(rows.iter().map(|row| &row.study[..]).collect::<Vec<_>>(), ["fine", "none", "short"]);
        assert!(rows[0].next.is_none());
        let json = rows[2].json();
        assert_eq!(json["refused"], "too few");
        assert!(json["beta_g"].is_null() && json["beta_p"]["value"] == 0.7);
        assert_eq!(rows[1].json()["model"], "");
    }

    #[test]
    fn a_row_has_the_fixed_keys() {
        let keys = |row: &Row| row.json().as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let rows = rows(&[source("none", &[]), source("fine", &[("word-lstm2", -2.0, 0.1)])]).unwrap();
        assert_eq!(keys(&rows[0]), keys(&rows[1]));
        let fixed = [
            "alpha",
            "beta_g",
            "beta_g_allowing_constant",
            "beta_p",
            "beta_p_refused",
            "constant",
            "cost",
            "difference_to_next",
            "difference_to_next_allowing_constant",
            "form",
            "m_range",
            "m_unit",
            "metric",
            "model",
            "paper",
            "points",
            "refused",
            "separated_from_next",
            "shards",
            "study",
            "task",
            "unit",
            "variant",
            "warnings",
        ];
        let mut sorted = keys(&rows[0]);
        sorted.sort();
        assert_eq!(sorted, fixed);
        assert_eq!(rows[0].json()["beta_g"], json!({"value": -2.0, "ci": [-2.1, -1.9]}));
    }

    #[test]
    fn a_constant_is_told_only_where_the_data_ask_for_it() {
        let mut source = source("one", &[("word-lstm2", -0.3, 0.01)]);
        let mut law = |low: f64| {
            let law = json!({
                "alpha": 9.0, "beta": -0.5, "gamma": 0.4, "points": 4, "region": [1000.0, 8000.0],
                "ci": {"alpha": [8.0, 10.0], "beta": [-0.6, -0.4], "gamma": [low, 0.5]},
            });
            source.document.curves[0].composite.constant =
                Recorded::Found(serde_json::from_value(law).unwrap());
            rows(std::slice::from_ref(&source)).unwrap().remove(0)
        };
        assert!(law(0.0).notes().is_empty());
        let asked = law(0.3);
        assert!(
            asked.notes()[0].starts_with("with a constant, gamma is 0.400 [0.300, 0.500] and beta_g -0.500")
        );
        assert_eq!(asked.json()["constant"]["gamma"]["value"], 0.4);
    }
}
