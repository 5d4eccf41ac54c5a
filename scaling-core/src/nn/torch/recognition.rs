//! What recognises speech.

use super::cell::Cell;
use super::layer::{forget_offset, gate_order};
use super::lstm::bidirectional;
use super::sequences::{NEVER, beyond};
use super::{differentiable, dims, lowered, plain, restored};
use crate::nn::extension::{HybridTensors, Recognition};
use crate::nn::lstm::{BothDirections, LstmCell};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::libtorch::TchTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, LibTorch};
use std::sync::Arc;
use tch::Tensor;

impl Recognition for LibTorch {
    fn bidirectional_lstm(
        x: TchTensor,
        ahead: TchTensor,
        ahead_bias: TchTensor,
        back: TchTensor,
        back_bias: TchTensor,
        options: BothDirections,
    ) -> TchTensor {
        plain(&[x, ahead, ahead_bias, back, back_bias], |inputs| bidirectional(inputs, &options))
    }

    fn hybrid_attention(tensors: HybridTensors<Self>, lengths: Option<Arc<[usize]>>) -> TchTensor {
        plain(&tensors.array(), |inputs| hybrid_attention(inputs, lengths.as_deref()))
    }
}

impl<C: CheckpointStrategy> Recognition for Autodiff<LibTorch, C> {
    fn bidirectional_lstm(
        x: FloatTensor<Self>,
        ahead: FloatTensor<Self>,
        ahead_bias: FloatTensor<Self>,
        back: FloatTensor<Self>,
        back_bias: FloatTensor<Self>,
        options: BothDirections,
    ) -> FloatTensor<Self> {
        differentiable::<C, 5>([x, ahead, ahead_bias, back, back_bias], |inputs| {
            bidirectional(inputs, &options)
        })
    }

    fn hybrid_attention(tensors: HybridTensors<Self>, lengths: Option<Arc<[usize]>>) -> FloatTensor<Self> {
        differentiable::<C, 13>(tensors.array(), |inputs| hybrid_attention(inputs, lengths.as_deref()))
    }
}

/// Output of the cell and context of every step, the last cell state, the last shares,
/// [U B (A + M) + B A + B S].
fn hybrid_attention(inputs: [&Tensor; 13], lengths: Option<&[usize]>) -> Tensor {
    let inputs = inputs.map(lowered);
    let [x, memory, keys, h, c, context, shares, cell, query, query_bias, filters, location, energy] =
        inputs.each_ref();
    let ([positions, ..], [length, _]) = (dims::<3>(memory), dims(filters));
    let memory = memory.transpose(0, 1).contiguous();
    let keys = keys.transpose(0, 1) + query_bias;
    let kernel = filters.tr().unsqueeze(1).contiguous();
    let energy = energy.unsqueeze(1);
    let beyond = lengths.map(|lengths| beyond(lengths, positions, x.device()));
    let (mut h, mut c) = (h.shallow_clone(), c.shallow_clone());
    let (mut context, mut shares) = (context.shallow_clone(), shares.shallow_clone());
    // Zeros around, one more behind than before where the length is even.
    let [before, behind] = [(length - 1) / 2, length - 1 - (length - 1) / 2];
    let x = gate_order(x, LstmCell::Tensorflow) + forget_offset(x, LstmCell::Tensorflow);
    let cell = Cell::new(cell, LstmCell::Tensorflow, dims::<2>(&context)[1], x.device().is_cuda());
    let mut out = Vec::new();
    for gates in x.unbind(0) {
        (h, c) = cell.step(&gates, &context, [&h, &c]);
        let shares_before = shares.unsqueeze(1);
        let places = if before == behind {
            shares_before.conv1d(&kernel, None::<&Tensor>, 1, before, 1, 1)
        } else {
            shares_before.pad([before, behind], "constant", 0.0).conv1d(&kernel, None::<&Tensor>, 1, 0, 1, 1)
        };
        let heard = Tensor::cat(&[&c, &h], 1).matmul(query).unsqueeze(1);
        let heard = (&keys + places.transpose(1, 2).matmul(location) + heard).tanh();
        let energies = heard.matmul(&energy).squeeze_dim(2);
        let energies = match &beyond {
            Some(beyond) => energies.masked_fill(beyond, NEVER),
            None => energies,
        };
        shares = energies.softmax(1, x.kind());
        context = shares.unsqueeze(1).bmm(&memory).squeeze_dim(1);
        out.push(Tensor::cat(&[&h, &context], 1).flatten(0, -1));
    }
    out.extend([c.flatten(0, -1), shares.flatten(0, -1)]);
    restored(Tensor::cat(&out, 0))
}
