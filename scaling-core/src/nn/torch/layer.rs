//! `at::lstm`, which is oneDNN's on the CPU and cuDNN's on NVIDIA, and the parameters as it wants them.

use super::lowered;
use crate::nn::lstm::LstmCell;
use tch::{Kind, Tensor};

/// LSTMs of up to so many units stay in single precision on a GPU: cuDNN's in bfloat16 are slower, small ones
/// several times (docs/results/throughput-gpu.md).
const SMALL: i64 = 512;

/// Units H of layers or directions with weights [I + H, 4 H] and biases [4 H].
pub(super) fn units(pairs: &[(&Tensor, &Tensor)]) -> i64 {
    pairs[0].1.size()[0] / 4
}

/// The same values in the precision of LSTMs of so many units.
pub(super) fn in_precision(tensor: &Tensor, hidden: i64) -> Tensor {
    if tensor.device().is_cuda() && hidden <= SMALL { tensor.to_kind(Kind::Float) } else { lowered(tensor) }
}

pub(super) fn is_training(x: &Tensor, pairs: &[(&Tensor, &Tensor)]) -> bool {
    x.requires_grad() || pairs.iter().any(|(weight, bias)| weight.requires_grad() || bias.requires_grad())
}

/// `at::lstm` of one layer: the hidden states [T, B, H] and the last cell state [1, B, H].
pub(super) fn layer([x, h0, c0, weight, bias]: [&Tensor; 5], cell: LstmCell) -> (Tensor, Tensor) {
    let (y, _, c) = run(x, [&h0.unsqueeze(0), &c0.unsqueeze(0)], &[(weight, bias)], cell, false);
    (y, c)
}

/// `at::lstm`: the hidden states of the last layer, and the last hidden and cell states of all.
pub(super) fn run(
    x: &Tensor,
    state: [&Tensor; 2],
    pairs: &[(&Tensor, &Tensor)],
    cell: LstmCell,
    both: bool,
) -> (Tensor, Tensor, Tensor) {
    let train = is_training(x, pairs) || state.iter().any(|state| state.requires_grad());
    let layers = pairs.len() as i64 / if both { 2 } else { 1 };
    let hidden = units(pairs);
    let (x, state) = (in_precision(x, hidden), state.map(|state| in_precision(state, hidden)));
    x.lstm(&state, &parameters(pairs, cell), true, layers, 0.0, train, both, false)
}

/// The parameters of `at::lstm` for the weights [I + H, 4 H] and biases [4 H] of layers or directions: gates
/// in the order i, f, g, o, [4 H, I], [4 H, H] and two biases [4 H], of which the second is the forget
/// offset.
///
/// They follow each other in one block of memory, all weights, then all biases. cuDNN wants that, and
/// libtorch would otherwise gather them at every call and print a warning each time.
pub(super) fn parameters(pairs: &[(&Tensor, &Tensor)], cell: LstmCell) -> Vec<Tensor> {
    // In the order of the gates: whole, or one after the other.
    let sorted = |tensor: &Tensor| {
        let order = cell.order();
        if order == [0, 1, 2, 3] {
            return vec![tensor.shallow_clone()];
        }
        let pieces = tensor.chunk(4, 0);
        order.iter().map(|k| pieces[*k].shallow_clone()).collect()
    };
    let offset = forget_offset(pairs[0].1, cell);
    let hidden = units(pairs);
    let gates = 4 * hidden;
    // Of weights [4 H, I] and [4 H, H], then of biases.
    let (mut weights, mut biases, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    for (weight, bias) in pairs {
        let parts = weight.tr();
        let inputs = parts.size()[1] - hidden;
        for (part, width) in parts.split_with_sizes([inputs, hidden], 1).iter().zip([inputs, hidden]) {
            weights.extend(sorted(part));
            columns.push(width);
        }
        biases.extend(sorted(bias));
        biases.push(offset.shallow_clone());
    }
    let block = if columns.iter().all(|width| *width == hidden) {
        // As wide as everything is, it is put in place in a single pass.
        weights.extend(biases.iter().map(|piece| piece.view([-1, hidden])));
        Tensor::cat(&weights, 0).view([-1])
    } else {
        let flat = weights.iter().map(|piece| piece.flatten(0, -1));
        Tensor::cat(&flat.chain(biases).collect::<Vec<_>>(), 0)
    };
    let of_weights = columns.iter().map(|width| gates * width);
    let sizes: Vec<i64> = of_weights.chain(std::iter::repeat_n(gates, 2 * pairs.len())).collect();
    let mut weights = in_precision(&block, hidden).split_with_sizes(sizes, 0);
    let biases = weights.split_off(columns.len());
    let weights: Vec<Tensor> =
        weights.iter().zip(columns).map(|(part, width)| part.view([gates, width])).collect();
    let halves = weights.chunks_exact(2).zip(biases.chunks_exact(2));
    halves.flat_map(|(weights, biases)| weights.iter().chain(biases)).map(Tensor::shallow_clone).collect()
}

/// Gates, [.., 4 H], in the order i, f, g, o.
pub(super) fn gate_order(gates: &Tensor, cell: LstmCell) -> Tensor {
    let pieces = gates.chunk(4, -1);
    Tensor::cat(&cell.order().map(|k| &pieces[k]), -1)
}

/// What is added to the gates i, f, g, o, [4 H], like a bias; of the kind and on the device of `gates`, [..,
/// 4 H].
pub(super) fn forget_offset(gates: &Tensor, cell: LstmCell) -> Tensor {
    tch::no_grad(|| {
        let of_all = gates.size().last().copied().unwrap_or_default();
        let offset = Tensor::zeros([of_all], (gates.kind(), gates.device()));
        if cell.forget_offset() != 0.0 {
            let hidden = of_all / 4;
            let _ = offset.narrow(0, hidden, hidden).fill_(f64::from(cell.forget_offset()));
        }
        offset
    })
}
