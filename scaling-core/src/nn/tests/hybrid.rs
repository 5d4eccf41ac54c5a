//! Attention by content and place, and LSTMs of both directions.

use super::*;
use crate::nn::hybrid::reference;
use crate::nn::lstm::{BothDirections, LstmCell, LstmOptions, LstmWeights, reference as lstm_reference};
use crate::nn::{HybridState, HybridWeights, bidirectional_lstm, extension, hybrid_attention};
use std::sync::Arc;

/// What one step of attention leaves, with the fused layer and by the reference: the cell's output, the
/// context, the cell's state and the shares.
fn step(
    x: &Tensor<3>,
    [memory, keys]: [&Tensor<3>; 2],
    state: &HybridState,
    weights: &HybridWeights,
) -> [(Vec<f32>, &'static str); 2] {
    let (memory_of, keys_of, state_of) = (memory.clone(), keys.clone(), state.clone());
    let fused = extension::hybrid_attention(x.clone(), memory_of, keys_of, state_of, weights.clone(), None);
    let plain = reference(x, memory.clone(), keys.clone(), state.clone(), weights.clone(), None);
    [(values(fused), "fused"), (values(plain), "reference")]
}

/// MODELS 7.2: energies, shares and context, given the state of the cell (its state, then its output). The
/// cell keeps the state, as it neither forgets nor reads, and puts out half of its hyperbolic tangent. That
/// is not the specification's output: the query's bias makes up for the difference.
#[test]
fn attention_meets_the_specification() {
    let device = Device::flex();
    let energies = [-0.055_752_76, 0.116_416_07, -0.018_350_03, -0.101_773_32];
    let shares = [0.239_176_56, 0.284_112_66, 0.248_291_82, 0.228_418_96];
    let context = [0.039_785_95, -0.097_119_83];
    let given = fill::<2>([1, 4], 3);
    let c = given.clone().narrow(1, 0, 2);
    let made = Tensor::cat(vec![c.clone(), c.clone().tanh().mul_scalar(0.5)], 1);
    let query = fill::<2>([4, 2], 4);
    let weights = HybridWeights {
        cell: Tensor::zeros([4, 8], &device),
        query_bias: fill::<1>([2], 5) + (given - made).matmul(query.clone()).reshape([2]),
        query,
        filters: fill([3], 7).reshape([3, 1]),
        location: fill([1, 2], 8),
        energy: fill([2], 6).add_scalar(1.0),
    };
    let before = Tensor::<1>::from_floats([0.5, 0.25, 0.25, 0.0], &device).reshape([1, 4]);
    let start = HybridState { c, shares: before, ..HybridState::zero(1, 2, 2, 4, &device) };
    let memory = fill::<2>([4, 2], 1);
    let keys = memory.clone().matmul(fill([2, 2], 2)).reshape([4, 1, 2]);
    let memory = memory.reshape([4, 1, 2]);
    // Gates i, j, f, o: shut, nothing, open, half open.
    let gates = [-1e3, -1e3, 0.0, 0.0, 1e3, 1e3, 0.0, 0.0];
    let x = Tensor::<1>::from_floats(gates, &device).reshape([1, 1, 8]);
    for (found, what) in step(&x, [&memory, &keys], &start, &weights) {
        close(&found[2..4], &context, 0.0, 1e-6, what);
        close(&found[6..], &shares, 0.0, 1e-6, what);
        // But for a constant, shares are the exponentials of energies.
        let logarithm = |share: f32| f64::from(share).ln();
        for (share, energy) in found[6..].iter().zip(energies) {
            let got = logarithm(*share) - logarithm(found[6]) + energies[0];
            assert!((got - energy).abs() < 1e-6, "{what}: energy {got} for {energy}");
        }
    }
}

/// MODELS 7.2: what the filter makes of the shares before. Energies are its hyperbolic tangent alone here.
#[test]
fn places_meet_the_specification() {
    let device = Device::flex();
    let weights = HybridWeights {
        cell: Tensor::zeros([4, 8], &device),
        query: Tensor::zeros([4, 1], &device),
        query_bias: Tensor::zeros([1], &device),
        filters: fill([3], 7).reshape([3, 1]),
        location: Tensor::ones([1, 1], &device),
        energy: Tensor::ones([1], &device),
    };
    let before = Tensor::<1>::from_floats([0.5, 0.25, 0.25, 0.0], &device).reshape([1, 4]);
    let start = HybridState { shares: before, ..HybridState::zero(1, 2, 2, 4, &device) };
    let (memory, keys) = (fill::<2>([4, 2], 1).reshape([4, 1, 2]), Tensor::zeros([4, 1, 1], &device));
    let x = Tensor::zeros([1, 1, 8], &device);
    let exponentials = [0.025_f32, 0.175, 0.0, 0.05].map(|place| place.tanh().exp());
    let shares = exponentials.map(|value| value / exponentials.iter().sum::<f32>());
    for (found, what) in step(&x, [&memory, &keys], &start, &weights) {
        close(&found[6..], &shares, 0.0, 1e-6, what);
    }
}

/// Inputs of hybrid attention: U, B, S, A, M, K, L, F.
struct Case {
    x: Tensor<3>,
    memory: Tensor<3>,
    keys: Tensor<3>,
    state: HybridState,
    weights: HybridWeights,
    lengths: Option<Arc<[usize]>>,
    upstream: Tensor<1>,
}

impl Case {
    fn new([u, b, s, a, m, k, l, f]: [usize; 8], short: bool, seed: u64) -> Self {
        let mut draw = Draw(Random::new("test/hybrid", &[seed]));
        let lengths = (0..b).map(|_| 1 + draw.0.below(s as u64) as usize).collect();
        let scale = 0.6 / (a as f64).sqrt();
        Self {
            x: draw.tensor([u, b, 4 * a], 1.0),
            memory: draw.tensor([s, b, m], 1.0),
            keys: draw.tensor([s, b, k], 1.0),
            state: HybridState {
                h: draw.tensor([b, a], 0.5),
                c: draw.tensor([b, a], 0.5),
                context: draw.tensor([b, m], 0.5),
                shares: draw.tensor([b, s], 0.5),
            },
            weights: HybridWeights {
                cell: draw.tensor([m + a, 4 * a], scale),
                query: draw.tensor([2 * a, k], scale),
                query_bias: draw.tensor([k], 0.3),
                filters: draw.tensor([l, f], 0.5),
                location: draw.tensor([f, k], 0.5),
                energy: draw.tensor([k], 0.5),
            },
            lengths: short.then_some(lengths),
            upstream: draw.weights([u * b * (a + m) + b * a + b * s]),
        }
    }

    fn run(&self, fused: bool) -> Differentiated {
        let Self { x, memory, keys, state, weights, lengths, .. } = self;
        let (state_of, weights_of) = (state.clone(), weights.clone());
        let out = if fused {
            let (x, memory, keys) = (x.clone(), memory.clone(), keys.clone());
            extension::hybrid_attention(x, memory, keys, state_of, weights_of, lengths.clone())
        } else {
            reference(x, memory.clone(), keys.clone(), state_of, weights_of, lengths.as_deref())
        };
        let HybridState { h, c, context, shares } = state;
        let HybridWeights { cell, query, query_bias, filters, location, energy } = weights;
        differentiate!(
            out,
            self.upstream,
            [x, memory, keys, h, c, context, shares, cell, query, query_bias, filters, location, energy]
        )
    }
}

const SHAPES: [[usize; 8]; 6] = [
    // U, B, S, A, M, K, L, F
    [1, 1, 1, 1, 1, 1, 1, 1],
    [4, 1, 3, 2, 5, 3, 5, 2],
    [1, 5, 7, 4, 6, 17, 3, 4],
    [5, 9, 1, 3, 2, 4, 7, 1],
    [6, 19, 8, 20, 33, 16, 4, 3],
    [3, 8, 40, 16, 32, 40, 51, 4],
];

#[test]
fn fused_attention_agrees_with_the_reference() {
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        for short in [false, true] {
            let case = Case::new(shape, short, seed as u64);
            compare(&case.run(true), &case.run(false), &format!("{shape:?} short {short}"));
        }
    }
}

