//! The precision of products on devices that have fast half-precision units.

use std::sync::atomic::{AtomicBool, Ordering};

/// What the factors of products are rounded to. Parameters, their updates, and whatever is summed over many values
/// (norms, moments, softmax) are of single precision in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// 32 bits, or what a library makes of them: cuDNN rounds the factors to TF32.
    #[default]
    F32,
    /// bfloat16: 8 bits of mantissa, the range of 32 bits, so that no loss needs scaling.
    Bf16,
}

impl Precision {
    /// What [`Precision::parse`] knows.
    pub const NAMES: &[&str] = &["f32", "bf16"];

    /// By its name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "f32" => Some(Self::F32),
            "bf16" => Some(Self::Bf16),
            _ => None,
        }
    }
}

static BF16: AtomicBool = AtomicBool::new(false);

/// Has all products of this process, from here on, made in a precision.
pub(crate) fn set_precision(precision: Precision) {
    BF16.store(precision == Precision::Bf16, Ordering::Relaxed);
}

/// The precision of products in this process.
#[cfg_attr(not(feature = "tch"), allow(dead_code, reason = "only LibTorch has one to choose"))]
pub(crate) fn precision() -> Precision {
    if BF16.load(Ordering::Relaxed) { Precision::Bf16 } else { Precision::F32 }
}
