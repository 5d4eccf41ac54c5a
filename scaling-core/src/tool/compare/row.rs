//! The rows of the comparison, in their order, and what separates one from the next.

use super::estimate::{IntervalEstimate, difference};
use super::paper::{self, Paper};
use super::source::{Source, Spent};
use crate::error::Result;
use crate::number::significant;
use crate::report::document::{CurveFits, Recorded};
use crate::report::words::{exponent, interval, level_interval};
use serde::Serialize;
use serde_json::{Value, json};

/// The power law with a constant.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Constant {
    pub(super) alpha: IntervalEstimate,
    pub(super) beta_g: IntervalEstimate,
    pub(super) gamma: IntervalEstimate,
}

/// What was fitted to the curve of a row.
#[derive(Debug, Clone)]
pub(super) struct RowFit {
    /// Scale of the power law, in units of the error.
    pub(super) alpha: IntervalEstimate,
    /// Its exponent.
    pub(super) beta_g: IntervalEstimate,
    /// The exponent where a constant is allowed, whether or not the data ask for one.
    pub(super) allowing: Option<IntervalEstimate>,
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
    pub(super) fitted: std::result::Result<RowFit, String>,
    /// Exponent of the model-size law, or why there is none.
    pub(super) beta_p: std::result::Result<IntervalEstimate, String>,
    pub(super) paper: Option<Paper>,
    pub(super) cost: Spent,
    /// `beta_g` of this row less that of the next, where both have one.
    pub(super) next: Option<IntervalEstimate>,
    /// The same where a constant is allowed.
    pub(super) next_allowing: Option<IntervalEstimate>,
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
        let between = |of: &dyn Fn(&RowFit) -> Option<IntervalEstimate>| {
            let [own, next] = [i - 1, i].map(|row| rows[row].fitted.as_ref().ok().and_then(of));
            own.zip(next).map(|(own, next)| difference(own, next))
        };
        let (next, allowing) = (between(&|fitted| Some(fitted.beta_g)), between(&|fitted| fitted.allowing));
        (rows[i - 1].next, rows[i - 1].next_allowing) = (next, allowing);
    }
    Ok(rows)
}

impl Row {
    fn of(source: &Source, curve: &CurveFits) -> Result<Self> {
        let fitted = match &curve.composite.power {
            Recorded::Refused { refused } => Err(refused.clone()),
            Recorded::Found(law) => Ok(RowFit {
                alpha: IntervalEstimate { value: law.alpha, ci: law.ci.alpha },
                beta_g: IntervalEstimate { value: law.beta, ci: law.ci.beta },
                allowing: match &curve.composite.constant {
                    Recorded::Found(law) => Some(IntervalEstimate { value: law.beta, ci: law.ci.beta }),
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
            Recorded::Found(law) => Ok(IntervalEstimate { value: law.beta_p, ci: law.beta_p_ci }),
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

    /// Whether the same holds, in the same direction, where a constant is allowed: false too where that
    /// cannot be told.
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
fn constant(curve: &CurveFits) -> Option<Constant> {
    let Recorded::Found(law) = &curve.composite.constant else {
        return None;
    };
    let gamma = law.ci.gamma.filter(|ci| ci.low > 0.0)?;
    Some(Constant {
        alpha: IntervalEstimate { value: law.alpha, ci: law.ci.alpha },
        beta_g: IntervalEstimate { value: law.beta, ci: law.ci.beta },
        gamma: IntervalEstimate { value: law.gamma, ci: gamma },
    })
}

#[cfg(test)]
pub(super) mod tests;