#[test]
fn attention_gives_the_same_bytes_for_any_number_of_threads() {
    let run = || Case::new([4, 37, 30, 12, 20, 24, 9, 4], true, 3).run(true);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(run)
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(3));
}

/// Transcribing runs it step by step.
#[test]
fn pieces_give_what_the_whole_gives() {
    let [u, b, s] = [5, 3, 9];
    let case = Case::new([u, b, s, 4, 6, 5, 3, 2], true, 7);
    let plain = |tensor: &Tensor<2>| tensor.clone().inner();
    let HybridWeights { cell, query, query_bias, filters, location, energy } = &case.weights;
    let weights = HybridWeights {
        cell: plain(cell),
        query: plain(query),
        query_bias: query_bias.clone().inner(),
        filters: plain(filters),
        location: plain(location),
        energy: energy.clone().inner(),
    };
    let HybridState { h, c, context, shares } = &case.state;
    let start = HybridState { h: plain(h), c: plain(c), context: plain(context), shares: plain(shares) };
    let run = |x: Tensor<3>, state: HybridState| {
        let (memory, keys) = (case.memory.clone().inner(), case.keys.clone().inner());
        hybrid_attention(x, memory, keys, state, weights.clone(), case.lengths.clone())
    };
    let x = case.x.clone().inner();
    let whole = run(x.clone(), start.clone());
    let mut state = start;
    let mut pieces = Vec::new();
    for step in 0..u {
        let out = run(x.clone().narrow(0, step, 1), state);
        pieces.push(out.attended);
        state = out.state;
    }
    assert_eq!(values(Tensor::cat(pieces, 0)), values(whole.attended));
    assert_eq!([values(state.c), values(state.shares)], [values(whole.state.c), values(whole.state.shares)]);
}

