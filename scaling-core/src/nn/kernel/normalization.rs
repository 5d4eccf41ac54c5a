//! Batch normalisation of channels-last arrays, with what usually follows it: the addition of a
//! residual branch and a rectifier.

use super::channels::{Terms, block_len, pattern, sum_channels};
use super::lanes::{Kernel, Lanes, dispatch};
use rayon::prelude::*;

/// Per channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moments {
    pub(crate) mean: Vec<f32>,
    /// Mean squared deviation.
    pub(crate) variance: Vec<f32>,
}

#[derive(Clone, Copy)]
struct Plain<'a>(&'a [f32]);

impl Terms<1> for Plain<'_> {
    #[inline(always)]
    fn at<V: Lanes>(self, at: usize) -> [V; 1] {
        [V::read(&self.0[at..], 0.0)]
    }
}

#[derive(Clone, Copy)]
struct SquaredDeviations<'a> {
    x: &'a [f32],
    center: &'a [f32],
}

impl Terms<1> for SquaredDeviations<'_> {
    #[inline(always)]
    fn at<V: Lanes>(self, at: usize) -> [V; 1] {
        let d = V::read(&self.x[at..], 0.0).sub(V::load(&self.center[at % self.center.len()..]));
        [d.mul(d)]
    }
}

/// Mean and variance per channel of x [P, C].
pub(crate) fn moments(x: &[f32], channels: usize) -> Moments {
    struct Block<'a>(&'a [f32], usize);
    impl Kernel for Block<'_> {
        type Output = (Vec<f32>, Vec<f32>);

        #[inline(always)]
        fn run<V: Lanes>(self) -> Self::Output {
            let Self(x, channels) = self;
            let [mut mean] = sum_channels::<V, 1>(x.len(), channels, Plain(x));
            let rows = (x.len() / channels) as f32;
            for sum in &mut mean {
                *sum /= rows;
            }
            let center = pattern(&mean);
            let squares = SquaredDeviations { x, center: &center };
            let [squares] = sum_channels::<V, 1>(x.len(), channels, squares);
            (mean, squares)
        }
    }
    let len = block_len(channels);
    let blocks: Vec<_> = x.par_chunks(len).map(|x| dispatch(Block(x, channels))).collect();
    // Chan, Golub and LeVeque 1979: the blocks are joined without the cancellation of raw sums.
    let (mut mean, mut squares, mut n) = (vec![0.0f64; channels], vec![0.0f64; channels], 0.0);
    for ((block_mean, block_squares), x) in blocks.iter().zip(x.chunks(len)) {
        let rows = (x.len() / channels) as f64;
        let total = n + rows;
        for c in 0..channels {
            let delta = f64::from(block_mean[c]) - mean[c];
            mean[c] += delta * rows / total;
            squares[c] += f64::from(block_squares[c]) + delta * delta * n * rows / total;
        }
        n = total;
    }
    Moments {
        mean: mean.iter().map(|m| *m as f32).collect(),
        variance: squares.iter().map(|s| (s / n) as f32).collect(),
    }
}

/// What normalisation does per channel: y = a x + b.
#[derive(Debug, Clone)]
pub(crate) struct Affine {
    factor: Vec<f32>,
    offset: Vec<f32>,
}

impl Affine {
    /// y = scale (x - mean) / sqrt(variance + epsilon) + shift.
    pub(crate) fn new(moments: &Moments, scale: &[f32], shift: &[f32], epsilon: f32) -> Self {
        let deviation = deviations(moments, epsilon);
        let factor: Vec<f32> = scale.iter().zip(&deviation).map(|(s, d)| s / d).collect();
        let offset = shift.iter().zip(&factor).zip(&moments.mean).map(|((s, f), m)| s - f * m).collect();
        Self { factor, offset }
    }

    /// `max(0, a x + b + residual)`, the residual where there is one, the rectifier where wanted.
    pub(crate) fn apply(&self, x: &[f32], residual: Option<&[f32]>, rectify: bool) -> Vec<f32> {
        struct Block<'a> {
            x: &'a [f32],
            residual: Option<&'a [f32]>,
            rectify: bool,
            factor: &'a [f32],
            offset: &'a [f32],
            out: &'a mut [f32],
        }
        impl Kernel for Block<'_> {
            type Output = ();

