//! `fit.json`: every fit of a study, for programs.

use super::StudyData;
use super::analysis::{Analysis, Fitted, OrReason};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The document. It holds no times and no paths.
pub(super) fn fits(study: &StudyData, analysis: &Analysis<'_>) -> Value {
    json!({
        "task": study.task,
        "metric": study.metric.name,
        "unit": study.metric.unit,
        "m_unit": study.m_unit,
        "level": study.level,
        "seed": study.seed,
        "best_guess": study.best_guess,
        "irreducible": study.irreducible,
        "irreducible_note": study.irreducible_note,
        "curves": analysis.series.iter().map(|fitted| curve(study, fitted)).collect::<Vec<_>>(),
        "warnings": analysis.warnings,
    })
}

fn curve(study: &StudyData, fitted: &Fitted<'_>) -> Value {
    let shards = fitted.series.shards.iter().map(|shard| {
        let best = shard.best();
        json!({
            "requested": shard.requested,
            "m": best.m(),
            "error": best.error(),
            "model": best.model,
            "size": best.size,
            "parameters": best.parameters,
            "optimum_parameters": shard.optimum(),
        })
    });
    let fixed = fitted.fixed.iter().map(|fixed| {
        json!({
            "size": fixed.size,
            "parameters": fixed.parameters,
            "power+const": outcome(&fixed.fit),
        })
    });
    json!({
        "model": fitted.series.model,
        "variant": fitted.series.variant,
        "shards": shards.collect::<Vec<_>>(),
        "composite": {
            "power": outcome(&fitted.power),
            "power+const": outcome(&fitted.constant),
        },
        "metrics": fitted.others.iter().map(|(name, fit)| (name.clone(), outcome(fit))).collect::<Map<_, _>>(),
        "irreducible_inside": fitted.irreducible_inside(study),
        "fixed_sizes": fixed.collect::<Vec<_>>(),
        "model_size": outcome(&fitted.size_law),
        "surface": outcome(&fitted.surface),
        "frontier": outcome(&fitted.frontier),
        "seeds": outcome(&fitted.spread),
        "sensitivity": fitted.sensitivity,
    })
}

/// The fit, or `{"refused": reason}`.
fn outcome<T: Serialize>(outcome: &OrReason<T>) -> Value {
    match outcome {
        Ok(fit) => json!(fit),
        Err(reason) => json!({ "refused": reason }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn fits_and_refusals_are_told_apart() {
        let mut study = example::study();
        let all = fits(&study, &Analysis::new(&study));
        let sgd = &all["curves"][1];
        assert_eq!(sgd["composite"]["power"]["form"], "power");
        let gamma = &sgd["composite"]["power+const"]["ci"]["gamma"];
        let inside = (gamma[0].as_f64().unwrap()..=gamma[1].as_f64().unwrap()).contains(&2.2);
        assert_eq!(sgd["irreducible_inside"], inside);
        assert_eq!(sgd["fixed_sizes"].as_array().unwrap().len(), 4);
        assert!(sgd["model_size"]["beta_p"].is_number());
        // Of two sizes either is at an end.
        study.trials.retain(|trial| trial.size < 32.0);
        let narrow = fits(&study, &Analysis::new(&study));
        let refused = narrow["curves"][1]["model_size"]["refused"].as_str().unwrap();
        assert!(refused.starts_with("at 6 of 6 shards") && refused.contains("widen `sizes`"), "{refused}");
        study.trials.retain(|trial| trial.requested < 20_000);
        let few = fits(&study, &Analysis::new(&study));
        let refused = few["curves"][1]["composite"]["power"]["refused"].as_str().unwrap();
        assert!(refused.contains("needs 3 sizes"), "{refused}");
        assert!(few["curves"][1]["irreducible_inside"].is_null());
    }
}
