//! From trials to curves: the best configuration at every shard, over all sizes and at each size.

use super::{Status, StudyData, Trial};
use crate::fit::curve::Point;
use crate::fit::frontier::Run;
use crate::fit::spread::Seeds;
use crate::median::median;
use std::collections::BTreeMap;

/// One configuration (size and settings) at one shard, with its finished trials.
#[derive(Debug, Clone)]
pub(super) struct Configuration<'a> {
    /// Model.
    pub(super) model: &'a str,
    /// Model size.
    pub(super) size: f64,
    /// Parameters of the model.
    pub(super) parameters: u64,
    /// Settings of the optimiser.
    pub(super) settings: &'a BTreeMap<String, f64>,
    /// Finished trials in ascending order of error, at least one.
    pub(super) trials: Vec<&'a Trial>,
    /// Trials that diverged.
    pub(super) diverged: usize,
}

/// One shard size of a series.
#[derive(Debug, Clone)]
pub(super) struct Shard<'a> {
    /// Samples that the plan asked for.
    pub(super) requested: u64,
    /// The best settings of every size, in ascending order of size; at least one.
    pub(super) sizes: Vec<Configuration<'a>>,
    /// Index into `sizes` of the best.
    pub(super) best: usize,
    /// Every metric's own minimum over the configurations (each the median over its seeds).
    pub(super) minima: BTreeMap<&'a str, f64>,
}

/// The trials of one model (or of a family of models) and variant, in ascending order of shard size.
#[derive(Debug, Clone)]
pub(super) struct Series<'a> {
    /// Model.
    pub(super) model: &'a str,
    /// Variant.
    pub(super) variant: &'a str,
    /// Shards with at least one finished trial.
    pub(super) shards: Vec<Shard<'a>>,
}

/// The trials that finished with an error, which alone enter curves.
pub(super) fn finished(study: &StudyData) -> impl Iterator<Item = &Trial> {
    study.trials.iter().filter(|trial| trial.status == Status::Finished && trial.error.is_some())
}

/// The series of a study in alphabetical order; those without a finished trial are left out.
pub(super) fn all_series(study: &StudyData) -> Vec<Series<'_>> {
    let mut trials: BTreeMap<(&str, &str), BTreeMap<u64, Vec<&Trial>>> = BTreeMap::new();
    let several = study.trials.iter().any(|trial| trial.model != study.trials[0].model);
    let family = study.family.as_deref().filter(|_| several);
    for trial in &study.trials {
        for name in std::iter::once(trial.model.as_str()).chain(family) {
            let series = trials.entry((name, &trial.variant)).or_default();
            series.entry(trial.requested).or_default().push(trial);
        }
    }
    let series = |((model, variant), shards): ((_, _), BTreeMap<u64, Vec<_>>)| Series {
        model,
        variant,
        shards: shards.into_iter().filter_map(|(m, trials)| Shard::new(m, trials)).collect(),
    };
    trials.into_iter().map(series).filter(|series| !series.shards.is_empty()).collect()
}

impl<'a> Configuration<'a> {
    fn new(mut trials: Vec<&'a Trial>) -> Option<Self> {
        let diverged = trials.iter().filter(|trial| trial.status == Status::Diverged).count();
        trials.retain(|trial| trial.status == Status::Finished && trial.error.is_some());
        let by_error = |trial: &&Trial| trial.error.unwrap_or(f64::INFINITY);
        trials.sort_by(|a, b| by_error(a).total_cmp(&by_error(b)).then_with(|| a.id.cmp(&b.id)));
        let first = *trials.first()?;
        let Trial { model, size, parameters, settings, .. } = first;
        let (size, parameters) = (*size, *parameters);
        Some(Self { model, size, parameters, settings, trials, diverged })
    }

    /// Size, and model where the series has several.
    pub(super) fn name(&self, series: &Series<'_>) -> String {
        if self.model == series.model {
            self.size.to_string()
        } else {
            format!("{} {}", self.model, self.size)
        }
    }

    /// The errors of the finished trials.
    pub(super) fn errors(&self) -> Vec<f64> {
        self.trials.iter().filter_map(|trial| trial.error).collect()
    }

    /// The median over seeds.
    pub(super) fn error(&self) -> f64 {
        median(&self.errors())
    }

