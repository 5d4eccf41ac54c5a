//! A learning curve: errors against the number of training samples, checked once on the way in.

use crate::error::{Error, Result};
use crate::median::median;
use crate::number::plain;

/// The errors measured at one number of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Training samples.
    pub m: f64,
    /// One error per seed, at least one.
    pub errors: Vec<f64>,
}

impl Point {
    /// The point's value: the median over seeds, as an estimate of the expectation that a lucky or
    /// an unlucky seed does not move (Hestness et al. 2019, on the search).
    pub fn value(&self) -> f64 {
        median(&self.errors)
    }

    /// The errors that have a logarithm: a seed may have made no mistake on a small validation set.
    pub(super) fn above_zero(&self) -> Vec<f64> {
        self.errors.iter().copied().filter(|error| *error > 0.0).collect()
    }
}

/// Points in ascending order of `m`, each `m` once, every value finite and positive.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    points: Vec<Point>,
    /// Sizes whose value is 0.
    zeros: Vec<f64>,
}

impl Curve {
    /// Sorts the points and joins those with the same `m`; those whose value is 0 are left out.
    ///
    /// # Errors
    /// [`Error::Input`] naming the point that is not a finite positive number, has no error or one below 0.
    pub fn new(points: impl IntoIterator<Item = Point>) -> Result<Self> {
        let mut joined: Vec<Point> = Vec::new();
        let mut points: Vec<Point> = points.into_iter().collect();
        points.sort_by(|a, b| a.m.total_cmp(&b.m));
        for point in points {
            if !point.m.is_finite() || point.m <= 0.0 {
                return Err(Error::input(format!(
                    "a curve needs numbers of samples above 0; got {}",
                    point.m
                )));
            }
            if point.errors.is_empty() {
                return Err(Error::input(format!("the point at m = {} has no error", point.m)));
            }
            if let Some(error) = point.errors.iter().find(|error| !error.is_finite() || **error < 0.0) {
                return Err(Error::input(format!(
                    "a curve needs finite errors, none below 0; got {error} at m = {}",
                    point.m
                )));
            }
            match joined.last_mut() {
                Some(last) if last.m == point.m => last.errors.extend(point.errors),
                _ => joined.push(point),
            }
        }
        let (points, zeros): (Vec<Point>, Vec<Point>) =
            joined.into_iter().partition(|point| point.value() > 0.0);
        Ok(Self { points, zeros: zeros.into_iter().map(|point| point.m).collect() })
    }

    /// The curve of (m, error) pairs; a repeated m means several seeds.
    ///
    /// # Errors
    /// As [`Curve::new`].
    pub fn from_pairs(pairs: impl IntoIterator<Item = (f64, f64)>) -> Result<Self> {
        Self::new(pairs.into_iter().map(|(m, error)| Point { m, errors: vec![error] }))
    }

    /// The points in ascending order of m.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// What to say of the sizes that are no points.
    pub(super) fn left_out(&self) -> impl Iterator<Item = String> {
        self.zeros.iter().map(|m| {
            let m = plain(*m);
            format!(
                "left out m = {m}: an error of 0 has no logarithm (a larger validation set would measure it)"
            )
        })
    }

    /// The same, to be said after a refusal for want of sizes.
    pub(super) fn without(&self) -> String {
        std::iter::once(String::new()).chain(self.left_out()).collect::<Vec<_>>().join("; ")
    }

    /// (m, value) of every point, in ascending order of m.
    pub fn values(&self) -> Vec<(f64, f64)> {
        values(&self.points)
    }
}

/// (m, value) of every point.
pub fn values(points: &[Point]) -> Vec<(f64, f64)> {
    points.iter().map(|point| (point.m, point.value())).collect()
}

/// Sum of the squared deviations of the logarithms from their mean, of errors above 0.
pub fn log_squares(errors: &[f64]) -> f64 {
    let mean = errors.iter().map(|error| error.ln()).sum::<f64>() / errors.len() as f64;
    errors.iter().map(|error| (error.ln() - mean).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_sorted_and_seeds_joined() {
        let curve = Curve::from_pairs([(20.0, 1.0), (10.0, 3.0), (20.0, 2.0), (20.0, 9.0)]);
        assert_eq!(curve.unwrap().values(), [(10.0, 3.0), (20.0, 2.0)]);
    }

    #[test]
    fn a_seed_may_be_without_errors_and_a_size_that_is_has_no_point() {
        let seeds = [(1.0, 0.5), (2.0, 0.0), (2.0, 0.25), (4.0, 0.0), (4.0, 0.0), (4.0, 0.1)];
        let curve = Curve::from_pairs(seeds).unwrap();
        assert_eq!(curve.values(), [(1.0, 0.5), (2.0, 0.125)]);
        assert_eq!(curve.points()[1].above_zero(), [0.25]);
        let left_out: Vec<String> = curve.left_out().collect();
        assert_eq!(curve.without(), format!("; {}", left_out[0]));
        assert!(left_out.len() == 1 && left_out[0].starts_with("left out m = 4: "), "{left_out:?}");
    }

    #[test]
    fn bad_numbers_are_named() {
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            let in_error = Curve::from_pairs([(1.0, 1.0), (7.0, bad)]).unwrap_err();
            assert!(in_error.to_string().ends_with("at m = 7"), "{in_error}");
            assert!(Curve::from_pairs([(bad, 1.0)]).is_err());
        }
        assert!(Curve::from_pairs([(0.0, 1.0)]).is_err());
        assert!(Curve::new([Point { m: 1.0, errors: vec![] }]).is_err());
    }
}
