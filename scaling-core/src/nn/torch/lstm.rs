//! LSTM layers: `at::lstm`, which is oneDNN's on the CPU and cuDNN's on NVIDIA.

use super::ragged::{packed, ragged, short, within};
use super::tape::{handle, primitive, recorded};
use super::{dims, lowered, restored};
use crate::nn::lstm::{BothDirections, LstmCell, LstmOptions, LstmWeights};
use burn::tensor::Tensor as Burn;
use tch::{Device, Kind, Tensor};

/// LSTMs of up to so many units stay in single precision on a GPU: cuDNN's in bfloat16 are several times slower
/// (docs/results/throughput-gpu.md).
const SMALL: i64 = 192;

/// Hidden states of all steps and the last cell state, [T + 1, B, H], of x [T, B, I], h0 and c0 [B, H],
/// weight [I + H, 4 H] and bias [4 H].
pub(super) fn lstm([x, h0, c0, weight, bias]: [&Tensor; 5], options: &LstmOptions) -> Tensor {
    let (y, c) = match &options.lengths {
        Some(lengths) => ragged([x, h0, c0, weight, bias], options, lengths),
        None if options.reverse => {
            let (y, c) = layer([&x.flip([0]), h0, c0, weight, bias], options.cell);
            (y.flip([0]), c)
        }
        None => layer([x, h0, c0, weight, bias], options.cell),
    };
    restored(Tensor::cat(&[y, c], 0))
}

/// As [`crate::nn::lstm_layers`], in one call, since cuDNN works on several layers at the same time. None where libtorch
/// does not record.
pub(crate) fn stacked(
    x: &Burn<3>,
    states: &[[Burn<2>; 2]],
    layers: &[LstmWeights],
    cell: LstmCell,
) -> Option<(Burn<3>, Vec<[Burn<2>; 2]>)> {
    let x = recorded(x)?;
    let state = |k: usize| {
        let of_layers: Vec<_> = states.iter().map(|state| primitive(state[k].clone()).tensor).collect();
        Tensor::stack(&of_layers, 0)
    };
    let state = [state(0), state(1)];
    let tensors = handles(layers);
    let pairs: Vec<_> = tensors.iter().map(|(weight, bias)| (weight, bias)).collect();
    let (y, h, c) = tch::with_grad(|| run(&x, state.each_ref(), &pairs, cell, false));
    let [h, c] = [h, c].map(|last| restored(last).unbind(0).into_iter());
    // Pieces of one tensor, of which burn must not think that they are each its own.
    let last = h.zip(c).map(|pair| <[Tensor; 2]>::from(pair).map(|piece| handle(piece.copy())));
    Some((handle(restored(y)), last.collect()))
}

/// The weights and biases of layers or directions.
fn handles<'a>(layers: impl IntoIterator<Item = &'a LstmWeights>) -> Vec<(Tensor, Tensor)> {
    let of =
        |layer: &LstmWeights| (primitive(layer.weight.clone()).tensor, primitive(layer.bias.clone()).tensor);
    layers.into_iter().map(of).collect()
}

/// As [`crate::nn::bidirectional_lstm_layers`], in one call. None where libtorch does not record, and on a CPU if rows
/// differ in length.
pub(crate) fn stacked_in_both_directions(
    x: &Burn<3>,
    layers: &[[LstmWeights; 2]],
    options: &BothDirections,
) -> Option<Burn<3>> {
    let x = recorded(x)?;
    let lengths = short(options.lengths.as_deref(), dims::<3>(&x)[0]);
    if lengths.is_some() && x.device() == Device::Cpu {
        return None;
    }
    let tensors = handles(layers.iter().flatten());
    let pairs: Vec<_> = tensors.iter().map(|(weight, bias)| (weight, bias)).collect();
    Some(handle(tch::with_grad(|| both_directions(&x, &pairs, options.cell, lengths))))
}

/// Hidden states of both directions, [T, B, 2 H], of x [T, B, I] and weights [I + H, 4 H] and biases [4 H] of either.
/// Beyond the lengths they are zero.
pub(super) fn bidirectional(
    [x, ahead, ahead_bias, back, back_bias]: [&Tensor; 5],
    options: &BothDirections,
) -> Tensor {
    let pairs = [(ahead, ahead_bias), (back, back_bias)];
    let lengths = short(options.lengths.as_deref(), dims::<3>(x)[0]);
    let (Device::Cpu, Some(lengths)) = (x.device(), lengths) else {
        return both_directions(x, &pairs, options.cell, lengths);
    };
    let state = no_state(x, &pairs).select(0, 0);
    let read = |(weight, bias): (&Tensor, &Tensor), reverse| {
        let options = LstmOptions { cell: options.cell, reverse, lengths: None };
        ragged([x, &state, &state, weight, bias], &options, lengths).0
    };
    let both = Tensor::cat(&[read(pairs[0], false), read(pairs[1], true)], 2);
    restored(both * within(lengths, dims::<3>(x)[0], x))
}

