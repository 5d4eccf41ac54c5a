//! PyTorch's own layers and autograd, against our kernels and against LibTorch behind the same wrappers.

mod ctc;
mod decoder;
mod images;

use super::sequences::NO_TARGET;
use super::tape::handle;
use super::*;
use crate::nn::tests::{Differentiated, Draw, close, compare, differentiate, values};
use crate::nn::{LstmCell, LstmOptions, OutputWeight, extension, softmax_cross_entropy};
use crate::random::Random;
use burn::tensor::{Device, Int, Tensor as Burn, TensorData};
use tch::{Kind, Reduction};

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
            let (w_input, recurrent) = (draw.tensor([i, 2 * h], 0.4), draw.tensor([depth, h, 2 * h], scale));
            let bias = draw.tensor([depth, 2 * h], 0.3);
            let upstream = draw.weights([t, b, h]);
            let inputs = [torch(&x), torch(&s0), torch(&w_input), torch(&recurrent), torch(&bias)];
            let want = pytorch(&rhn_of_pytorch(inputs.each_ref()), &upstream, &inputs);
            for device in devices() {
                let (x, s0, w_input) = (on(&x, &device), on(&s0, &device), on(&w_input, &device));
                let (recurrent, bias) = (on(&recurrent, &device), on(&bias, &device));
                let out =
                    extension::rhn(x.clone(), s0.clone(), w_input.clone(), recurrent.clone(), bias.clone());
                let upstream = on(&upstream, &device).detach();
                let got = differentiate!(out, upstream, [x, s0, w_input, recurrent, bias]);
                compare(&got, &want, &format!("{t} {b} {i} {h} depth {depth} {device:?}"));
            }
        }
    }
}

/// The transpose of rows of `columns` values.
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|j| values.iter().skip(j).step_by(columns).copied()).collect()
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
        let upstream = [vec![0.0; 2 * n], vec![0.7f32]].concat();
        let upstream: Burn<1> = Burn::from_data(TensorData::new(upstream, [2 * n + 1]), &Device::flex());

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
        let hits = logits.argmax(1, false).eq_tensor(&Tensor::from_slice(&targets)).to_kind(Kind::Float);
        let want = pytorch(&Tensor::cat(&[losses, hits, total.unsqueeze(0)], 0), &upstream, &inputs);
        for device in devices() {
            let (hidden, weight, bias) = (on(&hidden, &device), on(&weight, &device), on(&bias, &device));
            let targets = Burn::<1, Int>::from_data(TensorData::new(targets.clone(), [n]), &device);
            let weights = Burn::<1>::from_data(TensorData::new(weights.clone(), [n]), &device);
            let out = extension::softmax_cross_entropy(
                hidden.clone(),
                OutputWeight::Columns(weight.clone()),
                bias.clone(),
                targets.clone(),
                weights.clone(),
            );
            let got = differentiate!(out, on(&upstream, &device).detach(), [hidden, weight, bias]);
            let what = format!("{n} {h} {v} {device:?}");
            close(&got.0[..n], &want.0[..n], 1e-5, 1e-6, &what);
            compare(&got, &want, &what);
            let table = Burn::from_inner(weight.clone().inner().transpose()).require_grad();
            let output = OutputWeight::Table(table.clone());
            let out =
                extension::softmax_cross_entropy(hidden.clone(), output, bias.clone(), targets, weights);
            let got = differentiate!(out, on(&upstream, &device).detach(), [hidden, table, bias]);
            close(&got.0, &want.0, 1e-5, 1e-6, &what);
            close(&got.1[1].1, &transposed(&want.1[1].1, v), 1e-4, 1e-6, &what);
        }
        // As a training step records it: in parts, without hits.
        let device = Device::libtorch();
        let [hidden, weight, bias] = inputs.each_ref().map(Tensor::shallow_clone);
        let targets = Burn::<1, Int>::from_data(TensorData::new(targets, [n]), &device);
        let weights = Burn::<1>::from_data(TensorData::new(weights, [n]), &device);
        let output = OutputWeight::Columns(handle(weight));
        let found = softmax_cross_entropy(handle(hidden), output, handle(bias), targets, weights);
        assert_eq!(found.hits.dims(), [0]);
        let total = tape::primitive(found.total).tensor;
        let gradients = Tensor::run_backward(&[&total * 0.7], &inputs, false, false);
        let gradients = gradients.iter().map(|gradient| ("", floats(gradient))).collect();
        let (losses, without_hits) = (values(found.losses), [&want.0[..n], &want.0[2 * n..]].concat());
        let got = ([losses, floats(&total)].concat(), gradients);
        compare(&got, &(without_hits, want.1), &format!("{n} {h} {v} recorded"));
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
        let gradient =
            |weight: Burn<2>, out: Burn<3>| values(weight.grad(&out.sum().backward()).expect("a gradient"));
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