#[test]
fn both_directions_agree_with_two_of_the_reference() {
    let shapes = [[1, 1, 1, 1], [7, 1, 3, 5], [4, 5, 2, 17], [6, 19, 8, 33]];
    for (seed, [t, b, i, h]) in shapes.into_iter().enumerate() {
        for (cell, short) in [(LstmCell::Torch, false), (LstmCell::Tensorflow, true)] {
            let mut draw = Draw(Random::new("test/both", &[seed as u64]));
            let x = draw.tensor([t, b, i], 1.0);
            let mut direction = || LstmWeights {
                weight: draw.tensor([i + h, 4 * h], 0.6 / (h as f64).sqrt()),
                bias: draw.tensor([4 * h], 0.3),
            };
            let [ahead, back] = [direction(), direction()];
            let lengths: Arc<[usize]> = (0..b).map(|_| 1 + draw.0.below(t as u64) as usize).collect();
            let upstream = draw.weights([t, b, 2 * h]);
            let options = BothDirections { cell, lengths: short.then(|| lengths.clone()) };
            let fused = bidirectional_lstm(x.clone(), [ahead.clone(), back.clone()], &options);
            let zero = || Tensor::zeros([b, h], &x.device());
            let one = |LstmWeights { weight, bias }: &LstmWeights, reverse| {
                let options = LstmOptions { cell, reverse, lengths: options.lengths.clone() };
                let (weight, bias) = (weight.clone(), bias.clone());
                lstm_reference(x.clone(), zero(), zero(), weight, bias, &options).narrow(0, 0, t)
            };
            let mut plain = Tensor::cat(vec![one(&ahead, false), one(&back, true)], 2);
            if short {
                let within: Vec<f32> =
                    (0..t).flat_map(|t| lengths.iter().map(move |n| f32::from(u8::from(t < *n)))).collect();
                plain = plain * Tensor::from_data(TensorData::new(within, [t, b, 1]), &x.device());
            }
            let LstmWeights { weight, bias } = &ahead;
            let LstmWeights { weight: other, bias: other_bias } = &back;
            let of = |out: Tensor<3>| differentiate!(out, upstream, [x, weight, bias, other, other_bias]);
            compare(&of(fused), &of(plain), &format!("{t} {b} {i} {h} {cell:?} short {short}"));
        }
    }
}
