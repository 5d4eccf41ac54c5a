//! Sequence layers and the output layer.

use super::{differentiable, dims, plain};
use crate::nn::decoder::DecoderOptions;
use crate::nn::extension::Sequences;
use crate::nn::lstm::{LstmCell, LstmOptions};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::libtorch::TchTensor;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, LibTorch};
use tch::{Reduction, Tensor};

/// The `ignore_index` of PyTorch's cross-entropy; no target is negative, so none is ignored.
pub(super) const NO_TARGET: i64 = -100;

/// What closes a gate for good: a sigmoid is 0 or 1 there to the last bit, whatever else is added.
const SHUT: f64 = 1e6;

impl Sequences for LibTorch {
    fn lstm(
        x: TchTensor,
        h0: TchTensor,
        c0: TchTensor,
        weight: TchTensor,
        bias: TchTensor,
        options: LstmOptions,
    ) -> TchTensor {
        plain(&[x, h0, c0, weight, bias], |inputs| lstm(inputs, &options))
    }

    fn rhn(
        x: TchTensor,
        s0: TchTensor,
        w_input: TchTensor,
        recurrent: TchTensor,
        bias: TchTensor,
    ) -> TchTensor {
        plain(&[x, s0, w_input, recurrent, bias], rhn)
    }

    fn attention_decoder(
        x: TchTensor,
        memory: TchTensor,
        h: TchTensor,
        c: TchTensor,
        vector: TchTensor,
        first: TchTensor,
        second: TchTensor,
        biases: TchTensor,
        attend: TchTensor,
        combine: TchTensor,
        options: DecoderOptions,
    ) -> TchTensor {
        let inputs = [x, memory, h, c, vector, first, second, biases, attend, combine];
        plain(&inputs, |inputs| attention_decoder(inputs, &options))
    }

    fn softmax_cross_entropy(
        hidden: TchTensor,
        weight: TchTensor,
        bias: TchTensor,
        targets: TchTensor,
        weights: TchTensor,
        is_table: bool,
    ) -> TchTensor {
        plain(&[hidden, weight, bias], |inputs| {
            softmax_cross_entropy(inputs, &targets.tensor, &weights.tensor, is_table)
        })
    }
}

impl<C: CheckpointStrategy> Sequences for Autodiff<LibTorch, C> {
    fn lstm(
        x: FloatTensor<Self>,
        h0: FloatTensor<Self>,
        c0: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: LstmOptions,
    ) -> FloatTensor<Self> {
        differentiable::<C, 5>([x, h0, c0, weight, bias], |inputs| lstm(inputs, &options))
    }

    fn rhn(
        x: FloatTensor<Self>,
        s0: FloatTensor<Self>,
        w_input: FloatTensor<Self>,
        recurrent: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        differentiable::<C, 5>([x, s0, w_input, recurrent, bias], rhn)
    }

    fn attention_decoder(
        x: FloatTensor<Self>,
        memory: FloatTensor<Self>,
        h: FloatTensor<Self>,
        c: FloatTensor<Self>,
        vector: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        biases: FloatTensor<Self>,
        attend: FloatTensor<Self>,
        combine: FloatTensor<Self>,
        options: DecoderOptions,
    ) -> FloatTensor<Self> {
        let inputs = [x, memory, h, c, vector, first, second, biases, attend, combine];
        differentiable::<C, 10>(inputs, |inputs| attention_decoder(inputs, &options))
    }

    fn softmax_cross_entropy(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
        is_table: bool,
    ) -> FloatTensor<Self> {
        // The graph keeps these two as well; copies, since burn may write into its own.
        let (targets, weights) = (targets.tensor.copy(), weights.primitive().tensor.copy());
        differentiable::<C, 3>([hidden, weight, bias], |inputs| {
            softmax_cross_entropy(inputs, &targets, &weights, is_table)
        })
    }
}

/// Hidden states of all steps and the last cell state, [T + 1, B, H], of x [T, B, I], h0 and c0 [B, H],
/// weight [I + H, 4 H] and bias [4 H].
fn lstm([x, h0, c0, weight, bias]: [&Tensor; 5], options: &LstmOptions) -> Tensor {
    let (y, c) = match &options.lengths {
        Some(lengths) => ragged([x, h0, c0, weight, bias], options, lengths),
        None if options.reverse => {
            let (y, c) = layer([&x.flip([0]), h0, c0, weight, bias], options.cell);
            (y.flip([0]), c)
        }
        None => layer([x, h0, c0, weight, bias], options.cell),
    };
    Tensor::cat(&[y, c], 0)
}

