//! Connectionist temporal classification.

use super::*;
use crate::nn::ctc::reference;
use crate::nn::{Ctc, CtcTargets, ctc};

/// `ctc` and its reference.
type Function = fn(Tensor<3>, &CtcTargets, usize, Tensor<1>) -> Ctc;
const BOTH: [Function; 2] = [ctc, reference];

fn targets(symbols: &[&[u16]], lengths: &[usize]) -> CtcTargets {
    CtcTargets { symbols: symbols.iter().map(|row| row.to_vec()).collect(), lengths: lengths.into() }
}

fn ones(batch: usize) -> Tensor<1> {
    Tensor::ones([batch], &Device::flex().autodiff())
}

#[test]
fn ctc_meets_the_specification() {
    let [t, b, v] = [3, 4, 3];
    let logits = fill([t, v], 1).reshape([t, 1, v]).repeat_dim(1, b);
    let targets = targets(&[&[1, 2], &[1], &[1, 1], &[]], &[t; 4]);
    let want = [1.673_462_3, 1.146_753_2, 3.397_850_6, 3.697_850_6];
    for function in BOTH {
        let out = function(logits.clone(), &targets, 0, Tensor::ones([b], &Device::flex()));
        close(&values(out.losses), &want, 0.0, 1e-6, "losses");
        close(&values(out.total), &[want.iter().sum()], 0.0, 1e-5, "total");
    }
}

/// MODELS 7.2: `options_test` of warp-ctc's `tests/test_cpu.cpp`. Both rows have just the steps that they
/// need, so there is one path, along which the gradients that it lists are the softmax less one.
#[test]
fn ctc_meets_warp_ctc() {
    #[rustfmt::skip]
    let shares = [
        0.633_766, 0.221_185, 0.091_731_9, 0.012_975_7, 0.014_285_7, 0.026_055_3,
        0.301_76, 0.285_62, 0.083_151_7, 0.086_275_1, 0.081_685_1, 0.161_508,
        0.111_121, 0.588_392, 0.278_779, 0.005_575_6, 0.005_696_09, 0.010_436,
        0.240_82, 0.397_533, 0.055_722_6, 0.054_681_4, 0.055_752_8, 0.195_49,
        0.035_778_6, 0.633_813, 0.321_418, 0.002_492_48, 0.002_728_82, 0.003_768_8,
        0.230_246, 0.450_868, 0.038_960_7, 0.038_309, 0.039_160_2, 0.202_456,
        0.066_329_6, 0.643_849, 0.280_111, 0.002_839_95, 0.003_554_5, 0.003_315_33,
        0.280_884, 0.429_522, 0.032_659_3, 0.033_904_6, 0.032_685_6, 0.190_345,
        0.458_235, 0.396_634, 0.123_377, 0.006_488_37, 0.009_034_41, 0.006_231_07,
        0.423_286, 0.315_517, 0.033_843_9, 0.039_374_4, 0.033_931_5, 0.154_046_f32,
    ];
    let said = [[0, 1, 2, 1, 0], [0, 1, 5, 1, 0]];
    let gradient: Vec<f32> = shares
        .iter()
        .enumerate()
        .map(|(at, share)| if said[at / 6 % 2][at / 12] == at % 6 { share - 1.0 } else { *share })
        .collect();
    assert_eq!(gradient[0], -0.366_234);
    let targets = targets(&[&[0, 1, 2, 1, 0], &[0, 1, 1, 0]], &[5, 5]);
    for function in BOTH {
        let logits: Vec<f32> = shares.iter().map(|share| share.ln()).collect();
        let logits = Tensor::<3>::from_data(TensorData::new(logits, [5, 2, 6]), &Device::flex().autodiff());
        let logits = logits.require_grad();
        let out = function(logits.clone(), &targets, 5, ones(2));
        close(&values(out.losses), &[3.342_114_4, 5.422_62], 0.0, 3e-6, "losses");
        close(
            &values(logits.grad(&out.total.backward()).expect("a gradient")),
            &gradient,
            0.0,
            2e-6,
            "gradient",
        );
    }
}

/// Loss and its gradient in the logits [T, V] of one row, from every path that there is.
fn every_path(logits: &[f64], symbols: usize, target: &[u16], blank: usize) -> (f64, Vec<f64>) {
    let steps = logits.len() / symbols;
    let shares: Vec<f64> = logits
        .chunks(symbols)
        .flat_map(|row| {
            let total: f64 = row.iter().map(|logit| logit.exp()).sum();
            row.iter().map(move |logit| logit.exp() / total)
        })
        .collect();
    let (mut total, mut occupied) = (0.0, vec![0.0; logits.len()]);
    for number in 0..symbols.pow(steps as u32) {
        let path: Vec<usize> = (0..steps).map(|t| number / symbols.pow(t as u32) % symbols).collect();
        let mut said = path.clone();
        said.dedup();
        said.retain(|symbol| *symbol != blank);
        if said.iter().map(|symbol| *symbol as u16).eq(target.iter().copied()) {
            let share: f64 = path.iter().enumerate().map(|(t, k)| shares[t * symbols + k]).product();
            total += share;
            path.iter().enumerate().for_each(|(t, k)| occupied[t * symbols + k] += share);
        }
    }
    let less = |(share, occupied): (&f64, f64)| if total > 0.0 { share - occupied / total } else { 0.0 };
    (-total.ln(), shares.iter().zip(occupied).map(less).collect())
}

