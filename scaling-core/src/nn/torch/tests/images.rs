//! Layers of images, one by one and as the blocks of residual networks.

use super::{devices, on, pytorch, torch};
use crate::nn::tests::{Draw, compare, differentiate, values};
use crate::nn::{BatchNormOptions, Padding, Placement, batch_norm, convolve, max_pool};
use crate::random::Random;
use burn::tensor::Tensor as Burn;
use tch::Tensor;

const EPSILON: f64 = 1e-5;

fn placed(stride: usize) -> Placement {
    Placement { stride: [stride; 2], padding: Padding::Symmetric }
}

/// `nn.Conv2d` of a weight [KH, KW, C, D] with half its side as padding, then `nn.BatchNorm2d`; channels
/// second.
fn layer_of_pytorch(x: &Tensor, [weight, scale, shift]: [&Tensor; 3], stride: i64) -> Tensor {
    let padding = weight.size()[0] / 2;
    let weight = weight.permute([3, 2, 0, 1]);
    let x = x.conv2d(&weight, None::<&Tensor>, [stride; 2], [padding; 2], [1, 1], 1);
    x.batch_norm(Some(scale), Some(shift), None, None, true, 0.1, EPSILON, false)
}

fn layer(x: Burn<4>, weights: &Weights, stride: usize, residual: Option<Burn<4>>, rectify: bool) -> Burn<4> {
    let x = convolve(x, weights.0.clone(), placed(stride));
    let options = BatchNormOptions { epsilon: EPSILON, rectify };
    batch_norm(x, weights.1.clone(), weights.2.clone(), residual, options).y
}

/// Weight, scale and shift of a layer.
#[derive(Clone)]
struct Weights(Burn<4>, Burn<1>, Burn<1>);

impl Weights {
    fn draw(draw: &mut Draw, side: usize, channels: usize, filters: usize) -> Self {
        let deviation = (2.0 / (side * side * channels) as f64).sqrt();
        let weight = draw.tensor([side, side, channels, filters], deviation);
        Self(weight, draw.tensor([filters], 1.0), draw.tensor([filters], 1.0))
    }

    fn on(&self, device: &burn::tensor::Device) -> Self {
        Self(on(&self.0, device), on(&self.1, device), on(&self.2, device))
    }

    fn torch(&self) -> [Tensor; 3] {
        [torch(&self.0), torch(&self.1), torch(&self.2)]
    }
}

/// Stem and maxima of windows, as in torchvision.
#[test]
fn stems_agree_with_pytorch() {
    for (seed, side) in [32, 33, 20].into_iter().enumerate() {
        let mut draw = Draw(Random::new("test/torch/stem", &[seed as u64]));
        let images = draw.tensor([3, side, side, 3], 1.0);
        let stem = Weights::draw(&mut draw, 7, 3, 16);
        let inputs = [vec![torch(&images)], stem.torch().into()].concat_array();
        let [x, weight, scale, shift] = &inputs;
        let want = layer_of_pytorch(&x.permute([0, 3, 1, 2]), [weight, scale, shift], 2).relu();
        let want = want.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false).permute([0, 2, 3, 1]);
        let shape: Vec<usize> = want.size().iter().map(|n| *n as usize).collect();
        let upstream = draw.weights::<4>(shape.try_into().expect("four axes"));
        let want = pytorch(&want, &upstream, &inputs);
        for device in devices() {
            let (x, stem) = (on(&images, &device), stem.on(&device));
            let out = max_pool(layer(x.clone(), &stem, 2, None, true), 3, placed(2));
            let Weights(weight, scale, shift) = stem;
            let upstream = on(&upstream, &device).detach();
            let got = differentiate!(out, upstream, [x, weight, scale, shift]);
            compare(&got, &want, &format!("{side} {device:?}"));
        }
    }
}

/// With more pixels added behind than before the images, or as many.
#[test]
fn pooling_agrees_with_pytorch() {
    let cases = [([8, 6], 3, 2), ([8, 7], 3, 2), ([2, 2], 3, 2), ([6, 4], 2, 2), ([8, 8], 3, 3)];
    for (seed, (sides, side, stride)) in cases.into_iter().enumerate() {
        let mut draw = Draw(Random::new("test/torch/pooling", &[seed as u64]));
        let images = draw.tensor([2, sides[0], sides[1], 3], 1.0);
        let placement = Placement { stride: [stride; 2], padding: Padding::TfSame };
        let [[top, bottom], [left, right]] = placement.padding(sides, [side; 2]);
        let frame = [left, right, top, bottom].map(|pixels| pixels as i64);
        let inputs = [torch(&images)];
        let framed = inputs[0].permute([0, 3, 1, 2]).pad(frame, "constant", f64::NEG_INFINITY);
        let want = framed.max_pool2d([side as i64; 2], [stride as i64; 2], [0, 0], [1, 1], false);
        let want = want.permute([0, 2, 3, 1]);
        let shape: Vec<usize> = want.size().iter().map(|n| *n as usize).collect();
        let upstream = draw.weights::<4>(shape.try_into().expect("four axes"));
        let want = pytorch(&want, &upstream, &inputs);
        for device in devices() {
            let x = on(&images, &device);
            let out = max_pool(x.clone(), side, placement);
            let got = differentiate!(out, on(&upstream, &device).detach(), [x]);
            compare(&got, &want, &format!("{sides:?} {side} {stride} {device:?}"));
        }
    }
}

