//! The decoder with attention.

use super::*;
use crate::nn::decoder::reference;
use crate::nn::{
    DecoderOptions, DecoderState, DecoderWeights, InputFeeding, Masks, attention_decoder, extension,
};
use std::sync::Arc;

/// Inputs of a decoder: T, B, S, E, D.
pub(crate) struct Case {
    pub(crate) x: Tensor<3>,
    pub(crate) memory: Tensor<3>,
    pub(crate) state: DecoderState,
    pub(crate) weights: DecoderWeights,
    pub(crate) options: DecoderOptions,
    /// To make a scalar of the output, [T + 4, B, D].
    pub(crate) upstream: Tensor<3>,
}

impl Case {
    pub(crate) fn new([t, b, s, e, d]: [usize; 5], feeding: InputFeeding, plain: bool, seed: u64) -> Self {
        let mut draw = Draw(Random::new("test/decoder", &[seed]));
        let rows = |l: usize, read: usize| read + d + if feeding.fed()[l] { d } else { 0 };
        let scale = 0.6 / (d as f64).sqrt();
        let mask = |draw: &mut Draw| -> Arc<[f32]> {
            (0..t * b * d).map(|_| if draw.0.uniform() < 0.2 { 0.0 } else { 1.25 }).collect()
        };
        let lengths = (0..b).map(|_| 1 + draw.0.below(s as u64) as usize).collect();
        Self {
            x: draw.tensor([t, b, e], 1.0),
            memory: draw.tensor([s, b, d], 1.0),
            state: DecoderState {
                h: draw.tensor([2, b, d], 0.5),
                c: draw.tensor([2, b, d], 0.5),
                vector: draw.tensor([b, d], 0.5),
            },
            weights: DecoderWeights {
                first: draw.tensor([rows(0, e), 4 * d], scale),
                second: draw.tensor([rows(1, d), 4 * d], scale),
                biases: draw.tensor([2, 4 * d], 0.3),
                attend: draw.tensor([d, d], scale),
                combine: draw.tensor([2 * d, d], scale),
            },
            options: DecoderOptions {
                feeding,
                lengths: (!plain).then_some(lengths),
                masks: (!plain).then(|| Masks::Given([mask(&mut draw), mask(&mut draw)])),
            },
            upstream: draw.weights([t + 4, b, d]),
        }
    }

    fn run(&self, fused: bool) -> Differentiated {
        let (x, memory, state, weights) =
            (self.x.clone(), self.memory.clone(), self.state.clone(), self.weights.clone());
        let out = if fused {
            extension::attention_decoder(x, memory, state, weights, self.options.clone())
        } else {
            reference(&x, memory, state, weights, &self.options)
        };
        let Self { x, memory, .. } = self;
        let DecoderState { h, c, vector } = &self.state;
        let DecoderWeights { first, second, biases, attend, combine } = &self.weights;
        if self.options.feeding == InputFeeding::None {
            // The vector goes nowhere.
            return differentiate!(
                out,
                self.upstream,
                [x, memory, h, c, first, second, biases, attend, combine]
            );
        }
        differentiate!(out, self.upstream, [x, memory, h, c, vector, first, second, biases, attend, combine])
    }
}

pub(crate) const FEEDINGS: [InputFeeding; 3] =
    [InputFeeding::None, InputFeeding::FirstLayer, InputFeeding::AllLayers];

pub(crate) const SHAPES: [[usize; 5]; 6] = [
    // T, B, S, E, D
    [1, 1, 1, 1, 1],
    [4, 1, 3, 2, 5],
    [1, 5, 7, 4, 17],
    [5, 9, 1, 3, 6],
    [6, 19, 8, 33, 20],
    [3, 33, 21, 16, 16],
];

#[test]
fn fused_decoder_agrees_with_the_reference() {
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        for feeding in FEEDINGS {
            for plain in [true, false] {
                let case = Case::new(shape, feeding, plain, seed as u64);
                let what = format!("{shape:?} {feeding:?} plain {plain}");
                compare(&case.run(true), &case.run(false), &what);
            }
        }
    }
}

