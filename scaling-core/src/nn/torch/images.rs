//! Layers of channels-last images. LibTorch's own layers count channels second; seen so, channels-last
//! images have the memory format of that name, in which its kernels work without a copy.

use super::tape::{handle, primitive, recorded};
use super::{differentiable, dims, lowered, plain};
use crate::nn::batch_norm::BatchNormOptions;
use crate::nn::convolution::Placement;
use crate::nn::extension::{Images, Inference, Residual};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::libtorch::TchTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, LibTorch};
use tch::Tensor;

fn channels_second(images: &Tensor) -> Tensor {
    images.permute([0, 3, 1, 2])
}

fn channels_last(images: &Tensor) -> Tensor {
    images.permute([0, 2, 3, 1]).contiguous()
}

/// The images, channels second, ready for windows with the same padding before and after, and that padding.
fn framed(images: &Tensor, padding: [[usize; 2]; 2], filler: f64) -> (Tensor, [i64; 2]) {
    let [[top, bottom], [left, right]] = padding;
    let images = channels_second(images);
    if top == bottom && left == right {
        return (images, [top as i64, left as i64]);
    }
    let frame = [left, right, top, bottom].map(|side| side as i64);
    (images.pad(frame, "constant", filler), [0, 0])
}

fn convolve(inputs: [&Tensor; 2], placement: Placement) -> Tensor {
    let inputs = inputs.map(lowered);
    let [images, weight] = inputs.each_ref();
    let [rows, columns, channels, filters] = dims(weight);
    let [_, height, width, _] = dims(images);
    let padding = placement.padding([height as usize, width as usize], [rows as usize, columns as usize]);
    let is_bare = [rows, columns] == [1, 1] && padding == [[0, 0]; 2];
    if is_bare && images.device() == tch::Device::Cpu {
        // A product. The gradient that oneDNN has of such a weight of few channels is written beyond the end
        // of its array (PyTorch 2.9: seen with 4 channels, one thread, by valgrind).
        let [down, across] = placement.stride.map(|stride| stride as i64);
        let seen = images.slice(1, 0, height, down).slice(2, 0, width, across);
        return seen.matmul(&weight.view([channels, filters]));
    }
    let (images, padding) = framed(images, padding, 0.0);
    let stride = placement.stride.map(|stride| stride as i64);
    let weight = if images.device() == tch::Device::Cpu {
        // Transposed as a matrix, for which there is a fast kernel, it is in the memory format of the images.
        let weight = weight.reshape([-1, filters]).tr().contiguous();
        weight.view([filters, rows, columns, channels]).permute([0, 3, 1, 2])
    } else {
        weight.permute([3, 2, 0, 1])
    };
    channels_last(&images.conv2d(&weight, None::<&Tensor>, stride, padding, [1, 1], 1))
}

/// Addition of the residual and rectifier, in the place of the normalised images.
fn finish(mut images: Tensor, residual: Option<&Tensor>, options: BatchNormOptions) -> Tensor {
    if let Some(residual) = residual {
        images = images.g_add_(&channels_second(residual));
    }
    if options.rectify {
        images = images.relu_();
    }
    channels_last(&images)
}

/// Normalises by the images' own moments, with channels second; the running moments, [C] each, move towards
/// them by the share `newest`.
fn by_own_moments(
    images: &Tensor,
    [scale, shift]: [&Tensor; 2],
    [mean, variance]: [&Tensor; 2],
    newest: f64,
    epsilon: f64,
) -> Tensor {
    let (scale, shift, mean, variance) = (Some(scale), Some(shift), Some(mean), Some(variance));
    channels_second(images).batch_norm(scale, shift, mean, variance, true, newest, epsilon, true)
}

/// Normalises by the images' own moments, [2, C], which are given to `found`.
fn batch_norm(
    [images, scale, shift]: [&Tensor; 3],
    residual: Option<&Tensor>,
    options: BatchNormOptions,
    found: &mut Option<Tensor>,
) -> Tensor {
    let [batch, height, width, _] = dims(images);
    // With all weight on the newest value, running statistics are those of this batch.
    let moments = tch::no_grad(|| Tensor::zeros([2, shift.size()[0]], (shift.kind(), shift.device())));
    let (mean, variance) = (moments.select(0, 0), moments.select(0, 1));
    let y = by_own_moments(images, [scale, shift], [&mean, &variance], 1.0, options.epsilon);
    // PyTorch keeps the unbiased variance.
    let n = (batch * height * width) as f64;
    *found = Some(tch::no_grad(|| Tensor::stack(&[mean, variance * ((n - 1.0) / n)], 0)));
    finish(y, residual, options)
}

