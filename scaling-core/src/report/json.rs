//! What `fit.json` holds of a study, for programs.

use super::StudyData;
use super::analysis::{Analysis, OrReason, SeriesFits};
use super::document::{BestOfShard, CompositeFits, CurveFits, Document, FixedSizeFit, Recorded};
use crate::fit::{Fit, FitRecord};

/// The document.
pub(super) fn fits(study: &StudyData, analysis: &Analysis<'_>) -> Document {
    Document {
        task: study.task.clone(),
        metric: study.metric.name.to_string(),
        unit: study.metric.unit.to_string(),
        m_unit: study.m_unit.clone(),
        level: study.level,
        seed: study.seed,
        best_guess: study.best_guess,
        irreducible: study.irreducible,
        irreducible_note: study.irreducible_note.clone(),
        curves: analysis.series.iter().map(|fitted| curve(study, fitted)).collect(),
        warnings: analysis.warnings.clone(),
    }
}

fn curve(study: &StudyData, fitted: &SeriesFits<'_>) -> CurveFits {
    let shards = fitted.series.shards.iter().map(|shard| {
        let best = shard.best();
        BestOfShard {
            requested: shard.requested,
            m: best.m(),
            error: best.error(),
            model: best.model.to_owned(),
            size: best.size,
            parameters: best.parameters,
            optimum_parameters: shard.optimum(),
        }
    });
    let fixed = fitted.fixed.iter().map(|fixed| FixedSizeFit {
        size: fixed.size,
        parameters: fixed.parameters,
        constant: law(&fixed.fit),
    });
    CurveFits {
        model: fitted.series.model.to_owned(),
        variant: fitted.series.variant.to_owned(),
        shards: shards.collect(),
        composite: CompositeFits { power: law(&fitted.power), constant: law(&fitted.constant) },
        metrics: fitted.others.iter().map(|(name, fit)| (name.clone(), law(fit))).collect(),
        irreducible_inside: fitted.irreducible_inside(study),
        fixed_sizes: fixed.collect(),
        model_size: Recorded::of(fitted.size_law.clone()),
        surface: Some(Recorded::of(fitted.surface.clone())),
        frontier: Some(law(&fitted.frontier)),
        seeds: Some(Recorded::of(fitted.spread.clone())),
        sensitivity: fitted.sensitivity.clone(),
    }
}

fn law(fit: &OrReason<Fit>) -> Recorded<FitRecord> {
    Recorded::of(fit.clone().map(FitRecord::from))
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn fits_and_refusals_are_told_apart() {
        let mut study = example::study();
        let all = fits(&study, &Analysis::new(&study)).value();
        let sgd = &all["curves"][1];
        assert_eq!(sgd["composite"]["power"]["form"], "power");
        let gamma = &sgd["composite"]["power+const"]["ci"]["gamma"];
        let inside = (gamma[0].as_f64().unwrap()..=gamma[1].as_f64().unwrap()).contains(&2.2);
        assert_eq!(sgd["irreducible_inside"], inside);
        assert_eq!(sgd["fixed_sizes"].as_array().unwrap().len(), 4);
        assert!(sgd["model_size"]["beta_p"].is_number());
        // Of two sizes either is at an end.
        study.trials.retain(|trial| trial.size < 32.0);
        let narrow = fits(&study, &Analysis::new(&study)).value();
        let refused = narrow["curves"][1]["model_size"]["refused"].as_str().unwrap();
        assert!(refused.starts_with("at 6 of 6 shards") && refused.contains("widen `sizes`"), "{refused}");
        study.trials.retain(|trial| trial.requested < 20_000);
        let few = fits(&study, &Analysis::new(&study)).value();
        let refused = few["curves"][1]["composite"]["power"]["refused"].as_str().unwrap();
        assert!(refused.contains("needs 3 sizes"), "{refused}");
        assert!(few["curves"][1]["irreducible_inside"].is_null());
    }
}