/// Beam search runs it step by step.
#[test]
fn pieces_give_what_the_whole_gives() {
    let [t, b, s, e, d] = [5, 3, 4, 2, 6];
    for feeding in FEEDINGS {
        let mut case = Case::new([t, b, s, e, d], feeding, false, 7);
        case.options.masks = None;
        let inner = |tensor: &Tensor<3>| tensor.clone().inner();
        let weights = DecoderWeights {
            first: case.weights.first.clone().inner(),
            second: case.weights.second.clone().inner(),
            biases: case.weights.biases.clone().inner(),
            attend: case.weights.attend.clone().inner(),
            combine: case.weights.combine.clone().inner(),
        };
        let start = DecoderState {
            h: inner(&case.state.h),
            c: inner(&case.state.c),
            vector: case.state.vector.clone().inner(),
        };
        let run = |x: Tensor<3>, state: DecoderState| {
            attention_decoder(x, inner(&case.memory), state, weights.clone(), &case.options)
        };
        let whole = run(inner(&case.x), start.clone());
        let mut state = start;
        let mut pieces = Vec::new();
        for step in 0..t {
            let out = run(inner(&case.x).narrow(0, step, 1), state);
            pieces.push(out.attended);
            state = out.state;
        }
        assert_eq!(values(Tensor::cat(pieces, 0)), values(whole.attended));
        assert_eq!([values(state.h), values(state.c)], [values(whole.state.h), values(whole.state.c)]);
        assert_eq!(values(state.vector), values(whole.state.vector));
    }
}

#[test]
fn decoder_gives_the_same_bytes_for_any_number_of_threads() {
    let run = || Case::new([6, 37, 9, 12, 20], InputFeeding::AllLayers, false, 3).run(true);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(run)
    };
    let one = with(1);
    assert!((2..=3).all(|threads| with(threads) == one));
}

/// MODELS 7.2. The cells are led to the given z: gates that are shut and open, and a cell state whose
/// hyperbolic tangent is z. A second matrix in place of W_c hands on the context alone, which tells the
/// shares, and these the scores but for a constant, on which nothing depends. (The last digits of the masked
/// result are those of a computation in double precision.)
#[test]
fn attention_meets_the_specification() {
    let device = Device::flex();
    let z = values(fill::<1>([2], 5));
    let (want_full, want_masked) = ([0.089_768_32, -0.165_691_76], [0.139_276_72, -0.221_531_82]);
    // z_1 = z_2 = tanh(c): forget gates open, input gates shut, output gates open.
    let gates = [vec![-1e3, -1e3], vec![1e3, 1e3], vec![0.0, 0.0], vec![1e3, 1e3]].concat();
    let biases = Tensor::from_data(TensorData::new([gates.clone(), gates].concat(), [2, 8]), &device);
    let c: Vec<f32> = z.iter().chain(&z).map(|z: &f32| z.atanh()).collect();
    let weights = DecoderWeights {
        first: Tensor::zeros([5, 8], &device),
        second: Tensor::zeros([4, 8], &device),
        biases,
        // The specification multiplies from the left.
        attend: fill::<2>([2, 2], 2).transpose(),
        combine: fill::<2>([2, 4], 3).transpose(),
    };
    let state = DecoderState {
        h: Tensor::zeros([2, 1, 2], &device),
        c: Tensor::from_data(TensorData::new(c, [2, 1, 2]), &device),
        vector: Tensor::zeros([1, 2], &device),
    };
    let memory = fill::<2>([3, 2], 1).reshape([3, 1, 2]);
    let rows = values(memory.clone());
    let context = |shares: [f32; 3]| [0, 1].map(|d| (0..3).map(|j| shares[j] * rows[2 * j + d]).sum::<f32>());
    let full = context([0.373_519_56, 0.313_240_22, 0.313_240_22]);
    let masked = [-0.263_166_03, -0.064_890_58_f32];
    close(&context([0.543_886_77, 0.456_113_23, 0.0]), &masked, 0.0, 1e-6, "the context of the shares");
    let context_alone = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]], &device);
    let cases = [
        (weights.combine.clone(), None, want_full),
        (weights.combine.clone(), Some(Arc::from([2usize])), want_masked),
        (context_alone.clone(), None, full.map(f32::tanh)),
        (context_alone, Some(Arc::from([2usize])), masked.map(f32::tanh)),
    ];
    for (combine, lengths, want) in cases {
        let options = DecoderOptions { feeding: InputFeeding::FirstLayer, lengths, masks: None };
        let weights = DecoderWeights { combine, ..weights.clone() };
        let x = Tensor::zeros([1, 1, 1], &device);
        let fused = extension::attention_decoder(
            x.clone(),
            memory.clone(),
            state.clone(),
            weights.clone(),
            options.clone(),
        );
        let reference = reference(&x, memory.clone(), state.clone(), weights.clone(), &options);
        for (out, what) in [(fused, "fused"), (reference, "reference")] {
            close(&values(out.narrow(0, 0, 1)), &want, 0.0, 1e-6, what);
        }
    }
}