/// Training-mode batch normalisation by LibTorch: normalises by the batch's moments and updates the running
/// ones [2, C] in place, of which it keeps the share `keep`. None where libtorch does not record.
pub(crate) fn batch_norm_and_note(
    images: &burn::tensor::Tensor<4>,
    [scale, shift]: [&burn::tensor::Tensor<1>; 2],
    residual: Option<&burn::tensor::Tensor<4>>,
    running: burn::tensor::Tensor<2>,
    keep: f64,
    options: BatchNormOptions,
) -> Option<burn::tensor::Tensor<4>> {
    let images = recorded(images)?;
    let residual = residual.map(|residual| primitive(residual.clone()).tensor);
    let [scale, shift] = [scale, shift].map(|values| primitive(values.clone()).tensor);
    let running = primitive(running).tensor;
    let (mean, variance) = (running.select(0, 0), running.select(0, 1));
    let y = tch::with_grad(|| {
        let y = by_own_moments(&images, [&scale, &shift], [&mean, &variance], 1.0 - keep, options.epsilon);
        finish(y, residual.as_ref(), options)
    });
    Some(handle(y))
}

/// Normalises by given moments, [2, C].
fn normalize(
    [images, moments, scale, shift]: [&Tensor; 4],
    residual: Option<&Tensor>,
    options: BatchNormOptions,
) -> Tensor {
    let moments = moments.unbind(0);
    let (mean, variance) = (Some(&moments[0]), Some(&moments[1]));
    let images = channels_second(images);
    let (scale, shift) = (Some(scale), Some(shift));
    let y = images.batch_norm(scale, shift, mean, variance, false, 0.0, options.epsilon, true);
    finish(y, residual, options)
}

fn max_pool(images: &Tensor, side: usize, placement: Placement) -> Tensor {
    let [_, height, width, _] = dims(images);
    let sides = [height as usize, width as usize];
    let padding = placement.padding(sides, [side; 2]);
    let ceil_mode =
        (0..2).all(|axis| ceil_mode_places_them(sides[axis], side, placement.stride[axis], padding[axis]));
    let window = [side as i64; 2];
    let (images, padding) = if ceil_mode {
        (channels_second(images), [0, 0])
    } else {
        framed(images, padding, f64::NEG_INFINITY)
    };
    let stride = placement.stride.map(|stride| stride as i64);
    channels_last(&images.max_pool2d(window, stride, padding, [1, 1], ceil_mode))
}

/// Whether PyTorch's `ceil_mode` yields the windows of `side` pixels, on an axis of `n`, that this padding
/// yields: none before, and as many windows.
fn ceil_mode_places_them(n: usize, side: usize, stride: usize, [before, after]: [usize; 2]) -> bool {
    before == 0 && stride <= side && side <= n && (n + after - side) / stride == (n - side).div_ceil(stride)
}

/// What a normalisation has found, once it has run.
fn moments(found: Option<Tensor>) -> TchTensor {
    TchTensor::new(found.unwrap_or_else(|| unreachable!("the normalisation has run")))
}

impl Images for LibTorch {
    fn convolve(images: TchTensor, weight: TchTensor, placement: Placement) -> TchTensor {
        plain(&[images, weight], |inputs| convolve(inputs, placement))
    }

    fn batch_norm(
        images: TchTensor,
        scale: TchTensor,
        shift: TchTensor,
        residual: Residual<Self>,
        options: BatchNormOptions,
    ) -> (TchTensor, TchTensor) {
        let (mut found, residual) = (None, residual.tensor());
        let y = plain(&[images, scale, shift], |inputs| {
            batch_norm(inputs, residual.as_ref().map(|residual| &residual.tensor), options, &mut found)
        });
        (y, moments(found))
    }

    fn max_pool(images: TchTensor, side: usize, placement: Placement) -> TchTensor {
        plain(&[images], |[images]| max_pool(images, side, placement))
    }
}

impl Inference for LibTorch {
    fn normalize(
        images: TchTensor,
        moments: TchTensor,
        scale: TchTensor,
        shift: TchTensor,
        residual: Residual<Self>,
        options: BatchNormOptions,
    ) -> TchTensor {
        let residual = residual.tensor();
        plain(&[images, moments, scale, shift], |inputs| {
            normalize(inputs, residual.as_ref().map(|residual| &residual.tensor), options)
        })
    }
}

impl<C: CheckpointStrategy> Images for Autodiff<LibTorch, C> {
    fn convolve(
        images: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        placement: Placement,
    ) -> FloatTensor<Self> {
        differentiable::<C, 2>([images, weight], |inputs| convolve(inputs, placement))
    }

    fn batch_norm(
        images: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        residual: Residual<Self>,
        options: BatchNormOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let mut found = None;
        let y = match residual {
            Residual::Absent => differentiable::<C, 3>([images, scale, shift], |inputs| {
                batch_norm(inputs, None, options, &mut found)
            }),
            Residual::Present(residual) => {
                differentiable::<C, 4>([images, scale, shift, residual], |inputs| {
                    let [images, scale, shift, residual] = inputs;
                    batch_norm([images, scale, shift], Some(residual), options, &mut found)
                })
            }
        };
        (y, Self::from_inner(moments(found)))
    }

    fn max_pool(images: FloatTensor<Self>, side: usize, placement: Placement) -> FloatTensor<Self> {
        differentiable::<C, 1>([images], |[images]| max_pool(images, side, placement))
    }
}
