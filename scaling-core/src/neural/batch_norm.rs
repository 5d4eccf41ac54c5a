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
