//! How seeds scatter about their median at every shard, as violins (ICLR 4.3, Fig. 4).

use super::super::StudyData;
use super::super::analysis::SeriesFits;
use super::axis::LogAxis;
use super::chart::{Chart, Mark, Shape, colour};
use super::m_label;
use crate::fit::spread::{LEAST, Seeds, density};
use crate::median::median;
use crate::number::short_count;

/// Places at which an outline is drawn.
const PLACES: usize = 60;

/// The chart of one model and variant, if some size has enough seeds.
pub(super) fn chart(study: &StudyData, fitted: &SeriesFits<'_>) -> Option<Chart> {
    let many = |s: &&Seeds| s.errors.len() >= LEAST.0 && s.errors.iter().all(|error| *error > 0.0);
    let seeds: Vec<&Seeds> = fitted.seeds.iter().filter(many).collect();
    let mut sizes: Vec<u64> = seeds.iter().map(|s| s.configuration).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut shards: Vec<f64> = seeds.iter().map(|s| s.m).collect();
    shards.sort_by(f64::total_cmp);
    let relative = |errors: &[f64]| -> Vec<f64> {
        let middle = median(errors);
        errors.iter().map(|error| error / middle).collect()
    };
    let all = seeds.iter().flat_map(|s| relative(&s.errors));
    let y = LogAxis::around(all.chain([1.0]));
    // A violin takes at most its share of the room between two shards.
    let (first, last) = (shards.first()?, shards.last()?);
    let room = 0.28 * 2f64.ln() / sizes.len() as f64;
    let x = LogAxis::around([first * (-room).exp() / 1.2, last * room.exp() * 1.2]);
    let mut marks = vec![Mark::new(colour(6), Shape::Level { y: 1.0, name: String::new(), left: true })];
    for (i, size) in sizes.iter().enumerate() {
        let aside = (2.0 * i as f64 - (sizes.len() - 1) as f64) * room;
        let mut legend = Some(format!("{} parameters", short_count(*size as f64)));
        for s in seeds.iter().filter(|s| s.configuration == *size) {
            let values = relative(&s.errors);
            let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
            let grid: Vec<f64> = y.grid(PLACES).into_iter().map(f64::ln).collect();
            let dense = density(&logs, &grid);
            let most = dense.iter().copied().fold(0.0, f64::max);
            let centre = s.m * aside.exp();
            let side = |sign: f64| {
                let points = grid.iter().zip(&dense).filter(move |(_, d)| **d > 0.01 * most);
                points.map(move |(at, d)| (centre * (sign * 0.9 * room * d / most).exp(), at.exp()))
            };
            let left: Vec<(f64, f64)> = side(-1.0).collect();
            let outline = left.into_iter().chain(side(1.0).collect::<Vec<_>>().into_iter().rev()).collect();
            marks.push(Mark { colour: colour(i), legend: legend.take(), shape: Shape::Area(outline) });
            marks.push(Mark::new(colour(i), Shape::Faint(values.iter().map(|v| (centre, *v)).collect())));
        }
    }
    Some(Chart {
        title: format!("Seeds about their median, {}", fitted.series.name()),
        x_label: m_label(study),
        y_label: format!("{} relative to the median of its seeds", study.metric.label),
        x,
        y,
        marks,
    })
}
