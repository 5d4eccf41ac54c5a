//! Connectionist temporal classification, as `nn.CTCLoss` has it.

use super::super::tape::{handle, primitive};
use super::{devices, floats, on, torch};
use crate::nn::ctc;
use crate::nn::tests::ctc::{Batch, SHAPES, finite};
use crate::nn::tests::{compare, differentiate, values};
use burn::tensor::{Device, Tensor as Burn, TensorData};
use tch::{Kind, Reduction, Tensor};

/// `nn.CTCLoss(blank, "none")` of the softmax of every row by itself: the losses, infinities included, then
/// the weighted total without them and its gradient in the logits.
fn ctc_of_pytorch(batch: &Batch, factor: f64) -> (Vec<f32>, Vec<f32>) {
    let logits = torch(&batch.logits);
    let weights = torch(&batch.weights).detach();
    let row = |b: usize, zero_infinity: bool| {
        let symbols: Vec<i64> = batch.targets.symbols[b].iter().map(|symbol| i64::from(*symbol)).collect();
        let shares = logits.narrow(1, b as i64, 1).log_softmax(2, Kind::Float);
        let targets = Tensor::from_slice(&symbols).view([1, symbols.len() as i64]);
        let length = [batch.targets.lengths[b] as i64];
        let count = [symbols.len() as i64];
        Tensor::ctc_loss(&shares, &targets, length, count, batch.blank as i64, Reduction::None, zero_infinity)
    };
    let rows = |zero_infinity| {
        let rows: Vec<Tensor> = (0..batch.targets.lengths.len()).map(|b| row(b, zero_infinity)).collect();
        Tensor::cat(&rows, 0)
    };
    let total = rows(true).dot(&weights);
    let gradient = Tensor::run_backward(&[&total * factor], &[&logits], false, false);
    ([floats(&rows(false)), floats(&total)].concat(), floats(&gradient[0]))
}

#[test]
fn ctc_agrees_with_pytorch() {
    let mut impossible = 0;
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        let batch = Batch::new(shape, seed as u64);
        let (value, gradient) = ctc_of_pytorch(&batch, 0.7);
        impossible += value.iter().filter(|loss| loss.is_infinite()).count();
        let want = (finite(&value), vec![("logits", gradient)]);
        for device in devices() {
            let (logits, weights) = (on(&batch.logits, &device), on(&batch.weights, &device).detach());
            let out = ctc(logits.clone(), &batch.targets, batch.blank, weights.clone());
            let factor = Burn::<1>::from_data(TensorData::new(vec![0.7f32], [1]), &device);
            let (total, gradients) = differentiate!(out.total, factor, [logits]);
            let losses = finite(&values(out.losses));
            compare(&([losses.clone(), total].concat(), gradients), &want, &format!("{shape:?} {device:?}"));
            // Without a graph: the way of the evaluation.
            let plain = ctc(logits.inner(), &batch.targets, batch.blank, weights.inner());
            assert_eq!(finite(&values(plain.losses)), losses, "{shape:?} {device:?}");
        }
        // As a training step records it.
        let logits = torch(&batch.logits);
        let weights = Burn::<1>::from_data(batch.weights.to_data(), &Device::libtorch());
        let found = ctc(handle(logits.shallow_clone()), &batch.targets, batch.blank, weights);
        let total = primitive(found.total).tensor;
        let gradient = Tensor::run_backward(&[&total * 0.7], &[&logits], false, false);
        let got = [finite(&values(found.losses)), floats(&total)].concat();
        compare(&(got, vec![("logits", floats(&gradient[0]))]), &want, &format!("{shape:?} recorded"));
    }
    assert!(impossible > 5, "{impossible} rows were impossible");
}
