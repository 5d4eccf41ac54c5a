//! LSTM layers: `at::lstm`, which is oneDNN's on the CPU and cuDNN's on NVIDIA.

use super::tape::{handle, primitive, recorded};
use super::{dims, lowered, restored};
use crate::nn::lstm::{BothDirections, LstmCell, LstmOptions, LstmWeights};
use burn::tensor::Tensor as Burn;
use tch::{Device, Tensor};

/// What closes a gate for good: a sigmoid is 0 or 1 there to the last bit, whatever else is added.
const SHUT: f64 = 1e6;

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
    let tensors: Vec<_> = layers
        .iter()
        .map(|layer| (primitive(layer.weight.clone()).tensor, primitive(layer.bias.clone()).tensor))
        .collect();
    let pairs: Vec<_> = tensors.iter().map(|(weight, bias)| (weight, bias)).collect();
    let (y, h, c) = tch::with_grad(|| run(&x, state.each_ref(), &pairs, cell, false));
    let [h, c] = [h, c].map(|last| restored(last).unbind(0).into_iter());
    // Pieces of one tensor, of which burn must not think that they are each its own.
    let last = h.zip(c).map(|pair| <[Tensor; 2]>::from(pair).map(|piece| handle(piece.copy())));
    Some((handle(restored(y)), last.collect()))
}

/// Hidden states of both directions, [T, B, 2 H], of x [T, B, I] and weights [I + H, 4 H] and biases [4 H] of either.
/// Beyond the lengths they are zero.
pub(super) fn bidirectional(
    [x, ahead, ahead_bias, back, back_bias]: [&Tensor; 5],
    options: &BothDirections,
) -> Tensor {
    let ([steps, batch, _], [_, gates]) = (dims(x), dims(ahead));
    let hidden = gates / 4;
    let pairs = [(ahead, ahead_bias), (back, back_bias)];
    let zero = || tch::no_grad(|| Tensor::zeros([2, batch, hidden], (x.kind(), x.device())));
    let is_short = |lengths: &&std::sync::Arc<[usize]>| lengths.iter().any(|n| (*n as i64) < steps);
    let Some(lengths) = options.lengths.as_ref().filter(is_short) else {
        let state = zero();
        return restored(run(x, [&state, &state], &pairs, options.cell, true).0);
    };
    if x.device() == Device::Cpu {
        let state = zero().select(0, 0);
        let read = |(weight, bias): (&Tensor, &Tensor), reverse| {
            let options = LstmOptions { cell: options.cell, reverse, lengths: None };
            ragged([x, &state, &state, weight, bias], &options, lengths).0
        };
        let both = Tensor::cat(&[read(pairs[0], false), read(pairs[1], true)], 2);
        return restored(both * within(lengths, steps, x));
    }
    packed(x, &zero(), &pairs, options.cell, lengths)
}

/// 1 at the steps of every row, 0 beyond, [T, B, 1].
fn within(lengths: &[usize], steps: i64, like: &Tensor) -> Tensor {
    let within: Vec<bool> =
        (0..steps as usize).flat_map(|t| lengths.iter().map(move |length| t < *length)).collect();
    let within = Tensor::from_slice(&within).view([steps, lengths.len() as i64, 1]);
    within.to_device(like.device()).to_kind(like.kind())
}

/// Both directions over rows of different lengths, as cuDNN reads them: the longest row first, step by step only the
/// rows that go on.
fn packed(
    x: &Tensor,
    zero: &Tensor,
    pairs: &[(&Tensor, &Tensor)],
    cell: LstmCell,
    lengths: &[usize],
) -> Tensor {
    let [steps, batch, _] = dims(x);
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|row| std::cmp::Reverse(lengths[*row]));
    let (mut sizes, mut rows) = (Vec::new(), Vec::new());
    // The place of every step and row among the packed ones; beyond the end, that of a row of zeros after them.
    let total: usize = lengths.iter().sum();
    let mut places = vec![total as i64; lengths.len() * steps as usize];
    for t in 0..steps as usize {
        let going: Vec<usize> = order.iter().copied().filter(|row| t < lengths[*row]).collect();
        sizes.push(going.len() as i64);
        for row in going {
            places[t * lengths.len() + row] = rows.len() as i64;
            rows.push((t * lengths.len() + row) as i64);
        }
    }
    sizes.retain(|size| *size > 0);
    let [rows, places] = [rows, places].map(|ids| Tensor::from_slice(&ids).to_device(x.device()));
    let data = lowered(&x.flatten(0, 1).index_select(0, &rows));
    let state = lowered(zero);
    let (y, _, _) = Tensor::lstm_data(
        &data,
        &Tensor::from_slice(&sizes),
        &[&state, &state],
        &parameters(pairs, cell).iter().collect::<Vec<_>>(),
        true,
        1,
        0.0,
        is_training(x, pairs),
        true,
    );
    let beyond = tch::no_grad(|| y.narrow(0, 0, 1).zeros_like());
    let y = Tensor::cat(&[y, beyond], 0).index_select(0, &places);
    restored(y.view([steps, batch, -1]))
}

