//! Values on their way to a device.

use burn::backend::LibTorch;
use burn::backend::libtorch::{LibTorchDevice, TchTensor};
use burn::tensor::{Int, Tensor as Burn};
use tch::kind::Element;
use tch::{Device, Tensor};

/// Values of the host on a device. The host does not wait for what the device has still to do: it copies them
/// into memory that the device reads by itself in its turn.
pub(super) fn moved(values: &Tensor, device: Device) -> Tensor {
    if device == Device::Cpu {
        return values.shallow_clone();
    }
    values.internal_pin_memory(device).to_device_(device, values.kind(), true, false)
}

/// Values of a shape on a device of LibTorch, copied once.
pub(crate) fn upload<const D: usize>(values: &[f32], shape: [usize; D], device: LibTorchDevice) -> Burn<D> {
    Burn::from_primitive::<LibTorch>(copied(values, shape, device))
}

/// Integers of a shape on a device of LibTorch, copied once.
pub(crate) fn upload_integers<const D: usize>(
    values: &[i64],
    shape: [usize; D],
    device: LibTorchDevice,
) -> Burn<D, Int> {
    Burn::from_primitive::<LibTorch>(copied(values, shape, device))
}

/// Values of a shape on a device, copied once.
#[allow(unsafe_code)]
fn copied<T: Element, const D: usize>(values: &[T], shape: [usize; D], device: LibTorchDevice) -> TchTensor {
    assert_eq!(values.len(), shape.iter().product::<usize>(), "values of this shape");
    let sizes = shape.map(|side| side as i64);
    let strides: [i64; D] = std::array::from_fn(|k| sizes[k + 1..].iter().product());
    // SAFETY: the memory is that of as many values of this kind as the shape has, and outlives `borrowed`,
    // which is copied and dropped before this function returns.
    let borrowed =
        unsafe { Tensor::from_blob(values.as_ptr().cast(), &sizes, &strides, T::KIND, Device::Cpu) };
    let device = Device::from(device);
    TchTensor::new(if device == Device::Cpu { borrowed.copy() } else { moved(&borrowed, device) })
}