/// `at::lstm`: the hidden states [T, B, H] and the last cell state [1, B, H].
fn layer([x, h0, c0, weight, bias]: [&Tensor; 5], cell: LstmCell) -> (Tensor, Tensor) {
    let train = [x, h0, c0, weight, bias].iter().any(|input| input.requires_grad());
    let state = [h0.unsqueeze(0), c0.unsqueeze(0)];
    let (y, _, c) = x.lstm(&state, &parameters(weight, bias, cell), true, 1, 0.0, train, false, false);
    (y, c)
}

/// The parameters of `at::lstm`, gates in the order i, f, g, o: [4 H, I], [4 H, H] and two biases [4 H], of
/// which the second is the forget offset.
///
/// They follow each other in one block of memory. cuDNN wants that, and libtorch would otherwise
/// gather them at every call and print a warning each time.
fn parameters(weight: &Tensor, bias: &Tensor, cell: LstmCell) -> Vec<Tensor> {
    let [rows, gates] = dims(weight);
    let (hidden, input) = (gates / 4, rows - gates / 4);
    let sorted = |tensor: &Tensor| {
        let blocks = tensor.chunk(4, 0);
        Tensor::cat(&cell.order().map(|k| &blocks[k]), 0)
    };
    let weights = sorted(&weight.tr()).split_with_sizes([input, hidden], 1);
    let offset = per_gate([0.0, f64::from(cell.forget_offset()), 0.0, 0.0], hidden, bias);
    let block = Tensor::cat(&[weights[0].flatten(0, -1), weights[1].flatten(0, -1), sorted(bias), offset], 0);
    let mut parameters = block.split_with_sizes([gates * input, gates * hidden, gates, gates], 0);
    for (parameter, columns) in parameters.iter_mut().zip([input, hidden]) {
        *parameter = parameter.view([gates, columns]);
    }
    parameters
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
    let ([steps, batch, _], [_, hidden]) = (dims(x), dims(h0));
    let turned = |t, length| if t < length { length - 1 - t } else { t };
    let x = if options.reverse { look_up(x, steps, lengths, turned) } else { x.shallow_clone() };

    let beyond: Vec<bool> =
        (0..steps as usize).flat_map(|t| lengths.iter().map(move |length| t >= *length)).collect();
    let beyond = Tensor::from_slice(&beyond).to_device(x.device()).to_kind(x.kind());
    let [input, forget, ..] = options.cell.order();
    let mut shut = [0.0; 4];
    (shut[input], shut[forget]) = (-SHUT, SHUT);
    let shut = per_gate(shut, hidden, weight).unsqueeze(0);
    let x = Tensor::cat(&[beyond.view([steps, batch, 1]), x], 2);
    let (y, c) = layer([&x, h0, c0, &Tensor::cat(&[&shut, weight], 0), bias], options.cell);

    // State 0 is the initial one, state n the one after n steps read.
    let states = Tensor::cat(&[h0.unsqueeze(0), y], 0);
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

/// States of all steps, [T, B, H], of x [T, B, I], s0 [B, H], w_input [I, 2 H], recurrent [L, H, 2 H] and
/// bias [L, 2 H]. Three kernels and a product per sub-layer; libtorch's graph allows none in place.
fn rhn([x, s0, w_input, recurrent, bias]: [&Tensor; 5]) -> Tensor {
    let [steps, batch, _] = dims(x);
    let (recurrent, bias) = (recurrent.unbind(0), bias.unbind(0));
    let projected = bias[0].addmm(&x.flatten(0, 1), w_input).view([steps, batch, -1]).unbind(0);
    let mut s = s0.shallow_clone();
    let mut y = Vec::with_capacity(projected.len());
    for first in &projected {
        for (l, weight) in recurrent.iter().enumerate() {
            let offset = if l == 0 { first } else { &bias[l] };
            let gates = offset.addmm(&s, weight).chunk(2, 1);
            s = s.lerp_tensor(&gates[0].tanh(), &gates[1].sigmoid());
        }
        y.push(s.shallow_clone());
    }
    Tensor::stack(&y, 0)
}

/// What is masked out of a softmax: e to it is 0, and no sum of it overflows.
const NEVER: f64 = -1e30;

/// Attention vectors of all steps and the last hidden and cell states of both layers, [T + 4, B, D].
fn attention_decoder(
    [x, memory, h, c, vector, first, second, biases, attend, combine]: [&Tensor; 10],
    options: &DecoderOptions,
) -> Tensor {
    let ([steps, batch, _], [sources, _, width]) = (dims(x), dims(memory));
    let on_device = |values: &[f32]| Tensor::from_slice(values).to_device(x.device());
    let masks = options
        .masks
        .as_ref()
        .map(|masks| masks.each_ref().map(|mask| on_device(mask).view([steps, batch, width]).unbind(0)));
    let masked = |k: usize, t: usize, value: Tensor| match &masks {
        Some(masks) => value * &masks[k][t],
        None => value,
    };
    let beyond = options.lengths.as_ref().map(|lengths| {
        let at = |length: &usize| (0..sources as usize).map(move |s| s >= *length).collect::<Vec<bool>>();
        let beyond: Vec<bool> = lengths.iter().flat_map(at).collect();
        Tensor::from_slice(&beyond).to_device(x.device()).view([batch, sources])
    });
    // [B, S, D] for contexts, [B, D, S] for scores.
    let by_rows = memory.transpose(0, 1).contiguous();
    let by_columns = by_rows.transpose(1, 2);
    let (weights, biases) = ([first.tr(), second.tr()], biases.unbind(0));
    let zero = biases[0].zeros_like();
    let fed = options.feeding.fed();
    let (mut h, mut c, mut vector) = (h.unbind(0), c.unbind(0), vector.shallow_clone());
    let mut out = Vec::with_capacity(steps as usize + 4);
    for (t, input) in x.unbind(0).iter().enumerate() {
        let mut below = input.shallow_clone();
        for l in 0..2 {
            let read = if fed[l] { Tensor::cat(&[&below, &vector], 1) } else { below };
            let columns = read.size()[1];
            let (from_below, from_state) =
                (weights[l].narrow(1, 0, columns), weights[l].narrow(1, columns, width));
            let (h_new, c_new) =
                read.lstm_cell(&[&h[l], &c[l]], &from_below, &from_state, Some(&biases[l]), Some(&zero));
            below = if l == 0 { masked(0, t, h_new.shallow_clone()) } else { h_new.shallow_clone() };
            (h[l], c[l]) = (h_new, c_new);
        }
        let query = below.matmul(attend).unsqueeze(1);
        let scores = query.bmm(&by_columns).squeeze_dim(1);
        let scores = match &beyond {
            Some(beyond) => scores.masked_fill(beyond, NEVER),
            None => scores,
        };
        let context = scores.softmax(1, x.kind()).unsqueeze(1).bmm(&by_rows).squeeze_dim(1);
        vector = masked(1, t, Tensor::cat(&[&context, &below], 1).matmul(combine).tanh());
        out.push(vector.shallow_clone());
    }
    out.extend(h);
    out.extend(c);
    Tensor::stack(&out, 0)
}

/// The losses of all rows, whether the target is the likeliest symbol, and the weighted total of the losses,
/// which alone is differentiable, [2 N + 1], of hidden [N, H], weight [H, V] or [V, H], bias [V],
/// targets and weights [N].
fn softmax_cross_entropy(
    [hidden, weight, bias]: [&Tensor; 3],
    targets: &Tensor,
    weights: &Tensor,
    is_table: bool,
) -> Tensor {
    let logits = if is_table { bias.addmm(hidden, &weight.tr()) } else { bias.addmm(hidden, weight) };
    let hits = logits.detach().argmax(1, false).eq_tensor(targets).to_kind(logits.kind());
    let losses = logits.cross_entropy_loss(targets, None::<&Tensor>, Reduction::None, NO_TARGET, 0.0);
    Tensor::cat(&[losses.detach(), hits, losses.dot(weights).unsqueeze(0)], 0)
}
