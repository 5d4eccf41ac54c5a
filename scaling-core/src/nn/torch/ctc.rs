//! Connectionist temporal classification.

use super::tape::{handle, primitive, recorded, seen};
use super::upload::moved;
use super::{differentiable, plain};
use crate::nn::ctc::Ctc;
use crate::nn::extension::Alignment;
use crate::nn::targets::CtcTargets;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::libtorch::TchTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, LibTorch};
use burn::tensor::Tensor as Burn;
use tch::Tensor;

impl Alignment for LibTorch {
    fn ctc(logits: TchTensor, weights: TchTensor, targets: CtcTargets, blank: usize) -> TchTensor {
        plain(&[logits], |[logits]| packed(logits, &weights.tensor, &targets, blank))
    }
}

impl<C: CheckpointStrategy> Alignment for Autodiff<LibTorch, C> {
    fn ctc(
        logits: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        targets: CtcTargets,
        blank: usize,
    ) -> FloatTensor<Self> {
        // The graph keeps them as well; a copy, since burn may write into its own.
        let weights = weights.primitive().tensor.copy();
        differentiable::<C, 1>([logits], |[logits]| packed(logits, &weights, &targets, blank))
    }
}

/// The losses of all rows, and the weighted total of the finite ones, which alone is differentiable, [B + 1],
/// of logits [T, B, V] and weights [B].
fn packed(logits: &Tensor, weights: &Tensor, targets: &CtcTargets, blank: usize) -> Tensor {
    let [losses, total] = ctc(logits, weights, targets, blank);
    Tensor::cat(&[losses.detach(), total.unsqueeze(0)], 0)
}

/// As [`crate::nn::ctc`], without packing what was found. None where libtorch does not record.
pub(crate) fn recorded_ctc(
    logits: &Burn<3>,
    targets: &CtcTargets,
    blank: usize,
    weights: &Burn<1>,
) -> Option<Ctc> {
    let (logits, weights) = (recorded(logits)?, primitive(weights.clone()).tensor);
    let [losses, total] = tch::with_grad(|| ctc(&logits, &weights, targets, blank));
    Some(Ctc { total: handle(total.unsqueeze(0)), losses: seen(&losses) })
}

/// The losses of all rows, [B], and the weighted total of the finite ones, [].
///
/// `at::_ctc_loss` rather than `at::ctc_loss`: both leave impossible rows without gradient, but this one lets
/// the infinite losses be seen, and never calls cuDNN, which takes no more than 256 symbols and no blank but
/// 0.
fn ctc(logits: &Tensor, weights: &Tensor, targets: &CtcTargets, blank: usize) -> [Tensor; 2] {
    let integers =
        |values: &mut dyn Iterator<Item = usize>| values.map(|value| value as i64).collect::<Vec<_>>();
    let symbols = integers(&mut targets.symbols.iter().flatten().map(|symbol| usize::from(*symbol)));
    let symbols = moved(&Tensor::from_slice(&symbols), logits.device());
    let counts = integers(&mut targets.symbols.iter().map(Vec::len));
    let lengths = integers(&mut targets.lengths.iter().copied());
    let shares = logits.log_softmax(2, logits.kind());
    let (losses, _) = Tensor::internal_ctc_loss(&shares, &symbols, lengths, counts, blank as i64, true);
    // Infinite are the rows that are too short, which the host knows without starting an operation.
    let is_short = |(symbols, length): (&Vec<u16>, &usize)| CtcTargets::fewest_steps(symbols) > *length;
    let total = if targets.symbols.iter().zip(targets.lengths.iter()).any(is_short) {
        losses.masked_fill(&tch::no_grad(|| losses.isinf()), 0.0).dot(weights)
    } else {
        losses.dot(weights)
    };
    [losses, total]
}
