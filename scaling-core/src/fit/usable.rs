//! Which points of a curve a law is fitted to: those of its region, without what went wrong.

use super::curve::{Curve, Point, values};
use super::form::Form;
use super::options::Options;
use super::{region, screen};
use crate::error::{Error, Result};

/// Sizes closer together than this, in ln m, say nothing about a slope.
const NARROWEST: f64 = 1e-6;

/// Refuses sizes that hardly differ.
pub(super) fn check_span(values: &[(f64, f64)]) -> std::result::Result<(), String> {
    match (values.first(), values.last()) {
        (Some(first), Some(last)) if values.len() > 1 && last.0.ln() - first.0.ln() < NARROWEST => {
            Err(format!("the sizes hardly differ: m goes from {} to {}", first.0, last.0))
        }
        _ => Ok(()),
    }
}

/// What is said of sizes that are left out.
fn left_out(count: usize, which: &str, why: &str) -> String {
    match count {
        1 => format!("left out the {which} size: {why}"),
        _ => format!("left out the {count} {which} sizes: {why}"),
    }
}

/// The points that a law is fitted to, and what was left out.
pub(super) fn points(curve: &Curve, options: &Options) -> Result<(Vec<Point>, Vec<String>)> {
    let looking = options.regions || options.form == Form::Auto;
    let all = curve.values();
    let mut warnings: Vec<String> = curve.left_out().collect();
    let start = if looking || options.best_guess.is_some() {
        region::small_data(&all, options.best_guess)
    } else {
        0
    };
    if start > 0 {
        let why = if options.best_guess.is_some() {
            "no better than the best guess"
        } else {
            "a plateau as of the best guess"
        };
        warnings.push(left_out(start, "smallest", why));
    }
    if let Some(rise) = screen::rise_in_words(&all[start..]) {
        if options.form == Form::Auto {
            return Err(Error::failed(format!("not fitted: not a power law: {rise}")));
        }
        warnings.push(format!("this may not be a power law: {rise}"));
    }
    let mut points = curve.points()[start..].to_vec();
    if looking {
        warnings.extend(screen::without_undertuned(&mut points));
    }
    let end = if options.form == Form::Power && looking {
        region::power_law(&values(&points))
    } else {
        points.len()
    };
    if end < points.len() {
        let count = points.len() - end;
        warnings.push(left_out(count, "largest", "above the line through the smaller ones"));
        points.truncate(end);
    }
    Ok((points, warnings))
}
