//! What recognises speech: layers that read in both directions, and attention that knows where it was.

use crate::nn::hybrid::{HybridState, HybridWeights};
use crate::nn::lstm::{BothDirections, LstmWeights};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;
use std::sync::Arc;

/// Outputs of both directions, [T, B, 2 H].
pub(crate) fn bidirectional_lstm(
    x: Tensor<3>,
    directions: [LstmWeights; 2],
    options: BothDirections,
) -> Tensor<3> {
    let [ahead, back] = directions;
    Tensor::from_dispatch(<Dispatch as Recognition>::bidirectional_lstm(
        x.into_dispatch(),
        ahead.weight.into_dispatch(),
        ahead.bias.into_dispatch(),
        back.weight.into_dispatch(),
        back.bias.into_dispatch(),
        options,
    ))
}

/// What [`Recognition::hybrid_attention`] packs.
pub(crate) fn hybrid_attention(
    x: Tensor<3>,
    memory: Tensor<3>,
    keys: Tensor<3>,
    state: HybridState,
    weights: HybridWeights,
    lengths: Option<Arc<[usize]>>,
) -> Tensor<1> {
    let HybridWeights { cell, query, query_bias, filters, location, energy } = weights;
    Tensor::from_dispatch(<Dispatch as Recognition>::hybrid_attention(
        x.into_dispatch(),
        memory.into_dispatch(),
        keys.into_dispatch(),
        state.h.into_dispatch(),
        state.c.into_dispatch(),
        state.context.into_dispatch(),
        state.shares.into_dispatch(),
        cell.into_dispatch(),
        query.into_dispatch(),
        query_bias.into_dispatch(),
        filters.into_dispatch(),
        location.into_dispatch(),
        energy.into_dispatch(),
        lengths,
    ))
}

/// The operations that a backend may have fused.
#[backend_extension(Flex, LibTorch: cfg(feature = "tch"), Autodiff)]
pub(crate) trait Recognition: Backend {
    /// [T, B, 2 H]: the outputs of the forward direction, then of the other; zero beyond the lengths.
    fn bidirectional_lstm(
        x: FloatTensor<Self>,
        ahead: FloatTensor<Self>,
        ahead_bias: FloatTensor<Self>,
        back: FloatTensor<Self>,
        back_bias: FloatTensor<Self>,
        options: BothDirections,
    ) -> FloatTensor<Self>;

    /// [U B (A + M) + B A + B S]: output of the cell and context of every step, the last cell state, the last
    /// shares.
    #[allow(clippy::too_many_arguments, reason = "the tensors of a decoder")]
    fn hybrid_attention(
        x: FloatTensor<Self>,
        memory: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        h: FloatTensor<Self>,
        c: FloatTensor<Self>,
        context: FloatTensor<Self>,
        shares: FloatTensor<Self>,
        cell: FloatTensor<Self>,
        query: FloatTensor<Self>,
        query_bias: FloatTensor<Self>,
        filters: FloatTensor<Self>,
        location: FloatTensor<Self>,
        energy: FloatTensor<Self>,
        lengths: Option<Arc<[usize]>>,
    ) -> FloatTensor<Self>;
}
