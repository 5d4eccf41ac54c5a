//! What no model can do better on synthetic pictures.

/// The least figures that are possible, exact because every picture tells its class and only labels are
/// random: the shown class with probability 1 - p, else one of the K - 1 others, all alike.
///
/// They hold for a validation set in expectation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Irreducible {
    /// Share of the pictures whose label is not the best guess: p, as long as p <= (K - 1) / K.
    pub(crate) top1: f64,
    /// Share of the pictures whose label is not among the five best guesses: of K - 1 other classes, K - 5
    /// are not guessed, so p (K - 5) / (K - 1).
    pub(crate) top5: f64,
    /// Entropy of the label given the picture, in nats: -(1 - p) ln(1 - p) - p ln(p / (K - 1)).
    pub(crate) cross_entropy: f64,
}

impl Irreducible {
    /// For K classes and label noise p. Where noise is so strong that another label is likelier than the
    /// right one, the best guess is another label.
    pub(super) fn new(classes: usize, p: f64) -> Self {
        let k = classes as f64;
        let (right, other) = (1.0 - p, p / (k - 1.0));
        // Of `guesses` classes, with or without the shown one, whichever is likelier.
        let error = |guesses: f64| {
            if guesses >= k {
                return 0.0;
            }
            1.0 - guesses.mul_add(other, (right - other).max(0.0))
        };
        let surprise = |probability: f64| if probability > 0.0 { -probability.ln() } else { 0.0 };
        Self {
            top1: error(1.0),
            top5: error(5.0),
            cross_entropy: right * surprise(right) + p * surprise(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-12, "{actual} is not {expected}");
    }

    #[test]
    fn ten_classes_with_a_tenth_of_noise() {
        let least = Irreducible::new(10, 0.1);
        near(least.top1, 0.1);
        near(least.top5, 0.1 * 5.0 / 9.0);
        near(least.cross_entropy, -0.9 * 0.9_f64.ln() - 0.1 * (0.1_f64 / 9.0).ln());
    }

    #[test]
    fn without_noise_nothing_is_irreducible_and_with_five_classes_five_guesses_suffice() {
        assert_eq!(Irreducible::new(10, 0.0), Irreducible { top1: 0.0, top5: 0.0, cross_entropy: 0.0 });
        assert_eq!(Irreducible::new(5, 0.3).top5, 0.0);
        near(Irreducible::new(6, 0.3).top5, 0.3 / 5.0);
    }

    #[test]
    fn with_more_noise_than_chance_another_label_is_the_best_guess() {
        near(Irreducible::new(2, 0.8).top1, 0.2);
        near(Irreducible::new(2, 0.5).cross_entropy, 2.0_f64.ln());
    }
}
