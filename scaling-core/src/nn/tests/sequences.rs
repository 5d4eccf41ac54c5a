//! Sequence layers and the output layer.

use super::{Draw, close, compare, differentiate, fill, values};
use crate::nn::lstm::{LstmCell, LstmOptions, reference as lstm_reference};
use crate::nn::rhn::reference as rhn_reference;
use crate::nn::softmax::reference as softmax_reference;
use crate::nn::{CrossEntropy, OutputWeight, extension, lstm, rhn, softmax_cross_entropy};
use crate::random::Random;
use burn::tensor::{Device, Int, Tensor, TensorData};

#[test]
fn lstm_cells_meet_the_specification() {
    let x = || fill([3, 2], 3).reshape([3, 1, 2]);
    let zero = || Tensor::<2>::zeros([1, 2], &Device::flex());
    // Section 2.2: W is (input and hidden) by gates already.
    let weight = || fill([4, 8], 1);
    let bias = || Tensor::<1>::zeros([8], &Device::flex());
    let y = [0.003_988_54, -0.027_697_87, -0.000_480_65, -0.001_612_83, -0.010_568_0, -0.054_225_3];
    let c = [-0.019_216_86, -0.106_769_4];
    let check = |cell: LstmCell, weight: Tensor<2>, bias: Tensor<1>, want: &[f32]| {
        let options = LstmOptions::new(cell);
        let out = lstm(x(), zero(), zero(), weight.clone(), bias.clone(), &options);
        let plain = lstm_reference(x(), zero(), zero(), weight, bias, &options);
        let states = [values(out.y), values(out.c_last)].concat();
        close(&states, want, 0.0, 1e-6, "fused");
        close(&values(plain), want, 0.0, 1e-6, "reference");
    };
    check(LstmCell::Tensorflow, weight(), bias(), &[&y[..], &c].concat());
    // Section 4.2: W times column, two biases.
    let weight = || Tensor::cat(vec![fill([8, 2], 1).transpose(), fill([8, 2], 2).transpose()], 0);
    let bias = || fill([8], 3) + fill([8], 4);
    let y = [0.115_968_95, -0.031_352_59, 0.156_765_8, 0.069_705_96, 0.182_942_53, 0.055_678_67];
    let c = [0.535_830_43, 0.091_142_38];
    check(LstmCell::Torch, weight(), bias(), &[&y[..], &c].concat());
}

#[test]
fn rhn_meets_the_specification() {
    let device = Device::flex();
    let (h0, t0, h1, t1) = (fill([4, 2], 1), fill([4, 2], 2), fill([2, 2], 3), fill([2, 2], 4));
    let first = Tensor::cat(vec![h0, t0], 1);
    let input = first.clone().narrow(0, 0, 2);
    let recurrent = Tensor::stack(vec![first.narrow(0, 2, 2), Tensor::cat(vec![h1, t1], 1)], 0);
    for (b_t, want) in [
        (-4.0, [0.000_552_43, -0.004_000_95, 0.000_327_13, -0.000_176_01, -0.002_162_84, 0.002_264_06]),
        (-1.0, [0.003_993_29, -0.041_221_4, -0.002_785_49, 0.014_344_89, -0.025_238_91, 0.024_921_09]),
    ] {
        let bias =
            Tensor::cat(vec![Tensor::<2>::zeros([2, 2], &device), Tensor::full([2, 2], b_t, &device)], 1);
        for function in [rhn, rhn_reference] {
            let x = fill([3, 2], 3).reshape([3, 1, 2]);
            let s0 = Tensor::zeros([1, 2], &device);
            let y = function(x, s0, input.clone(), recurrent.clone(), bias.clone());
            close(&values(y), &want, 0.0, 1e-6, "RHN");
        }
    }
}

const SHAPES: [[usize; 4]; 8] = [
    // T, B, I, H
    [1, 1, 1, 1],
    [7, 1, 3, 5],
    [1, 5, 4, 17],
    [7, 5, 3, 33],
    [3, 32, 16, 16],
    [5, 33, 8, 3],
    [12, 19, 40, 64],
    [4, 8, 7, 1],
];

