//! Convolution of channels-last images.

use super::extension;
use burn::tensor::Tensor;
use burn::tensor::module::conv2d;
use burn::tensor::ops::{ConvOptions, PadMode};

/// How many zeros are around an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// TensorFlow's SAME: ceil(n / stride) windows; if the number of zeros is odd, the extra one goes at the
    /// end.
    TfSame,
    /// Half the window on every side, as PyTorch's models have it.
    Symmetric,
    /// Explicit: [[before, after] of the rows, [before, after] of the columns].
    Around([[usize; 2]; 2]),
}

/// Where windows are placed on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// What is around the image.
    pub padding: Padding,
}

impl Placement {
    /// Pixels added before and after, of rows and of columns.
    pub(super) fn padding(self, image: [usize; 2], window: [usize; 2]) -> [[usize; 2]; 2] {
        [0, 1].map(|axis| match self.padding {
            Padding::TfSame => {
                let windows = image[axis].div_ceil(self.stride[axis]);
                let total = ((windows - 1) * self.stride[axis] + window[axis]).saturating_sub(image[axis]);
                [total / 2, total - total / 2]
            }
            Padding::Symmetric => [window[axis] / 2; 2],
            Padding::Around(zeros) => zeros[axis],
        })
    }
}

/// Slides windows over images: `images` [N, H, W, C], `weight` [KH, KW, C, D], result [N, H', W', D]. It is a
/// cross-correlation, without bias.
///
/// # Panics
/// If the shapes do not fit together or are empty.
pub fn convolve(images: Tensor<4>, weight: Tensor<4>, placement: Placement) -> Tensor<4> {
    let ([batch, height, width, channels], [rows, columns, depth, filters]) = (images.dims(), weight.dims());
    assert_eq!(channels, depth, "channels of images and weight");
    assert!([batch, height, width, rows, columns, depth, filters].iter().all(|n| *n > 0), "an empty array");
    assert!(placement.stride.iter().all(|stride| *stride > 0), "a stride of zero");
    if extension::available(&images.device()) {
        extension::convolve(images, weight, placement)
    } else {
        reference(images, weight, placement)
    }
}

/// The images, channels second, with `filler` around them.
pub(super) fn framed(images: Tensor<4>, window: [usize; 2], placement: Placement, filler: f32) -> Tensor<4> {
    let [_, height, width, _] = images.dims();
    let [[top, bottom], [left, right]] = placement.padding([height, width], window);
    images.permute([0, 3, 1, 2]).pad((left, right, top, bottom), PadMode::Constant(filler))
}

/// Convolution by the framework.
pub(super) fn reference(images: Tensor<4>, weight: Tensor<4>, placement: Placement) -> Tensor<4> {
    let [rows, columns, ..] = weight.dims();
    let images = framed(images, [rows, columns], placement, 0.0);
    let options = ConvOptions::new(placement.stride, [0, 0], [1, 1], 1);
    conv2d(images, weight.permute([3, 2, 0, 1]), None, options).permute([0, 2, 3, 1])
}
