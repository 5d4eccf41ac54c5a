//! Finite distributions that can be drawn from, asked for a probability, and whose entropy is known.

use scaling_core::entropy::entropy_term;
use scaling_core::random::Random;

/// Weights of Zipf's law as Mandelbrot gave it: rank r from 0 has weight (r + 1 + shift)^-exponent.
pub(super) fn zipf(count: usize, shift: f64, exponent: f64) -> Vec<f64> {
    (0..count).map(|rank| (rank as f64 + 1.0 + shift).powf(-exponent)).collect()
}

/// A distribution over `0..n`, drawn in constant time with the alias method (Walker 1977, Vose 1991).
#[derive(Debug)]
pub(super) struct Choice {
    probabilities: Vec<f64>,
    /// Of each column: the chance to stay in it, in units of 2^-32, and where to go otherwise.
    columns: Vec<(u64, u16)>,
    /// In nats.
    pub(super) entropy: f64,
}

impl Choice {
    /// The distribution that positive weights are proportional to.
    pub(super) fn new(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let probabilities: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        let entropy = probabilities.iter().copied().map(entropy_term).sum();
        let columns = columns(&probabilities);
        Self { probabilities, columns, entropy }
    }

    /// The number of outcomes.
    pub(super) fn len(&self) -> usize {
        self.probabilities.len()
    }

    /// The probability of an outcome.
    pub(super) fn p(&self, outcome: usize) -> f64 {
        self.probabilities[outcome]
    }

    /// The outcome of a draw.
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let bits = random.bits();
        let column = (((bits >> 32) * self.columns.len() as u64) >> 32) as usize;
        let (stay, other) = self.columns[column];
        if bits & 0xffff_ffff < stay { column } else { usize::from(other) }
    }

    /// The mean of a quantity.
    pub(super) fn mean(&self, quantity: impl Fn(usize) -> f64) -> f64 {
        self.probabilities.iter().enumerate().map(|(i, p)| p * quantity(i)).sum()
    }
}

/// Columns of equal width, each shared by at most two outcomes (Vose 1991).
fn columns(probabilities: &[f64]) -> Vec<(u64, u16)> {
    let n = probabilities.len();
    let mut heights: Vec<f64> = probabilities.iter().map(|p| p * n as f64).collect();
    let mut columns: Vec<(u64, u16)> = (0..n).map(|i| (1 << 32, i as u16)).collect();
    let (mut low, mut high): (Vec<usize>, Vec<usize>) = (0..n).partition(|i| heights[*i] < 1.0);
    while let (Some(&small), Some(&large)) = (low.last(), high.last()) {
        low.pop();
        columns[small] = ((heights[small] * (1_u64 << 32) as f64) as u64, large as u16);
        heights[large] -= 1.0 - heights[small];
        if heights[large] < 1.0 {
            high.pop();
            low.push(large);
        }
    }
    columns
}

/// A distribution that lifts a few favourites out of a common one: favourite `k` with probability
/// `shares[k]`, else a draw from `base` (which may be a favourite too).
#[derive(Debug, Clone, Copy)]
pub(super) struct Blend<'a> {
    pub(super) base: &'a Choice,
    /// Distinct outcomes.
    pub(super) favourites: &'a [u16],
    pub(super) shares: &'a [f64],
}

impl Blend<'_> {
    /// The probability that a draw comes from `base`.
    fn rest(&self) -> f64 {
        1.0 - self.shares.iter().sum::<f64>()
    }

    fn lifted(&self) -> impl Iterator<Item = (usize, f64)> {
        self.favourites.iter().map(|f| usize::from(*f)).zip(self.shares.iter().copied())
    }

    /// The outcome of a draw.
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let mut left = random.uniform();
        for (favourite, share) in self.lifted() {
            if left < share {
                return favourite;
            }
            left -= share;
        }
        self.base.draw(random)
    }

    /// The probability of an outcome.
    pub(super) fn p(&self, outcome: usize) -> f64 {
        let lift: f64 = self.lifted().filter(|(f, _)| *f == outcome).map(|(_, share)| share).sum();
        self.rest() * self.base.p(outcome) + lift
    }

    /// The entropy in nats, from that of `base`: only the favourites' terms differ.
    pub(super) fn entropy(&self) -> f64 {
        let rest = self.rest();
        let without = rest * self.base.entropy + entropy_term(rest);
        let change = self.lifted().map(|(favourite, share)| {
            let before = rest * self.base.p(favourite);
            entropy_term(before + share) - entropy_term(before)
        });
        without + change.sum::<f64>()
    }

    /// The mean of a quantity, from its mean under `base`.
    pub(super) fn mean(&self, base_mean: f64, quantity: impl Fn(usize) -> f64) -> f64 {
        let lift: f64 = self.lifted().map(|(favourite, share)| share * quantity(favourite)).sum();
        self.rest() * base_mean + lift
    }

    /// Adds `weight` times the probabilities to `sums`.
    pub(super) fn add_to(&self, sums: &mut [f64], weight: f64) {
        for (sum, p) in sums.iter_mut().zip(&self.base.probabilities) {
            *sum += weight * self.rest() * p;
        }
        for (favourite, share) in self.lifted() {
            sums[favourite] += weight * share;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_probabilities() {
        let choice = Choice::new(&zipf(50, 2.0, 1.1));
        let blend = Blend { base: &choice, favourites: &[40, 3], shares: &[0.4, 0.1] };
        let mut random = Random::new("test", &[1]);
        let draws = 200_000;
        let mut counts = [[0_u32; 2]; 50];
        for _ in 0..draws {
            counts[choice.draw(&mut random)][0] += 1;
            counts[blend.draw(&mut random)][1] += 1;
        }
        for (i, both) in counts.iter().enumerate() {
            for (count, p) in [(both[0], choice.p(i)), (both[1], blend.p(i))] {
                let error = (p * (1.0 - p) / f64::from(draws)).sqrt();
                assert!((f64::from(count) / f64::from(draws) - p).abs() < 5.0 * error, "{i}");
            }
        }
    }

    #[test]
    fn entropies_and_means_agree_with_sums() {
        let choice = Choice::new(&zipf(30, 1.0, 1.0));
        assert!((Choice::new(&[1.0; 8]).entropy - 8_f64.ln()).abs() < 1e-12);
        let blend = Blend { base: &choice, favourites: &[7, 0, 29], shares: &[0.3, 0.2, 0.1] };
        let mut sums = vec![0.0; 30];
        blend.add_to(&mut sums, 1.0);
        for (i, p) in sums.iter().enumerate() {
            assert!((p - blend.p(i)).abs() < 1e-15);
        }
        let entropy: f64 = sums.iter().copied().map(entropy_term).sum();
        assert!((blend.entropy() - entropy).abs() < 1e-12);
        let mean: f64 = sums.iter().enumerate().map(|(i, p)| p * i as f64).sum();
        let base_mean = choice.mean(|i| i as f64);
        assert!((blend.mean(base_mean, |i| i as f64) - mean).abs() < 1e-12);
    }
}
