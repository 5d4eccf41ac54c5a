//! The number in the middle.

/// The median; the mean of the two middle numbers where their count is even.
///
/// # Panics
/// If there are no numbers.
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
    fn an_even_count_has_two_middles() {
        assert_eq!(median(&[2.0, 4.0, 1.0]), 2.0);
        assert!((median(&[1.0, 4.0, 2.0, 3.0]) - 2.5).abs() < 1e-15);
    }
}