            #[inline(always)]
            fn run<V: Lanes>(self) {
                let Self { x, residual, rectify, factor, offset, out } = self;
                let floor = V::splat(if rectify { 0.0 } else { f32::NEG_INFINITY });
                let pattern = factor.len();
                for (p, out) in out.chunks_mut(pattern).enumerate() {
                    let x = &x[p * pattern..][..out.len()];
                    let residual = residual.map(|r| &r[p * pattern..][..out.len()]);
                    for (i, out) in out.chunks_mut(V::LANES).enumerate() {
                        let part = i * V::LANES..i * V::LANES + out.len();
                        let (a, b) = (V::load(&factor[i * V::LANES..]), V::load(&offset[i * V::LANES..]));
                        let mut y = V::read(&x[part.clone()], 0.0).mul_add(a, b);
                        if let Some(residual) = residual {
                            y = y.add(V::read(&residual[part], 0.0));
                        }
                        // In this order NaN stays NaN.
                        floor.max(y).write(out);
                    }
                }
            }
        }
        let (factor, offset) = (pattern(&self.factor), pattern(&self.offset));
        let mut out = vec![0.0; x.len()];
        let len = block_len(self.factor.len());
        out.par_chunks_mut(len).enumerate().for_each(|(i, out)| {
            let part = i * len..i * len + out.len();
            let residual = residual.map(|r| &r[part.clone()]);
            dispatch(Block { x: &x[part], residual, rectify, factor: &factor, offset: &offset, out });
        });
        out
    }
}

fn deviations(moments: &Moments, epsilon: f32) -> Vec<f32> {
    moments.variance.iter().map(|v| (v + epsilon).sqrt()).collect()
}

/// Gradients of a normalisation by the moments of its own input.
pub(crate) struct Gradients {
    pub(crate) x: Vec<f32>,
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
    /// That of the residual, where asked for.
    pub(crate) residual: Option<Vec<f32>>,
}

/// What the backward pass goes by.
#[derive(Clone, Copy)]
pub(crate) struct Normalized<'a> {
    /// [P, C].
    pub(crate) x: &'a [f32],
    pub(crate) moments: &'a Moments,
    pub(crate) scale: &'a [f32],
    pub(crate) epsilon: f32,
    /// The result, where it went through the rectifier.
    pub(crate) rectified: Option<&'a [f32]>,
}

/// The gradients, given that by the result.
pub(crate) fn backward(input: Normalized<'_>, gradient: &[f32], residual: bool) -> Gradients {
    let channels = input.scale.len();
    let len = block_len(channels);
    let (center, rows) = (pattern(&input.moments.mean), (input.x.len() / channels) as f64);
    let blocks: Vec<_> = gradient
        .par_chunks(len)
        .enumerate()
        .map(|(i, gradient)| {
            let part = i * len..i * len + gradient.len();
            let rectified = input.rectified.map(|y| &y[part.clone()]);
            dispatch(Totals { x: &input.x[part], rectified, gradient, center: &center, channels })
        })
        .collect();
    let (mut shift, mut product) = (vec![0.0f64; channels], vec![0.0f64; channels]);
    for [block_shift, block_product] in &blocks {
        for c in 0..channels {
            shift[c] += f64::from(block_shift[c]);
            product[c] += f64::from(block_product[c]);
        }
    }
    let deviation = deviations(input.moments, input.epsilon);
    // dx = a (g - mean(g) - (x - m) mean(g (x - m)) / (variance + epsilon)).
    let mut by = [vec![0.0; channels], vec![0.0; channels], vec![0.0; channels]];
    for c in 0..channels {
        let (d, a) = (f64::from(deviation[c]), f64::from(input.scale[c]) / f64::from(deviation[c]));
        by[0][c] = a as f32;
        by[1][c] = (-a * product[c] / rows / (d * d)) as f32;
        by[2][c] = (-a * shift[c] / rows) as f32;
    }
    let by = by.map(|values| pattern(&values));
    let mut x = vec![0.0; gradient.len()];
    let mut through = if residual { vec![0.0; gradient.len()] } else { Vec::new() };
    // An empty array has no chunks; its tasks get empty ones.
    let parts: Vec<&mut [f32]> = through.chunks_mut(len).collect();
    let mut parts = parts.into_iter();
    let tasks: Vec<_> = x.chunks_mut(len).map(|x| (x, parts.next().unwrap_or_default())).collect();
    tasks.into_par_iter().enumerate().for_each(|(i, (out, through))| {
        let part = i * len..i * len + out.len();
        let rectified = input.rectified.map(|y| &y[part.clone()]);
        let (x, gradient) = (&input.x[part.clone()], &gradient[part]);
        dispatch(Apply { x, rectified, gradient, center: &center, by: &by, out, through });
    });
    let scale = product.iter().zip(&deviation).map(|(p, d)| (p / f64::from(*d)) as f32).collect();
    let shift = shift.iter().map(|s| *s as f32).collect();
    Gradients { x, scale, shift, residual: residual.then_some(through) }
}

