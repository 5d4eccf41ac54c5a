//! The learning curve: every trial, the composite curve, its fit and the limits known beforehand.

use super::super::StudyData;
use super::super::analysis::{Analysis, SeriesFits};
use super::super::words;
use super::axis::LogAxis;
use super::chart::{Chart, Mark, Shape, colour};
use super::{error_label, m_label};
use crate::fit::curve::values;
use plotters::style::RGBColor;

const GREY: RGBColor = RGBColor(90, 90, 90);
/// A limit further than this factor from every trial would squeeze the curve: it is left out.
const FAR: f64 = 3.0;

/// The chart, if any trial finished.
pub(super) fn chart(study: &StudyData, analysis: &Analysis<'_>) -> Option<Chart> {
    let trials: Vec<Vec<(f64, f64)>> = analysis.series.iter().map(|f| trials(study, f)).collect();
    let all = || trials.iter().flatten();
    let low = all().map(|(_, error)| *error).min_by(f64::total_cmp)?;
    let high = all().map(|(_, error)| *error).max_by(f64::total_cmp)?;
    let levels = levels(study);
    let near: Vec<_> = levels.into_iter().filter(|(y, ..)| (low / FAR..high * FAR).contains(y)).collect();
    let x = LogAxis::around(all().map(|(m, _)| *m));
    let y = LogAxis::around([low, high].into_iter().chain(near.iter().map(|(y, ..)| *y)));

    let mut marks: Vec<Mark> =
        near.into_iter().map(|(y, name, left)| Mark::new(GREY, Shape::Level { y, name, left })).collect();
    for (i, points) in trials.into_iter().enumerate() {
        marks.push(Mark::new(colour(i), Shape::Faint(points)));
    }
    for (i, fitted) in analysis.series.iter().enumerate() {
        marks.extend(curve(fitted, colour(i), &x, &y));
    }
    let title = format!("Learning curve, {}", study.task);
    Some(Chart { title, x_label: m_label(study), y_label: error_label(study), x, y, marks })
}

fn trials(study: &StudyData, fitted: &SeriesFits<'_>) -> Vec<(f64, f64)> {
    let series = &fitted.series;
    let mut points: Vec<(f64, f64)> = super::super::select::finished(study)
        .filter(|trial| trial.model == series.model && trial.variant == series.variant)
        .filter_map(|trial| Some((trial.m as f64, trial.error?)))
        .filter(|(m, error)| *m > 0.0 && error.is_finite() && *error > 0.0)
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    points
}

/// (error, name, whether the name is at the left) of the limits that the study knows. Curves fall,
/// so there is room for text above their right end and below their left end.
fn levels(study: &StudyData) -> Vec<(f64, String, bool)> {
    let short = |error| crate::number::significant(error, 3);
    let guess = study.best_guess.map(|e| (e, format!("best guess {}", short(e)), false));
    let floor = study.irreducible.map(|e| (e, format!("irreducible error {}", short(e)), true));
    guess.into_iter().chain(floor).filter(|(error, ..)| *error > 0.0).collect()
}

/// The composite points, the fitted line (dashed beyond the points it was fitted to) and its band.
fn curve(fitted: &SeriesFits<'_>, colour: RGBColor, x: &LogAxis, y: &LogAxis) -> Vec<Mark> {
    let name = fitted.series.name();
    let dots = Shape::Dots(values(&fitted.points));
    let Ok(fit) = &fitted.power else {
        return vec![Mark::named(colour, dots, name)];
    };
    let (law, [from, to], (low, high)) = (fit.law(), fit.region, y.ends());
    let line = |grid| y.clipped(|m| law.at(m), grid);
    let grid = x.grid(60);
    let band = grid.iter().zip(fit.band(&grid));
    let band = band.map(|(m, i)| (*m, i.low.clamp(low, high), i.high.clamp(low, high))).collect();
    let text =
        format!("{name}: E = {}  {}, R² {:.3}", words::formula(&law), words::interval(&fit.ci.beta), fit.r2);
    vec![
        Mark::new(colour, Shape::Band(band)),
        Mark::new(colour, Shape::Dashes(line(grid))),
        Mark::named(colour, Shape::Line(line(vec![from, to])), text),
        Mark::new(colour, dots),
    ]
}
