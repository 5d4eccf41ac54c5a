//! Sequence layers and the output layer.

use super::draw::draw;
use super::highway;
use super::lstm::lstm;
use super::tape::{handle, integers, primitive, recorded, seen};
use super::upload::moved;
use super::{differentiable, dims, lowered, plain, restored};
use crate::nn::decoder::{DecoderOptions, Masks};
use crate::nn::extension::{DecoderTensors, Sequences};
use crate::nn::lstm::LstmOptions;
use crate::nn::softmax::{CrossEntropy, OutputWeight};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::libtorch::TchTensor;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, LibTorch};
use burn::tensor::{Int, Tensor as Burn};
use tch::{Device, Reduction, Tensor};

/// The `ignore_index` of PyTorch's cross-entropy; no target is negative, so none is ignored.
pub(super) const NO_TARGET: i64 = -100;

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

    fn attention_decoder(tensors: DecoderTensors<Self>, options: DecoderOptions) -> TchTensor {
        plain(&tensors.array(), |inputs| attention_decoder(inputs, &options))
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

    fn attention_decoder(tensors: DecoderTensors<Self>, options: DecoderOptions) -> FloatTensor<Self> {
        differentiable::<C, 10>(tensors.array(), |inputs| attention_decoder(inputs, &options))
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

/// States of all steps, [T, B, H], of x [T, B, I], s0 [B, H], w_input [I, 2 H], recurrent [L, H, 2 H] and
/// bias [L, 2 H].
fn rhn(inputs: [&Tensor; 5]) -> Tensor {
    let inputs = inputs.map(lowered);
    let inputs = inputs.each_ref();
    restored(if inputs[0].device().is_cuda() {
        highway::by_gru_cells(inputs)
    } else {
        highway::plain(inputs)
    })
}

/// What is masked out of a softmax: e to it is 0, and no sum of it overflows.
pub(super) const NEVER: f64 = -1e30;

/// Whether a position is beyond the end of its row, [B, S].
pub(super) fn beyond(lengths: &[usize], positions: i64, device: Device) -> Tensor {
    let at = |length: &usize| (0..positions as usize).map(move |s| s >= *length).collect::<Vec<bool>>();
    let beyond: Vec<bool> = lengths.iter().flat_map(at).collect();
    moved(&Tensor::from_slice(&beyond).view([lengths.len() as i64, positions]), device)
}

/// Gradients of so many values at most are kept until the sum of all steps is formed.
const MOST_KEPT: i64 = 1 << 27;

/// The same values for every step. On a GPU, which waits for the host to start operations, under handles of
/// their own.
fn for_each_step(values: &Tensor, steps: i64) -> Vec<Tensor> {
    let is_worth_it = values.requires_grad() && values.device() != Device::Cpu;
    if is_worth_it && steps * values.numel() as i64 <= MOST_KEPT {
        return handles(values, steps);
    }
    (0..steps).map(|_| values.shallow_clone()).collect()
}

/// Handles of the same values whose gradients libtorch sums once; of a single one it would start an addition
/// for every use.
fn handles(values: &Tensor, count: i64) -> Vec<Tensor> {
    let shape: Vec<i64> = std::iter::once(count).chain(values.size()).collect();
    values.unsqueeze(0).expand(shape, false).unbind(0)
}

/// Attention vectors of all steps and the last hidden and cell states of both layers, [T + 4, B, D].
fn attention_decoder(inputs: [&Tensor; 10], options: &DecoderOptions) -> Tensor {
    let inputs = inputs.map(lowered);
    let [x, memory, h, c, vector, first, second, biases, attend, combine] = inputs.each_ref();
    let ([steps, batch, input], [sources, _, width]) = (dims(x), dims(memory));
    let on_device = |values: &[f32]| lowered(&moved(&Tensor::from_slice(values), x.device()));
    let masks = options.masks.as_ref().map(|masks| match masks {
        Masks::Given(masks) => masks.each_ref().map(|mask| on_device(mask).view([steps, batch, width])),
        Masks::Drawn { share } => [0; 2].map(|_| lowered(&draw(&[steps, batch, width], *share, x.device()))),
    });
    let masks = masks.map(|masks| masks.map(|mask| mask.unbind(0)));
    let masked = |k: usize, t: usize, value: Tensor| match &masks {
        Some(masks) => value * &masks[k][t],
        None => value,
    };
    let never = options.lengths.as_deref().map(|lengths| {
        let beyond = beyond(lengths, sources, x.device()).unsqueeze(1);
        tch::no_grad(|| beyond.to_kind(x.kind()) * NEVER)
    });
    // A score is the product of a query with the memory times the transposed weights, and the context's share
    // of an attention vector a sum of the memory times its weights: both the same at all steps, [B, D, S] and
    // [B, S, D].
    let memory = memory.transpose(0, 1).contiguous();
    let keys = for_each_step(&memory.matmul(&attend.tr()).transpose(1, 2), steps);
    let combine = combine.chunk(2, 0);
    let values = for_each_step(&memory.matmul(&combine[0]), steps);
    let of_below = for_each_step(&combine[1], steps);
    let fed = options.feeding.fed();
    let layers = [(first, input), (second, width)];
    let weights = layers.iter().zip(fed).map(|((weight, below), fed)| {
        let below = below + if fed { width } else { 0 };
        let parts = weight.tr().split_with_sizes([below, width], 1);
        parts.iter().map(|part| for_each_step(&part.contiguous(), steps)).collect::<Vec<_>>()
    });
    let weights: Vec<_> = weights.collect();
    let biases: Vec<_> = biases.unbind(0).iter().map(|bias| for_each_step(bias, steps)).collect();
    let zero = tch::no_grad(|| biases[0][0].zeros_like());
    let (mut h, mut c, mut vector) = (h.unbind(0), c.unbind(0), vector.shallow_clone());
    let mut out = Vec::with_capacity(steps as usize + 4);
    for (t, input) in x.unbind(0).iter().enumerate() {
        let mut below = input.shallow_clone();
        for l in 0..2 {
            let read = if fed[l] { Tensor::cat(&[&below, &vector], 1) } else { below };
            let [of_read, of_state] = [0, 1].map(|part| &weights[l][part][t]);
            let (h_new, c_new) =
                read.lstm_cell(&[&h[l], &c[l]], of_read, of_state, Some(&biases[l][t]), Some(&zero));
            below = if l == 0 { masked(0, t, h_new.shallow_clone()) } else { h_new.shallow_clone() };
            (h[l], c[l]) = (h_new, c_new);
        }
        let query = below.unsqueeze(1);
        let scores = match &never {
            Some(never) => never.baddbmm(&query, &keys[t], 1, 1),
            None => query.bmm(&keys[t]),
        };
        let shares = scores.softmax(2, x.kind());
        // In place, since no gradient asks for the summand.
        let mut attended = query.matmul(&of_below[t]);
        let _ = attended.baddbmm_(&shares, &values[t]);
        vector = masked(1, t, attended.squeeze_dim(1).tanh());
        out.push(vector.shallow_clone());
    }
    out.extend(h);
    out.extend(c);
    restored(Tensor::stack(&out, 0))
}

/// The losses of all rows, whether the target is the likeliest symbol, and the weighted total of the losses,
/// which alone is differentiable, [2 N + 1], of hidden [N, H], weight [H, V] or [V, H], bias [V],
/// targets and weights [N].
fn softmax_cross_entropy(inputs: [&Tensor; 3], targets: &Tensor, weights: &Tensor, is_table: bool) -> Tensor {
    let [logits, losses, total] = cross_entropy(inputs, targets, weights, is_table);
    let hits = logits.detach().argmax(1, false).eq_tensor(targets).to_kind(logits.kind());
    Tensor::cat(&[losses.detach(), hits, total.unsqueeze(0)], 0)
}

/// The logits [N, V], the losses of all rows [N] and their weighted total [].
fn cross_entropy(
    [hidden, weight, bias]: [&Tensor; 3],
    targets: &Tensor,
    weights: &Tensor,
    is_table: bool,
) -> [Tensor; 3] {
    let [hidden, weight, bias] = [hidden, weight, bias].map(lowered);
    let weight = if is_table { weight.tr() } else { weight };
    // The products may be of half precision, what is summed over all symbols not.
    let logits = restored(bias.addmm(&hidden, &weight));
    let losses = logits.cross_entropy_loss(targets, None::<&Tensor>, Reduction::None, NO_TARGET, 0.0);
    let total = losses.dot(weights);
    [logits, losses, total]
}

/// As [`crate::nn::softmax_cross_entropy`], without packing what was found, which a GPU would have to do and
/// undo, and without hits, which would cost another pass over all logits. None where libtorch does not
/// record.
pub(crate) fn recorded_cross_entropy(
    hidden: &Burn<2>,
    weight: &OutputWeight,
    bias: &Burn<1>,
    targets: &Burn<1, Int>,
    weights: &Burn<1>,
) -> Option<CrossEntropy> {
    let hidden = recorded(hidden)?;
    let (weight, is_table) = match weight {
        OutputWeight::Columns(weight) => (weight, false),
        OutputWeight::Table(table) => (table, true),
    };
    let (weight, bias) = (primitive(weight.clone()).tensor, primitive(bias.clone()).tensor);
    let (targets, weights) = (integers(targets.clone()), primitive(weights.clone()).tensor);
    let inputs = [&hidden, &weight, &bias];
    let [_, losses, total] = tch::with_grad(|| cross_entropy(inputs, &targets, &weights, is_table));
    let hits = Tensor::empty([0], (losses.kind(), losses.device()));
    Some(CrossEntropy { total: handle(total.unsqueeze(0)), losses: seen(&losses), hits: handle(hits) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn torch_sums_the_gradients_of_all_handles() {
        let options = (Kind::Float, Device::Cpu);
        let values = Tensor::ones([2, 3], options).set_requires_grad(true);
        let factors = Tensor::arange(24, options).view([4, 2, 3]);
        let used =
            handles(&values, 4).into_iter().zip(factors.unbind(0)).map(|(handle, factor)| handle * factor);
        let objective = used.fold(Tensor::zeros([1], options), |sum, product| sum + product.sum(Kind::Float));
        let gradient = Tensor::run_backward(&[objective], &[&values], false, false);
        assert_eq!(gradient[0], factors.sum_dim_intlist(0, false, Kind::Float));
    }
}
