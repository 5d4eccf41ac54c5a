//! The precision of products on devices that have fast half-precision units.

/// What the inputs of products, convolutions, highway layers and decoders are rounded to. Parameters, their
/// updates, norms, moments and the softmax of the output are of single precision in any case, that of attention
/// is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// 32 bits, or what a library makes of them: cuDNN rounds the factors to TF32.
    F32,
    /// bfloat16: 8 bits of mantissa, the range of 32 bits, so that no loss needs scaling.
    Bf16,
}

impl Precision {
    /// What [`Precision::parse`] knows.
    pub(crate) const NAMES: &[&str] = &["f32", "bf16"];

    /// By its name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "f32" => Some(Self::F32),
            "bf16" => Some(Self::Bf16),
            _ => None,
        }
    }
}
