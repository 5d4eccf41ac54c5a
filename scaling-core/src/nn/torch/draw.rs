//! Random numbers made on the device that needs them.

use super::tape::handle;
use burn::backend::DispatchDevice;
use burn::tensor::{Device, Tensor as Burn};
use tch::{Device as Torch, Kind, Tensor};

/// The device if it is a GPU, where drawing masks is faster than uploading them.
fn gpu(device: &Device) -> Option<Torch> {
    match device.clone().inner().as_dispatch() {
        DispatchDevice::LibTorch(inner) => Some(Torch::from(*inner)).filter(|device| *device != Torch::Cpu),
        _ => None,
    }
}

/// Begins a sequence of draws, which is a pure function of the seed on GPUs of one kind. False elsewhere than
/// on a GPU.
pub(crate) fn begin_draws(seed: u64, device: &Device) -> bool {
    let found = gpu(device).is_some();
    if found {
        tch::manual_seed(seed as i64);
    }
    found
}

/// A dropout mask: 0 for a share of values, else 1 / (1 - share).
pub(super) fn draw(shape: &[i64], share: f64, device: Torch) -> Tensor {
    tch::no_grad(|| Tensor::empty(shape, (Kind::Float, device)).bernoulli_float_(1.0 - share) / (1.0 - share))
}

/// The next draw, as a dropout mask of a shape.
pub(crate) fn drawn_mask<const D: usize>(shape: [usize; D], share: f64, device: &Device) -> Burn<D> {
    let Some(device) = gpu(device) else { unreachable!("draws have begun, so there is a GPU") };
    handle(draw(&shape.map(|side| side as i64), share, device))
}