    /// The trial in the middle, which stands for the configuration (the better of two).
    pub(super) fn trial(&self) -> &'a Trial {
        self.trials[(self.trials.len() - 1) / 2]
    }

    /// Samples in the shard: the median over its seeds.
    pub(super) fn m(&self) -> f64 {
        self.median_of(|trial| Some(trial.m as f64)).unwrap_or_default()
    }

    /// The median over seeds of a figure of the trials, where they have it.
    pub(super) fn median_of(&self, of: impl Fn(&Trial) -> Option<f64>) -> Option<f64> {
        let numbers: Vec<f64> = self.trials.iter().filter_map(|trial| of(trial)).collect();
        (!numbers.is_empty()).then(|| median(&numbers))
    }

    /// The order of selection: the lowest median over seeds, where a diverged seed counts as
    /// infinitely bad, then the smaller model.
    fn rank(&self) -> (f64, f64, u64) {
        let diverged = std::iter::repeat_n(f64::INFINITY, self.diverged);
        let all: Vec<f64> = self.errors().into_iter().chain(diverged).collect();
        (median(&all), self.error(), self.parameters)
    }
}

fn better(a: &Configuration<'_>, b: &Configuration<'_>) -> std::cmp::Ordering {
    let (a, b) = (a.rank(), b.rank());
    a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2))
}

impl<'a> Shard<'a> {
    fn new(requested: u64, trials: Vec<&'a Trial>) -> Option<Self> {
        // Sizes are positive, so their bits sort as they do.
        let mut configurations: BTreeMap<(u64, &str, u64, String), Vec<&Trial>> = BTreeMap::new();
        for trial in trials {
            // As text, whose order decides between configurations that are equally good.
            let settings = format!("{:?}", trial.settings.iter().collect::<Vec<_>>());
            let key = (trial.parameters, trial.model.as_str(), trial.size.to_bits(), settings);
            configurations.entry(key).or_default().push(trial);
        }
        let candidates: Vec<Configuration<'_>> =
            configurations.into_values().filter_map(Configuration::new).collect();
        let minima = own_minima(&candidates);
        let mut sizes: Vec<Configuration<'_>> = Vec::new();
        for candidate in candidates {
            let same =
                |last: &Configuration<'_>| (last.model, last.size) == (candidate.model, candidate.size);
            match sizes.last_mut().filter(|last| same(last)) {
                Some(last) if better(&candidate, last).is_lt() => *last = candidate,
                Some(_) => {}
                None => sizes.push(candidate),
            }
        }
        let best = (0..sizes.len()).min_by(|a, b| better(&sizes[*a], &sizes[*b]))?;
        Some(Self { requested, sizes, best, minima })
    }

    /// The best configuration.
    pub(super) fn best(&self) -> &Configuration<'a> {
        &self.sizes[self.best]
    }

    /// Parameters at the bottom of the parabola of error against ln(parameters) through the best
    /// size and its neighbours; none where the best size is the smallest or the largest tried.
    pub(super) fn optimum(&self) -> Option<f64> {
        let around = self.sizes.get(self.best.checked_sub(1)?..=self.best + 1)?;
        let at = |i: usize| ((around[i].parameters as f64).ln(), around[i].error());
        let ((x0, y0), (x1, y1), (x2, y2)) = (at(0), at(1), at(2));
        let (left, right) = ((y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1));
        let curvature = (right - left) / (x2 - x0);
        let bottom = f64::midpoint(x0, x1) - left / (2.0 * curvature);
        (curvature > 0.0 && (x0..=x2).contains(&bottom)).then(|| bottom.exp())
    }
}

fn own_minima<'a>(candidates: &[Configuration<'a>]) -> BTreeMap<&'a str, f64> {
    let names = candidates.iter().flat_map(|c| &c.trials).flat_map(|trial| trial.minima.keys());
    names
        .filter_map(|name| {
            let medians = candidates.iter().filter_map(|c| c.median_of(|t| t.minima.get(name).copied()));
            Some((name.as_str(), medians.min_by(f64::total_cmp)?))
        })
        .collect()
}

