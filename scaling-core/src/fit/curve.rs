//! A learning curve: errors against the number of training samples, checked once on the way in.

use crate::error::{Error, Result};

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
    #[must_use]
    pub fn value(&self) -> f64 {
        median(&self.errors)
    }
}

/// Points in ascending order of `m`, each `m` once, every number finite and positive.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    points: Vec<Point>,
}

impl Curve {
    /// Sorts the points and joins those with the same `m`.
    ///
    /// # Errors
    /// [`Error::Input`] naming the point that is not a finite positive number, or has no error.
    pub fn new(points: impl IntoIterator<Item = Point>) -> Result<Self> {
        let mut joined: Vec<Point> = Vec::new();
        let mut points: Vec<Point> = points.into_iter().collect();
        points.sort_by(|a, b| a.m.total_cmp(&b.m));
        for point in points {
            let bad = |number: f64| !number.is_finite() || number <= 0.0;
            if bad(point.m) {
                return Err(Error::input(format!(
                    "a curve needs numbers of samples above 0; got {}",
                    point.m
                )));
            }
            if point.errors.is_empty() {
                return Err(Error::input(format!("the point at m = {} has no error", point.m)));
            }
            if let Some(error) = point.errors.iter().find(|error| bad(**error)) {
                return Err(Error::input(format!(
                    "a curve needs finite errors above 0; got {error} at m = {}",
                    point.m
                )));
            }
            match joined.last_mut() {
                Some(last) if last.m == point.m => last.errors.extend(point.errors),
                _ => joined.push(point),
            }
        }
        Ok(Self { points: joined })
    }

    /// The curve of (m, error) pairs; a repeated m means several seeds.
    ///
    /// # Errors
    /// As [`Curve::new`].
    pub fn from_pairs(pairs: impl IntoIterator<Item = (f64, f64)>) -> Result<Self> {
        Self::new(pairs.into_iter().map(|(m, error)| Point { m, errors: vec![error] }))
    }

    /// The points in ascending order of m.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// (m, value) of every point, in ascending order of m.
    #[must_use]
    pub fn values(&self) -> Vec<(f64, f64)> {
        values(&self.points)
    }
}

/// (m, value) of every point.
#[must_use]
pub fn values(points: &[Point]) -> Vec<(f64, f64)> {
    points.iter().map(|point| (point.m, point.value())).collect()
}

/// Sum of the squared deviations of the logarithms from their mean.
#[must_use]
pub fn log_squares(errors: &[f64]) -> f64 {
    let mean = errors.iter().map(|error| error.ln()).sum::<f64>() / errors.len() as f64;
    errors.iter().map(|error| (error.ln() - mean).powi(2)).sum()
}

/// The median; the mean of the two middle numbers where their count is even.
///
/// # Panics
/// If there are no numbers.
#[must_use]
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_sorted_and_seeds_joined() {
        let curve = Curve::from_pairs([(20.0, 1.0), (10.0, 3.0), (20.0, 2.0), (20.0, 9.0)]);
        assert_eq!(curve.unwrap().values(), [(10.0, 3.0), (20.0, 2.0)]);
        assert!((median(&[1.0, 4.0, 2.0, 3.0]) - 2.5).abs() < 1e-15);
    }

    #[test]
    fn bad_numbers_are_named() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let in_error = Curve::from_pairs([(1.0, 1.0), (7.0, bad)]).unwrap_err();
            assert!(in_error.to_string().ends_with("at m = 7"), "{in_error}");
            assert!(Curve::from_pairs([(bad, 1.0)]).is_err());
        }
        assert!(Curve::new([Point { m: 1.0, errors: vec![] }]).is_err());
    }
}
