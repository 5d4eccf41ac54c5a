//! Seeded dropout masks.

use scaling_core::random::Random;

/// The masks of one update: the k-th mask is a pure function of (seed, step, k).
pub(crate) struct Dropout {
    /// Share of values that are dropped.
    share: f64,
    random: Random,
}

impl Dropout {
    /// None where nothing is dropped.
    pub(crate) fn new(share: f64, seed: u64, step: u64) -> Option<Self> {
        (share > 0.0).then(|| Self { share, random: Random::new("dropout", &[seed, step]) })
    }

    /// A mask of `count` values: 0 where a value is dropped, else 1 / (1 - share), so that means stay.
    pub(crate) fn mask(&mut self, count: usize) -> Vec<f32> {
        let kept = (1.0 / (1.0 - self.share)) as f32;
        // Two draws of 32 bits from every 64.
        let threshold = (self.share * f64::from(u32::MAX)) as u32;
        let mut mask = Vec::with_capacity(count + 1);
        while mask.len() < count {
            let bits = self.random.bits();
            for draw in [bits as u32, (bits >> 32) as u32] {
                mask.push(if draw < threshold { 0.0 } else { kept });
            }
        }
        mask.truncate(count);
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_drop_their_share_and_depend_on_seed_and_step_alone() {
        let mask = |step| Dropout::new(0.2, 7, step).unwrap().mask(100_001);
        let found = mask(3);
        assert_eq!((found.len(), &found), (100_001, &mask(3)));
        assert_ne!(found, mask(4));
        let dropped = found.iter().filter(|v| **v == 0.0).count() as f64 / 100_001.0;
        assert!((dropped - 0.2).abs() < 0.005, "{dropped}");
        assert!(found.iter().all(|v| *v == 0.0 || *v == 1.25));
        assert!(Dropout::new(0.0, 7, 3).is_none());
    }
}