/// Layers of both directions in one call.
fn both_directions(
    x: &Tensor,
    pairs: &[(&Tensor, &Tensor)],
    cell: LstmCell,
    lengths: Option<&[usize]>,
) -> Tensor {
    let zero = no_state(x, pairs);
    match lengths {
        Some(lengths) => packed(x, &zero, pairs, cell, lengths),
        None => restored(run(x, [&zero, &zero], pairs, cell, true).0),
    }
}

/// States of zero of all layers or directions, [L, B, H].
fn no_state(x: &Tensor, pairs: &[(&Tensor, &Tensor)]) -> Tensor {
    let shape = [pairs.len() as i64, dims::<3>(x)[1], units(pairs)];
    tch::no_grad(|| Tensor::zeros(shape, (x.kind(), x.device())))
}

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
fn run(
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

/// The parameters of `at::lstm` for the weights [I + H, 4 H] and biases [4 H] of layers or directions: gates in the
/// order i, f, g, o, [4 H, I], [4 H, H] and two biases [4 H], of which the second is the forget offset.
///
/// They follow each other in one block of memory, all weights, then all biases. cuDNN wants that, and libtorch would
/// otherwise gather them at every call and print a warning each time.
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

/// What is added to the gates i, f, g, o, [4 H], like a bias; of the kind and on the device of `gates`, [.., 4 H].
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What cuDNN is given, and what the CPU is: the same values and gradients.
    #[test]
    fn packed_torch_rows_are_read_like_padded_ones() {
        tch::manual_seed(1);
        let (input, hidden) = (3, 4);
        let random = |shape: &[i64]| {
            (Tensor::rand(shape, (Kind::Float, Device::Cpu)) - 0.5).detach().set_requires_grad(true)
        };
        for lengths in [vec![5, 2, 4, 1], vec![3, 5], vec![4, 4, 3]] {
            let batch = lengths.len() as i64;
            let given = [
                random(&[5, batch, input]),
                random(&[input + hidden, 4 * hidden]),
                random(&[4 * hidden]),
                random(&[input + hidden, 4 * hidden]),
                random(&[4 * hidden]),
            ];
            let upstream = Tensor::rand([5, batch, 2 * hidden], (Kind::Float, Device::Cpu));
            for cell in [LstmCell::Tensorflow, LstmCell::Torch] {
                let [x, ahead, ahead_bias, back, back_bias] = given.each_ref();
                let zero = Tensor::zeros([2, batch, hidden], (Kind::Float, Device::Cpu));
                let pairs = [(ahead, ahead_bias), (back, back_bias)];
                let options = BothDirections { cell, lengths: Some(lengths.clone().into()) };
                let found = [
                    packed(x, &zero, &pairs, cell, &lengths),
                    bidirectional([x, ahead, ahead_bias, back, back_bias], &options),
                ];
                let [packed, padded] = found.map(|y| {
                    let gradients =
                        Tensor::run_backward(&[(&y * &upstream).sum(Kind::Float)], &given, false, false);
                    std::iter::once(y).chain(gradients).collect::<Vec<_>>()
                });
                for (a, b) in packed.iter().zip(&padded) {
                    assert!(a.allclose(b, 1e-4, 1e-6, false), "{lengths:?} {cell:?}: {a} {b}");
                }
            }
        }
    }

    /// What the layers of both directions are, and one after the other: the same values and gradients.
    #[test]
    fn torch_layers_in_one_call_are_layers_one_by_one() {
        tch::manual_seed(2);
        let (steps, batch, input, hidden) = (4, 3, 5, 2);
        let options = (Kind::Float, Device::Cpu);
        let random = |shape: &[i64]| (Tensor::rand(shape, options) - 0.5).detach().set_requires_grad(true);
        let mut given = vec![random(&[steps, batch, input])];
        for inputs in [input, input, 2 * hidden, 2 * hidden] {
            given.extend([random(&[inputs + hidden, 4 * hidden]), random(&[4 * hidden])]);
        }
        let upstream = Tensor::rand([steps, batch, 2 * hidden], options);
        let pairs: Vec<_> = given[1..].chunks_exact(2).map(|pair| (&pair[0], &pair[1])).collect();
        for cell in [LstmCell::Tensorflow, LstmCell::Torch] {
            for lengths in [None, Some(&[4, 1, 3][..])] {
                let run = |x: &Tensor, pairs: &[_]| both_directions(x, pairs, cell, lengths);
                let found = [run(&given[0], &pairs), run(&run(&given[0], &pairs[..2]), &pairs[2..])];
                let [at_once, by_layer] = found.map(|y| {
                    let total = (&y * &upstream).sum(Kind::Float);
                    let gradients = Tensor::run_backward(&[total], &given, false, false);
                    std::iter::once(y).chain(gradients).collect::<Vec<_>>()
                });
                for (a, b) in at_once.iter().zip(&by_layer) {
                    assert!(a.allclose(b, 1e-4, 1e-6, false), "{lengths:?} {cell:?}: {a} {b}");
                }
            }
        }
    }
}