impl Series<'_> {
    /// `model (variant)`, or the model alone where the variant has no name.
    pub(super) fn name(&self) -> String {
        if self.variant.is_empty() {
            self.model.to_owned()
        } else {
            format!("{} ({})", self.model, self.variant)
        }
    }

    /// The composite curve: the best configuration at every shard.
    pub(super) fn composite(&self) -> Vec<Point> {
        let best = self.shards.iter().map(Shard::best);
        best.map(|best| Point { m: best.m(), errors: best.errors() }).collect()
    }

    /// The curve of another metric: at every shard its own minimum.
    pub(super) fn minima(&self, metric: &str) -> Vec<Point> {
        let points = self.shards.iter().filter_map(|shard| {
            let lowest = shard.minima.get(metric)?;
            Some(Point { m: shard.best().m(), errors: vec![*lowest] })
        });
        points.collect()
    }

    /// Every size on every shard at its best settings, as a run of the joint law.
    pub(super) fn runs(&self) -> Vec<Run> {
        let sizes = self.shards.iter().flat_map(|shard| &shard.sizes);
        sizes
            .map(|size| Run {
                parameters: size.parameters as f64,
                m: size.m(),
                error: size.error(),
                flops: size.median_of(|trial| Some(trial.flops)).unwrap_or(f64::NAN),
            })
            .collect()
    }

    /// The errors of every size and shard at its best settings, by seed.
    pub(super) fn seeds(&self) -> Vec<Seeds> {
        let sizes =
            self.shards.iter().flat_map(|shard| shard.sizes.iter().map(move |s| (shard.requested, s)));
        sizes
            .map(|(requested, size)| Seeds {
                configuration: size.parameters,
                m: requested as f64,
                errors: size.errors(),
            })
            .collect()
    }

    /// Every size's own curve, in ascending order of size: (size, parameters, points).
    pub(super) fn fixed_sizes(&self) -> Vec<(f64, u64, Vec<Point>)> {
        type Size<'a> = (u64, &'a str, u64);
        let mut sizes: BTreeMap<Size<'_>, (f64, u64, Vec<Point>)> = BTreeMap::new();
        for candidate in self.shards.iter().flat_map(|shard| &shard.sizes) {
            let point = Point { m: candidate.m(), errors: candidate.errors() };
            let empty = || (candidate.size, candidate.parameters, Vec::new());
            let key = (candidate.parameters, candidate.model, candidate.size.to_bits());
            sizes.entry(key).or_insert_with(empty).2.push(point);
        }
        sizes.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    fn study(trials: Vec<Trial>) -> StudyData {
        StudyData { trials, ..example::study() }
    }

    fn trial(size: f64, rate: f64, seed: u64, error: Option<f64>) -> Trial {
        let status = if error.is_some() { Status::Finished } else { Status::Diverged };
        Trial {
            id: format!("{size}-{rate}-{seed}"),
            size,
            parameters: (size * size) as u64,
            seed,
            settings: BTreeMap::from([("learning_rate".to_owned(), rate)]),
            status,
            error,
            ..example::trial()
        }
    }

    #[test]
    fn the_lowest_median_wins() {
        let mut trials = Vec::new();
        // (size, rate) -> errors of three seeds; the second has the lowest single error only.
        for (size, rate, errors) in [
            (8.0, 0.1, [Some(3.0), Some(3.1), Some(3.2)]),
            (8.0, 0.2, [Some(2.0), Some(3.5), Some(3.6)]),
            (16.0, 0.1, [Some(2.8), Some(2.9), Some(3.3)]),
            (32.0, 0.1, [Some(1.0), None, None]),
            (64.0, 0.1, [Some(3.0), Some(3.0), Some(3.0)]),
        ] {
            trials.extend((0..3).map(|seed| trial(size, rate, seed, errors[seed as usize])));
        }
        let study = study(trials);
        let series = all_series(&study);
        let shard = &series[0].shards[0];
        assert_eq!(shard.best().size, 16.0);
        assert_eq!((shard.best().error(), shard.best().trial().id.as_str()), (2.9, "16-0.1-1"));
        assert_eq!(shard.sizes[0].error(), 3.1);
        assert_eq!(series[0].fixed_sizes().len(), 4);
        assert_eq!(series[0].composite()[0].errors, [2.8, 2.9, 3.3]);
    }

    #[test]
    fn the_optimum_is_the_bottom_of_the_parabola() {
        let bowl = |parameters: f64| 2.0 + (parameters.ln() - 300f64.ln()).powi(2);
        let trials = [8.0, 16.0, 32.0].map(|size| trial(size, 0.1, 0, Some(bowl(size * size))));
        let data = study(trials.to_vec());
        let optimum = all_series(&data)[0].shards[0].optimum().unwrap();
        assert!((optimum - 300.0).abs() < 1e-6, "{optimum}");
        let at_the_edge = study(trials[..2].to_vec());
        assert_eq!(all_series(&at_the_edge)[0].shards[0].optimum(), None);
    }
}
