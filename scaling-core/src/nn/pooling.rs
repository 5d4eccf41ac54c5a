//! Maxima of windows of channels-last images.

use super::convolution::{Placement, framed};
use super::extension;
use burn::tensor::Tensor;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;

/// The largest values of windows of `side` by `side` pixels: `images` [N, H, W, C], result [N, H', W', C].
/// Padding counts as minus infinity.
///
/// # Panics
/// If an array is empty.
pub fn max_pool(images: Tensor<4>, side: usize, placement: Placement) -> Tensor<4> {
    assert!(images.dims().iter().all(|n| *n > 0) && side > 0, "an empty array");
    if extension::available(&images.device()) {
        extension::max_pool(images, side, placement)
    } else {
        reference(images, side, placement)
    }
}

/// Pooling by the framework.
pub(super) fn reference(images: Tensor<4>, side: usize, placement: Placement) -> Tensor<4> {
    let options = MaxPoolOptions {
        kernel_size: [side; 2],
        stride: placement.stride,
        padding: [(0, 0); 2],
        dilation: [1; 2],
        ceil_mode: false,
    };
    let framed = framed(images, [side; 2], placement, f32::NEG_INFINITY);
    max_pool2d(framed, options).permute([0, 2, 3, 1])
}
