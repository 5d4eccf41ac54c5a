//! The whole models against PyTorch's own layers and autograd, with the same weights.

#![allow(deprecated, reason = "upstream deprecates burn-tch")]

use super::*;
use crate::torch::{Parameters, assert_like};
use tch::{Kind, Reduction, Tensor as Torch};

fn zeros(shape: &[i64]) -> Torch {
    Torch::zeros(shape, (Kind::Float, tch::Device::Cpu))
}

fn cat(parts: &[&Torch], dim: i64) -> Torch {
    Torch::cat(parts, dim)
}

/// Both directions of an LSTM over rows [T, I], whose `step` makes the next state of an input.
fn both(x: &Torch, hidden: i64, step: impl Fn(usize, &Torch, &[Torch; 2]) -> [Torch; 2]) -> Torch {
    let rows = x.split(1, 0);
    let outputs = [0, 1].map(|direction| {
        let mut state = [zeros(&[1, hidden]), zeros(&[1, hidden])];
        let mut outputs = Vec::new();
        let order: Vec<usize> =
            if direction == 0 { (0..rows.len()).collect() } else { (0..rows.len()).rev().collect() };
        for t in order {
            state = step(direction, &rows[t], &state);
            outputs.push(state[0].shallow_clone());
        }
        if direction == 1 {
            outputs.reverse();
        }
        Torch::cat(&outputs, 0)
    });
    cat(&[&outputs[0], &outputs[1]], 1)
}

/// TensorFlow's cell: gates i, j, f, o; 1 is added to f.
fn cell(weight: &Torch, bias: &Torch, x: &Torch, [h, c]: &[Torch; 2]) -> [Torch; 2] {
    let gates = (cat(&[x, h], 1).matmul(weight) + bias).chunk(4, 1);
    let c = (&gates[2] + 1.0).sigmoid() * c + gates[0].sigmoid() * gates[1].tanh();
    [gates[3].sigmoid() * c.tanh(), c]
}

/// Row `row` of a batch: its features [T, bins] and its transcript.
fn utterance(batch: &Batch, row: usize) -> (Torch, Vec<i64>) {
    let (width, length) = (batch.steps() * batch.bins, batch.lengths[row]);
    let features = Torch::from_slice(&batch.features[row * width..][..length * batch.bins]);
    let said = batch.transcripts[row].iter().map(|id| i64::from(*id)).collect();
    (features.view([length as i64, batch.bins as i64]), said)
}

/// -ln p of an utterance's transcript by Deep Speech 2.
fn deep_speech_loss(p: &Parameters, (features, said): (Torch, Vec<i64>)) -> Torch {
    // [1, C, T, F]
    let mut x = features.unsqueeze(0).unsqueeze(0);
    for (layer, stride) in [[2, 2], [1, 2]].into_iter().enumerate() {
        let weight = p.get(&format!("convolutions.{layer}.weight")).permute([3, 2, 0, 1]);
        let bias = p.get(&format!("convolutions.{layer}.bias"));
        x = x.conv2d(&weight, Some(bias), stride, [5, 0], [1, 1], 1).clamp(0.0, 20.0);
    }
    // The channels of a frequency side by side.
    let steps = x.size()[2];
    let mut x = x.squeeze_dim(0).permute([1, 2, 0]).reshape([steps, -1]);
    for layer in 0..4 {
        let name = |k: usize, part: &str| format!("layers.{layer}.directions.{k}.{part}");
        let hidden = p.get(&name(0, "input_bias")).size()[0] / 4;
        x = both(&x, hidden, |k, x, [h, c]| {
            let weight = p.get(&name(k, "weight")).transpose(0, 1);
            let input = weight.size()[1] - hidden;
            let (h, c) = x.lstm_cell(
                &[h, c],
                &weight.narrow(1, 0, input),
                &weight.narrow(1, input, hidden),
                Some(p.get(&name(k, "input_bias"))),
                Some(p.get(&name(k, "state_bias"))),
            );
            [h, c]
        });
    }
    let logits = x.matmul(p.get("output")) + p.get("output_bias");
    let symbols = logits.size()[1];
    let likelihoods = logits.log_softmax(1, Kind::Float).unsqueeze(1);
    let targets = Torch::from_slice(&said).unsqueeze(0);
    let lengths = [steps, said.len() as i64].map(|length| Torch::from_slice(&[length]));
    let [steps, count] = &lengths;
    Torch::ctc_loss_tensor(&likelihoods, &targets, steps, count, symbols - 1, Reduction::Sum, false)
}

