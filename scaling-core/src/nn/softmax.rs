//! Output layer, softmax and cross-entropy as one operation.

use super::fused;
use burn::tensor::{Int, Tensor, activation};

/// The loss -ln p(target) of every position, in nats: [N].
///
/// `hidden` [N, H], `weight` [H, V], `bias` [V], `targets` [N] with values below V. Positions that
/// do not count are masked by the caller: multiply the result by 0 there, and no gradient flows.
///
/// # Panics
/// If the shapes do not fit together.
pub fn softmax_cross_entropy(
    hidden: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    targets: Tensor<1, Int>,
) -> Tensor<1> {
    let ([rows, width], [_, symbols]) = (hidden.dims(), weight.dims());
    assert_eq!(weight.dims(), [width, symbols], "output weight");
    assert_eq!(bias.dims(), [symbols], "output bias");
    assert_eq!(targets.dims(), [rows], "targets");
    if fused::available(&hidden.device()) {
        fused::softmax_cross_entropy(hidden, weight, bias, targets)
    } else {
        reference(hidden, weight, bias, targets)
    }
}

/// The loss in plain tensor operations, with all N x V logits at once.
pub(super) fn reference(
    hidden: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    targets: Tensor<1, Int>,
) -> Tensor<1> {
    let [rows] = targets.dims();
    let logits = hidden.matmul(weight) + bias.unsqueeze();
    activation::log_softmax(logits, 1).gather(1, targets.reshape([rows, 1])).reshape([rows]).neg()
}