#[test]
fn fused_lstm_agrees_with_the_reference() {
    for (seed, [t, b, i, h]) in SHAPES.into_iter().enumerate() {
        for (cell, reverse, short) in [
            (LstmCell::Tensorflow, false, false),
            (LstmCell::Torch, false, true),
            (LstmCell::Torch, true, false),
            (LstmCell::Tensorflow, true, true),
        ] {
            let mut draw = Draw(Random::new("test/lstm", &[seed as u64]));
            let (x, h0, c0) =
                (draw.tensor([t, b, i], 1.0), draw.tensor([b, h], 0.5), draw.tensor([b, h], 0.5));
            let (weight, bias) = (draw.tensor([i + h, 4 * h], 0.4), draw.tensor([4 * h], 0.3));
            let weights = draw.weights([t + 1, b, h]);
            let lengths = short.then(|| (0..b).map(|_| 1 + draw.0.below(t as u64) as usize).collect());
            let options = LstmOptions { cell, reverse, lengths };
            let inputs = || (x.clone(), h0.clone(), c0.clone(), weight.clone(), bias.clone());
            let run = |reference: bool| {
                let (x_, h0_, c0_, weight_, bias_) = inputs();
                let out = if reference {
                    lstm_reference(x_, h0_, c0_, weight_, bias_, &options)
                } else {
                    extension::lstm(x_, h0_, c0_, weight_, bias_, options.clone())
                };
                differentiate!(out, weights, [x, h0, c0, weight, bias])
            };
            compare(&run(false), &run(true), &format!("{t} {b} {i} {h} {options:?}"));
        }
    }
}

/// A row shorter than the others is the row by itself, and zeros.
#[test]
fn lengths_cut_rows_short() {
    let mut draw = Draw(Random::new("test/lengths", &[]));
    let [t, b, i, h] = [6, 3, 4, 5];
    let (x, h0, c0) = (draw.tensor([t, b, i], 1.0), draw.tensor([b, h], 0.5), draw.tensor([b, h], 0.5));
    let (weight, bias) = (draw.tensor([i + h, 4 * h], 0.4), draw.tensor([4 * h], 0.3));
    let lengths = [6, 2, 1];
    for reverse in [false, true] {
        let run = |x: Tensor<3>, rows: std::ops::Range<usize>, lengths: Option<&[usize]>| {
            let state = |s: &Tensor<2>| s.clone().narrow(0, rows.start, rows.len());
            let options = LstmOptions {
                reverse,
                lengths: lengths.map(Into::into),
                ..LstmOptions::new(LstmCell::Tensorflow)
            };
            lstm(x, state(&h0), state(&c0), weight.clone(), bias.clone(), &options)
        };
        let all = run(x.clone(), 0..b, Some(&lengths));
        for (row, length) in lengths.into_iter().enumerate() {
            let alone = run(x.clone().narrow(0, 0, length).narrow(1, row, 1), row..row + 1, None);
            let y = all.y.clone().narrow(1, row, 1);
            close(&values(y.clone().narrow(0, 0, length)), &values(alone.y), 0.0, 1e-6, "y");
            if length < t {
                assert!(values(y.narrow(0, length, t - length)).iter().all(|v| *v == 0.0));
            }
            close(&values(all.h_last.clone().narrow(0, row, 1)), &values(alone.h_last), 0.0, 1e-6, "h");
            close(&values(all.c_last.clone().narrow(0, row, 1)), &values(alone.c_last), 0.0, 1e-6, "c");
        }
    }
}

#[test]
fn fused_rhn_agrees_with_the_reference() {
    for (seed, [t, b, i, h]) in SHAPES.into_iter().enumerate() {
        for depth in [1, 2, 5] {
            let mut draw = Draw(Random::new("test/rhn", &[seed as u64]));
            let (x, s0) = (draw.tensor([t, b, i], 1.0), draw.tensor([b, h], 0.5));
            // Larger recurrent weights would make the layer chaotic, so that any two computations of it part.
            let scale = 0.6 / (h as f64).sqrt();
            let (input, recurrent) = (draw.tensor([i, 2 * h], 0.4), draw.tensor([depth, h, 2 * h], scale));
            let bias = draw.tensor([depth, 2 * h], 0.3);
            let weights = draw.weights([t, b, h]);
            let run = |function: fn(Tensor<3>, Tensor<2>, Tensor<2>, Tensor<3>, Tensor<2>) -> Tensor<3>| {
                let out = function(x.clone(), s0.clone(), input.clone(), recurrent.clone(), bias.clone());
                differentiate!(out, weights, [x, s0, input, recurrent, bias])
            };
            compare(&run(extension::rhn), &run(rhn_reference), &format!("{t} {b} {i} {h} depth {depth}"));
        }
    }
}

