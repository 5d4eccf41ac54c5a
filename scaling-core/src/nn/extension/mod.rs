//! The fused operations as burn extends its backends with them, and their wrappers for tensors.
//!
//! `flex` implements them for the CPU, `torch` for LibTorch; every other device runs the reference.

#![cfg_attr(feature = "tch", allow(deprecated, reason = "upstream deprecates burn-tch"))]

mod ctc;
mod images;
mod recognition;
mod sequences;

pub(super) use ctc::{Alignment, ctc};
pub(super) use images::{Images, Inference, Residual, batch_norm, convolve, max_pool, normalize};
pub(super) use recognition::{HybridTensors, Recognition, bidirectional_lstm, hybrid_attention};
pub(super) use sequences::{DecoderTensors, Sequences, attention_decoder, lstm, rhn, softmax_cross_entropy};

use burn::backend::DispatchDevice;
use burn::tensor::Device;
use std::sync::OnceLock;

/// Whether `SCALING_KERNELS=reference` turns the fused operations off, to compare a training run with
/// the plain tensor operations.
pub fn reference_wanted() -> bool {
    static REFERENCE: OnceLock<bool> = OnceLock::new();
    *REFERENCE.get_or_init(|| std::env::var("SCALING_KERNELS").is_ok_and(|v| v == "reference"))
}

/// Whether the fused operations serve this device.
pub(super) fn available(device: &Device) -> bool {
    let served = match device.clone().inner().as_dispatch() {
        DispatchDevice::Flex(_) => true,
        #[cfg(feature = "tch")]
        DispatchDevice::LibTorch(_) => true,
        #[allow(unreachable_patterns, reason = "which devices there are depends on the features")]
        _ => false,
    };
    served && !reference_wanted()
}

/// Whether the kernels may work on the memory of this device's tensors.
pub(crate) fn host_kernels(device: &Device) -> bool {
    let flex = matches!(device.clone().inner().as_dispatch(), DispatchDevice::Flex(_));
    flex && !reference_wanted()
}
