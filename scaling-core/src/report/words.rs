//! The fits in plain words, for the terminal and the page.

use super::StudyData;
use super::analysis::{Analysis, SeriesFits};
use crate::fit::interval::Interval;
use crate::fit::law::Law;
use crate::fit::sensitivity::Choice;
use crate::fit::spread::Spread;
use crate::fit::surface::Surface;
use crate::fit::{Fit, Form};
use crate::number::{grouped, percent, significant};
use crate::task::Published;

/// `7.91 m^-0.071`: the law but for its constant.
pub(super) fn formula(law: &Law) -> String {
    format!("{} m^{}", significant(law.alpha, 3), exponent(law.beta))
}

/// ` + 2.31 [2.10, 2.51]`, where a constant was fitted.
fn constant(fit: &Fit) -> String {
    fit.ci
        .gamma
        .map_or(String::new(), |gamma| format!(" + {} {}", significant(fit.gamma, 3), level_interval(&gamma)))
}

/// An exponent to three decimals, or to three digits where it is small.
pub(crate) fn exponent(beta: f64) -> String {
    // What is zero but for rounding has no digits worth showing.
    if (1e-6..0.01).contains(&beta.abs()) { significant(beta, 2) } else { format!("{beta:.3}") }
}

/// `[-0.081, -0.060]`.
pub(crate) fn interval(interval: &Interval) -> String {
    format!("[{}, {}]", exponent(interval.low), exponent(interval.high))
}

/// `[2.10, 2.51]`.
pub(crate) fn level_interval(interval: &Interval) -> String {
    format!("[{}, {}]", significant(interval.low, 3), significant(interval.high, 3))
}

/// `E(m) = 7.91 m^-0.071 [-0.081, -0.060] nats per word, R2 0.993, ...`; of `total` points.
pub(super) fn fit(fit: &Fit, total: usize, study: &StudyData) -> String {
    law(fit, total, &format!(" {}", study.metric.unit), study)
}

/// The same in a given unit, after a space.
fn law(fit: &Fit, total: usize, unit: &str, study: &StudyData) -> String {
    format!(
        "E(m) = {} {}{}{unit}, R2 {:.4}, relative RMSE {}, {} of {total} points, {} to {} {}",
        formula(&fit.law()),
        interval(&fit.ci.beta),
        constant(fit),
        fit.r2,
        percent(fit.relative_rmse),
        fit.points,
        grouped(fit.region[0]),
        grouped(fit.region[1]),
        study.m_unit,
    )
}

/// The fits of one model and variant, one line each: (what, in words).
pub(super) fn lines(fitted: &SeriesFits<'_>, study: &StudyData) -> Vec<(&'static str, String)> {
    let total = fitted.points.len();
    let in_words = |outcome: &Result<Fit, String>| match outcome {
        Ok(found) => fit(found, total, study),
        Err(reason) => reason.clone(),
    };
    let mut lines =
        vec![("power law", in_words(&fitted.power)), ("power law + constant", in_words(&fitted.constant))];
    for (name, found) in &fitted.others {
        let words = match found {
            Ok(found) => format!("{name}: {}", law(found, total, "", study)),
            Err(reason) => format!("{name}: {reason}"),
        };
        lines.push(("power law", words));
    }
    if let Some(comparison) = irreducible(fitted, study) {
        lines.push(("irreducible error", comparison));
    }
    let size = match &fitted.size_law {
        Ok(law) => format!(
            "s(m) = {} m^{} {} parameters, R2 {:.3}, {} points",
            significant(law.sigma, 3),
            exponent(law.beta_p),
            interval(&law.beta_p_ci),
            law.r2,
            law.points,
        ),
        Err(reason) => reason.clone(),
    };
    lines.push(("best model size", size));
    // A joint law that the sizes do not identify is the usual case of a small study: fit.json says why.
    if let Ok(surface) = &fitted.surface {
        lines.push(("size and data", joint(surface, study)));
    }
    if let Ok(fit) = &fitted.frontier {
        lines.push(("compute", compute(fit, study)));
    }
    if let Ok(spread) = &fitted.spread {
        lines.push(("seeds", seeds(spread)));
    }
    if let Some(range) = sensitivity(&fitted.sensitivity) {
        lines.push(("other choices", range));
    }
    lines.extend(fitted.fixed.iter().filter_map(|fixed| {
        let found = fixed.fit.as_ref().ok()?;
        let text = format!(
            "{} parameters: {}",
            grouped(fixed.parameters as f64),
            fit(found, fixed.points.len(), study)
        );
        Some(("at a fixed size", text))
    }));
    lines
}

