//! Forward and backward pass of the fused layers: `cargo bench -p scaling-core`. Throughput is in
//! floating-point operations of the products, so that it can be held against the CPU's matrix rate.

use burn::tensor::{Device, Distribution, Int, Tensor};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use scaling_core::nn::{
    self, BothDirections, CtcTargets, DecoderOptions, DecoderState, DecoderWeights, HybridState,
    HybridWeights, InputFeeding, LstmCell, LstmOptions, LstmWeights, OutputWeight,
};
use std::hint::black_box;

/// Rows of the batch and steps of a sequence.
const BATCH: usize = 32;

fn draw<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    let device = Device::flex().autodiff();
    Tensor::random(shape, Distribution::Uniform(-0.1, 0.1), &device).require_grad()
}

fn lstm(criterion: &mut Criterion) {
    scaling_core::device::use_threads(scaling_core::device::cores());
    let mut group = criterion.benchmark_group("lstm, 80 steps");
    for h in [64, 256, 512] {
        group.throughput(Throughput::Elements((6 * 8 * h * h * 80 * BATCH) as u64));
        let (x, state) = (draw([80, BATCH, h]), draw([BATCH, h]));
        let (weight, bias) = (draw([2 * h, 4 * h]), draw([4 * h]));
        let options = LstmOptions::new(LstmCell::Tensorflow);
        group.bench_function(BenchmarkId::from_parameter(h), |bencher| {
            bencher.iter(|| {
                let (h0, c0) = (state.clone(), state.clone());
                let out = nn::lstm(x.clone(), h0, c0, weight.clone(), bias.clone(), &options);
                black_box(out.y.sum().backward())
            });
        });
    }
    group.finish();
}

fn rhn(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rhn of depth 10, 150 steps");
    group.sample_size(10);
    for h in [64, 256] {
        group.throughput(Throughput::Elements((6 * 22 * h * h * 150 * BATCH) as u64));
        let (x, state) = (draw([150, BATCH, h]), draw([BATCH, h]));
        let (input, recurrent, bias) = (draw([h, 2 * h]), draw([10, h, 2 * h]), draw([10, 2 * h]));
        group.bench_function(BenchmarkId::from_parameter(h), |bencher| {
            bencher.iter(|| {
                let (input, recurrent) = (input.clone(), recurrent.clone());
                let y = nn::rhn(x.clone(), state.clone(), input, recurrent, bias.clone());
                black_box(y.sum().backward())
            });
        });
    }
    group.finish();
}

fn softmax(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("softmax cross-entropy, 2560 positions");
    group.sample_size(10);
    for (h, symbols) in [(64, 98), (64, 10_004), (512, 10_004)] {
        group.throughput(Throughput::Elements((6 * h * symbols * 2560) as u64));
        let (hidden, weight, bias) = (draw([2560, h]), draw([h, symbols]), draw([symbols]));
        let device = Device::flex().autodiff();
        let last = (symbols - 1) as i64;
        let targets: Tensor<1, Int> = Tensor::arange(0..2560, &device).clamp(0, last);
        let ones = Tensor::ones([2560], &device);
        group.bench_function(BenchmarkId::from_parameter(format!("{h} x {symbols}")), |bencher| {
            bencher.iter(|| {
                let (hidden, weight) = (hidden.clone(), weight.clone());
                let weight = OutputWeight::Columns(weight);
                let out =
                    nn::softmax_cross_entropy(hidden, weight, bias.clone(), targets.clone(), ones.clone());
                black_box(out.total.backward())
            });
        });
    }
    group.finish();
}

