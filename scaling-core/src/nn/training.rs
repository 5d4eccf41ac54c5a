//! What training asks of a device besides layers, whichever device it is.

#[cfg(feature = "tch")]
use super::torch;
#[cfg(feature = "tch")]
use burn::backend::DispatchDevice;
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::borrow::Cow;

/// The same values, through which nothing is differentiated, on whatever device: what is carried to the next
/// step.
pub fn detach<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "tch")]
    return torch::detach(tensor);
    #[cfg(not(feature = "tch"))]
    tensor.detach()
}

/// Values of a shape on a device.
///
/// # Panics
/// If there are not as many as the shape has.
pub fn upload<'a, const D: usize>(
    values: impl Into<Cow<'a, [f32]>>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D> {
    let values = values.into();
    #[cfg(feature = "tch")]
    if let DispatchDevice::LibTorch(inner) = device.clone().inner().as_dispatch() {
        let uploaded = torch::upload(&values, shape, *inner);
        return if device.is_autodiff() { Tensor::from_inner(uploaded) } else { uploaded };
    }
    Tensor::from_data(TensorData::new(values.into_owned(), shape), device)
}

/// Integers of a shape on a device.
///
/// # Panics
/// If there are not as many as the shape has.
pub fn upload_integers<'a, const D: usize>(
    values: impl Into<Cow<'a, [i64]>>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D, Int> {
    let values = values.into();
    #[cfg(feature = "tch")]
    if let DispatchDevice::LibTorch(inner) = device.clone().inner().as_dispatch() {
        let uploaded = torch::upload_integers(&values, shape, *inner);
        return if device.is_autodiff() { Tensor::from_inner(uploaded) } else { uploaded };
    }
    Tensor::from_data(TensorData::new(values.into_owned(), shape), device)
}

/// The device of the samples that a model is trained with, given where it is: with burn's autodiff, unless
/// LibTorch differentiates by itself.
pub fn training_device(device: &Device) -> Device {
    #[cfg(feature = "tch")]
    if torch::serves(device) {
        return device.clone().inner();
    }
    device.clone().autodiff()
}

/// Whether what is computed from a tensor will be differentiated: a model in training, not in evaluation.
pub fn is_training<const D: usize>(tensor: &Tensor<D>) -> bool {
    #[cfg(feature = "tch")]
    if torch::is_recorded(tensor) {
        return true;
    }
    tensor.device().is_autodiff()
}

/// Begins a sequence of draws on a device that makes its own, a pure function of the seed; false if this one
/// does not, and is to be given what was drawn.
pub fn begin_draws(seed: u64, device: &Device) -> bool {
    #[cfg(feature = "tch")]
    return torch::begin_draws(seed, device);
    #[cfg(not(feature = "tch"))]
    {
        let _ = (seed, device);
        false
    }
}

/// The next draw: a mask of 0 for a share of its values, else 1 / (1 - share).
///
/// # Panics
/// Unless [`begin_draws`] was true for the device.
pub fn drawn_mask<const D: usize>(shape: [usize; D], share: f64, device: &Device) -> Tensor<D> {
    #[cfg(feature = "tch")]
    return torch::drawn_mask(shape, share, device);
    #[cfg(not(feature = "tch"))]
    unreachable!("no draws of {shape:?} with {share} on {device:?}")
}

/// A piece of a tensor along a dimension. Where LibTorch records, that is one operation; burn's is one for
/// each dimension, and every one costs a copy of the whole backwards.
pub(super) fn narrow<const D: usize>(
    tensor: Tensor<D>,
    dim: usize,
    start: usize,
    length: usize,
) -> Tensor<D> {
    #[cfg(feature = "tch")]
    if let Some(piece) = torch::narrow(&tensor, dim, start, length) {
        return piece;
    }
    tensor.narrow(dim, start, length)
}

/// Runs what no gradient is asked of.
pub(crate) fn unrecorded<T>(compute: impl FnOnce() -> T) -> T {
    #[cfg(feature = "tch")]
    return tch::no_grad(compute);
    #[cfg(not(feature = "tch"))]
    compute()
}
