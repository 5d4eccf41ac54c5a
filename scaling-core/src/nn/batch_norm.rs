//! Batch normalisation with what follows it in a residual network.

use super::extension;
use burn::tensor::{Tensor, activation};

/// How images are normalised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormOptions {
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether a rectifier follows.
    pub rectify: bool,
}

/// Normalised images, and by what.
#[derive(Debug, Clone)]
pub struct Normalized {
    /// [N, H, W, C].
    pub y: Tensor<4>,
    /// Mean and (biased) variance per channel, [2, C], without gradient.
    pub moments: Tensor<2>,
}

/// Normalises every channel by its moments over the batch, scales and shifts it, adds the residual where
/// there is one, and rectifies if wanted: `max(0, scale (x - mean) / sqrt(variance + epsilon) + shift +
/// residual)`.
///
/// `images` and `residual` [N, H, W, C], `scale` and `shift` [C].
///
/// # Panics
/// If the shapes do not fit together.
pub fn batch_norm(
    images: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    residual: Option<Tensor<4>>,
    options: BatchNormOptions,
) -> Normalized {
    check(&images, &scale, &shift, residual.as_ref());
    if extension::available(&images.device()) {
        let (y, moments) = extension::batch_norm(images, scale, shift, residual, options);
        Normalized { y, moments }
    } else {
        reference(images, scale, shift, residual, options)
    }
}

/// As [`batch_norm`] by given moments, [2, C], such as running averages.
///
/// # Panics
/// If the shapes do not fit together.
pub fn normalize(
    images: Tensor<4>,
    moments: Tensor<2>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    residual: Option<Tensor<4>>,
    options: BatchNormOptions,
) -> Tensor<4> {
    check(&images, &scale, &shift, residual.as_ref());
    assert_eq!(moments.dims(), [2, scale.dims()[0]], "moments");
    let device = images.device();
    if extension::available(&device) && !device.is_autodiff() {
        extension::normalize(images, moments, scale, shift, residual, options)
    } else {
        apply(images, moments, scale, shift, residual, options)
    }
}

fn check(images: &Tensor<4>, scale: &Tensor<1>, shift: &Tensor<1>, residual: Option<&Tensor<4>>) {
    let [.., channels] = images.dims();
    assert_eq!([scale.dims(), shift.dims()], [[channels]; 2], "scale and shift");
    assert!(residual.is_none_or(|residual| residual.dims() == images.dims()), "the residual");
}

/// Batch normalisation in plain tensor operations.
pub(super) fn reference(
    images: Tensor<4>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    residual: Option<Tensor<4>>,
    options: BatchNormOptions,
) -> Normalized {
    let [batch, height, width, channels] = images.dims();
    let rows = images.clone().reshape([batch * height * width, channels]);
    let mean = rows.clone().mean_dim(0);
    let variance = (rows - mean.clone()).square().mean_dim(0);
    let moments = Tensor::cat(vec![mean, variance], 0);
    let y = apply(images, moments.clone(), scale, shift, residual, options);
    Normalized { y, moments: moments.detach() }
}

fn apply(
    images: Tensor<4>,
    moments: Tensor<2>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    residual: Option<Tensor<4>>,
    options: BatchNormOptions,
) -> Tensor<4> {
    let [.., channels] = images.dims();
    let mean = moments.clone().narrow(0, 0, 1).reshape([1, 1, 1, channels]);
    let variance = moments.narrow(0, 1, 1).reshape([1, 1, 1, channels]);
    let mut y = (images - mean) / variance.add_scalar(options.epsilon).sqrt()
        * scale.reshape([1, 1, 1, channels])
        + shift.reshape([1, 1, 1, channels]);
    if let Some(residual) = residual {
        y = y + residual;
    }
    if options.rectify { activation::relu(y) } else { y }
}