fn is_training(x: &Tensor, pairs: &[(&Tensor, &Tensor)]) -> bool {
    x.requires_grad() || pairs.iter().any(|(weight, bias)| weight.requires_grad() || bias.requires_grad())
}

/// `at::lstm` of one layer: the hidden states [T, B, H] and the last cell state [1, B, H].
fn layer([x, h0, c0, weight, bias]: [&Tensor; 5], cell: LstmCell) -> (Tensor, Tensor) {
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
    let layers = if both { 1 } else { pairs.len() as i64 };
    lowered(x).lstm(&state.map(lowered), &parameters(pairs, cell), true, layers, 0.0, train, both, false)
}

/// The parameters of `at::lstm` for the weights [I + H, 4 H] and biases [4 H] of layers or directions: gates in the
/// order i, f, g, o, [4 H, I], [4 H, H] and two biases [4 H], of which the second is the forget offset.
///
/// They follow each other in one block of memory, all weights, then all biases. cuDNN wants that, and libtorch would
/// otherwise gather them at every call and print a warning each time.
fn parameters(pairs: &[(&Tensor, &Tensor)], cell: LstmCell) -> Vec<Tensor> {
    // In the order of the gates: whole, or one after the other.
    let sorted = |tensor: &Tensor| {
        let order = cell.order();
        if order == [0, 1, 2, 3] {
            return vec![tensor.shallow_clone()];
        }
        let pieces = tensor.chunk(4, 0);
        order.iter().map(|k| pieces[*k].shallow_clone()).collect()
    };
    let offset = offset(pairs[0].1, cell);
    let gates = offset.size()[0];
    let hidden = gates / 4;
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
    let mut weights = lowered(&block).split_with_sizes(sizes, 0);
    let biases = weights.split_off(columns.len());
    let weights: Vec<Tensor> =
        weights.iter().zip(columns).map(|(part, width)| part.view([gates, width])).collect();
    let halves = weights.chunks_exact(2).zip(biases.chunks_exact(2));
    halves.flat_map(|(weights, biases)| weights.iter().chain(biases)).map(Tensor::shallow_clone).collect()
}

/// What is added to the gates i, f, g, o, [4 H], like a bias.
fn offset(bias: &Tensor, cell: LstmCell) -> Tensor {
    tch::no_grad(|| {
        let offset = bias.zeros_like();
        if cell.forget_offset() != 0.0 {
            let hidden = bias.size()[0] / 4;
            let _ = offset.narrow(0, hidden, hidden).fill_(f64::from(cell.forget_offset()));
        }
        offset
    })
}

/// One value for every block of `hidden` gates, [4 H], of the kind and on the device of `like`.
fn per_gate(values: [f64; 4], hidden: i64, like: &Tensor) -> Tensor {
    let blocks = values.map(|value| Tensor::full([hidden], value, (like.kind(), like.device())));
    Tensor::cat(&blocks, 0)
}

/// The layer over rows of different lengths, without packing them: packed sequences leave oneDNN.
///
/// Every row is read from the front (turned around first if the layer is reversed). Beyond its end an
/// input of its own shuts the input gate and opens the forget gate, so the cell state stands still and
/// no gradient flows; then each step looks up the hidden state that it has.
fn ragged(
    [x, h0, c0, weight, bias]: [&Tensor; 5],
    options: &LstmOptions,
    lengths: &[usize],
) -> (Tensor, Tensor) {
    let ([steps, ..], [_, hidden]) = (dims::<3>(x), dims(h0));
    let turned = |t, length| if t < length { length - 1 - t } else { t };
    let x = if options.reverse { look_up(x, steps, lengths, turned) } else { x.shallow_clone() };

    let [input, forget, ..] = options.cell.order();
    let mut shut = [0.0; 4];
    (shut[input], shut[forget]) = (-SHUT, SHUT);
    let shut = per_gate(shut, hidden, weight).unsqueeze(0);
    let within = within(lengths, steps, &x);
    let beyond = within.ones_like() - within;
    let x = Tensor::cat(&[beyond, x], 2);
    let (y, c) = layer([&x, h0, c0, &Tensor::cat(&[&shut, weight], 0), bias], options.cell);

    // State 0 is the initial one, state n the one after n steps read.
    let states = Tensor::cat(&[lowered(&h0.unsqueeze(0)), y], 0);
    let steps_read =
        |t: usize, length: usize| if options.reverse { length.saturating_sub(t) } else { length.min(t + 1) };
    (look_up(&states, steps, lengths, steps_read), c)
}

/// The states [T, B, W] that are at step t of row b what `states` [S, B, W] is at `index(t, lengths[b])`.
fn look_up(states: &Tensor, steps: i64, lengths: &[usize], index: impl Fn(usize, usize) -> usize) -> Tensor {
    let [_, batch, width] = dims(states);
    let row = |t: usize, b: usize| (index(t, lengths[b]) * lengths.len() + b) as i64;
    let row = &row;
    let rows: Vec<i64> =
        (0..steps as usize).flat_map(|t| (0..lengths.len()).map(move |b| row(t, b))).collect();
    let rows = Tensor::from_slice(&rows).to_device(states.device());
    states.flatten(0, 1).index_select(0, &rows).view([steps, batch, width])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

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
}
