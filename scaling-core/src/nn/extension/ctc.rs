//! Connectionist temporal classification.

use crate::nn::targets::CtcTargets;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;

/// Loss of every row, and the weighted sum of the losses, [B + 1].
pub(crate) fn ctc(logits: Tensor<3>, weights: Tensor<1>, targets: CtcTargets, blank: usize) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as Alignment>::ctc(
        logits.into_dispatch(),
        weights.into_dispatch(),
        targets,
        blank,
    ))
}

/// The operation that a backend may have fused.
#[backend_extension(Flex, LibTorch: cfg(feature = "tch"), Autodiff)]
pub(crate) trait Alignment: Backend {
    /// [B + 1]: the loss of every row, and the sum of the finite ones weighted by `weights` [B], which alone
    /// is differentiable, and not by the weights.
    fn ctc(
        logits: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        targets: CtcTargets,
        blank: usize,
    ) -> FloatTensor<Self>;
}