#[test]
fn fused_softmax_agrees_with_the_reference() {
    for (seed, [n, h, v]) in
        [[1, 1, 1], [3, 5, 7], [65, 17, 33], [130, 64, 1000], [64, 8, 98], [140, 16, 1025]]
            .into_iter()
            .enumerate()
    {
        let mut draw = Draw(Random::new("test/softmax", &[seed as u64]));
        let (hidden, weight, bias) =
            (draw.tensor([n, h], 1.0), draw.tensor([h, v], 0.5), draw.tensor([v], 0.5));
        let targets: Vec<i64> = (0..n).map(|_| draw.0.below(v as u64) as i64).collect();
        let targets = Tensor::<1, Int>::from_data(TensorData::new(targets, [n]), &Device::flex().autodiff());
        // Every third position is masked.
        let mask: Vec<f32> = (0..n).map(|i| if i % 3 == 1 { 0.0 } else { 1.0 + i as f32 * 0.01 }).collect();
        let weights = Tensor::<1>::from_data(TensorData::new(mask, [n]), &Device::flex().autodiff());
        let scale = draw.weights([1]);
        let table = Tensor::from_inner(weight.clone().inner().transpose()).require_grad();
        let run = |function: fn(_, _, _, _, _) -> CrossEntropy| {
            let (hidden_, weight_, bias_) = (hidden.clone(), weight.clone(), bias.clone());
            let weight_ = OutputWeight::Columns(weight_);
            let out = function(hidden_, weight_, bias_, targets.clone(), weights.clone());
            let (total, gradients) = differentiate!(out.total, scale, [hidden, weight, bias]);
            ([values(out.losses), values(out.hits), total].concat(), gradients)
        };
        let run_table = |function: fn(_, _, _, _, _) -> CrossEntropy| {
            let (hidden_, table_, bias_) = (hidden.clone(), table.clone(), bias.clone());
            let table_ = OutputWeight::Table(table_);
            let out = function(hidden_, table_, bias_, targets.clone(), weights.clone());
            let (total, gradients) = differentiate!(out.total, scale, [hidden, table, bias]);
            ([values(out.losses), values(out.hits), total].concat(), gradients)
        };
        compare(&run(softmax_cross_entropy), &run(softmax_reference), &format!("{n} {h} {v}"));
        let (found, want) = (run_table(softmax_cross_entropy), run_table(softmax_reference));
        compare(&found, &want, &format!("table {n} {h} {v}"));
        close(&found.0, &run(softmax_cross_entropy).0, 1e-6, 1e-6, "table and columns");
        // Without a graph: the way of the evaluation.
        let plain = softmax_cross_entropy(
            hidden.clone().inner(),
            OutputWeight::Columns(weight.clone().inner()),
            bias.clone().inner(),
            targets.clone().inner(),
            weights.clone().inner(),
        );
        close(&values(plain.losses), &run(softmax_reference).0[..n], 1e-5, 1e-6, "losses");
    }
}

#[test]
fn results_are_the_same_bytes_for_any_number_of_threads() {
    let run = || {
        let mut draw = Draw(Random::new("test/threads", &[]));
        let [t, b, i, h, v] = [9, 37, 20, 40, 700];
        let (x, s0) = (draw.tensor([t, b, i], 1.0), draw.tensor([b, h], 0.5));
        let (weight, bias) = (draw.tensor([i + h, 4 * h], 0.4), draw.tensor([4 * h], 0.3));
        let (input, recurrent) = (draw.tensor([h, 2 * h], 0.4), draw.tensor([3, h, 2 * h], 0.4));
        let rhn_bias = draw.tensor([3, 2 * h], 0.3);
        let (output, output_bias) = (draw.tensor([h, v], 0.4), draw.tensor([v], 0.3));
        let targets: Vec<i64> = (0..t * b).map(|_| draw.0.below(v as u64) as i64).collect();
        let targets =
            Tensor::<1, Int>::from_data(TensorData::new(targets, [t * b]), &Device::flex().autodiff());
        let options = LstmOptions::new(LstmCell::Tensorflow);
        let y = extension::lstm(x.clone(), s0.clone(), s0.clone(), weight.clone(), bias.clone(), options);
        let y =
            extension::rhn(y.narrow(0, 0, t), s0.clone(), input.clone(), recurrent.clone(), rhn_bias.clone());
        let weights = draw.weights([t * b]);
        let (y, output_) = (y.reshape([t * b, h]), output.clone());
        let output_ = OutputWeight::Columns(output_);
        let found = softmax_cross_entropy(y, output_, output_bias.clone(), targets, weights);
        let one = draw.weights([1]);
        let (total, gradients) = differentiate!(
            found.total,
            one,
            [x, s0, weight, bias, input, recurrent, rhn_bias, output, output_bias]
        );
        ([values(found.losses), total].concat(), gradients)
    };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(run)
    };
    let one = with(1);
    for threads in [2, 3] {
        assert!(one == with(threads), "{threads} threads");
    }
}
