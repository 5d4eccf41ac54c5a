//! LSTMs over rows of different lengths.

use super::layer::{in_precision, is_training, layer, parameters, units};
use super::upload::moved;
use super::{dims, restored};
use crate::nn::lstm::{LstmCell, LstmOptions};
use tch::Tensor;

/// What closes a gate for good, or with the other sign opens it: a sigmoid is 0 or 1 there to the last bit,
/// whatever else is added.
pub(super) const SATURATED: f64 = 1e6;

/// 1 at the steps of every row, 0 beyond, [T, B, 1].
pub(super) fn within(lengths: &[usize], steps: i64, like: &Tensor) -> Tensor {
    let within: Vec<bool> =
        (0..steps as usize).flat_map(|t| lengths.iter().map(move |length| t < *length)).collect();
    let within = Tensor::from_slice(&within).view([steps, lengths.len() as i64, 1]);
    moved(&within, like.device()).to_kind(like.kind())
}

/// Both directions over rows of different lengths, as cuDNN reads them: the longest row first, step by step
/// only the rows that go on.
pub(super) fn packed(
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
    // The place of every step and row among the packed ones; beyond the end, that of a row of zeros after
    // them.
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
    let [rows, places] = [rows, places].map(|ids| moved(&Tensor::from_slice(&ids), x.device()));
    let [data, state] =
        [&x.flatten(0, 1).index_select(0, &rows), zero].map(|t| in_precision(t, units(pairs)));
    let (y, _, _) = Tensor::lstm_data(
        &data,
        &Tensor::from_slice(&sizes),
        &[&state, &state],
        &parameters(pairs, cell).iter().collect::<Vec<_>>(),
        true,
        pairs.len() as i64 / 2,
        0.0,
        is_training(x, pairs),
        true,
    );
    let beyond = tch::no_grad(|| y.narrow(0, 0, 1).zeros_like());
    let y = Tensor::cat(&[y, beyond], 0).index_select(0, &places);
    restored(y.view([steps, batch, -1]))
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
pub(super) fn ragged(
    [x, h0, c0, weight, bias]: [&Tensor; 5],
    options: &LstmOptions,
    lengths: &[usize],
) -> (Tensor, Tensor) {
    let ([steps, ..], [_, hidden]) = (dims::<3>(x), dims(h0));
    let turned = |t, length| if t < length { length - 1 - t } else { t };
    let x = if options.reverse { look_up(x, steps, lengths, turned) } else { x.shallow_clone() };

    let [input, forget, ..] = options.cell.order();
    let mut shut = [0.0; 4];
    (shut[input], shut[forget]) = (-SATURATED, SATURATED);
    let shut = per_gate(shut, hidden, weight).unsqueeze(0);
    let within = within(lengths, steps, &x);
    let beyond = within.ones_like() - within;
    let x = Tensor::cat(&[beyond, x], 2);
    let (y, c) = layer([&x, h0, c0, &Tensor::cat(&[&shut, weight], 0), bias], options.cell);

    // State 0 is the initial one, state n the one after n steps read.
    let states = Tensor::cat(&[h0.unsqueeze(0).to_kind(y.kind()), y], 0);
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
    let rows = moved(&Tensor::from_slice(&rows), states.device());
    states.flatten(0, 1).index_select(0, &rows).view([steps, batch, width])
}