/// A basic block with a shortcut of its own (stride 2), torchvision's `BasicBlock`.
#[test]
fn basic_blocks_agree_with_pytorch() {
    for (seed, [n, side, channels, filters, stride]) in
        [[4, 8, 16, 16, 1], [3, 8, 16, 32, 2], [5, 7, 6, 10, 2], [2, 4, 40, 24, 1]].into_iter().enumerate()
    {
        let mut draw = Draw(Random::new("test/torch/basic", &[seed as u64]));
        let images = draw.tensor([n, side, side, channels], 1.0);
        let first = Weights::draw(&mut draw, 3, channels, filters);
        let second = Weights::draw(&mut draw, 3, filters, filters);
        let third = Weights::draw(&mut draw, 1, channels, filters);
        let layers: Vec<Tensor> = [&first, &second, &third].iter().flat_map(|w| w.torch()).collect();
        let inputs: [Tensor; 10] = [vec![torch(&images)], layers].concat_array();
        let [x, w1, s1, b1, w2, s2, b2, w3, s3, b3] = &inputs;
        let x = x.permute([0, 3, 1, 2]);
        let branch = layer_of_pytorch(&x, [w1, s1, b1], stride as i64).relu();
        let branch = layer_of_pytorch(&branch, [w2, s2, b2], 1);
        let shortcut = layer_of_pytorch(&x, [w3, s3, b3], stride as i64);
        let want = (branch + shortcut).relu().permute([0, 2, 3, 1]);
        let shape: Vec<usize> = want.size().iter().map(|n| *n as usize).collect();
        let upstream = draw.weights::<4>(shape.try_into().expect("four axes"));
        let want = pytorch(&want, &upstream, &inputs);
        for device in devices() {
            let x = on(&images, &device);
            let [first, second, third] = [&first, &second, &third].map(|w| w.on(&device));
            let shortcut = layer(x.clone(), &third, stride, None, false);
            let branch = layer(x.clone(), &first, stride, None, true);
            let out = layer(branch, &second, 1, Some(shortcut), true);
            let (Weights(w1, s1, b1), Weights(w2, s2, b2), Weights(w3, s3, b3)) = (first, second, third);
            let upstream = on(&upstream, &device).detach();
            let got = differentiate!(out, upstream, [x, w1, s1, b1, w2, s2, b2, w3, s3, b3]);
            compare(&got, &want, &format!("{n} {side} {channels} {filters} {stride} {device:?}"));
        }
    }
}

/// A bottleneck with an identity for a shortcut, torchvision's `Bottleneck` (stride on the 3 x 3).
#[test]
fn bottlenecks_agree_with_pytorch() {
    let mut draw = Draw(Random::new("test/torch/bottleneck", &[]));
    let images = draw.tensor([3, 6, 6, 32], 1.0);
    let first = Weights::draw(&mut draw, 1, 32, 8);
    let second = Weights::draw(&mut draw, 3, 8, 8);
    let third = Weights::draw(&mut draw, 1, 8, 32);
    let layers: Vec<Tensor> = [&first, &second, &third].iter().flat_map(|w| w.torch()).collect();
    let inputs: [Tensor; 10] = [vec![torch(&images)], layers].concat_array();
    let [x, w1, s1, b1, w2, s2, b2, w3, s3, b3] = &inputs;
    let x = x.permute([0, 3, 1, 2]);
    let branch = layer_of_pytorch(&x, [w1, s1, b1], 1).relu();
    let branch = layer_of_pytorch(&branch, [w2, s2, b2], 1).relu();
    let want = (layer_of_pytorch(&branch, [w3, s3, b3], 1) + x).relu().permute([0, 2, 3, 1]);
    let upstream = draw.weights([3, 6, 6, 32]);
    let want = pytorch(&want, &upstream, &inputs);
    for device in devices() {
        let x = on(&images, &device);
        let [first, second, third] = [&first, &second, &third].map(|w| w.on(&device));
        let branch = layer(layer(x.clone(), &first, 1, None, true), &second, 1, None, true);
        let out = layer(branch, &third, 1, Some(x.clone()), true);
        let (Weights(w1, s1, b1), Weights(w2, s2, b2), Weights(w3, s3, b3)) = (first, second, third);
        let upstream = on(&upstream, &device).detach();
        let got = differentiate!(out, upstream, [x, w1, s1, b1, w2, s2, b2, w3, s3, b3]);
        compare(&got, &want, &format!("{device:?}"));
    }
}

/// Several lists of tensors as one array.
trait ConcatArray {
    fn concat_array<const N: usize>(self) -> [Tensor; N];
}

impl ConcatArray for [Vec<Tensor>; 2] {
    fn concat_array<const N: usize>(self) -> [Tensor; N] {
        let all: Vec<Tensor> = self.into_iter().flatten().collect();
        all.try_into().expect("as many tensors as named")
    }
}
