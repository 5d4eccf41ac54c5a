//! A convolution and its batch normalisation.

use super::architecture;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use scaling_core::neural::{BatchNorm, truncated_normal};
use scaling_core::nn::{BatchNormOptions, Padding, Placement, convolve};

/// Added to variances (MODELS 1.2).
const EPSILON: f64 = 1e-5;

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
    normalization: BatchNorm,
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
        Self {
            weight: truncated_normal(name, seed, deviation(side * side * filters), shape, device),
            normalization: BatchNorm::new(filters, scale, device),
            stride,
            symmetric: padding == Padding::Symmetric,
        }
    }

    pub(super) fn padding(&self) -> Padding {
        if self.symmetric { Padding::Symmetric } else { Padding::TfSame }
    }

    /// Convolves images [N, H, W, C] to [N, H', W', D], normalises, adds the residual, rectifies if wanted.
    /// On a device with autodiff (training) the batch's own moments normalise, and update the running ones;
    /// otherwise the running ones do.
    pub(super) fn forward(&self, images: Tensor<4>, residual: Option<Tensor<4>>, rectify: bool) -> Tensor<4> {
        let placement = Placement { stride: [self.stride; 2], padding: self.padding() };
        let x = convolve(images, self.weight.val(), placement);
        self.normalization.forward(x, residual, BatchNormOptions { epsilon: EPSILON, rectify })
    }
}
