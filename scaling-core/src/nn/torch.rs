//! The fused operations on LibTorch: its kernels (oneDNN on the CPU, cuDNN on NVIDIA) forward, and its
//! own automatic differentiation backward.
//!
//! tch binds the forward pass of `at::lstm`, but none of the backward passes behind it; they are only
//! reached through libtorch's autograd. So a node of burn's graph holds a piece of libtorch's graph, from
//! detached leaves to the output, and its backward pass runs libtorch's.

#![allow(deprecated, reason = "upstream deprecates burn-tch; no other backend of burn has oneDNN or cuDNN")]

use super::extension::Sequences;
use super::lstm::{LstmCell, LstmOptions};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::libtorch::TchTensor;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, LibTorch};
use tch::{Reduction, Tensor};

/// A tensor of burn's autodiff graph, the same type for every checkpointing strategy.
type Tracked = FloatTensor<Autodiff<LibTorch>>;

/// The `ignore_index` of PyTorch's cross-entropy; no target is negative, so none is ignored.
const NO_TARGET: i64 = -100;

/// What closes a gate for good: a sigmoid is 0 or 1 there to the last bit, whatever else is added.
const SHUT: f64 = 1e6;

/// A piece of libtorch's graph, kept from the forward to the backward pass.
///
/// It shares memory with the inputs and the output of the node. burn writes into a tensor in place if
/// it holds the only handle of the storage, so the handles are kept as well.
#[derive(Debug, Clone)]
struct Graph<const N: usize> {
    leaves: [TchTensor; N],
    output: TchTensor,
}

/// The same memory as `of`, under its storage handle.
fn alias(tensor: Tensor, of: &TchTensor) -> TchTensor {
    TchTensor { tensor, storage: of.storage.clone() }
}

/// Where libtorch's graph begins: it differentiates by the inputs by which burn does.
fn leaf(input: &Tracked) -> TchTensor {
    let primitive = input.primitive();
    alias(primitive.tensor.detach().set_requires_grad(input.is_tracked()), primitive)
}

fn tensors<const N: usize>(tensors: &[TchTensor; N]) -> [&Tensor; N] {
    tensors.each_ref().map(|t| &t.tensor)
}

/// Runs an operation without a graph. Its output must be memory of its own.
fn plain<const N: usize>(inputs: &[TchTensor; N], compute: impl FnOnce([&Tensor; N]) -> Tensor) -> TchTensor {
    TchTensor::new(tch::no_grad(|| compute(tensors(inputs))))
}

/// Runs an operation as one node of burn's graph. Its output must be memory of its own.
fn differentiable<C: CheckpointStrategy, const N: usize>(
    inputs: [Tracked; N],
    compute: impl FnOnce([&Tensor; N]) -> Tensor,
) -> Tracked {
    let nodes = inputs.each_ref().map(Tracked::node);
    match LibtorchBackward.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(node) => {
            let leaves = inputs.each_ref().map(leaf);
            let output = TchTensor::new(tch::with_grad(|| compute(tensors(&leaves))));
            let detached = alias(output.tensor.detach(), &output);
            node.finish(Graph { leaves, output }, detached)
        }
        OpsKind::UnTracked(node) => node.finish(plain(&inputs.map(Tracked::into_primitive), compute)),
    }
}

#[derive(Debug)]
struct LibtorchBackward;

