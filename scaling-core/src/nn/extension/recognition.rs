//! What recognises speech: layers that read in both directions, and attention that knows where it was.

use crate::nn::hybrid::{HybridState, HybridWeights};
use crate::nn::lstm::{BothDirections, LstmWeights};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, ExtensionType, backend_extension};
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
    let tensors = HybridTensors::<Dispatch> {
        x: x.into_dispatch(),
        memory: memory.into_dispatch(),
        keys: keys.into_dispatch(),
        h: state.h.into_dispatch(),
        c: state.c.into_dispatch(),
        context: state.context.into_dispatch(),
        shares: state.shares.into_dispatch(),
        cell: cell.into_dispatch(),
        query: query.into_dispatch(),
        query_bias: query_bias.into_dispatch(),
        filters: filters.into_dispatch(),
        location: location.into_dispatch(),
        energy: energy.into_dispatch(),
    };
    Tensor::from_dispatch(<Dispatch as Recognition>::hybrid_attention(tensors, lengths))
}

/// What goes into [`Recognition::hybrid_attention`], of the shapes of [`crate::nn::hybrid_attention`].
#[derive(ExtensionType)]
pub(crate) struct HybridTensors<B: Backend> {
    pub(crate) x: FloatTensor<B>,
    pub(crate) memory: FloatTensor<B>,
    pub(crate) keys: FloatTensor<B>,
    pub(crate) h: FloatTensor<B>,
    pub(crate) c: FloatTensor<B>,
    pub(crate) context: FloatTensor<B>,
    pub(crate) shares: FloatTensor<B>,
    pub(crate) cell: FloatTensor<B>,
    pub(crate) query: FloatTensor<B>,
    pub(crate) query_bias: FloatTensor<B>,
    pub(crate) filters: FloatTensor<B>,
    pub(crate) location: FloatTensor<B>,
    pub(crate) energy: FloatTensor<B>,
}

impl<B: Backend> HybridTensors<B> {
    /// All of them, in this order.
    pub(crate) fn array(self) -> [FloatTensor<B>; 13] {
        let Self {
            x,
            memory,
            keys,
            h,
            c,
            context,
            shares,
            cell,
            query,
            query_bias,
            filters,
            location,
            energy,
        } = self;
        [x, memory, keys, h, c, context, shares, cell, query, query_bias, filters, location, energy]
    }
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
    fn hybrid_attention(
        #[extension_type] tensors: HybridTensors<Self>,
        lengths: Option<Arc<[usize]>>,
    ) -> FloatTensor<Self>;
}