/// The paper's smallest and middle width, with its shortest usual sentences.
fn decoder(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decoder with attention, 25 steps, 25 source positions");
    group.sample_size(10);
    for d in [108, 208] {
        group.throughput(Throughput::Elements((6 * 23 * d * d * 25 * BATCH) as u64));
        let (x, memory) = (draw([25, BATCH, d]), draw([25, BATCH, d]));
        let start = DecoderState { h: draw([2, BATCH, d]), c: draw([2, BATCH, d]), vector: draw([BATCH, d]) };
        let weights = DecoderWeights {
            first: draw([3 * d, 4 * d]),
            second: draw([2 * d, 4 * d]),
            biases: draw([2, 4 * d]),
            attend: draw([d, d]),
            combine: draw([2 * d, d]),
        };
        let options = DecoderOptions { feeding: InputFeeding::FirstLayer, lengths: None, masks: None };
        group.bench_function(BenchmarkId::from_parameter(d), |bencher| {
            bencher.iter(|| {
                let (state, weights) = (start.clone(), weights.clone());
                let out = nn::attention_decoder(x.clone(), memory.clone(), state, weights, &options);
                black_box(out.attended.sum().backward())
            });
        });
    }
    group.finish();
}

/// A layer of a recogniser: the small batches of speech, over the frames that the convolutions leave.
fn both_directions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lstm of both directions, 200 steps, batch 8");
    for h in [64, 128] {
        group.throughput(Throughput::Elements((6 * 2 * 12 * h * h * 200 * 8) as u64));
        let x = draw([200, 8, 2 * h]);
        let direction = || LstmWeights { weight: draw([3 * h, 4 * h]), bias: draw([4 * h]) };
        let directions = [direction(), direction()];
        let options = BothDirections { cell: LstmCell::Torch, lengths: None };
        group.bench_function(BenchmarkId::from_parameter(h), |bencher| {
            bencher.iter(|| {
                let y = nn::bidirectional_lstm(x.clone(), directions.clone(), &options);
                black_box(y.sum().backward())
            });
        });
    }
    group.finish();
}

/// 400 frames of speech, of which an encoder leaves 100, and 40 characters.
fn hybrid(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hybrid attention, 40 steps, 100 positions, batch 8");
    let (k, length, filters) = (128, 51, 4);
    for e in [64, 128] {
        let (a, m) = (e / 2, 2 * e);
        let step = 4 * a * (m + a) + 2 * a * k + 100 * (length * filters + filters * k + k + m);
        group.throughput(Throughput::Elements((6 * step * 40 * 8) as u64));
        let (x, memory, keys) = (draw([40, 8, 4 * a]), draw([100, 8, m]), draw([100, 8, k]));
        let weights = HybridWeights {
            cell: draw([m + a, 4 * a]),
            query: draw([2 * a, k]),
            query_bias: draw([k]),
            filters: draw([length, filters]),
            location: draw([filters, k]),
            energy: draw([k]),
        };
        let start = HybridState::zero(8, a, m, 100, &x.device());
        group.bench_function(BenchmarkId::from_parameter(e), |bencher| {
            bencher.iter(|| {
                let (x, memory, keys) = (x.clone(), memory.clone(), keys.clone());
                let out = nn::hybrid_attention(x, memory, keys, start.clone(), weights.clone(), None);
                black_box(out.attended.sum().backward())
            });
        });
    }
    group.finish();
}

/// Utterances of a few seconds: 29 symbols, of which 40 are said.
fn ctc(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("connectionist temporal classification, 8 rows of 200 steps");
    let (logits, weights) = (draw([200, 8, 29]), Tensor::ones([8], &Device::flex().autodiff()));
    let symbols = (0..8).map(|row| (0..40).map(|at| 1 + (at * 7 + row) % 28).collect()).collect();
    let targets = CtcTargets { symbols, lengths: [200; 8].into() };
    group.bench_function("fused", |bencher| {
        bencher.iter(|| black_box(nn::ctc(logits.clone(), &targets, 0, weights.clone()).total.backward()));
    });
    group.finish();
}

criterion_group!(layers, lstm, rhn, softmax, decoder, both_directions, hybrid, ctc);
criterion_main!(layers);
