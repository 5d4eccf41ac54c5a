//! The learning curves of many tasks on one pair of axes: what their exponents look like.

use super::axis::LogAxis;
use super::chart::{COLOURS, Chart, Mark, Shape, colour};
use super::svg;
use crate::error::Result;
use crate::fit::law::Law;

/// One learning curve.
#[derive(Debug, Clone)]
pub(crate) struct DrawnCurve {
    /// Its text in the legend.
    pub(crate) name: String,
    /// (m, error) of every shard, in ascending order of m.
    pub(crate) points: Vec<(f64, f64)>,
    /// Its power law and the range of m that it was fitted to.
    pub(crate) law: Option<(Law, [f64; 2])>,
}

/// What is on the axes.
#[derive(Debug, Clone)]
pub(crate) enum Axes {
    /// Samples and errors as they were measured, with the units that all curves share.
    Absolute {
        /// Unit of m.
        m: String,
        /// Unit of the error.
        error: String,
    },
    /// Multiples of the smallest m that was used and of the law's error there: every line starts at
    /// (1, 1), so a steeper exponent is a steeper line whatever the units are.
    Relative,
}

/// The figure as SVG, if there is anything to draw.
///
/// # Errors
/// Only if the drawing library fails.
pub(crate) fn draw(curves: &[DrawnCurve], axes: &Axes) -> Result<Option<String>> {
    chart(curves, axes).map(|chart| svg::draw(&chart)).transpose()
}

fn chart(curves: &[DrawnCurve], axes: &Axes) -> Option<Chart> {
    let scaled: Vec<DrawnCurve> = curves
        .iter()
        .filter(|curve| !curve.points.is_empty())
        .map(|curve| if matches!(axes, Axes::Relative) { relative(curve) } else { curve.clone() })
        .collect();
    let lines: Vec<Vec<(f64, f64)>> = scaled.iter().map(line).collect();
    let all = || scaled.iter().flat_map(|curve| &curve.points).chain(lines.iter().flatten());
    all().next()?;
    let x = LogAxis::around(all().map(|(m, _)| *m));
    let y = LogAxis::around(all().map(|(_, error)| *error));
    let mut marks = Vec::new();
    for (i, (curve, line)) in scaled.iter().zip(&lines).enumerate() {
        marks.extend(one(curve, line, i));
    }
    let (x_label, y_label) = match axes {
        Axes::Absolute { m, error } => (format!("training samples m ({m})"), format!("error ({error})")),
        Axes::Relative => (
            "training samples, relative to the smallest size fitted".to_owned(),
            "error, relative to the law's error at that size".to_owned(),
        ),
    };
    Some(Chart {
        title: "Learning curves, from the flattest to the steepest".to_owned(),
        x_label,
        y_label,
        x,
        y,
        marks,
    })
}

/// The curve in multiples of where its law begins, or of its first point.
fn relative(curve: &DrawnCurve) -> DrawnCurve {
    let (m0, e0) = match &curve.law {
        Some((law, [from, _])) => (*from, law.at(*from)),
        None => curve.points[0],
    };
    let points = curve.points.iter().map(|(m, error)| (m / m0, error / e0)).collect();
    let law = curve.law.map(|(law, [from, to])| {
        let alpha = law.alpha * m0.powf(law.beta) / e0;
        (Law { alpha, gamma: law.gamma / e0, ..law }, [from / m0, to / m0])
    });
    DrawnCurve { name: curve.name.clone(), points, law }
}

/// The ends of the law: without a constant it is straight.
fn line(curve: &DrawnCurve) -> Vec<(f64, f64)> {
    curve.law.iter().flat_map(|(law, range)| range.map(|m| (m, law.at(m)))).collect()
}

/// Line and dots in the colour of the curve's rank; rings where the law was not fitted to the point.
fn one(curve: &DrawnCurve, line: &[(f64, f64)], i: usize) -> Vec<Mark> {
    let colour = colour(i);
    let used = |m: f64| {
        curve.law.is_none_or(|(_, [from, to])| {
            // Scaled numbers are rounded.
            (from * (1.0 - 1e-9)..=to * (1.0 + 1e-9)).contains(&m)
        })
    };
    let (dots, rings): (Vec<_>, Vec<_>) = curve.points.iter().copied().partition(|(m, _)| used(*m));
    let dots = Shape::Dots(dots);
    if line.is_empty() {
        return vec![Mark::named(colour, dots, &curve.name)];
    }
    // Colours come again after the last of them, then on dashes.
    let again = (i / COLOURS) % 2 == 1;
    let shape = if again { Shape::Dashes(line.to_vec()) } else { Shape::Line(line.to_vec()) };
    let mut marks = vec![Mark::named(colour, shape, &curve.name), Mark::new(colour, dots)];
    if !rings.is_empty() {
        marks.push(Mark::new(colour, Shape::Rings(rings)));
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(alpha: f64, beta: f64, from: i32) -> DrawnCurve {
        let law = Law { alpha, beta, gamma: 0.0 };
        let m: Vec<f64> = (from..from + 5).map(|i| 2f64.powi(i)).collect();
        let points = m.iter().map(|m| (*m, law.at(*m))).collect();
        DrawnCurve { name: format!("m^{beta}"), points, law: Some((law, [m[0], m[3]])) }
    }

    #[test]
    fn every_relative_curve_starts_at_one() {
        let chart = chart(&[curve(7.0, -0.1, 10), curve(90.0, -0.5, 4)], &Axes::Relative).unwrap();
        let lines: Vec<_> = chart.marks.iter().filter(|mark| mark.legend.is_some()).collect();
        assert_eq!(lines.len(), 2);
        for (mark, end) in lines.into_iter().zip([8f64.powf(-0.1), 8f64.powf(-0.5)]) {
            let Shape::Line(line) = &mark.shape else { panic!("{mark:?}") };
            assert!((line[0].0 - 1.0).abs() < 1e-12 && (line[0].1 - 1.0).abs() < 1e-12, "{line:?}");
            assert!((line[1].0 - 8.0).abs() < 1e-12 && (line[1].1 - end).abs() < 1e-12, "{line:?}");
        }
        let rings = chart.marks.iter().filter(|mark| matches!(&mark.shape, Shape::Rings(r) if r.len() == 1));
        assert_eq!(rings.count(), 2, "the largest size of each was left out");
    }

    #[test]
    fn absolute_axes_keep_the_numbers_and_many_curves_stay_apart() {
        let axes = Axes::Absolute { m: "words".to_owned(), error: "nats per word".to_owned() };
        let nine: Vec<DrawnCurve> = (1..10).map(|i| curve(5.0, -0.1 * f64::from(i), 10)).collect();
        let chart = chart(&nine, &axes).unwrap();
        assert_eq!(chart.y_label, "error (nats per word)");
        assert!(matches!(&chart.marks[0].shape, Shape::Line(line) if line[0].0 == 1024.0));
        let dashed = chart.marks.iter().filter(|mark| matches!(mark.shape, Shape::Dashes(_)));
        assert_eq!(dashed.count(), 2);
        assert!(draw(&[], &axes).unwrap().is_none());
    }
}
