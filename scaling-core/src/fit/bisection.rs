//! Bisection of an interval of numbers.

/// Halves the way from `low`, where `is_low` holds, to `high`, where it does not, so many times; the two ends
/// of what is left. `low` may be the larger number.
pub(super) fn bisect(mut low: f64, mut high: f64, steps: usize, is_low: impl Fn(f64) -> bool) -> (f64, f64) {
    for _ in 0..steps {
        let middle = f64::midpoint(low, high);
        if is_low(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_close_in_from_either_side() {
        for (low, high) in [(0.0, 2.0), (2.0, 0.0)] {
            let is_low = |x: f64| (x * x < 2.0) == (low * low < 2.0);
            let (inner, outer) = bisect(low, high, 40, is_low);
            assert!((inner - 2f64.sqrt()).abs() < 1e-11 && (outer - 2f64.sqrt()).abs() < 1e-11);
            assert!(is_low(inner) && !is_low(outer));
        }
    }
}
