//! Minibatches: where they come from, and what a trial has of them.

use crate::random::Random;
use std::time::Duration;

/// The minibatches of a [`Rotation`].
const TURNS: u64 = 4;

/// A source of minibatches, each a pure function of its step.
pub trait Batches {
    /// One minibatch.
    type Batch;
    /// Minibatches in one pass.
    fn per_epoch(&self) -> u64;
    /// What a model processes in one pass, in the unit of [`crate::task::About::step_unit`].
    fn samples(&self) -> u64;
    /// The minibatch of update `step`; updates are counted from the first pass on.
    fn batch(&mut self, step: u64) -> Self::Batch;
    /// Time that the host has spent waiting for minibatches so far; on a GPU it overlaps the update.
    fn waited(&self) -> Duration {
        Duration::ZERO
    }
}

/// Minibatches of one kind, from wherever they come.
pub type Source<B> = Box<dyn Batches<Batch = B>>;

/// The minibatches of a trial.
pub struct Data<B> {
    /// What a model is trained on.
    pub train: Source<B>,
    /// What it is selected on.
    pub validation: Source<B>,
    /// Never trained or selected on; none where the data have no test part beside the validation part.
    pub test: Option<Source<B>>,
}

impl<B: Clone + 'static> Data<B> {
    /// For `throughput`: nothing is measured.
    pub fn unmeasured(train: Source<B>) -> Self {
        let nothing = Rotation { batches: Vec::new(), samples: 0 };
        Self { train, validation: Box::new(nothing), test: None }
    }
}

/// A few minibatches that take turns, for `throughput`: only their shape matters.
pub struct Rotation<B> {
    batches: Vec<B>,
    /// In each of them.
    samples: u64,
}

impl<B> Rotation<B> {
    /// Random minibatches of so many samples each.
    pub fn new(samples: u64, draw: impl Fn(&mut Random) -> B) -> Self {
        let batches = (0..TURNS).map(|number| draw(&mut Random::new("noise", &[number]))).collect();
        Self { batches, samples }
    }
}

impl<B: Clone> Batches for Rotation<B> {
    type Batch = B;

    fn per_epoch(&self) -> u64 {
        self.batches.len() as u64
    }

    fn samples(&self) -> u64 {
        self.per_epoch() * self.samples
    }

    fn batch(&mut self, step: u64) -> B {
        self.batches[(step % self.per_epoch()) as usize].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minibatches_take_turns() {
        let mut rotation = Rotation::new(3, |random| random.below(1 << 40));
        let seen: Vec<u64> = (0..2 * TURNS).map(|step| rotation.batch(step)).collect();
        let (first, second) = seen.split_at(TURNS as usize);
        assert_eq!(first, second);
        assert_ne!(first[0], first[1]);
        assert_eq!(rotation.samples(), 3 * rotation.per_epoch());
        assert_eq!(Data::unmeasured(Box::new(rotation)).validation.per_epoch(), 0);
    }
}
