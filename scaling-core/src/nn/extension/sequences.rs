//! Sequence layers and the output layer.

use crate::nn::decoder::{DecoderOptions, DecoderState, DecoderWeights};
use crate::nn::lstm::LstmOptions;
use crate::nn::softmax::OutputWeight;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, ExtensionType, backend_extension};
use burn::tensor::{Int, Tensor};

/// Hidden states of all steps and the last cell state, [T + 1, B, H].
pub(crate) fn lstm(
    x: Tensor<3>,
    h0: Tensor<2>,
    c0: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    options: LstmOptions,
) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as Sequences>::lstm(
        x.into_dispatch(),
        h0.into_dispatch(),
        c0.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        options,
    ))
}

/// States of all steps, [T, B, H].
pub(crate) fn rhn(
    x: Tensor<3>,
    s0: Tensor<2>,
    w_input: Tensor<2>,
    recurrent: Tensor<3>,
    bias: Tensor<2>,
) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as Sequences>::rhn(
        x.into_dispatch(),
        s0.into_dispatch(),
        w_input.into_dispatch(),
        recurrent.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// Attention vectors of all steps, then the last hidden and cell states of both layers, [T + 4, B, D].
pub(crate) fn attention_decoder(
    x: Tensor<3>,
    memory: Tensor<3>,
    state: DecoderState,
    weights: DecoderWeights,
    options: DecoderOptions,
) -> Tensor<3> {
    let DecoderWeights { first, second, biases, attend, combine } = weights;
    let tensors = DecoderTensors::<Dispatch> {
        x: x.into_dispatch(),
        memory: memory.into_dispatch(),
        h: state.h.into_dispatch(),
        c: state.c.into_dispatch(),
        vector: state.vector.into_dispatch(),
        first: first.into_dispatch(),
        second: second.into_dispatch(),
        biases: biases.into_dispatch(),
        attend: attend.into_dispatch(),
        combine: combine.into_dispatch(),
    };
    Tensor::from_dispatch(<Dispatch as Sequences>::attention_decoder(tensors, options))
}

/// Loss of every row, whether its target is the likeliest symbol, and the weighted sum of the losses, [2 N +
/// 1].
pub(crate) fn softmax_cross_entropy(
    hidden: Tensor<2>,
    weight: OutputWeight,
    bias: Tensor<1>,
    targets: Tensor<1, Int>,
    weights: Tensor<1>,
) -> Tensor<1> {
    let (weight, is_table) = match weight {
        OutputWeight::Columns(weight) => (weight, false),
        OutputWeight::Table(table) => (table, true),
    };
    Tensor::from_dispatch(<Dispatch as Sequences>::softmax_cross_entropy(
        hidden.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        targets.into_dispatch(),
        weights.into_dispatch(),
        is_table,
    ))
}

/// What goes into [`Sequences::attention_decoder`], of the shapes of [`crate::nn::attention_decoder`].
#[derive(ExtensionType)]
pub(crate) struct DecoderTensors<B: Backend> {
    pub(crate) x: FloatTensor<B>,
    pub(crate) memory: FloatTensor<B>,
    pub(crate) h: FloatTensor<B>,
    pub(crate) c: FloatTensor<B>,
    pub(crate) vector: FloatTensor<B>,
    pub(crate) first: FloatTensor<B>,
    pub(crate) second: FloatTensor<B>,
    pub(crate) biases: FloatTensor<B>,
    pub(crate) attend: FloatTensor<B>,
    pub(crate) combine: FloatTensor<B>,
}

impl<B: Backend> DecoderTensors<B> {
    /// All of them, in this order.
    pub(crate) fn array(self) -> [FloatTensor<B>; 10] {
        let Self { x, memory, h, c, vector, first, second, biases, attend, combine } = self;
        [x, memory, h, c, vector, first, second, biases, attend, combine]
    }
}

/// The operations that a backend may have fused.
#[backend_extension(Flex, LibTorch: cfg(feature = "tch"), Autodiff)]
pub(crate) trait Sequences: Backend {
    /// [T + 1, B, H]: the hidden state of every step, then the last cell state. Where lengths are
    /// given, the state of a row stands still at the steps beyond its own.
    fn lstm(
        x: FloatTensor<Self>,
        h0: FloatTensor<Self>,
        c0: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: LstmOptions,
    ) -> FloatTensor<Self>;

    /// [T, B, H].
    fn rhn(
        x: FloatTensor<Self>,
        s0: FloatTensor<Self>,
        w_input: FloatTensor<Self>,
        recurrent: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// [T + 4, B, D]: the attention vector of every step, then the last hidden and cell states.
    fn attention_decoder(
        #[extension_type] tensors: DecoderTensors<Self>,
        options: DecoderOptions,
    ) -> FloatTensor<Self>;

    /// [2 N + 1]: the loss of every row, 1 where the target is the likeliest symbol, and the sum of the
    /// losses weighted by `weights`, which alone is differentiable, and not by the weights. The weight is [H,
    /// V], or [V, H] if it is a table.
    fn softmax_cross_entropy(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
        is_table: bool,
    ) -> FloatTensor<Self>;
}