#[test]
fn all_paths_are_counted() {
    let mut impossible = 0;
    for seed in 0..60 {
        let mut draw = Draw(Random::new("test/paths", &[seed]));
        let mut below = |limit: usize| draw.0.below(limit as u64) as usize;
        let (steps, symbols) = (1 + below(6), 2 + below(3));
        let blank = below(symbols);
        let target: Vec<u16> =
            (0..below(4)).map(|_| ((blank + 1 + below(symbols - 1)) % symbols) as u16).collect();
        let logits = draw.tensor([steps, 1, symbols], 2.0);
        let exact: Vec<f64> = values(logits.clone()).into_iter().map(f64::from).collect();
        let (loss, gradient) = every_path(&exact, symbols, &target, blank);
        let gradient: Vec<f32> = gradient.into_iter().map(|value| value as f32).collect();
        let what = format!("{steps} {symbols} {blank} {target:?}");
        assert_eq!(loss.is_infinite(), steps < CtcTargets::fewest_steps(&target), "{what}");
        impossible += usize::from(loss.is_infinite());
        for function in BOTH {
            let out = function(logits.clone(), &targets(&[&target], &[steps]), blank, ones(1));
            let (losses, total) = (values(out.losses), values(out.total.clone()));
            if loss.is_infinite() {
                assert_eq!((losses[0], total[0]), (f32::INFINITY, 0.0), "{what}");
            } else {
                close(&losses, &[loss as f32], 1e-6, 1e-6, &what);
                assert_eq!(losses, total, "{what}");
            }
            let found = values(logits.grad(&out.total.backward()).expect("a gradient"));
            close(&found, &gradient, 0.0, 3e-6, &what);
        }
    }
    assert!((5..30).contains(&impossible), "{impossible} of 60 cases are impossible");
}

/// A batch of random logits, targets, lengths and weights.
pub(crate) struct Batch {
    pub(crate) logits: Tensor<3>,
    pub(crate) targets: CtcTargets,
    pub(crate) blank: usize,
    pub(crate) weights: Tensor<1>,
}

impl Batch {
    /// T, B, V, and the most symbols of a row. Few different symbols, so that neighbours are often equal.
    pub(crate) fn new([t, b, v, u]: [usize; 4], seed: u64) -> Self {
        let mut draw = Draw(Random::new("test/ctc", &[seed]));
        let logits = draw.tensor([t, b, v], 2.0);
        let mut below = |limit: usize| draw.0.below(limit as u64) as usize;
        let blank = below(v);
        let mut row = || (0..below(u + 1)).map(|_| ((blank + 1 + below(v - 1).min(3)) % v) as u16).collect();
        let symbols = (0..b).map(|_| row()).collect();
        let lengths = (0..b).map(|_| t - below(t.div_ceil(3))).collect();
        let weights: Vec<f32> =
            (0..b).map(|row| if row % 5 == 3 { 0.0 } else { 0.3 + row as f32 * 0.2 }).collect();
        let weights = Tensor::from_data(TensorData::new(weights, [b]), &Device::flex().autodiff());
        Self { logits, targets: CtcTargets { symbols, lengths }, blank, weights }
    }

    /// The losses, -1 for the infinite ones, and the total, and the gradient in the logits.
    fn run(&self, function: Function) -> Differentiated {
        let out = function(self.logits.clone(), &self.targets, self.blank, self.weights.clone());
        let logits = &self.logits;
        let (total, gradients) = differentiate!(out.total, ones(1).mul_scalar(0.7), [logits]);
        ([finite(&values(out.losses)), total].concat(), gradients)
    }
}

/// -1 in place of infinities, which cannot be compared.
pub(crate) fn finite(losses: &[f32]) -> Vec<f32> {
    losses.iter().map(|loss| if *loss == f32::INFINITY { -1.0 } else { *loss }).collect()
}

/// T, B, V, U.
pub(crate) const SHAPES: [[usize; 4]; 9] = [
    [1, 1, 2, 1],
    [1, 7, 5, 2],
    [2, 9, 3, 3],
    [9, 1, 29, 4],
    [12, 16, 4, 8],
    [30, 5, 29, 12],
    [50, 8, 7, 0],
    [40, 3, 40, 25],
    [20, 33, 2, 6],
];

