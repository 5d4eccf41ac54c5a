//! The decoder against PyTorch's own cells.

use super::*;
use crate::nn::tests::decoder::{Case, FEEDINGS, SHAPES};
use crate::nn::{DecoderState, DecoderWeights};

/// `torch.nn.LSTMCell` twice and attention over the positions of every row by itself, [T + 4, B, D].
fn decoder_of_pytorch(inputs: &[Tensor; 10], case: &Case) -> Tensor {
    let [x, memory, h, c, vector, first, second, biases, attend, combine] = inputs;
    let ([steps, batch, _], [sources, _, d]) = (dims(x), dims(memory));
    let mask = |k: usize, t: i64| {
        let masks = case.options.masks.as_ref()?.given();
        let mask = Tensor::from_slice(&masks[k]).view([steps, batch, d]);
        Some(mask.select(0, t))
    };
    let masked = |value: Tensor, mask: Option<Tensor>| match mask {
        Some(mask) => value * mask,
        None => value,
    };
    let fed = case.options.feeding.fed();
    let no_bias = Tensor::zeros([4 * d], (Kind::Float, x.device()));
    let (mut h, mut c, mut vector) = (h.unbind(0), c.unbind(0), vector.shallow_clone());
    let mut out = Vec::new();
    for t in 0..steps {
        let mut read = x.select(0, t);
        for (l, weight) in [first, second].into_iter().enumerate() {
            if fed[l] {
                read = Tensor::cat(&[&read, &vector], 1);
            }
            let columns = weight.transpose(0, 1).split_with_sizes([read.size()[1], d], 1);
            let bias = biases.select(0, l as i64);
            (h[l], c[l]) =
                read.lstm_cell(&[&h[l], &c[l]], &columns[0], &columns[1], Some(&bias), Some(&no_bias));
            read = h[l].shallow_clone();
            if l == 0 {
                read = masked(read, mask(0, t));
            }
        }
        let query = h[1].matmul(attend);
        let contexts: Vec<Tensor> = (0..batch)
            .map(|b| {
                let length =
                    case.options.lengths.as_ref().map_or(sources, |lengths| lengths[b as usize] as i64);
                let positions = memory.select(1, b).narrow(0, 0, length);
                let shares = positions.matmul(&query.select(0, b)).softmax(0, Kind::Float);
                shares.matmul(&positions)
            })
            .collect();
        let joined = Tensor::cat(&[Tensor::stack(&contexts, 0), h[1].shallow_clone()], 1);
        vector = masked(joined.matmul(combine).tanh(), mask(1, t));
        out.push(vector.shallow_clone());
    }
    out.extend(h);
    out.extend(c);
    Tensor::stack(&out, 0)
}

#[test]
fn decoder_agrees_with_pytorch() {
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        for feeding in FEEDINGS {
            // Every second case without masks and lengths.
            let case = Case::new(shape, feeding, (seed + feeding as usize).is_multiple_of(2), seed as u64);
            let DecoderWeights { first, second, biases, attend, combine } = &case.weights;
            let DecoderState { h, c, vector } = &case.state;
            let inputs = [
                torch(&case.x),
                torch(&case.memory),
                torch(h),
                torch(c),
                torch(vector),
                torch(first),
                torch(second),
                torch(biases),
                torch(attend),
                torch(combine),
            ];
            // So that the vector has a gradient where it is not fed.
            let nothing = (&inputs[4] * 0.0).sum(Kind::Float);
            let want = decoder_of_pytorch(&inputs, &case) + nothing;
            let want = pytorch(&want, &case.upstream, &inputs);
            for device in devices() {
                let (x, memory) = (on(&case.x, &device), on(&case.memory, &device));
                let (h, c, vector) = (on(h, &device), on(c, &device), on(vector, &device));
                let (first, second, biases) = (on(first, &device), on(second, &device), on(biases, &device));
                let (attend, combine) = (on(attend, &device), on(combine, &device));
                let out = extension::attention_decoder(
                    x.clone(),
                    memory.clone(),
                    DecoderState { h: h.clone(), c: c.clone(), vector: vector.clone() },
                    DecoderWeights {
                        first: first.clone(),
                        second: second.clone(),
                        biases: biases.clone(),
                        attend: attend.clone(),
                        combine: combine.clone(),
                    },
                    case.options.clone(),
                );
                let out = out + vector.clone().mul_scalar(0.0).sum().unsqueeze();
                let upstream = on(&case.upstream, &device).detach();
                let got = differentiate!(
                    out,
                    upstream,
                    [x, memory, h, c, vector, first, second, biases, attend, combine]
                );
                compare(&got, &want, &format!("{shape:?} {feeding:?} {device:?}"));
            }
        }
    }
}