/// The gradient from `at` on as it gets through the rectifier.
#[inline(always)]
fn gated<V: Lanes>(gradient: &[f32], rectified: Option<&[f32]>, at: usize) -> V {
    let g = V::read(&gradient[at..], 0.0);
    match rectified {
        Some(y) => g.where_positive(V::read(&y[at..], 0.0)),
        None => g,
    }
}

/// Per channel the sums of g and of g (x - mean).
#[derive(Clone, Copy)]
struct Totals<'a> {
    x: &'a [f32],
    rectified: Option<&'a [f32]>,
    gradient: &'a [f32],
    center: &'a [f32],
    channels: usize,
}

impl Terms<2> for Totals<'_> {
    #[inline(always)]
    fn at<V: Lanes>(self, at: usize) -> [V; 2] {
        let g = gated::<V>(self.gradient, self.rectified, at);
        let d = V::read(&self.x[at..], 0.0).sub(V::load(&self.center[at % self.center.len()..]));
        [g, g.mul(d)]
    }
}

impl Kernel for Totals<'_> {
    type Output = [Vec<f32>; 2];

    #[inline(always)]
    fn run<V: Lanes>(self) -> Self::Output {
        sum_channels::<V, 2>(self.x.len(), self.channels, self)
    }
}

struct Apply<'a> {
    x: &'a [f32],
    rectified: Option<&'a [f32]>,
    gradient: &'a [f32],
    center: &'a [f32],
    by: &'a [Vec<f32>; 3],
    out: &'a mut [f32],
    /// Empty where the residual wants no gradient.
    through: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { x, rectified, gradient, center, by, out, through } = self;
        let pattern = center.len();
        for first in (0..out.len()).step_by(pattern) {
            let end = out.len().min(first + pattern);
            for at in (first..end).step_by(V::LANES) {
                let part = at..end.min(at + V::LANES);
                let g = gated::<V>(gradient, rectified, at);
                if !through.is_empty() {
                    g.write(&mut through[part.clone()]);
                }
                let i = at - first;
                let d = V::read(&x[at..], 0.0).sub(V::load(&center[i..]));
                let offset = d.mul_add(V::load(&by[1][i..]), V::load(&by[2][i..]));
                g.mul_add(V::load(&by[0][i..]), offset).write(&mut out[part]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::tests::agrees_at_every_level;
    use super::*;
    use crate::random::Random;

    fn values(n: usize, label: u64) -> Vec<f32> {
        let mut random = Random::new("normalization", &[label]);
        (0..n).map(|_| (random.normal() + 0.5) as f32).collect()
    }

    /// MODELS 7.2: x = fill((4, 2), 1), epsilon 1e-5.
    #[test]
    fn moments_and_first_row_are_those_of_the_specification() {
        let x: Vec<f32> = (0..8).map(|i| ((7 * i + 1) % 11 - 5) as f32 / 10.0).collect();
        let found = moments(&x, 2);
        let y = Affine::new(&found, &[1.0; 2], &[0.0; 2], 1e-5).apply(&x, None, false);
        let got = [found.mean, found.variance, y[..2].to_vec()].concat();
        for (got, want) in got.iter().zip([0.05, -0.075, 0.1125, 0.091_875, -1.341_581_20, 1.237_111_82]) {
            assert!((got - want).abs() < 1e-6, "{got} for {want}");
        }
    }

    #[test]
    fn results_and_gradients_meet_the_definition() {
        for (rows, channels) in [(2000, 16), (900, 64), (70, 4), (3, 3), (40, 24), (33, 22), (5, 100)] {
            let (x, r, g) =
                (values(rows * channels, 1), values(rows * channels, 2), values(rows * channels, 3));
            let (scale, shift) = (values(channels, 4), values(channels, 5));
            for (rectify, residual) in [(false, false), (true, false), (true, true)] {
                let found = moments(&x, channels);
                let y = Affine::new(&found, &scale, &shift, 1e-5).apply(&x, residual.then_some(&r), rectify);
                let input = Normalized {
                    x: &x,
                    moments: &found,
                    scale: &scale,
                    epsilon: 1e-5,
                    rectified: rectify.then_some(&y),
                };
                let gradients = backward(input, &g, residual);
                for c in 0..channels {
                    let column = |v: &[f32]| -> Vec<f64> {
                        v.iter().skip(c).step_by(channels).map(|v| f64::from(*v)).collect()
                    };
                    let mean = |v: &[f64]| v.iter().sum::<f64>() / rows as f64;
                    let (x, r, g) = (column(&x), column(&r), column(&g));
                    let m = mean(&x);
                    let variance = mean(&x.iter().map(|x| (x - m).powi(2)).collect::<Vec<_>>());
                    let d = (variance + 1e-5).sqrt();
                    let normalized: Vec<f64> = x.iter().map(|x| (x - m) / d).collect();
                    let (s, b) = (f64::from(scale[c]), f64::from(shift[c]));
                    let want: Vec<f64> = normalized
                        .iter()
                        .zip(&r)
                        .map(|(n, r)| s * n + b + if residual { *r } else { 0.0 })
                        .map(|y| if rectify { y.max(0.0) } else { y })
                        .collect();
                    let gated: Vec<f64> = g
                        .iter()
                        .zip(&want)
                        .map(|(g, y)| if rectify && *y <= 0.0 { 0.0 } else { *g })
                        .collect();
                    let by_scale: Vec<f64> = gated.iter().zip(&normalized).map(|(g, n)| g * n).collect();
                    let (mean_g, mean_gn) = (mean(&gated), mean(&by_scale));
                    let by_x = gated.iter().zip(&normalized).map(|(g, n)| s / d * (g - mean_g - n * mean_gn));
                    let close = |got: &[f64], want: &[f64]| {
                        for (got, want) in got.iter().zip(want) {
                            assert!((got - want).abs() < 2e-4 * (1.0 + want.abs()), "{got} for {want}");
                        }
                    };
                    close(&column(&y), &want);
                    close(&column(&gradients.x), &by_x.collect::<Vec<_>>());
                    close(&[f64::from(gradients.scale[c])], &[by_scale.iter().sum()]);
                    close(&[f64::from(gradients.shift[c])], &[gated.iter().sum()]);
                    if let Some(through) = &gradients.residual {
                        close(&column(through), &gated);
                    }
                }
            }
        }
    }

    /// Sums and gradients of a few values, which end amid a pattern.
    #[derive(Clone)]
    struct All;

    impl Kernel for All {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<V: Lanes>(self) -> Vec<f32> {
            let channels = 6;
            let (x, g, y) = (values(11 * channels, 1), values(11 * channels, 2), values(11 * channels, 3));
            let center = pattern(&values(channels, 4));
            let rectified = Some(y.as_slice());
            let sums = Totals { x: &x, rectified, gradient: &g, center: &center, channels }.run::<V>();
            let by = [5, 6, 7].map(|label| pattern(&values(channels, label)));
            let (mut out, mut through) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            let (to, by) = (&mut out, &by);
            Apply { x: &x, rectified, gradient: &g, center: &center, by, out: to, through: &mut through }
                .run::<V>();
            [sums.concat(), out, through].concat()
        }
    }

    #[test]
    fn levels_agree() {
        agrees_at_every_level(&All, "sums and gradients");
    }

    #[test]
    fn a_large_mean_costs_no_precision() {
        let x: Vec<f32> = values(40_000, 1).iter().map(|v| v + 1000.0).collect();
        let found = moments(&x, 4);
        assert!(found.variance.iter().all(|v| (v - 1.0).abs() < 0.05), "{:?}", found.variance);
    }

    #[test]
    fn a_value_that_is_no_number_shows() {
        let affine = Affine { factor: vec![1.0], offset: vec![0.0] };
        assert!(affine.apply(&[f32::NAN, -1.0], None, true)[0].is_nan());
    }
}
