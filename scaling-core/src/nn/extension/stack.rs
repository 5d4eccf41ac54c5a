//! LSTM layers on top of each other, for libraries that work on several of them at the same time.

use crate::nn::lstm::LstmCell;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;

/// Hidden states of all steps of the last layer, and the last hidden and cell states of all, [T + 2 L, B, H].
pub(in super::super) fn lstm_layers(
    x: Tensor<3>,
    h0: Tensor<3>,
    c0: Tensor<3>,
    weights: Tensor<3>,
    biases: Tensor<2>,
    cell: LstmCell,
) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as Stack>::lstm_layers(
        x.into_dispatch(),
        h0.into_dispatch(),
        c0.into_dispatch(),
        weights.into_dispatch(),
        biases.into_dispatch(),
        cell,
    ))
}

/// The operation that LibTorch has.
#[backend_extension(LibTorch, Autodiff)]
pub(in super::super) trait Stack: Backend {
    /// [T + 2 L, B, H]: the hidden state of every step of the last layer, then the last hidden and the last cell
    /// states of all layers, of x [T, B, H], states [L, B, H], weights [L, 2 H, 4 H] and biases [L, 4 H].
    fn lstm_layers(
        x: FloatTensor<Self>,
        h0: FloatTensor<Self>,
        c0: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        biases: FloatTensor<Self>,
        cell: LstmCell,
    ) -> FloatTensor<Self>;
}
