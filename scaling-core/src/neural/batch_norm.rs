//! Batch normalisation with running moments.

#[cfg(feature = "tch")]
use crate::nn::batch_norm_and_note;
use crate::nn::{BatchNormOptions, batch_norm, detach, is_training, normalize};
use burn::module::{Module, Param, RunningState};
use burn::tensor::{Device, Tensor};

/// What the running moments keep of themselves at every update.
const DECAY: f64 = 0.9;

/// Scale, shift and running moments of C channels.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// [C].
    pub scale: Param<Tensor<1>>,
    /// [C].
    pub shift: Param<Tensor<1>>,
    /// Running mean and variance, [2, C].
    moments: RunningState<Tensor<2>>,
}

impl BatchNorm {
    /// With a scale that is everywhere the same, no shift, and the moments of a standard normal.
    pub fn new(channels: usize, scale: f64, device: &Device) -> Self {
        let moments =
            Tensor::cat(vec![Tensor::zeros([1, channels], device), Tensor::ones([1, channels], device)], 0);
        Self {
            scale: Param::from_tensor(Tensor::full([channels], scale, device)),
            shift: Param::from_tensor(Tensor::zeros([channels], device)),
            moments: RunningState::new(moments),
        }
    }

    /// Normalises images [N, H, W, C], adds the residual, rectifies if wanted. On a device with autodiff
    /// (training) by the batch's own moments, which update the running ones; otherwise by the running ones.
    pub fn forward(
        &self,
        images: Tensor<4>,
        residual: Option<Tensor<4>>,
        options: BatchNormOptions,
    ) -> Tensor<4> {
        let (scale, shift) = (self.scale.val(), self.shift.val());
        if !is_training(&images) {
            return normalize(images, self.moments(), scale, shift, residual, options);
        }
        #[cfg(feature = "tch")]
        {
            let (running, given) = (self.moments.value_sync(), [&scale, &shift]);
            let y = batch_norm_and_note(&images, given, residual.as_ref(), running, DECAY, options);
            if let Some(y) = y {
                return y;
            }
        }
        let [n, height, width, _] = images.dims();
        let out = batch_norm(images, scale, shift, residual, options);
        self.note(out.moments, (n * height * width) as f64);
        out.y
    }

    /// The running mean and variance, [2, C].
    pub fn moments(&self) -> Tensor<2> {
        self.moments.value()
    }

    /// Updates the running moments with batch moments [2, C] (biased variance) over `rows` rows.
    pub fn note(&self, found: Tensor<2>, rows: f64) {
        // TensorFlow and PyTorch keep the unbiased variance.
        let unbiased = rows / (rows - 1.0).max(1.0);
        let found = detach(found).inner();
        let mean = found.clone().narrow(0, 0, 1);
        let variance = found.narrow(0, 1, 1).mul_scalar(unbiased);
        let found = Tensor::cat(vec![mean, variance], 0).mul_scalar(1.0 - DECAY);
        let running = self.moments.value_sync().inner().mul_scalar(DECAY) + found;
        let device = self.moments.value().device();
        self.moments.update(if device.is_autodiff() { Tensor::from_inner(running) } else { running });
        // Folded in at once: a checkpoint reads what is there.
        let _ = self.moments.value_sync();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neural::values;

    const OPTIONS: BatchNormOptions = BatchNormOptions { epsilon: 1e-5, rectify: false };

    /// What the running moments have taken of the batch's after each update.
    const SHARES: [f32; 3] = [0.1, 0.19, 0.271];

    /// MODELS 7.2: x = fill((4, 2), 1).
    fn images(device: &Device) -> Tensor<4> {
        let values: Vec<f32> = (0..8).map(|i| ((7 * i + 1) % 11 - 5) as f32 / 10.0).collect();
        Tensor::<1>::from_floats(values.as_slice(), device).reshape([4, 1, 1, 2])
    }

    /// Asserts that the moments are a share of the way from those of a standard normal to the
    /// specification's, whose variance is unbiased.
    fn assert_at(norm: &BatchNorm, share: f32) {
        let found = values(norm.moments());
        let begin = [0.0, 0.0, 1.0, 1.0];
        for ((found, begin), end) in found.iter().zip(begin).zip([0.05, -0.075, 0.15, 0.1225]) {
            let want = begin + share * (end - begin);
            assert!((found - want).abs() < 1e-6, "{found} for {want}");
        }
    }

    #[test]
    fn running_moments_meet_the_specification() {
        let device = Device::flex().autodiff();
        let norm = BatchNorm::new(2, 1.0, &device);
        for share in SHARES {
            let _ = norm.forward(images(&device), None, OPTIONS);
            assert_at(&norm, share);
        }
    }

    #[cfg(feature = "tch")]
    #[allow(deprecated, reason = "upstream deprecates burn-tch")]
    #[test]
    fn torch_running_moments_meet_the_specification() {
        let device = Device::libtorch();
        let norm = BatchNorm::new(2, 1.0, &device.clone().autodiff());
        let (tape, norm) = crate::nn::Tape::new(norm);
        let tape = tape.expect("LibTorch records");
        for share in SHARES {
            let _leaves = tape.begin(&norm);
            // The images of a network in training are recorded, as these are by what adds nothing to them.
            let recorded = images(&device) + norm.shift.val().reshape([1, 1, 1, 2]);
            let _ = norm.forward(recorded, None, OPTIONS);
            assert_at(&norm, share);
        }
    }
}
