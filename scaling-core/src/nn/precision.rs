//! The precision of products in this process.

use crate::precision::Precision;
use std::sync::atomic::{AtomicBool, Ordering};

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
