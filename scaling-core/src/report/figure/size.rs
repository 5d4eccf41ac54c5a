//! The best model size against the number of samples, with its law s(m) = σ `m^β_p`.

use super::super::StudyData;
use super::super::analysis::Analysis;
use super::super::words;
use super::axis::LogAxis;
use super::chart::{Chart, Mark, Shape, colour};
use super::m_label;
use crate::fit::law::Law;

/// The chart, if some model was measured at two shards.
pub(super) fn chart(study: &StudyData, analysis: &Analysis<'_>) -> Option<Chart> {
    // Numbered among all, so that a curve has the same colour in every figure.
    let series = || analysis.series.iter().enumerate().filter(|(_, fitted)| fitted.series.shards.len() > 1);
    let shards = || series().flat_map(|(_, fitted)| &fitted.series.shards);
    series().next()?;
    let x = LogAxis::around(shards().map(|shard| shard.best().m()));
    let best = shards().map(|shard| shard.best().parameters as f64);
    let y = LogAxis::around(best.chain(shards().filter_map(super::super::select::Shard::optimum)));
    let mut marks = Vec::new();
    for (i, fitted) in series() {
        let (colour, name) = (colour(i), fitted.series.name());
        let shards = &fitted.series.shards;
        let best = shards.iter().map(|s| (s.best().m(), s.best().parameters as f64)).collect();
        let optima = shards.iter().filter_map(|s| Some((s.best().m(), s.optimum()?))).collect();
        match &fitted.size_law {
            Ok(law) => {
                let line = y.clipped(|m| law.at(m), x.grid(60));
                let formula = Law { alpha: law.sigma, beta: law.beta_p, gamma: 0.0 };
                let text =
                    format!("{name}: s = {}  {}", words::formula(&formula), words::interval(&law.beta_p_ci));
                marks.push(Mark::named(colour, Shape::Line(line), text));
                marks.push(Mark::new(colour, Shape::Dots(best)));
            }
            Err(_) => marks.push(Mark::named(colour, Shape::Dots(best), name)),
        }
        marks.push(Mark::new(colour, Shape::Rings(optima)));
    }
    Some(Chart {
        title: format!("Best model size, {}", study.task),
        x_label: m_label(study),
        y_label: "parameters".to_owned(),
        x,
        y,
        marks,
    })
}
