//! Entropies of discrete distributions.

/// The entropy in nats of the distribution that counts are proportional to.
pub fn entropy(counts: impl IntoIterator<Item = u64>) -> f64 {
    let (mut total, mut sum) = (0.0, 0.0);
    for count in counts.into_iter().filter(|count| *count > 0) {
        let count = count as f64;
        total += count;
        sum += count * count.ln();
    }
    if total > 0.0 { f64::ln(total) - sum / total } else { 0.0 }
}

/// The part in nats of an outcome of probability `p` in an entropy.
pub fn entropy_term(p: f64) -> f64 {
    if p > 0.0 { -p * p.ln() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_of_known_distributions() {
        assert!((entropy([2, 2, 0, 4]) - 1.5 * 2_f64.ln()).abs() < 1e-12);
        assert!(entropy([5, 0]).abs() < 1e-12);
        assert!(entropy([]).abs() < 1e-12);
        let terms: f64 = [0.25, 0.25, 0.0, 0.5].map(entropy_term).iter().sum();
        assert!((terms - 1.5 * 2_f64.ln()).abs() < 1e-12);
    }
}
