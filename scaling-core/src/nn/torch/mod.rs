//! The fused operations on LibTorch: its kernels (oneDNN on the CPU, cuDNN on NVIDIA) forward, and its
//! own automatic differentiation backward.
//!
//! tch binds the forward pass of `at::lstm` or a convolution, but none of the backward passes behind them;
//! they are only reached through libtorch's autograd. A training step is recorded by libtorch as a whole
//! ([`Tape`]). Where burn differentiates, a node of burn's graph holds a piece of libtorch's graph, from
//! detached leaves to the output, and its backward pass runs libtorch's.

#![allow(deprecated, reason = "upstream deprecates burn-tch; no other backend of burn has oneDNN or cuDNN")]

mod cell;
mod ctc;
mod draw;
mod flat;
mod highway;
mod images;
mod layer;
mod lstm;
mod ragged;
mod recognition;
mod sequences;
mod tape;
#[cfg(test)]
mod tests;
mod upload;

pub(crate) use ctc::recorded_ctc;
pub(crate) use draw::{begin_draws, drawn_mask};
pub(crate) use flat::Flat;
pub(crate) use images::batch_norm_and_note;
pub(crate) use lstm::{stacked, stacked_in_both_directions};
pub(crate) use sequences::recorded_cross_entropy;
pub(crate) use tape::{Gradient, Tape, detach, is_recorded, narrow};
pub(crate) use upload::{upload, upload_integers};

use super::precision::precision;
use crate::precision::Precision;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::libtorch::{Storage, TchTensor};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, DispatchDevice, LibTorch};
use burn::tensor::Device;
use tch::{Kind, Tensor};

/// A tensor of burn's autodiff graph, the same type for every checkpointing strategy.
type Tracked = FloatTensor<Autodiff<LibTorch>>;

/// A piece of libtorch's graph, kept from the forward to the backward pass.
///
/// It shares memory with the inputs and the output of the node. burn writes into a tensor in place if
/// it holds the only handle of the storage, so the handles are kept as well.
#[derive(Debug, Clone)]
struct Graph<const N: usize> {
    leaves: [TchTensor; N],
    output: TchTensor,
}

/// The same memory as `of`, under its storage handle.
fn alias(tensor: Tensor, of: &TchTensor) -> TchTensor {
    TchTensor { tensor, storage: of.storage.clone() }
}

/// Whether libtorch's kernels serve this device.
pub(crate) fn serves(device: &Device) -> bool {
    let torch = matches!(device.clone().inner().as_dispatch(), DispatchDevice::LibTorch(_));
    torch && !super::reference_wanted()
}

/// Where libtorch's graph begins: it differentiates by the inputs by which burn does.
fn leaf(input: &Tracked) -> TchTensor {
    let primitive = input.primitive();
    alias(primitive.tensor.detach().set_requires_grad(input.is_tracked()), primitive)
}

fn tensors<const N: usize>(tensors: &[TchTensor; N]) -> [&Tensor; N] {
    tensors.each_ref().map(|t| &t.tensor)
}

/// Runs an operation without burn's graph; libtorch may record. Its output must be memory of its own.
fn plain<const N: usize>(inputs: &[TchTensor; N], compute: impl FnOnce([&Tensor; N]) -> Tensor) -> TchTensor {
    fresh(compute(tensors(inputs)))
}

/// A tensor with memory of its own; see [`kept`].
fn fresh(tensor: Tensor) -> TchTensor {
    if tensor.requires_grad() { kept(TchTensor::new(tensor)) } else { TchTensor::new(tensor) }
}

/// What libtorch has recorded, which burn must not write into: it may be needed backwards, and writing into a
/// view, such as channels-last images, is recorded as copies of the whole.
fn kept(mut tensor: TchTensor) -> TchTensor {
    // burn writes where there is a single owner.
    let buffer = tensor.storage.buffer_ref().clone();
    tensor.storage = Storage::View { buffer_ref: buffer.clone(), view_ref: buffer };
    tensor
}

/// Runs an operation as one node of burn's graph. Its output must be memory of its own.
fn differentiable<C: CheckpointStrategy, const N: usize>(
    inputs: [Tracked; N],
    compute: impl FnOnce([&Tensor; N]) -> Tensor,
) -> Tracked {
    let nodes = inputs.each_ref().map(Tracked::node);
    match LibtorchBackward.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(node) => {
            let leaves = inputs.each_ref().map(leaf);
            let output = TchTensor::new(tch::with_grad(|| compute(tensors(&leaves))));
            let detached = alias(output.tensor.detach(), &output);
            node.finish(Graph { leaves, output }, detached)
        }
        OpsKind::UnTracked(node) => {
            let inputs = inputs.map(Tracked::into_primitive);
            node.finish(tch::no_grad(|| plain(&inputs, compute)))
        }
    }
}

#[derive(Debug)]
struct LibtorchBackward;

impl<const N: usize> Backward<LibTorch, N> for LibtorchBackward {
    type State = Graph<N>;

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let upstream = gradients.consume::<LibTorch>(&ops.node).tensor;
        let Graph { leaves, output } = ops.state;
        // tch differentiates scalars only; the gradient of this one by the output is `upstream`.
        let scalar = tch::with_grad(|| output.tensor.flatten(0, -1).dot(&upstream.flatten(0, -1)));
        let wanted: Vec<&Tensor> = tensors(&leaves).into_iter().filter(|leaf| leaf.requires_grad()).collect();
        let found = Tensor::run_backward(&[scalar], &wanted, false, false);
        // A parent has a node if it wants a gradient, which is when its leaf does.
        for (node, gradient) in ops.parents.into_iter().flatten().zip(found) {
            // Of an input that the output does not depend on there is none.
            if !gradient.defined() {
                continue;
            }
            gradients.register::<LibTorch>(node.id, TchTensor::new(gradient));
        }
    }
}

/// The same values in the precision of products.
fn lowered(tensor: &Tensor) -> Tensor {
    match precision() {
        Precision::F32 => tensor.shallow_clone(),
        Precision::Bf16 => tensor.to_kind(Kind::BFloat16),
    }
}

/// The same values in single precision.
fn restored(tensor: Tensor) -> Tensor {
    match precision() {
        Precision::F32 => tensor,
        Precision::Bf16 => tensor.to_kind(Kind::Float),
    }
}

fn dims<const D: usize>(tensor: &Tensor) -> [i64; D] {
    // The callers of the operations have checked the shapes.
    tensor.size().try_into().expect("a tensor of the operation's rank")
}
