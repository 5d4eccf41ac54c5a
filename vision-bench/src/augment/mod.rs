//! From stored pictures to the input of a network: crop, colours, mirror image, normalisation
//! (MODELS 1.1), and the loader that prepares minibatches ahead of the training.

mod batch;
mod color;
mod crop;
mod loader;
#[cfg(test)]
mod timing;

pub(crate) use batch::{Batch, Staged};
pub(crate) use crop::Crop;
pub(crate) use loader::Loader;

use crate::images::Picture;
use color::{Affine, Step};
use crop::Scaler;
use scaling_core::random::Random;

/// How training pictures are varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Augment {
    /// Width and height of what the network sees.
    pub(crate) side: usize,
    /// What part of a picture it sees.
    pub(crate) crop: Crop,
}

/// What one thread needs to prepare pictures, used again from one to the next.
#[derive(Default)]
pub(crate) struct Scratch {
    scaler: Scaler,
    /// The picture as stored; free for whoever reads it.
    pub(crate) picture: Picture,
    cropped: Vec<u8>,
}

impl Augment {
    /// Values of a prepared picture: rows, columns and three channels.
    pub(crate) fn values(&self) -> usize {
        3 * self.side * self.side
    }

    /// Prepares the picture in `scratch` for training: a random crop; brightness, contrast, saturation
    /// and lighting in random order; its mirror image with probability 0.5; normalised.
    ///
    /// # Panics
    /// If `out` does not have room for `values()`, or the picture is empty.
    pub(crate) fn train(&self, random: &mut Random, scratch: &mut Scratch, out: &mut [f32]) {
        let Scratch { scaler, picture, cropped } = scratch;
        cropped.resize(self.values(), 0);
        self.crop.random(picture, self.side, random, scaler, cropped);
        let steps = Step::draw(random);
        let mirrored = random.uniform() < 0.5;
        Affine::compose(&steps, color::mean(cropped)).run(cropped, self.side, mirrored, out);
    }

    /// Prepares the picture in `scratch` for evaluation: the middle of it, normalised.
    ///
    /// # Panics
    /// If `out` does not have room for `values()`, or the picture is empty.
    pub(crate) fn evaluate(&self, scratch: &mut Scratch, out: &mut [f32]) {
        let Scratch { scaler, picture, cropped } = scratch;
        cropped.resize(self.values(), 0);
        crop::evaluation(picture, self.side, scaler, cropped);
        Affine::IDENTITY.run(cropped, self.side, false, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(width: usize, height: usize) -> Scratch {
        let pixels = (0..3 * width * height).map(|i| (i * 37 % 251) as u8).collect();
        Scratch { picture: Picture { width, height, pixels }, ..Scratch::default() }
    }

    #[test]
    fn a_prepared_picture_depends_on_its_stream_alone() {
        let augment = Augment { side: 16, crop: Crop::RandomArea };
        let prepare = |scratch: &mut Scratch, index| {
            let mut out = vec![0.0; augment.values()];
            augment.train(&mut Random::new("test", &[index]), scratch, &mut out);
            out
        };
        let mut used = scratch(40, 30);
        let first = prepare(&mut used, 1);
        assert_ne!(first, prepare(&mut used, 2));
        assert_eq!(first, prepare(&mut used, 1));
        assert_eq!(first, prepare(&mut scratch(40, 30), 1));
    }

    #[test]
    fn evaluation_normalises_the_stored_pixels() {
        let augment = Augment { side: 8, crop: Crop::RandomArea };
        let mut scratch = scratch(8, 8);
        let mut out = vec![0.0; augment.values()];
        augment.evaluate(&mut scratch, &mut out);
        for (i, (value, pixel)) in out.iter().zip(&scratch.picture.pixels).enumerate() {
            let mean = [0.485, 0.456, 0.406][i % 3];
            let std = [0.229, 0.224, 0.225][i % 3];
            let expected = (f32::from(*pixel) / 255.0 - mean) / std;
            assert!((value - expected).abs() < 1e-5, "{value} is not {expected}");
        }
    }
}
