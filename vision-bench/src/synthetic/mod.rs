//! Synthetic pictures: endless textured shapes whose irreducible error is known exactly.
//!
//! A class is an outline with a texture. Position, size, rotation, colours, background, clutter and noise
//! vary, and a share of the labels is replaced by others: every picture tells its class, so that this
//! share alone decides what no model can do better. Picture `i` of a seed is a pure function of both, so
//! shards are independent samples and nothing is stored.

mod canvas;
mod class;
mod outline;
mod scene;
mod texture;

use crate::images::{Picture, Pictures};
use class::Class;
use scaling_core::error::{Error, Result};
use scaling_core::random::Random;

/// Raised when the same seed gives other pictures or labels.
pub(crate) const VERSION: u64 = 1;

const VALIDATION_PICTURES: u64 = 10_000;

/// What the pictures are like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Options {
    /// Number of classes, 2 to [`Options::MOST_CLASSES`].
    pub(crate) classes: usize,
    /// Width and height, a multiple of 8.
    pub(crate) side: usize,
    /// Share of the labels that are replaced by another one, in [0, 1).
    pub(crate) label_noise: f64,
}

/// A stream of pictures.
#[derive(Debug, Clone)]
pub(crate) struct Shapes {
    options: Options,
    /// Streams of different purposes are independent.
    purpose: &'static str,
    seed: u64,
    count: Option<u64>,
}

#[cfg(test)]
impl Default for Options {
    fn default() -> Self {
        Self { classes: 10, side: 32, label_noise: 0.1 }
    }
}

impl Options {
    /// Every outline with every texture.
    pub(crate) const MOST_CLASSES: usize = Class::COUNT;

    /// The share of the pictures whose label is not the best guess, in expectation: what no network can do
    /// better.
    ///
    /// It is exact because every picture tells its class and only labels are random: the shown class, or else
    /// one of the others, all alike. Where noise is so strong that another label is likelier than the right
    /// one, the best guess is another label.
    pub(crate) fn irreducible(&self) -> f64 {
        let (right, other) = (1.0 - self.label_noise, self.label_noise / (self.classes as f64 - 1.0));
        1.0 - right.max(other)
    }

    /// Class `number` in words, for example `striped disc`.
    pub(crate) fn class_name(number: usize) -> String {
        Class::new(number).to_string()
    }

    fn check(&self) -> Result<()> {
        if !(2..=Self::MOST_CLASSES).contains(&self.classes) {
            return Err(Error::input(format!(
                "synthetic pictures have 2 to {} classes, not {}",
                Self::MOST_CLASSES,
                self.classes
            )));
        }
        if !(16..=1024).contains(&self.side) || !self.side.is_multiple_of(8) {
            return Err(Error::input(format!(
                "the side of synthetic pictures is a multiple of 8 from 16 to 1024, not {}",
                self.side
            )));
        }
        if !(0.0..1.0).contains(&self.label_noise) {
            return Err(Error::input(format!(
                "the label noise is a share from 0 to below 1, not {}",
                self.label_noise
            )));
        }
        Ok(())
    }
}

impl Shapes {
    /// Pictures to train on, endless.
    ///
    /// # Errors
    /// Options that are out of range.
    pub(crate) fn training(options: Options, seed: u64) -> Result<Self> {
        options.check()?;
        Ok(Self { options, purpose: "synthetic training pictures", seed, count: None })
    }

    /// Pictures to validate on, independent of those to train on.
    ///
    /// # Errors
    /// Options that are out of range.
    pub(crate) fn validation(options: Options, seed: u64) -> Result<Self> {
        options.check()?;
        let count = Some(VALIDATION_PICTURES);
        Ok(Self { options, purpose: "synthetic validation pictures", seed, count })
    }

    /// What picture `index` shows, whatever its label says. Classes take turns.
    fn class(&self, index: u64) -> usize {
        (index % self.options.classes as u64) as usize
    }

    fn random(&self, what: u64, index: u64) -> Random {
        Random::new(self.purpose, &[VERSION, self.seed, what, index])
    }
}

impl Pictures for Shapes {
    fn len(&self) -> Option<u64> {
        self.count
    }

    fn read(&self, index: u64, out: &mut Picture) {
        scene::draw(Class::new(self.class(index)), self.options.side, &mut self.random(0, index), out);
    }

    fn label(&self, index: u64) -> u32 {
        let (shown, classes) = (self.class(index), self.options.classes);
        let mut random = self.random(1, index);
        if random.uniform() < self.options.label_noise {
            // One of the others: 1 to K - 1 further on.
            ((shown + 1 + random.below(classes as u64 - 1) as usize) % classes) as u32
        } else {
            shown as u32
        }
    }

    fn group(&self, index: u64) -> u32 {
        self.class(index) as u32
    }
}

#[cfg(test)]
mod tests;
