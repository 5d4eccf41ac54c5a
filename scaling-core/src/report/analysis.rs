//! The fits of a study: per model and variant the composite curve, every size's own, and the best
//! model size.

use super::StudyData;
use super::select::{Series, Shard, all_series};
use crate::fit::curve::{Curve, Point};
use crate::fit::frontier::frontier;
use crate::fit::sensitivity::{self, Choice};
use crate::fit::size::SizeLaw;
use crate::fit::spread::{Seeds, Spread};
use crate::fit::surface::Surface;
use crate::fit::{Fit, Form, Options, fit};

/// Runs on the frontier of error and cost that a law is fitted to at least.
const FRONTIER: usize = 5;

/// A fit, or why there is none.
pub(super) type OrReason<T> = Result<T, String>;

/// One size's learning curve.
#[derive(Debug)]
pub(super) struct FixedSize {
    /// Model size.
    pub(super) size: f64,
    /// Parameters of the model.
    pub(super) parameters: u64,
    /// The curve.
    pub(super) points: Vec<Point>,
    /// The power law with a constant (ICLR C.1).
    pub(super) fit: OrReason<Fit>,
}

/// The fits of one model and variant.
#[derive(Debug)]
pub(super) struct SeriesFits<'a> {
    /// The selected trials.
    pub(super) series: Series<'a>,
    /// The composite curve.
    pub(super) points: Vec<Point>,
    /// Power law of the composite curve over its power-law region.
    pub(super) power: OrReason<Fit>,
    /// Power law with a constant of the composite curve.
    pub(super) constant: OrReason<Fit>,
    /// Power laws of the other metrics, each at its own minimum, by name.
    pub(super) others: Vec<(String, OrReason<Fit>)>,
    /// Curves of models of one size, in ascending order.
    pub(super) fixed: Vec<FixedSize>,
    /// Growth of the best model size.
    pub(super) size_law: OrReason<SizeLaw>,
    /// The joint law of size and data over all sizes and shards.
    pub(super) surface: OrReason<Surface>,
    /// The lowest error that compute buys, E(C).
    pub(super) frontier: OrReason<Fit>,
    /// The errors of every size and shard, by seed.
    pub(super) seeds: Vec<Seeds>,
    /// How the spread between seeds changes with m.
    pub(super) spread: OrReason<Spread>,
    /// The exponent under other choices of range, form and loss.
    pub(super) sensitivity: Vec<Choice>,
}

/// Everything that the tables, figures and files show.
#[derive(Debug)]
pub(super) struct Analysis<'a> {
    /// In alphabetical order of model and variant.
    pub(super) series: Vec<SeriesFits<'a>>,
    /// The study's own warnings and those of the analysis.
    pub(super) warnings: Vec<String>,
}

impl<'a> Analysis<'a> {
    /// Selects and fits.
    pub(super) fn new(study: &'a StudyData) -> Self {
        let series: Vec<SeriesFits<'_>> =
            all_series(study).into_iter().map(|series| SeriesFits::new(series, study)).collect();
        let mut warnings = study.warnings.clone();
        warnings.extend(series.iter().flat_map(SeriesFits::warnings));
        Self { series, warnings }
    }
}

impl<'a> SeriesFits<'a> {
    fn new(series: Series<'a>, study: &StudyData) -> Self {
        let fit_metric = |points: &[Point], form, best_guess| {
            let level = study.level;
            let options = Options { form, level, best_guess, regions: true, ..Options::default() };
            Curve::new(points.iter().cloned())
                .and_then(|curve| fit(&curve, &options))
                .map_err(|error| error.to_string())
        };
        let fit_form = |points: &[Point], form| fit_metric(points, form, study.best_guess);
        let others = study
            .other_guesses
            .iter()
            .map(|(name, guess)| (name.clone(), fit_metric(&series.minima(name), Form::Power, Some(*guess))));
        let others = others.collect();
        let points = series.composite();
        let fixed = series.fixed_sizes().into_iter().map(|(size, parameters, points)| {
            let fit = fit_form(&points, Form::PowerConst);
            FixedSize { size, parameters, points, fit }
        });
        let fixed = fixed.collect();
        let size_law = size_law(&series, study.level);
        let runs = series.runs();
        let surface = Surface::fit(&runs, study.level).map_err(|error| error.to_string());
        let frontier = match frontier(&runs) {
            few if few.len() < FRONTIER => Err(format!(
                "{} runs of sizes between the smallest and the largest are the best for their cost; it takes {FRONTIER}",
                few.len()
            )),
            frontier => fit_metric(&as_points(&frontier), Form::Auto, None),
        };
        let seeds = series.seeds();
        let spread = Spread::fit(&seeds, study.level).map_err(|error| error.to_string());
        let sensitivity = Curve::new(points.iter().cloned())
            .map_or_else(|_| Vec::new(), |curve| sensitivity::table(&curve, study.level));
        let power = fit_form(&points, Form::Power);
        let constant = fit_form(&points, Form::PowerConst);
        Self {
            series,
            points,
            power,
            constant,
            others,
            fixed,
            size_law,
            surface,
            frontier,
            seeds,
            spread,
            sensitivity,
        }
    }

    /// Whether the known irreducible error lies in the interval of γ of the composite curve.
    pub(super) fn irreducible_inside(&self, study: &StudyData) -> Option<bool> {
        let gamma = self.constant.as_ref().ok()?.ci.gamma?;
        Some(gamma.contains(study.irreducible?))
    }

    fn warnings(&self) -> Vec<String> {
        let shards = &self.series.shards;
        let name = self.series.name();
        let mut warnings = Vec::new();
        let several: Vec<_> = shards.iter().filter(|shard| shard.sizes.len() > 1).collect();
        for (end, edge) in [("largest", true), ("smallest", false)] {
            let at_the_edge = |shard: &&&_| is_at_edge(shard, edge);
            let count = several.iter().filter(at_the_edge).count();
            if count > 0 {
                warnings.push(format!(
                    "{name}: at {count} of {} shards the {end} model tried is the best; the optimum may lie beyond",
                    shards.len()
                ));
            }
        }
        let limited = shards.iter().filter(|shard| shard.best().trial().capacity_limited).count();
        if limited > 0 {
            warnings.push(format!(
                "{name}: at {limited} of {} shards the best model could not bring its training error below its validation error",
                shards.len()
            ));
        }
        if let Ok(fit) = &self.power {
            warnings.extend(fit.warnings.iter().map(|warning| format!("{name}: {warning}")));
        }
        warnings
    }
}

/// How the best size grows, unless too often the grid of sizes decided what is best.
fn size_law(series: &Series<'_>, level: f64) -> OrReason<SizeLaw> {
    let shards = &series.shards;
    let edge =
        |shard: &&Shard<'_>| shard.sizes.len() > 1 && [true, false].iter().any(|end| is_at_edge(shard, *end));
    let edges = shards.iter().filter(edge).count();
    if 2 * edges >= shards.len() && edges > 0 {
        return Err(format!(
            "at {edges} of {} shards the best size is the smallest or the largest tried; widen `sizes`",
            shards.len()
        ));
    }
    let sizes = shards.iter().map(|shard| (shard.best().m(), shard.best().parameters as f64));
    SizeLaw::fit(sizes, level).map_err(|error| error.to_string())
}

fn as_points(pairs: &[(f64, f64)]) -> Vec<Point> {
    pairs.iter().map(|(m, error)| Point { m: *m, errors: vec![*error] }).collect()
}

fn is_at_edge(shard: &Shard<'_>, largest: bool) -> bool {
    shard.best == if largest { shard.sizes.len() - 1 } else { 0 }
}
