//! Learning-rate schedule and early stopping, both driven by the validation loss (MODELS 6.5).

use super::Optimization;
use serde::{Deserialize, Serialize};

/// An improvement must be at least this large, relatively, to count against a stall.
const NOTICEABLE: f64 = 1e-3;

/// A model whose validation loss is below this share of the best guess has left the region of small data
/// (MODELS 6.6, region 1).
const LEARNS: f64 = 0.98;

/// A model whose training loss is below this share of the best guess fits its shard. Knowing how often each
/// symbol of a small shard occurs is not enough: of 1,000 words of English their entropy is 0.85 of that of
/// all words.
const FITS: f64 = 0.8;

/// What the training loop does after an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Best so far: keep the weights.
    Best,
    /// Go on.
    Continue,
    /// No improvement for too long.
    Stop,
}

/// The state of schedule and early stopping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Schedule {
    /// Factor on the initial rate.
    pub(super) factor: f64,
    /// Reductions made.
    drops: u64,
    /// Evaluations since the last noticeable improvement or reduction.
    stalled: u64,
    /// The loss that the next noticeable improvement is measured against.
    reference: f64,
    /// Lowest loss so far.
    best: f64,
}

impl Schedule {
    pub(super) fn new() -> Self {
        // `f64::MAX` instead of infinity, which JSON cannot hold.
        Self { factor: 1.0, drops: 0, stalled: 0, reference: f64::MAX, best: f64::MAX }
    }

    /// Takes note of a validation loss, and of the training loss since the one before.
    ///
    /// Stalls do not count at the loss of the best constant predictor: recurrent models linger there before
    /// they begin to learn, and a lower rate would keep them there. They do count above it where the model
    /// fits its shard, since then it overfits.
    pub(super) fn observe(
        &mut self,
        loss: f64,
        training_loss: f64,
        best_guess: Option<f64>,
        optimization: &Optimization,
    ) -> Verdict {
        let is_best = loss < self.best;
        if is_best {
            self.best = loss;
        }
        let lingers = |guess| loss > LEARNS * guess && training_loss >= FITS * guess;
        if best_guess.is_some_and(lingers) {
            return if is_best { Verdict::Best } else { Verdict::Continue };
        }
        if loss < self.reference * (1.0 - NOTICEABLE) {
            self.reference = loss;
            self.stalled = 0;
        } else {
            self.stalled += 1;
            let may_drop = optimization.schedule == "plateau" && self.drops < optimization.drops;
            if may_drop && self.stalled >= optimization.stall.max(1) {
                self.factor *= optimization.drop;
                self.drops += 1;
                self.stalled = 0;
            } else if !may_drop && self.stalled >= optimization.patience {
                return if is_best { Verdict::Best } else { Verdict::Stop };
            }
        }
        if is_best { Verdict::Best } else { Verdict::Continue }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn optimization(schedule: &str) -> Optimization {
        Optimization {
            schedule: schedule.into(),
            drops: 2,
            patience: 2,
            epochs: 100,
            ..Optimization::one_pass("sgd", 1.0, 1, 0.0)
        }
    }

    #[test]
    fn the_rate_falls_on_plateaus_before_training_stops() {
        let mut schedule = Schedule::new();
        let optimization = optimization("plateau");
        let verdicts: Vec<(Verdict, f64)> = [3.0, 2.0, 2.1, 1.9, 1.95, 1.95, 1.9501]
            .map(|error| (schedule.observe(error, error, None, &optimization), schedule.factor))
            .into();
        use Verdict::{Best, Continue, Stop};
        let expected = [
            (Best, 1.0),
            (Best, 1.0),
            (Continue, 0.5),
            (Best, 0.5),
            (Continue, 0.25),
            (Continue, 0.25),
            (Stop, 0.25),
        ];
        assert_eq!(verdicts, expected);
    }

    #[test]
    fn a_constant_rate_stops_after_patience() {
        let mut schedule = Schedule::new();
        let optimization = optimization("constant");
        let verdicts: Vec<Verdict> =
            [3.0, 3.1, 3.2].map(|e| schedule.observe(e, e, None, &optimization)).into();
        assert_eq!(verdicts, [Verdict::Best, Verdict::Continue, Verdict::Stop]);
        assert!((schedule.factor - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_model_that_has_not_begun_to_learn_is_not_stopped() {
        let mut schedule = Schedule::new();
        let optimization = optimization("plateau");
        let verdicts: Vec<Verdict> =
            [3.0, 3.0, 3.0, 3.0, 2.0, 2.1].map(|e| schedule.observe(e, e, Some(3.0), &optimization)).into();
        use Verdict::{Best, Continue};
        assert_eq!(verdicts, [Best, Continue, Continue, Continue, Best, Continue]);
        assert_eq!(schedule.factor, 0.5);
    }

    #[test]
    fn a_model_that_overfits_beyond_the_best_guess_is_stopped() {
        use Verdict::{Best, Continue, Stop};
        let optimization = Optimization { drops: 0, ..optimization("plateau") };
        for (losses, expected) in [
            // (validation, training): it learns and rises again; it only ever fits its own shard.
            ([(2.0, 2.5), (3.1, 1.5), (3.5, 1.0), (3.6, 0.9)], [Best, Continue, Stop, Stop]),
            ([(3.2, 2.0), (3.1, 1.5), (3.5, 1.0), (3.6, 0.9)], [Best, Best, Continue, Stop]),
            // It has learnt no more than how often each symbol of its shard occurs; it falls back to that.
            ([(3.1, 2.95), (3.1, 2.7), (3.1, 2.5), (3.1, 2.45)], [Best, Continue, Continue, Continue]),
            ([(2.9, 2.95), (3.1, 2.9), (3.1, 2.9), (2.8, 2.8)], [Best, Continue, Continue, Best]),
        ] {
            let mut schedule = Schedule::new();
            let verdicts =
                losses.map(|(loss, trained)| schedule.observe(loss, trained, Some(3.0), &optimization));
            assert_eq!(verdicts, expected, "{losses:?}");
        }
    }
}
