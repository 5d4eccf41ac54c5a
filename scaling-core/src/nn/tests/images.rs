//! Layers of channels-last images.

use super::{Draw, close, compare, differentiate, fill, values};
use crate::nn::batch_norm::reference as norm_reference;
use crate::nn::convolution::reference as convolution_reference;
use crate::nn::pooling::reference as pooling_reference;
use crate::nn::{BatchNormOptions, Padding, Placement, batch_norm, convolve, max_pool, normalize};
use crate::random::Random;
use burn::tensor::{Device, Tensor};

/// MODELS 7.2: (1..6) at stride 2 under the kernel (1, 10, 100).
#[test]
fn padding_meets_the_specification() {
    let image = || Tensor::<1>::from_floats([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &Device::flex());
    let weight = || Tensor::<1>::from_floats([1.0, 10.0, 100.0], &Device::flex()).reshape([1, 3, 1, 1]);
    for (padding, want) in
        [(Padding::TfSame, [321.0, 543.0, 65.0]), (Padding::Symmetric, [210.0, 432.0, 654.0])]
    {
        let placement = Placement { stride: [2; 2], padding };
        for function in [convolve, convolution_reference] {
            // A single row, seen through the one row of the kernel.
            let image = image().reshape([1, 1, 6, 1]);
            assert_eq!(values(function(image, weight(), placement)), want);
        }
    }
}

/// MODELS 7.2: batch norm in training.
#[test]
fn batch_norm_meets_the_specification() {
    let options = BatchNormOptions { epsilon: 1e-5, rectify: false };
    for function in [batch_norm, norm_reference] {
        let one = || Tensor::<1>::ones([2], &Device::flex());
        let x = fill([4, 2], 1).reshape([4, 1, 1, 2]);
        let out = function(x, one(), one().zeros_like(), None, options);
        close(&values(out.moments), &[0.05, -0.075, 0.1125, 0.091_875], 0.0, 1e-6, "moments");
        let first = values(out.y)[..2].to_vec();
        close(&first, &[-1.341_581_20, 1.237_111_82], 0.0, 1e-6, "first row");
    }
}

#[test]
fn fused_convolution_agrees_with_the_reference() {
    for (seed, ([n, h, w, c, d], side, stride)) in [
        ([1, 1, 1, 1, 1], 1, 1),
        ([2, 5, 7, 3, 5], 3, 1),
        ([3, 8, 6, 4, 17], 3, 2),
        ([2, 9, 9, 3, 8], 7, 2),
        ([5, 4, 4, 20, 40], 1, 2),
        ([17, 2, 2, 33, 16], 3, 1),
    ]
    .into_iter()
    .enumerate()
    {
        for padding in [Padding::TfSame, Padding::Symmetric] {
            let placement = Placement { stride: [stride; 2], padding };
            let mut draw = Draw(Random::new("test/convolution", &[seed as u64]));
            let images = draw.tensor([n, h, w, c], 1.0);
            let weight = draw.tensor([side, side, c, d], 0.3);
            let shape = convolve(images.clone(), weight.clone(), placement).dims();
            let upstream = draw.weights(shape);
            let run = |function: fn(Tensor<4>, Tensor<4>, Placement) -> Tensor<4>| {
                let out = function(images.clone(), weight.clone(), placement);
                assert_eq!(out.dims(), shape);
                differentiate!(out, upstream, [images, weight])
            };
            compare(
                &run(convolve),
                &run(convolution_reference),
                &format!("{n} {h} {w} {c} {d} {placement:?}"),
            );
        }
    }
}

#[test]
fn fused_batch_norm_agrees_with_the_reference() {
    for (seed, [n, h, w, c]) in
        [[2, 1, 1, 1], [3, 5, 7, 3], [4, 8, 8, 16], [2, 3, 3, 40], [9, 2, 2, 22]].into_iter().enumerate()
    {
        for (rectify, with_residual) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut draw = Draw(Random::new("test/batch-norm", &[seed as u64]));
            let options = BatchNormOptions { epsilon: 1e-5, rectify };
            let (x, residual) = (draw.tensor([n, h, w, c], 1.0), draw.tensor([n, h, w, c], 1.0));
            let (scale, shift) = (draw.tensor([c], 1.0), draw.tensor([c], 1.0));
            let upstream = draw.weights([n, h, w, c]);
            type Function = fn(
                Tensor<4>,
                Tensor<1>,
                Tensor<1>,
                Option<Tensor<4>>,
                BatchNormOptions,
            ) -> crate::nn::Normalized;
            let run = |function: Function| {
                let added = with_residual.then(|| residual.clone());
                let out = function(x.clone(), scale.clone(), shift.clone(), added, options);
                let moments = values(out.moments);
                let (y, gradients) = if with_residual {
                    differentiate!(out.y, upstream, [x, scale, shift, residual])
                } else {
                    differentiate!(out.y, upstream, [x, scale, shift])
                };
                ([y, moments].concat(), gradients)
            };
            let what = format!("{n} {h} {w} {c} {rectify} {with_residual}");
            let (fused, reference) = (run(batch_norm), run(norm_reference));
            compare(&fused, &reference, &what);
            // By given moments, without a graph, as in evaluation.
            let all = fused.0;
            let moments: Vec<f32> = all[all.len() - 2 * c..].to_vec();
            let moments = Tensor::<1>::from_floats(moments.as_slice(), &Device::flex()).reshape([2, c]);
            let added = with_residual.then(|| residual.clone().inner());
            let (x, scale, shift) = (x.clone().inner(), scale.clone().inner(), shift.clone().inner());
            let y = normalize(x, moments, scale, shift, added, options);
            close(&values(y), &all[..n * h * w * c], 1e-5, 1e-6, &what);
        }
    }
}