/// -ln p of an utterance's transcript and its end by hybrid attention.
fn attention_loss(p: &Parameters, (features, said): (Torch, Vec<i64>), max: bool) -> Torch {
    let mut x = features;
    for layer in 0..3 {
        if layer > 0 {
            let steps = x.size()[0];
            let firsts = x.slice(0, 0, steps, 2);
            let seconds = x.slice(0, 1, steps, 2);
            let pairs = seconds.size()[0];
            x = if max {
                let larger = firsts.narrow(0, 0, pairs).maximum(&seconds);
                cat(&[&larger, &firsts.narrow(0, pairs, firsts.size()[0] - pairs)], 0)
            } else {
                firsts
            };
        }
        let part = |k: usize, name: &str| p.get(&format!("encoder.{layer}.{k}.{name}"));
        let hidden = part(0, "bias").size()[0] / 4;
        x = both(&x, hidden, |k, x, state| cell(part(k, "weight"), part(k, "bias"), x, state));
    }
    let keys = x.matmul(p.get("keys")) + p.get("keys_bias");
    let (positions, memory) = (x.size()[0], x.size()[1]);
    let filters = p.get("filters").transpose(0, 1).unsqueeze(1);
    let padding = (filters.size()[2] - 1) / 2;
    let (symbols, width) = (p.get("output").size()[1], p.get("query").size()[0] / 2);
    let (start, end) = (symbols - 2, symbols - 1);
    let mut state = [zeros(&[1, width]), zeros(&[1, width])];
    let decoded = p.get("decoder.bias").size()[0] / 4;
    let mut decoder = [zeros(&[1, decoded]), zeros(&[1, decoded])];
    let (mut context, mut shares) = (zeros(&[1, memory]), zeros(&[1, 1, positions]));
    let mut logits = Vec::new();
    for symbol in std::iter::once(start).chain(said.iter().copied()) {
        let row = p.get("symbols").narrow(0, symbol, 1);
        state = cell(p.get("cell.weight"), &(p.get("cell.bias") + row), &context, &state);
        let places = shares.conv1d(&filters, None::<&Torch>, 1, padding, 1, 1).squeeze_dim(0).transpose(0, 1);
        let query = cat(&[&state[1], &state[0]], 1).matmul(p.get("query")) + p.get("query_bias");
        let heard = (&keys + places.matmul(p.get("location")) + query).tanh();
        shares = heard.matmul(p.get("energy")).softmax(0, Kind::Float).view([1, 1, positions]);
        context = shares.view([1, positions]).matmul(&x);
        let read = cat(&[&state[0], &context], 1);
        decoder = cell(p.get("decoder.weight"), p.get("decoder.bias"), &read, &decoder);
        logits.push(decoder[0].matmul(p.get("output")) + p.get("output_bias"));
    }
    let targets: Vec<i64> = said.iter().copied().chain([end]).collect();
    let targets = Torch::from_slice(&targets);
    Torch::cat(&logits, 0).cross_entropy_loss(&targets, None::<&Torch>, Reduction::Sum, -100, 0.0)
}

fn compare<M: Recogniser>(
    model: M,
    batch: &Batch,
    device: &Device,
    loss: impl Fn(&Parameters, (Torch, Vec<i64>)) -> Torch,
) {
    let found = model.loss(batch.clone().stage(device));
    let reference = |p: &Parameters| {
        let losses = (0..batch.rows()).map(|row| loss(p, utterance(batch, row))).reduce(|a, b| a + b);
        losses.expect("an utterance")
    };
    assert_like(model, &found.total, &[], reference, std::any::type_name::<M>());
}

#[test]
fn whole_models_agree_with_pytorch() {
    for device in [Device::flex(), Device::libtorch()] {
        let device = device.autodiff();
        let heard = batch(&[40, 17, 33], Series::Spectrogram, 5);
        compare(deep_speech(6.0, BatchNormed::None, &device), &heard, &device, deep_speech_loss);
        let heard = batch(&[40, 17, 33], Series::Mel, 6);
        for max in [true, false] {
            compare(attention(max, &device), &heard, &device, |p, row| attention_loss(p, row, max));
        }
    }
}
