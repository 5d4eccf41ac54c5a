//! One LSTM cell beside other things in a loop over steps.

use super::layer::gate_order;
use crate::nn::lstm::LstmCell;
use tch::Tensor;

/// The weights [I + H, 4 H] of a cell whose gates come in two summands: one of them given, the other a
/// product of these.
pub(super) struct Cell {
    /// With the gates in the order i, f, g, o.
    weight: Tensor,
    /// The same as libtorch's cell takes them, which is one kernel on a GPU: weights of [gates, input] and of
    /// the state.
    parts: Option<[Tensor; 2]>,
}

impl Cell {
    /// For `inputs` inputs; `fused` where steps wait for the host to start operations rather than for
    /// arithmetic.
    pub(super) fn new(weight: &Tensor, cell: LstmCell, inputs: i64, fused: bool) -> Self {
        let weight = gate_order(weight, cell);
        let parts = fused.then(|| {
            let gates = weight.size()[1];
            let parts = weight.tr().split_with_sizes([inputs, gates / 4], 1);
            // The given summand becomes an input that is multiplied by 1.
            let one = tch::no_grad(|| Tensor::eye(gates, (weight.kind(), weight.device())));
            [Tensor::cat(&[&one, &parts[0]], 1), parts[1].contiguous()]
        });
        Self { weight, parts }
    }

    /// Hidden and cell state [B, H] after a step, of given gates i, f, g, o [B, 4 H], inputs [B, I] and the
    /// state before.
    pub(super) fn step(&self, gates: &Tensor, input: &Tensor, [h, c]: [&Tensor; 2]) -> (Tensor, Tensor) {
        if let Some([of_input, of_state]) = &self.parts {
            let read = Tensor::cat(&[gates, input], 1);
            return read.lstm_cell(&[h, c], of_input, of_state, None::<&Tensor>, None::<&Tensor>);
        }
        let gates = (gates + Tensor::cat(&[input, h], 1).matmul(&self.weight)).chunk(4, 1);
        let c = gates[1].sigmoid() * c + gates[0].sigmoid() * gates[2].tanh();
        (gates[3].sigmoid() * c.tanh(), c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn a_torch_cell_in_one_kernel_is_that_in_several() {
        tch::manual_seed(3);
        let (batch, input, hidden) = (3, 5, 2);
        let random = |shape: &[i64]| {
            (Tensor::rand(shape, (Kind::Float, Device::Cpu)) - 0.5).detach().set_requires_grad(true)
        };
        let given = [
            random(&[batch, 4 * hidden]),
            random(&[batch, input]),
            random(&[batch, hidden]),
            random(&[batch, hidden]),
            random(&[input + hidden, 4 * hidden]),
        ];
        for kind in [LstmCell::Tensorflow, LstmCell::Torch] {
            let [fused, plain] = [true, false].map(|fused| {
                let [gates, x, h, c, weight] = given.each_ref();
                let (h, c) = Cell::new(weight, kind, input, fused).step(gates, x, [h, c]);
                let total = (&h * 2.0 + &c).sum(Kind::Float);
                let gradients = Tensor::run_backward(&[total], &given, false, false);
                [h, c].into_iter().chain(gradients).collect::<Vec<_>>()
            });
            for (a, b) in fused.iter().zip(&plain) {
                assert!(a.allclose(b, 1e-5, 1e-6, false), "{kind:?}: {a} {b}");
            }
        }
    }
}
