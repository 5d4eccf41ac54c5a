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
    let columns = columns(study);
    let mut trials: Vec<&Trial> = study.trials.iter().collect();
    trials.sort_by(|a, b| {
        let key = |t: &Trial| (t.model.clone(), t.variant.clone(), t.requested);
        let rest = |t: &Trial| (t.seed, t.id.clone());
        key(a).cmp(&key(b)).then(a.size.total_cmp(&b.size)).then_with(|| rest(a).cmp(&rest(b)))
    });
    let header: Vec<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let cells = |trial: &Trial| columns.iter().map(|(_, cell)| cell(trial)).collect::<Vec<String>>();
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(trials.into_iter().map(cells)).collect();
    write(&rows)
}

/// The name of a column of `points.csv`, and a trial's cell in it.
type Column<'a> = (&'a str, Box<dyn Fn(&Trial) -> String + 'a>);

fn column<'a>(name: &'a str, cell: impl Fn(&Trial) -> String + 'a) -> Column<'a> {
    (name, Box::new(cell))
}

/// The columns of `points.csv` in their order; hours and test errors where some trial has them.
fn columns(study: &StudyData) -> Vec<Column<'_>> {
    let settings: BTreeSet<&String> = study.trials.iter().flat_map(|t| t.settings.keys()).collect();
    let metrics: BTreeSet<&String> = study.trials.iter().flat_map(|t| t.minima.keys()).collect();
    let mut columns = vec![
        column("task", move |_| study.task.clone()),
        column("model", |trial| trial.model.clone()),
        column("variant", |trial| trial.variant.clone()),
        column("trial", |trial| trial.id.clone()),
        column("status", |trial| trial.status.to_string()),
        column("size", |trial| trial.size.to_string()),
        column("parameters", |trial| trial.parameters.to_string()),
        column("flops", |trial| trial.flops.to_string()),
        column("requested", |trial| trial.requested.to_string()),
        column("m", |trial| trial.m.to_string()),
        column("m_unit", move |_| study.m_unit.clone()),
        column("items", |trial| trial.items.to_string()),
    ];
    if study.trials.iter().any(|trial| trial.hours.is_some()) {
        columns.push(column("hours", |trial| cell(trial.hours)));
    }
    columns.push(column("seed", |trial| trial.seed.to_string()));
    columns.extend(
        settings.into_iter().map(|name| column(name, move |trial| cell(trial.settings.get(name).copied()))),
    );
    columns.push(column("error", |trial| cell(trial.error)));
    columns.push(column("loss", |trial| cell(trial.loss)));
    columns.extend(
        metrics.into_iter().map(|name| column(name, move |trial| cell(trial.minima.get(name).copied()))),
    );
    columns.push(column("training_loss", |trial| cell(trial.training_loss)));
    columns.push(column("capacity_limited", |trial| trial.capacity_limited.to_string()));
    columns.push(column("relative_standard_error", |trial| cell(trial.relative_standard_error)));
    if study.is_tested() {
        columns.push(column("test_error", |trial| cell(trial.test_error)));
    }
    columns.push(column("steps", |trial| trial.steps.to_string()));
    columns.push(column("best_epoch", |trial| trial.best_epoch.to_string()));
    columns
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
