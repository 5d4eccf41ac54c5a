//! Standard errors of measured errors.

/// The ratio of sums over items, such as nats per word over sentences, and its standard error
/// relative to it (delta method, which the bootstrap over items approaches; MODELS 6.2).
///
/// Each item is (what is summed, how many samples). With fewer than two items, or a
/// sum of 0 (without a single error nothing is known of its spread), the error is unknown.
pub fn ratio(items: &[(f64, f64)]) -> (f64, Option<f64>) {
    let (sum, samples) = items.iter().fold((0.0, 0.0), |(s, n), (x, w)| (s + x, n + w));
    let ratio = sum / samples;
    let k = items.len() as f64;
    if items.len() < 2 {
        return (ratio, None);
    }
    let squares: f64 = items.iter().map(|(x, n)| (x - ratio * n).powi(2)).sum();
    let error = (squares * k / (k - 1.0)).sqrt() / sum.abs();
    (ratio, Some(error).filter(|error| error.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn the_standard_error_covers_repeated_measurements() {
        let measure = |seed: u64| {
            let mut random = Random::new("ratio", &[seed]);
            let items: Vec<(f64, f64)> = (0..200)
                .map(|_| {
                    let n = 1.0 + random.below(20) as f64;
                    (n * (5.0 + random.normal()), n)
                })
                .collect();
            let (value, error) = ratio(&items);
            (value, error.unwrap_or_default())
        };
        let results: Vec<(f64, f64)> = (0..500).map(measure).collect();
        let within = results.iter().filter(|(r, e)| (r - 5.0).abs() < 1.96 * e * r).count();
        assert!((455..=490).contains(&within), "{within} of 500 within 1.96 standard errors");
        assert!(ratio(&[(1.0, 1.0)]).1.is_none());
        assert!(ratio(&[(0.0, 1.0), (0.0, 2.0)]).1.is_none());
    }
}
