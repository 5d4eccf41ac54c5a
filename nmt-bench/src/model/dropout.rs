//! Seeded dropout masks.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use scaling_core::nn::{Masks, begin_draws, drawn_mask};
use scaling_core::random::Random;

/// Values that are drawn from one stream.
const BLOCK: usize = 1 << 14;

/// The masks of one update: the k-th mask is a pure function of (seed, step, k).
pub(crate) struct Dropout {
    /// Share of values that are dropped.
    share: f64,
    seed: u64,
    step: u64,
    /// Masks drawn so far.
    masks: u64,
    /// Whether the device draws them.
    on_device: bool,
}

impl Dropout {
    /// None where nothing is dropped.
    pub(crate) fn new(share: f64, seed: u64, step: u64, device: &Device) -> Option<Self> {
        let begin = || begin_draws(Random::new("dropout", &[seed, step]).bits(), device);
        (share > 0.0).then(|| Self { share, seed, step, masks: 0, on_device: begin() })
    }

    /// A mask for a tensor.
    pub(crate) fn mask_of<const D: usize>(&mut self, shape: [usize; D], device: &Device) -> Tensor<D> {
        if self.on_device {
            return drawn_mask(shape, self.share, device);
        }
        Tensor::from_data(TensorData::new(self.mask(shape.iter().product()), shape), device)
    }

    /// Both masks of the decoder, of `count` values each.
    pub(crate) fn masks(&mut self, count: usize) -> Masks {
        if self.on_device {
            return Masks::Drawn { share: self.share };
        }
        Masks::Given([0; 2].map(|_| self.mask(count).into()))
    }

    /// A mask of `count` values: 0 where a value is dropped, else 1 / (1 - share), so that means stay.
    fn mask(&mut self, count: usize) -> Vec<f32> {
        let Self { share, seed, step, masks, .. } = *self;
        self.masks += 1;
        let kept = (1.0 / (1.0 - share)) as f32;
        // Four draws of 16 bits from every 64.
        let threshold = (share * 65_536.0).round() as u64;
        let mut mask = vec![0.0; count];
        mask.par_chunks_mut(BLOCK).enumerate().for_each(|(block, values)| {
            let mut random = Random::new("dropout", &[seed, step, masks, block as u64]);
            for values in values.chunks_mut(4) {
                let bits = random.bits();
                for (k, value) in values.iter_mut().enumerate() {
                    *value = if (bits >> (16 * k)) & 0xffff < threshold { 0.0 } else { kept };
                }
            }
        });
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_drop_their_share_and_depend_on_seed_and_step_alone() {
        let mask = |step| Dropout::new(0.2, 7, step, &Device::flex()).unwrap().mask(100_001);
        let found = mask(3);
        assert_eq!((found.len(), &found), (100_001, &mask(3)));
        assert_ne!(found, mask(4));
        let dropped = found.iter().filter(|v| **v == 0.0).count() as f64 / 100_001.0;
        assert!((dropped - 0.2).abs() < 0.005, "{dropped}");
        assert!(found.iter().all(|v| *v == 0.0 || *v == 1.25));
        assert!(Dropout::new(0.0, 7, 3, &Device::flex()).is_none());
    }
}