#[test]
fn fused_pooling_agrees_with_the_reference() {
    for (seed, ([n, h, w, c], side, stride)) in
        [([1, 1, 1, 1], 3, 2), ([2, 5, 7, 3], 3, 2), ([3, 8, 8, 16], 3, 2), ([2, 6, 4, 5], 2, 2)]
            .into_iter()
            .enumerate()
    {
        for padding in [Padding::TfSame, Padding::Symmetric] {
            let placement = Placement { stride: [stride; 2], padding };
            let mut draw = Draw(Random::new("test/pooling", &[seed as u64]));
            let images = draw.tensor([n, h, w, c], 1.0);
            let shape = max_pool(images.clone(), side, placement).dims();
            let upstream = draw.weights(shape);
            let run = |function: fn(Tensor<4>, usize, Placement) -> Tensor<4>| {
                differentiate!(function(images.clone(), side, placement), upstream, [images])
            };
            compare(&run(max_pool), &run(pooling_reference), &format!("{n} {h} {w} {c} {placement:?}"));
        }
    }
}

/// Images and weights that want no gradient change nothing for the others.
#[test]
fn constants_are_left_out() {
    let mut draw = Draw(Random::new("test/constants", &[]));
    let (images, weight) = (draw.tensor([2, 5, 5, 3], 1.0), draw.tensor([3, 3, 3, 4], 0.3));
    let placement = Placement { stride: [2; 2], padding: Padding::TfSame };
    let both = convolve(images.clone(), weight.clone(), placement).sum().backward();
    let one = convolve(images.clone().detach(), weight.clone(), placement).sum().backward();
    assert_eq!(
        values(weight.grad(&both).expect("a gradient")),
        values(weight.grad(&one).expect("a gradient"))
    );
    let other = convolve(images.clone(), weight.detach(), placement).sum().backward();
    assert_eq!(
        values(images.grad(&both).expect("a gradient")),
        values(images.grad(&other).expect("a gradient"))
    );
}