/// `E(N, D) = 1.7 + 406 / N^0.34 [..] + 411 / D^0.28 [..]; a budget C is best spent on N ~ C^0.45 [..]`
fn joint(surface: &Surface, study: &StudyData) -> String {
    let next = surface.next;
    format!(
        "E(N, D) = {} + {} / N^{} {} + {} / D^{} {} {}, {} off; a budget C of compute is best spent with \
         N ~ C^{} {}, D ~ C^{}: ten times the costliest run on {} parameters [{}, {}] and {} {} [{}, {}]",
        significant(surface.irreducible, 3),
        significant(surface.a_scale, 3),
        exponent(surface.a),
        interval(&surface.a_ci),
        significant(surface.b_scale, 3),
        exponent(surface.b),
        interval(&surface.b_ci),
        study.metric.unit,
        percent(surface.rmse),
        exponent(surface.size_exponent),
        interval(&surface.size_exponent_ci),
        exponent(1.0 - surface.size_exponent),
        grouped(next.parameters),
        grouped(next.parameters_ci.low),
        grouped(next.parameters_ci.high),
        grouped(next.m),
        study.m_unit,
        grouped(next.m_ci.low),
        grouped(next.m_ci.high),
    )
}

/// The lowest error that compute buys.
fn compute(fit: &Fit, study: &StudyData) -> String {
    format!(
        "E(C) = {} C^{} {}{} {}, over {} runs that no cheaper one beats, {} to {} FLOP",
        significant(fit.alpha, 3),
        exponent(fit.beta),
        interval(&fit.ci.beta),
        constant(fit),
        study.metric.unit,
        fit.points,
        significant(fit.region[0], 2),
        significant(fit.region[1], 2),
    )
}

/// How the spread between seeds changes with m.
fn seeds(spread: &Spread) -> String {
    let [first, last] = spread.deviations.map(percent);
    format!(
        "standard deviation between seeds {first} at the smallest shard, {last} at the largest; the variance goes as \
         m^{} {}, p = {}",
        exponent(spread.slope),
        interval(&spread.slope_ci),
        significant(spread.p, 2),
    )
}

/// The range of the exponent over ranges, forms and losses.
fn sensitivity(choices: &[Choice]) -> Option<String> {
    let range = |form: Form| {
        let of = || choices.iter().filter(|choice| choice.form == form).map(|choice| choice.beta);
        let (low, high) = (of().min_by(f64::total_cmp)?, of().max_by(f64::total_cmp)?);
        Some(format!("{} to {} ({form})", exponent(low), exponent(high)))
    };
    let both: Vec<String> = [Form::Power, Form::PowerConst].into_iter().filter_map(range).collect();
    (choices.len() > 1).then(|| {
        format!("without the smallest, the two smallest or the largest shard beta_g is {}", both.join(", "))
    })
}

/// γ beside the known irreducible error, and how far above that the best model is.
fn irreducible(fitted: &SeriesFits<'_>, study: &StudyData) -> Option<String> {
    let known = study.irreducible?;
    let gamma = fitted.constant.as_ref().ok().and_then(|fit| Some((fit.gamma, fit.ci.gamma?)));
    let gamma = match (gamma, fitted.irreducible_inside(study)) {
        (Some((gamma, ci)), Some(inside)) => format!(
            "gamma {} {}, {} the known value {}",
            significant(gamma, 3),
            level_interval(&ci),
            if inside { "which contains" } else { "which does not contain" },
            significant(known, 4),
        ),
        _ => format!("known: {}; no constant was fitted", significant(known, 4)),
    };
    let lowest = fitted.series.shards.iter().map(|s| s.best().error()).fold(f64::INFINITY, f64::min);
    let excess = if known > 0.0 {
        format!("; the lowest error measured is {} above it", percent(lowest / known - 1.0))
    } else {
        String::new()
    };
    Some(format!("{gamma} ({}){excess}", study.irreducible_note))
}

/// What the paper found, and that it is not the same measurement.
pub(super) fn published(figure: &Published) -> String {
    let size = figure.beta_p.map_or(String::new(), |beta_p| format!(", beta_p {beta_p}"));
    format!(
        "{}: beta_g {}{size} over {} ({}); different data and range",
        figure.model, figure.beta_g, figure.m_range, figure.source
    )
}

/// The finding in one sentence per model and variant.
pub(super) fn headline(study: &StudyData, analysis: &Analysis<'_>) -> Vec<String> {
    if analysis.series.is_empty() {
        return vec!["There is no finished trial yet, so there is no curve.".to_owned()];
    }
    let sentence = |fitted: &SeriesFits<'_>| match &fitted.power {
        Ok(fit) => format!(
            "{}: the {} falls as m^{} {} from {} to {} {}.",
            fitted.series.name(),
            study.metric.label,
            exponent(fit.beta),
            interval(&fit.ci.beta),
            grouped(fit.region[0]),
            grouped(fit.region[1]),
            study.m_unit,
        ),
        Err(reason) => format!("{}: {reason}.", fitted.series.name()),
    };
    analysis.series.iter().map(sentence).collect()
}
