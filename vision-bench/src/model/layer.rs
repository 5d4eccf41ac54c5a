//! A convolution and its batch normalisation.

use super::architecture;
use burn::module::{Module, Param, RunningState};
use burn::tensor::{Device, Tensor};
use scaling_core::neural::truncated_normal;
use scaling_core::nn::{BatchNormOptions, Padding, Placement, batch_norm, convolve, normalize};

/// Added to variances (MODELS 1.2).
const EPSILON: f64 = 1e-5;
/// What the running statistics keep of themselves at every update.
const DECAY: f64 = 0.9;

/// The standard deviation, before truncation, of the weights of a layer with so many inputs (or outputs,
/// for convolutions); 1.3 makes up for the truncation.
pub(super) fn deviation(fan: usize) -> f64 {
    (1.3 * 2.0 / fan as f64).sqrt()
}

/// A convolution without bias, and its batch normalisation.
#[derive(Module, Debug)]
pub(super) struct Layer {
    /// [KH, KW, C, D].
    weight: Param<Tensor<4>>,
    /// [D].
    scale: Param<Tensor<1>>,
    /// [D].
    shift: Param<Tensor<1>>,
    /// Running mean and variance, [2, D].
    moments: RunningState<Tensor<2>>,
    stride: usize,
    symmetric: bool,
}

impl Layer {
    pub(super) fn new(
        name: &str,
        plan: architecture::Layer,
        padding: Padding,
        scale: f64,
        seed: u64,
        device: &Device,
    ) -> Self {
        let architecture::Layer { side, channels, filters, stride } = plan;
        let shape = [side, side, channels, filters];
        let moments =
            Tensor::cat(vec![Tensor::zeros([1, filters], device), Tensor::ones([1, filters], device)], 0);
        Self {
            weight: truncated_normal(name, seed, deviation(side * side * filters), shape, device),
            scale: Param::from_tensor(Tensor::full([filters], scale, device)),
            shift: Param::from_tensor(Tensor::zeros([filters], device)),
            moments: RunningState::new(moments),
            stride,
            symmetric: padding == Padding::Symmetric,
        }
    }

    pub(super) fn padding(&self) -> Padding {
        if self.symmetric { Padding::Symmetric } else { Padding::TfSame }
    }

    /// Images [N, H, W, C] become [N, H', W', D], the residual added, rectified if wanted. On a device with
    /// autodiff they are normalised by their own moments, which the running ones take note of; elsewhere by
    /// the running ones.
    pub(super) fn forward(&self, images: Tensor<4>, residual: Option<Tensor<4>>, rectify: bool) -> Tensor<4> {
        let placement = Placement { stride: [self.stride; 2], padding: self.padding() };
        let x = convolve(images, self.weight.val(), placement);
        let (scale, shift) = (self.scale.val(), self.shift.val());
        let options = BatchNormOptions { epsilon: EPSILON, rectify };
        if !x.device().is_autodiff() {
            return normalize(x, self.moments.value(), scale, shift, residual, options);
        }
        let [n, height, width, _] = x.dims();
        let out = batch_norm(x, scale, shift, residual, options);
        // TensorFlow and PyTorch keep the unbiased variance.
        let rows = (n * height * width) as f64;
        let unbiased = rows / (rows - 1.0).max(1.0);
        let found = out.moments.inner();
        let mean = found.clone().narrow(0, 0, 1);
        let variance = found.narrow(0, 1, 1).mul_scalar(unbiased);
        let found = Tensor::cat(vec![mean, variance], 0).mul_scalar(1.0 - DECAY);
        let running = self.moments.value_sync().inner().mul_scalar(DECAY) + found;
        self.moments.update(Tensor::from_inner(running));
        // Folded in at once: a checkpoint reads what is there.
        let _ = self.moments.value_sync();
        out.y
    }
}
