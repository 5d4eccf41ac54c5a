//! Finite distributions that can be drawn from and asked for a probability.

use scaling_core::random::Random;

/// A distribution over `0..n`.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    probabilities: Vec<f64>,
    /// Sums of the probabilities up to each outcome.
    cumulative: Vec<f64>,
}

impl Choice {
    /// The distribution that positive weights are proportional to.
    pub(super) fn new(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let probabilities: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        let mut sum = 0.0;
        let cumulative = probabilities.iter().map(|p| {
            sum += p;
            sum
        });
        Self { cumulative: cumulative.collect(), probabilities }
    }

    /// Zipf's law as Mandelbrot gave it: rank r from 0 has weight 1 / (r + 2).
    pub(super) fn zipf(count: usize) -> Self {
        Self::new(&(0..count).map(|rank| 1.0 / (rank as f64 + 2.0)).collect::<Vec<_>>())
    }

    /// The outcomes with their probabilities.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (usize, f64)> {
        self.probabilities.iter().copied().enumerate()
    }

    /// The outcome of a draw.
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let place = random.uniform();
        // The last sum may fall short of 1 by rounding.
        self.cumulative.partition_point(|sum| *sum <= place).min(self.cumulative.len() - 1)
    }

    /// The probability that the outcome has a property.
    pub(super) fn share(&self, has: impl Fn(usize) -> bool) -> f64 {
        self.outcomes().filter(|(outcome, _)| has(*outcome)).map(|(_, p)| p).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_probabilities() {
        let choice = Choice::zipf(50);
        assert!((choice.share(|_| true) - 1.0).abs() < 1e-12);
        let mut random = Random::new("test", &[1]);
        let draws = 200_000;
        let mut counts = [0_u32; 50];
        for _ in 0..draws {
            counts[choice.draw(&mut random)] += 1;
        }
        for (outcome, p) in choice.outcomes() {
            let error = (p * (1.0 - p) / f64::from(draws)).sqrt();
            assert!((f64::from(counts[outcome]) / f64::from(draws) - p).abs() < 5.0 * error, "{outcome}");
        }
    }
}
