//! LSTM layers, one or several, in one direction or both.

use super::layer::{layer, run, units};
use super::ragged::{packed, ragged, within};
use super::tape::{handle, primitive, recorded};
use super::{dims, restored};
use crate::nn::lstm::{BothDirections, LstmCell, LstmOptions, LstmWeights};
use burn::tensor::Tensor as Burn;
use tch::{Device, Tensor};

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

/// As [`crate::nn::lstm_layers`], in one call, since cuDNN works on several layers at the same time. None
/// where libtorch does not record.
pub(crate) fn stacked(
    x: &Burn<3>,
    states: &[[Burn<2>; 2]],
    layers: &[LstmWeights],
    cell: LstmCell,
) -> Option<(Burn<3>, Vec<[Burn<2>; 2]>)> {
    let x = recorded(x)?;
    let state = |k: usize| {
        let of_layers: Vec<_> = states.iter().map(|state| primitive(state[k].clone()).tensor).collect();
        match &of_layers[..] {
            // Without a copy.
            [only] => only.unsqueeze(0),
            _ => Tensor::stack(&of_layers, 0),
        }
    };
    let state = [state(0), state(1)];
    let tensors = handles(layers);
    let pairs: Vec<_> = tensors.iter().map(|(weight, bias)| (weight, bias)).collect();
    let (y, h, c) = tch::with_grad(|| run(&x, state.each_ref(), &pairs, cell, false));
    let [h, c] = [h, c].map(|last| restored(last).unbind(0).into_iter());
    let last = h.zip(c).map(|pair| <[Tensor; 2]>::from(pair).map(handle));
    Some((handle(restored(y)), last.collect()))
}

/// The weights and biases of layers or directions.
fn handles<'a>(layers: impl IntoIterator<Item = &'a LstmWeights>) -> Vec<(Tensor, Tensor)> {
    let of =
        |layer: &LstmWeights| (primitive(layer.weight.clone()).tensor, primitive(layer.bias.clone()).tensor);
    layers.into_iter().map(of).collect()
}

/// As [`crate::nn::bidirectional_lstm_layers`], in one call. None where libtorch does not record, and on a
/// CPU if rows differ in length.
pub(crate) fn stacked_in_both_directions(
    x: &Burn<3>,
    layers: &[[LstmWeights; 2]],
    options: &BothDirections,
) -> Option<Burn<3>> {
    let x = recorded(x)?;
    let lengths = options.lengths.as_deref();
    if lengths.is_some() && x.device() == Device::Cpu {
        return None;
    }
    let tensors = handles(layers.iter().flatten());
    let pairs: Vec<_> = tensors.iter().map(|(weight, bias)| (weight, bias)).collect();
    Some(handle(tch::with_grad(|| both_directions(&x, &pairs, options.cell, lengths))))
}

/// Hidden states of both directions, [T, B, 2 H], of x [T, B, I] and weights [I + H, 4 H] and biases [4 H] of
/// either. Beyond the lengths they are zero.
pub(super) fn bidirectional(
    [x, ahead, ahead_bias, back, back_bias]: [&Tensor; 5],
    options: &BothDirections,
) -> Tensor {
    let pairs = [(ahead, ahead_bias), (back, back_bias)];
    let lengths = options.lengths.as_deref();
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