impl<const N: usize> Backward<LibTorch, N> for LibtorchBackward {
    type State = Graph<N>;

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let upstream = gradients.consume::<LibTorch>(&ops.node).tensor;
        let Graph { leaves, output } = ops.state;
        // tch differentiates scalars only; the gradient of this one by the output is `upstream`.
        let scalar = tch::with_grad(|| output.tensor.flatten(0, -1).dot(&upstream.flatten(0, -1)));
        let wanted: Vec<&Tensor> = tensors(&leaves).into_iter().filter(|leaf| leaf.requires_grad()).collect();
        let found = Tensor::run_backward(&[scalar], &wanted, false, false);
        // A parent has a node if it wants a gradient, which is when its leaf does.
        for (node, gradient) in ops.parents.into_iter().flatten().zip(found) {
            gradients.register::<LibTorch>(node.id, TchTensor::new(gradient));
        }
    }
}

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

    fn softmax_cross_entropy(
        hidden: TchTensor,
        weight: TchTensor,
        bias: TchTensor,
        targets: TchTensor,
        weights: TchTensor,
    ) -> TchTensor {
        plain(&[hidden, weight, bias], |inputs| {
            softmax_cross_entropy(inputs, &targets.tensor, &weights.tensor)
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

    fn softmax_cross_entropy(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        // The graph keeps these two as well; copies, since burn may write into its own.
        let (targets, weights) = (targets.tensor.copy(), weights.primitive().tensor.copy());
        differentiable::<C, 3>([hidden, weight, bias], |inputs| {
            softmax_cross_entropy(inputs, &targets, &weights)
        })
    }
}

fn dims<const D: usize>(tensor: &Tensor) -> [i64; D] {
    // The callers of the operations have checked the shapes.
    tensor.size().try_into().expect("a tensor of the operation's rank")
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

/// The losses of all rows and then their weighted total, which alone is differentiable, [N + 1], of
/// hidden [N, H], weight [H, V], bias [V], targets and weights [N].
fn softmax_cross_entropy([hidden, weight, bias]: [&Tensor; 3], targets: &Tensor, weights: &Tensor) -> Tensor {
    let logits = bias.addmm(hidden, weight);
    let losses = logits.cross_entropy_loss(targets, None::<&Tensor>, Reduction::None, NO_TARGET, 0.0);
    Tensor::cat(&[losses.detach(), losses.dot(weights).unsqueeze(0)], 0)
}

/// PyTorch's own layers and autograd, against our kernels and against LibTorch behind the same wrappers.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::extension;
    use crate::nn::tests::{Differentiated, Draw, close, compare, differentiate, values};
    use crate::random::Random;
    use burn::tensor::{Device, Int, Tensor as Burn, TensorData};
    use tch::Kind;

    const SHAPES: [[usize; 4]; 5] = [
        // T, B, I, H
        [1, 1, 1, 1],
        [7, 1, 3, 5],
        [1, 5, 4, 17],
        [7, 5, 3, 33],
        [12, 19, 40, 24],
    ];

    fn devices() -> [Device; 2] {
        [Device::flex().autodiff(), Device::libtorch().autodiff()]
    }

    /// A leaf of burn's graph on another device.
    fn on<const D: usize>(tensor: &Burn<D>, device: &Device) -> Burn<D> {
        Burn::from_data(tensor.to_data(), device).require_grad()
    }

    /// A leaf of libtorch's graph.
    fn torch<const D: usize>(tensor: &Burn<D>) -> Tensor {
        let shape = tensor.dims().map(|d| d as i64);
        Tensor::from_slice(&values(tensor.clone())).view(shape.as_slice()).set_requires_grad(true)
    }

    fn floats(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor.detach().flatten(0, -1)).expect("floats")
    }

    /// The value of an operation of PyTorch and the gradients of its inputs.
    fn pytorch<const N: usize, const D: usize>(
        output: &Tensor,
        upstream: &Burn<D>,
        inputs: &[Tensor; N],
    ) -> Differentiated {
        let scalar = (output * torch(upstream).detach()).sum(Kind::Float);
        let gradients = Tensor::run_backward(&[scalar], inputs, false, false);
        (floats(output), gradients.iter().map(|gradient| ("", floats(gradient))).collect())
    }

    /// Both cells, both directions, rows of one length and of lengths from T down to 0.
    fn variants(steps: usize, batch: usize) -> Vec<LstmOptions> {
        let lengths: Vec<usize> = (0..batch).map(|b| steps - b % (steps + 1)).collect();
        let mut variants = Vec::new();
        for cell in [LstmCell::Tensorflow, LstmCell::Torch] {
            for reverse in [false, true] {
                for lengths in [None, Some(lengths.clone().into())] {
                    variants.push(LstmOptions { cell, reverse, lengths });
                }
            }
        }
        variants
    }

    /// `torch.nn.LSTM` with its two biases, over every row by itself, cut to its length.
    fn lstm_of_pytorch([x, h0, c0, weight, bias]: [&Tensor; 5], options: &LstmOptions) -> Tensor {
        let ([steps, batch, input], [_, hidden]) = (dims(x), dims(h0));
        let [i, f, g, o] = options.cell.order();
        let sorted = |tensor: &Tensor| {
            let blocks = tensor.split(hidden, -1);
            Tensor::cat(&[&blocks[i], &blocks[f], &blocks[g], &blocks[o]], -1)
        };
        let weight = sorted(weight).transpose(0, 1);
        let second = Tensor::zeros([4 * hidden], (Kind::Float, x.device()));
        let _ = second.narrow(0, hidden, hidden).fill_(f64::from(options.cell.forget_offset()));
        let parameters = [
            weight.narrow(1, 0, input).contiguous(),
            weight.narrow(1, input, hidden).contiguous(),
            sorted(bias),
            second,
        ];
        let rows: Vec<Tensor> = (0..batch)
            .map(|b| {
                let length = options.lengths.as_ref().map_or(steps, |lengths| lengths[b as usize] as i64);
                let (h, c) = (h0.narrow(0, b, 1).unsqueeze(0), c0.narrow(0, b, 1).unsqueeze(0));
                if length == 0 {
                    return Tensor::cat(&[h.expand([steps, 1, hidden], false), c], 0);
                }
                let turn = |t: Tensor| if options.reverse { t.flip([0]) } else { t };
                let read = turn(x.narrow(0, 0, length).narrow(1, b, 1));
                let (y, h_last, c_last) =
                    read.lstm(&[h.shallow_clone(), c], &parameters, true, 1, 0.0, true, false, false);
                let still = if options.reverse { h } else { h_last };
                let still = still.expand([steps - length, 1, hidden], false);
                Tensor::cat(&[turn(y), still, c_last], 0)
            })
            .collect();
        Tensor::cat(&rows, 1)
    }

    #[test]
    fn lstm_agrees_with_pytorch() {
        for (seed, [t, b, i, h]) in SHAPES.into_iter().enumerate() {
            for options in variants(t, b) {
                let mut draw = Draw(Random::new("test/torch/lstm", &[seed as u64]));
                let (x, h0, c0) =
                    (draw.tensor([t, b, i], 1.0), draw.tensor([b, h], 0.5), draw.tensor([b, h], 0.5));
                let (weight, bias) = (draw.tensor([i + h, 4 * h], 0.4), draw.tensor([4 * h], 0.3));
                let upstream = draw.weights([t + 1, b, h]);
                let inputs = [torch(&x), torch(&h0), torch(&c0), torch(&weight), torch(&bias)];
                let want = pytorch(&lstm_of_pytorch(inputs.each_ref(), &options), &upstream, &inputs);
                for device in devices() {
                    let (x, h0, c0) = (on(&x, &device), on(&h0, &device), on(&c0, &device));
                    let (weight, bias) = (on(&weight, &device), on(&bias, &device));
                    let out = extension::lstm(
                        x.clone(),
                        h0.clone(),
                        c0.clone(),
                        weight.clone(),
                        bias.clone(),
                        options.clone(),
                    );
                    let got = differentiate!(out, on(&upstream, &device).detach(), [x, h0, c0, weight, bias]);
                    compare(&got, &want, &format!("{t} {b} {i} {h} {options:?} {device:?}"));
                }
            }
        }
    }

    /// The layer as its paper writes it.
    fn rhn_of_pytorch([x, s0, w_input, recurrent, bias]: [&Tensor; 5]) -> Tensor {
        let ([steps, ..], [depth, hidden, _]) = (dims::<3>(x), dims(recurrent));
        let mut s = s0.shallow_clone();
        let mut y = Vec::new();
        for t in 0..steps {
            for l in 0..depth {
                let mut gates = s.matmul(&recurrent.get(l)) + bias.get(l);
                if l == 0 {
                    gates += x.get(t).matmul(w_input);
                }
                let candidate = gates.narrow(1, 0, hidden).tanh();
                s = (candidate - &s) * gates.narrow(1, hidden, hidden).sigmoid() + &s;
            }
            y.push(s.shallow_clone());
        }
        Tensor::stack(&y, 0)
    }

    #[test]
    fn rhn_agrees_with_pytorch() {
        for (seed, [t, b, i, h]) in SHAPES.into_iter().enumerate() {
            for depth in [1, 3] {
                let mut draw = Draw(Random::new("test/torch/rhn", &[seed as u64]));
                let (x, s0) = (draw.tensor([t, b, i], 1.0), draw.tensor([b, h], 0.5));
                let scale = 0.6 / (h as f64).sqrt();
                let (w_input, recurrent) =
                    (draw.tensor([i, 2 * h], 0.4), draw.tensor([depth, h, 2 * h], scale));
                let bias = draw.tensor([depth, 2 * h], 0.3);
                let upstream = draw.weights([t, b, h]);
                let inputs = [torch(&x), torch(&s0), torch(&w_input), torch(&recurrent), torch(&bias)];
                let want = pytorch(&rhn_of_pytorch(inputs.each_ref()), &upstream, &inputs);
                for device in devices() {
                    let (x, s0, w_input) = (on(&x, &device), on(&s0, &device), on(&w_input, &device));
                    let (recurrent, bias) = (on(&recurrent, &device), on(&bias, &device));
                    let out = extension::rhn(
                        x.clone(),
                        s0.clone(),
                        w_input.clone(),
                        recurrent.clone(),
                        bias.clone(),
                    );
                    let upstream = on(&upstream, &device).detach();
                    let got = differentiate!(out, upstream, [x, s0, w_input, recurrent, bias]);
                    compare(&got, &want, &format!("{t} {b} {i} {h} depth {depth} {device:?}"));
                }
            }
        }
    }

    #[test]
    fn softmax_agrees_with_pytorch() {
        for (seed, [n, h, v]) in [[1, 1, 1], [3, 5, 7], [65, 17, 33], [40, 8, 1000]].into_iter().enumerate() {
            let mut draw = Draw(Random::new("test/torch/softmax", &[seed as u64]));
            let (hidden, weight, bias) =
                (draw.tensor([n, h], 1.0), draw.tensor([h, v], 0.5), draw.tensor([v], 0.5));
            let targets: Vec<i64> = (0..n).map(|_| draw.0.below(v as u64) as i64).collect();
            // Every third position is masked.
            let weights: Vec<f32> =
                (0..n).map(|i| if i % 3 == 1 { 0.0 } else { 1.0 + i as f32 * 0.01 }).collect();
            let upstream = [vec![0.0; n], vec![0.7f32]].concat();
            let upstream: Burn<1> = Burn::from_data(TensorData::new(upstream, [n + 1]), &Device::flex());

            let inputs = [torch(&hidden), torch(&weight), torch(&bias)];
            let logits = inputs[0].matmul(&inputs[1]) + &inputs[2];
            let losses = logits.cross_entropy_loss(
                &Tensor::from_slice(&targets),
                None::<&Tensor>,
                Reduction::None,
                NO_TARGET,
                0.0,
            );
            let total = (&losses * Tensor::from_slice(&weights)).sum(Kind::Float);
            let want = pytorch(&Tensor::cat(&[losses, total.unsqueeze(0)], 0), &upstream, &inputs);
            for device in devices() {
                let (hidden, weight, bias) = (on(&hidden, &device), on(&weight, &device), on(&bias, &device));
                let targets = Burn::<1, Int>::from_data(TensorData::new(targets.clone(), [n]), &device);
                let weights = Burn::<1>::from_data(TensorData::new(weights.clone(), [n]), &device);
                let out = extension::softmax_cross_entropy(
                    hidden.clone(),
                    weight.clone(),
                    bias.clone(),
                    targets,
                    weights,
                );
                let got = differentiate!(out, on(&upstream, &device).detach(), [hidden, weight, bias]);
                let what = format!("{n} {h} {v} {device:?}");
                close(&got.0[..n], &want.0[..n], 1e-5, 1e-6, &what);
                compare(&got, &want, &what);
            }
        }
    }

    #[test]
    fn inputs_that_want_no_gradient_change_nothing() {
        let mut draw = Draw(Random::new("test/torch/constants", &[]));
        let [t, b, i, h] = [6, 4, 3, 5];
        let (x, state) = (draw.tensor([t, b, i], 1.0), draw.tensor([b, h], 0.5));
        let (weight, bias) = (draw.tensor([i + h, 4 * h], 0.4), draw.tensor([4 * h], 0.3));
        for options in variants(t, b) {
            let run = |x: Burn<3>, state: Burn<2>, weight: Burn<2>, bias: Burn<1>| {
                extension::lstm(x, state.clone(), state, weight, bias, options.clone())
            };
            let [_, device] = devices();
            let all = || (on(&x, &device), on(&state, &device), on(&weight, &device), on(&bias, &device));
            let (x, state, weight, bias) = all();
            let full = run(x, state, weight.clone(), bias);
            let value = values(full.clone().inner());
            let gradient = |weight: Burn<2>, out: Burn<3>| {
                values(weight.grad(&out.sum().backward()).expect("a gradient"))
            };
            let want = gradient(weight, full);

            let (x, state, weight, bias) = all();
            let some = run(x.detach(), state.detach(), weight.clone(), bias.detach());
            close(&gradient(weight, some), &want, 1e-5, 1e-6, "gradient");
            let (x, state, weight, bias) = all();
            let none = run(x.inner(), state.inner(), weight.inner(), bias.inner());
            close(&values(none), &value, 1e-5, 1e-6, "inference");
        }
    }

    #[test]
    fn burn_does_not_overwrite_what_the_graph_has_saved() {
        let mut draw = Draw(Random::new("test/torch/saved", &[]));
        let (x, s0) = (draw.tensor([3, 2, 4], 1.0), draw.tensor([2, 5], 0.5));
        let (input, recurrent) = (draw.tensor([4, 10], 0.4), draw.tensor([2, 5, 10], 0.3));
        let bias = draw.tensor([2, 10], 0.3);
        let [_, device] = devices();
        let gradient = |spoil: bool| {
            let (x, input) = (on(&x, &device).detach(), on(&input, &device));
            let rest = (on(&recurrent, &device), on(&bias, &device));
            let y = extension::rhn(x.clone(), on(&s0, &device), input.clone(), rest.0, rest.1);
            let total = y.clone().sum();
            if spoil {
                // The only handles but for the graph's: burn would compute these in place.
                let _spoilt = (x.mul_scalar(3.0), y.detach().mul_scalar(3.0));
            }
            values(input.grad(&total.backward()).expect("a gradient"))
        };
        assert_eq!(gradient(true), gradient(false));
    }
}
