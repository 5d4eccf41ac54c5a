//! Values on their way to a device.

use burn::backend::LibTorch;
use burn::backend::libtorch::{LibTorchDevice, TchTensor};
use burn::tensor::Tensor as Burn;
use tch::{Device, Kind, Tensor};

/// Values of a shape on a device of LibTorch, copied once.
#[allow(unsafe_code)]
pub(crate) fn upload<const D: usize>(values: &[f32], shape: [usize; D], device: LibTorchDevice) -> Burn<D> {
    assert_eq!(values.len(), shape.iter().product::<usize>(), "values of this shape");
    let sizes = shape.map(|side| side as i64);
    let strides: [i64; D] = std::array::from_fn(|k| sizes[k + 1..].iter().product());
    // SAFETY: the memory is that of as many float32 values as the shape has, and outlives `borrowed`, which is
    // copied and dropped before this function returns.
    let borrowed =
        unsafe { Tensor::from_blob(values.as_ptr().cast(), &sizes, &strides, Kind::Float, Device::Cpu) };
    let device = Device::from(device);
    let copied = if device == Device::Cpu { borrowed.copy() } else { borrowed.to_device(device) };
    Burn::from_primitive::<LibTorch>(TchTensor::new(copied))
}
