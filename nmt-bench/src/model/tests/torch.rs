//! The whole model against PyTorch's own cells and autograd, with the same weights, sentence by sentence.

#![allow(deprecated, reason = "upstream deprecates burn-tch")]

use super::*;
use crate::torch::{Parameters, assert_like};
use tch::{Kind, Reduction, Tensor as Torch};

impl Parameters {
    /// `nn.LSTMCell` of a layer, given its input.
    fn cell(&self, layer: &str, x: &Torch, [h, c]: &[Torch; 2]) -> [Torch; 2] {
        let weight = self.get(&format!("{layer}.weight")).transpose(0, 1);
        let hidden = h.size()[1];
        let input = weight.size()[1] - hidden;
        let biases = ["input_bias", "state_bias"].map(|bias| self.get(&format!("{layer}.{bias}")));
        let (h, c) = x.lstm_cell(
            &[h, c],
            &weight.narrow(1, 0, input),
            &weight.narrow(1, input, hidden),
            Some(biases[0]),
            Some(biases[1]),
        );
        [h, c]
    }
}

fn ids(symbols: impl IntoIterator<Item = u16>) -> Torch {
    Torch::from_slice(&symbols.into_iter().map(i64::from).collect::<Vec<_>>())
}

/// -ln p of a target and its end, given its source.
fn loss(p: &Parameters, architecture: Architecture, [source, target]: &[Vec<u16>; 2]) -> Torch {
    let d = p.get("attend").size()[0];
    let zero = |width: i64| Torch::zeros([1, width], (Kind::Float, tch::Device::Cpu));
    let mut read = p.get("source").index_select(0, &ids(source.iter().copied())).split(1, 0);
    let mut states = Vec::new();
    for layer in 0..LAYERS {
        let directions = if architecture.bidirectional { 2 } else { 1 };
        let (mut outputs, mut last) = (Vec::new(), Vec::new());
        for direction in 0..directions {
            let name = format!("encoder.{layer}.{direction}");
            let mut state = [zero(d / directions), zero(d / directions)];
            let mut output: Vec<Torch> = Vec::new();
            let steps: Vec<&Torch> =
                if direction == 0 { read.iter().collect() } else { read.iter().rev().collect() };
            for x in steps {
                state = p.cell(&name, x, &state);
                output.push(state[0].shallow_clone());
            }
            if direction == 1 {
                output.reverse();
            }
            outputs.push(output);
            last.push(state);
        }
        let join = |parts: Vec<&Torch>| Torch::cat(&parts, 1);
        read = (0..read.len()).map(|step| join(outputs.iter().map(|o| &o[step]).collect())).collect();
        states.push([0, 1].map(|k| join(last.iter().map(|state| &state[k]).collect())));
    }
    let memory = Torch::cat(&read, 0);
    let specials = Specials::after(SYMBOLS);
    let mut fed = zero(d);
    let mut total = Torch::zeros([1], (Kind::Float, tch::Device::Cpu));
    let inputs = std::iter::once(specials.start).chain(target.iter().copied());
    for (input, wanted) in inputs.zip(target.iter().copied().chain([specials.end])) {
        let mut x = p.get("target").index_select(0, &ids([input]));
        for (layer, state) in states.iter_mut().enumerate() {
            if architecture.feeding.fed()[layer] {
                x = Torch::cat(&[&x, &fed], 1);
            }
            *state = p.cell(&format!("decoder.{layer}"), &x, state);
            x = state[0].shallow_clone();
        }
        let scores = x.matmul(p.get("attend")).matmul(&memory.transpose(0, 1));
        let context = scores.softmax(1, Kind::Float).matmul(&memory);
        fed = Torch::cat(&[&context, &x], 1).matmul(p.get("combine")).tanh();
        let logits = fed.matmul(&p.get("target").transpose(0, 1)) + p.get("output_bias");
        total += logits.cross_entropy_loss(&ids([wanted]), None::<&Torch>, Reduction::Sum, -100, 0.0);
    }
    total
}

#[test]
fn outputs_and_gradients_agree_with_pytorch() {
    for device in [Device::flex(), Device::libtorch()] {
        for architecture in architectures() {
            let autodiff = device.clone().autodiff();
            let built = model(architecture, &autodiff);
            let batch = Batch::new(&pairs(), Specials::after(SYMBOLS));
            let found = built.predict(batch.stage(&autodiff), None);
            let reference = |p: &Parameters| {
                let losses = pairs().iter().map(|pair| loss(p, architecture, pair)).reduce(|a, b| a + b);
                losses.expect("a pair")
            };
            let what = format!("{architecture:?}");
            assert_like(built, &found.loss.total, &found.lookups, reference, &what);
        }
    }
}