#[test]
fn fused_ctc_agrees_with_the_reference() {
    let mut impossible = 0;
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        let batch = Batch::new(shape, seed as u64);
        let (fused, plain) = (batch.run(ctc), batch.run(reference));
        compare(&fused, &plain, &format!("{shape:?}"));
        // Without a graph: the way of the evaluation.
        let (logits, weights) = (batch.logits.clone().inner(), batch.weights.clone().inner());
        let out = ctc(logits, &batch.targets, batch.blank, weights);
        let losses = values(out.losses);
        assert_eq!([finite(&losses), values(out.total)].concat(), fused.0, "{shape:?}");
        // Nothing flows to the steps beyond a row, nor to rows too short for their targets.
        let [_, b, v, _] = shape;
        for (at, gradient) in fused.1[0].1.chunks(v).enumerate() {
            let (t, row) = (at / b, at % b);
            let CtcTargets { symbols, lengths } = &batch.targets;
            let possible = lengths[row] >= CtcTargets::fewest_steps(&symbols[row]);
            assert_eq!(losses[row].is_finite(), possible, "{shape:?} row {row}");
            impossible += usize::from(t == 0 && !possible);
            if t >= lengths[row] || !possible {
                assert!(gradient.iter().all(|value| *value == 0.0), "{shape:?} row {row} step {t}");
            }
        }
    }
    assert!(impossible > 5, "{impossible} rows were impossible");
}

#[test]
fn what_is_no_number_stays_none() {
    for spoilt in [f32::NAN, f32::INFINITY] {
        for function in BOTH {
            let mut logits = vec![0.5; 3 * 2 * 4];
            // Step 1 of row 0, a symbol that it does not say.
            logits[2 * 4 + 3] = spoilt;
            let device = Device::flex().autodiff();
            let logits = Tensor::<3>::from_data(TensorData::new(logits, [3, 2, 4]), &device).require_grad();
            let out = function(logits.clone(), &targets(&[&[1], &[2, 2]], &[3, 3]), 0, ones(2));
            let losses = values(out.losses);
            assert!(losses[0].is_nan() && losses[1].is_finite(), "{losses:?}");
            assert!(values(out.total.clone())[0].is_nan());
            let gradient = values(logits.grad(&out.total.backward()).expect("a gradient"));
            assert!(gradient[8..12].iter().all(|value| value.is_nan()), "{gradient:?}");
            assert!(gradient[12..16].iter().all(|value| value.is_finite()), "{gradient:?}");
        }
    }
}

/// A symbol that the model rules out makes its row impossible, not the others.
#[test]
fn likelihoods_of_zero_are_impossible() {
    let mut logits = vec![0.5; 3 * 2 * 4];
    for t in 0..3 {
        logits[t * 8 + 1] = f32::NEG_INFINITY;
    }
    let device = Device::flex().autodiff();
    let logits = Tensor::<3>::from_data(TensorData::new(logits, [3, 2, 4]), &device).require_grad();
    let out = ctc(logits.clone(), &targets(&[&[1], &[2]], &[3, 3]), 0, ones(2));
    let (losses, total) = (values(out.losses), values(out.total.clone()));
    assert!(losses[0] == f32::INFINITY && losses[1].is_finite() && total == [losses[1]], "{losses:?}");
    let gradient = values(logits.grad(&out.total.backward()).expect("a gradient"));
    assert!(gradient[..4].iter().all(|value| *value == 0.0), "{gradient:?}");
    assert!(gradient[4..8].iter().all(|value| value.is_finite() && *value != 0.0), "{gradient:?}");
}

#[test]
fn long_sequences_do_not_underflow() {
    let [t, v] = [3000, 29];
    let mut draw = Draw(Random::new("test/ctc/long", &[]));
    let logits = draw.tensor([t, 2, v], 8.0);
    let mut row = |count| (0..count).map(|_| 1 + draw.0.below(28) as u16).collect::<Vec<_>>();
    // Few symbols, and nearly as many as fit: each must take the improbable way.
    let targets = targets(&[&row(3), &row(2700)], &[t; 2]);
    let out = ctc(logits.clone(), &targets, 0, ones(2));
    let losses = values(out.losses);
    assert!(losses.iter().all(|loss| loss.is_finite() && *loss > 10_000.0), "{losses:?}");
    let gradient = values(logits.grad(&out.total.backward()).expect("a gradient"));
    let mut moved = 0.0f32;
    for step in gradient.chunks(v) {
        let sum: f32 = step.iter().sum();
        assert!(sum.abs() < 1e-5, "the gradients of a step add up to {sum}");
        moved = step.iter().fold(moved, |most, value| most.max(value.abs()));
    }
    assert!(moved > 0.9, "{moved}");
}

#[test]
fn losses_are_the_same_bytes_for_any_number_of_threads() {
    let batch = Batch::new([60, 13, 29, 20], 1);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| batch.run(ctc))
    };
    let one = with(1);
    for threads in [2, 3] {
        assert!(one == with(threads), "{threads} threads");
    }
}
