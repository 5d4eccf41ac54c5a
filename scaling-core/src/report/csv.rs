//! `curve.csv` and `points.csv`.

use super::analysis::Analysis;
use super::select::Shard;
use super::{StudyData, Trial};
use crate::error::{Error, Result};
use std::collections::BTreeSet;

/// Columns of `curve.csv` before and after the metrics.
const CURVE_HEAD: [&str; 8] = ["task", "model", "variant", "metric", "m", "m_unit", "error", "loss"];
const CURVE_TAIL: [&str; 4] = ["parameters", "flops", "seeds", "trial"];

/// `curve.csv`: the best configuration of every model, variant and shard, sorted so.
///
/// Figures are medians over the seeds of that configuration, but every metric's own column is the
/// lowest such median over all configurations. `trial` is the trial in the middle of the seeds.
pub(super) fn curve(study: &StudyData, analysis: &Analysis<'_>) -> Result<Vec<u8>> {
    let metrics: BTreeSet<&str> = shards(analysis).flat_map(|(_, s)| s.minima.keys().copied()).collect();
    let mut rows = vec![
        CURVE_HEAD.into_iter().chain(metrics.iter().copied()).chain(CURVE_TAIL).map(String::from).collect(),
    ];
    for ((model, variant), shard) in shards(analysis) {
        let best = shard.best();
        let head = [&study.task, model, variant, &study.metric.name].map(str::to_owned);
        let mut row: Vec<String> = head.to_vec();
        row.extend([best.m().to_string(), study.m_unit.clone(), best.error().to_string()]);
        row.push(cell(best.median_of(|trial| trial.loss)));
        row.extend(metrics.iter().map(|name| cell(shard.minima.get(name).copied())));
        row.extend([best.parameters.to_string(), cell(best.median_of(|trial| Some(trial.flops)))]);
        row.extend([best.trials.len().to_string(), best.trial().id.clone()]);
        rows.push(row);
    }
    write(&rows)
}

fn shards<'a>(analysis: &'a Analysis<'a>) -> impl Iterator<Item = ((&'a str, &'a str), &'a Shard<'a>)> {
    analysis.series.iter().flat_map(|fitted| {
        let series = &fitted.series;
        series.shards.iter().map(move |shard| ((series.model, series.variant), shard))
    })
}

/// `points.csv`: every trial with all its fields except times, sorted by model, variant, shard,
/// size, seed and id.
pub(super) fn points(study: &StudyData) -> Result<Vec<u8>> {
    let settings: BTreeSet<&String> = study.trials.iter().flat_map(|t| t.settings.keys()).collect();
    let metrics: BTreeSet<&String> = study.trials.iter().flat_map(|t| t.minima.keys()).collect();
    let (is_sound, is_tested) = (study.trials.iter().any(|trial| trial.hours.is_some()), study.is_tested());
    let mut rows = vec![header(&settings, &metrics, is_sound, is_tested)];
    let mut trials: Vec<&Trial> = study.trials.iter().collect();
    trials.sort_by(|a, b| {
        let key = |t: &Trial| (t.model.clone(), t.variant.clone(), t.requested);
        let rest = |t: &Trial| (t.seed, t.id.clone());
        key(a).cmp(&key(b)).then(a.size.total_cmp(&b.size)).then_with(|| rest(a).cmp(&rest(b)))
    });
    for trial in trials {
        let mut row = vec![study.task.clone(), trial.model.clone(), trial.variant.clone()];
        row.extend([trial.id.clone(), trial.status.to_string()]);
        row.extend([trial.size.to_string(), trial.parameters.to_string(), trial.flops.to_string()]);
        row.extend([trial.requested, trial.m].map(|count| count.to_string()));
        row.push(study.m_unit.clone());
        row.push(trial.items.to_string());
        if is_sound {
            row.push(cell(trial.hours));
        }
        row.push(trial.seed.to_string());
        row.extend(
            settings
                .iter()
                .map(|name| trial.settings.get(*name).map(ToString::to_string).unwrap_or_default()),
        );
        row.extend([cell(trial.error), cell(trial.loss)]);
        row.extend(metrics.iter().map(|name| cell(trial.minima.get(*name).copied())));
        row.extend([cell(trial.training_loss), trial.capacity_limited.to_string()]);
        row.push(cell(trial.relative_standard_error));
        if is_tested {
            row.push(cell(trial.test_error));
        }
        row.extend([trial.steps.to_string(), trial.best_epoch.to_string()]);
        rows.push(row);
    }
    write(&rows)
}

fn header(
    settings: &BTreeSet<&String>,
    metrics: &BTreeSet<&String>,
    is_sound: bool,
    is_tested: bool,
) -> Vec<String> {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut row = names(&["task", "model", "variant", "trial", "status", "size", "parameters"]);
    row.extend(names(&["flops", "requested", "m", "m_unit", "items"]));
    row.extend(names(if is_sound { &["hours", "seed"] } else { &["seed"] }));
    row.extend(settings.iter().map(ToString::to_string));
    row.extend(names(&["error", "loss"]));
    row.extend(metrics.iter().map(ToString::to_string));
    row.extend(names(&["training_loss", "capacity_limited", "relative_standard_error"]));
    row.extend(names(if is_tested { &["test_error", "steps"] } else { &["steps"] }));
    row.push("best_epoch".to_owned());
    row
}

/// The shortest decimal that reads back as the same number; empty where there is none.
fn cell(number: Option<f64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn write(rows: &[Vec<String>]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(|error| Error::input(error.to_string()))?;
    }
    writer.into_inner().map_err(|error| Error::input(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn the_curve_has_the_fixed_columns_and_order() {
        let study = example::study();
        let text = String::from_utf8(curve(&study, &Analysis::new(&study)).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "task,model,variant,metric,m,m_unit,error,loss,bits_per_word,nats_per_word,\
             parameters,flops,seeds,trial"
        );
        assert_eq!(lines.len(), 13);
        assert!(lines[1].starts_with("word-lm,word-lstm2,adam,nats_per_word,6247,words,"));
        assert!(lines[12].starts_with("word-lm,word-lstm2,sgd,nats_per_word,199997,words,"));
    }

    #[test]
    fn every_trial_is_a_point() {
        let study = example::study();
        let text = String::from_utf8(points(&study).unwrap()).unwrap();
        assert_eq!(text.lines().count(), study.trials.len() + 1);
        assert!(text.lines().next().unwrap().contains(",seed,batch,learning_rate,error,loss,"));
        assert!(text.contains(",diverged,") && text.contains(",missing,") && text.contains(",failed,"));
        assert!(!text.contains("seconds"));
    }
}
