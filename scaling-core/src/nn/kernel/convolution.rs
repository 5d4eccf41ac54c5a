//! Convolution of channels-last images, and its gradients.

use super::correlation::{Panels, correlate, correlate_transposed};
use super::window::Shape;

/// The images [N, H', W', D] of `images` [N, H, W, C] and `weight` [KH, KW, C, D].
pub(crate) fn forward(shape: Shape, images: &[f32], weight: &[f32]) -> Vec<f32> {
    let windows = shape.windows();
    let columns = shape.channels[1];
    let packed = Panels::gather(windows.depth(), columns, |row, part, out| {
        out.copy_from_slice(&weight[row * columns..][part]);
    });
    let mut out = vec![0.0; shape.batch * windows.out];
    correlate(&windows, images, &packed, &mut out, shape.block(windows.pixels.len()));
    out
}

/// The gradient by the images, given that by the result.
pub(crate) fn image_gradient(shape: Shape, weight: &[f32], gradient: &[f32]) -> Vec<f32> {
    let [channels, filters] = shape.channels;
    let mut out = vec![0.0; shape.batch * shape.image[0] * shape.image[1] * channels];
    for (windows, [rows, columns]) in shape.gradient_windows() {
        let packed = Panels::gather(windows.depth(), channels, |row, part, out| {
            let (tap, filter) = (row / filters, row % filters);
            let (ky, kx) = (rows[tap / columns.len()], columns[tap % columns.len()]);
            let from = (ky * shape.kernel[1] + kx) * channels;
            for (channel, out) in part.zip(out) {
                *out = weight[(from + channel) * filters + filter];
            }
        });
        correlate(&windows, gradient, &packed, &mut out, shape.block(windows.pixels.len()));
    }
    out
}

/// The gradient by the weight, given that by the result.
pub(crate) fn weight_gradient(shape: Shape, images: &[f32], gradient: &[f32]) -> Vec<f32> {
    let windows = shape.windows();
    let filters = shape.channels[1];
    let gradient = Panels::gather(gradient.len() / filters, filters, |row, part, out| {
        out.copy_from_slice(&gradient[row * filters..][part]);
    });
    let mut out = vec![0.0; windows.depth() * filters];
    correlate_transposed(&windows, images, &gradient, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn values(n: usize, label: u64) -> Vec<f32> {
        let mut random = Random::new("convolution", &[label]);
        (0..n).map(|_| random.normal() as f32).collect()
    }

    /// Calls `term` with the indices of image, weight and result of every product in the definition.
    fn each_term(shape: Shape, mut term: impl FnMut(usize, usize, usize)) {
        let ([height, width], [c, d], [out_height, out_width]) = (shape.image, shape.channels, shape.out());
        let [[top, _], [left, _]] = shape.padding;
        for n in 0..shape.batch {
            for (y, x) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
                for (ky, kx) in (0..shape.kernel[0]).flat_map(|y| (0..shape.kernel[1]).map(move |x| (y, x))) {
                    let (row, column) = (y * shape.stride[0] + ky, x * shape.stride[1] + kx);
                    if row < top || row - top >= height || column < left || column - left >= width {
                        continue;
                    }
                    let from = ((n * height + row - top) * width + column - left) * c;
                    let to = ((n * out_height + y) * out_width + x) * d;
                    for (ci, di) in (0..c).flat_map(|ci| (0..d).map(move |di| (ci, di))) {
                        term(from + ci, ((ky * shape.kernel[1] + kx) * c + ci) * d + di, to + di);
                    }
                }
            }
        }
    }

    #[test]
    fn results_and_gradients_meet_the_definition() {
        let same = [[1, 1], [1, 1]];
        for (batch, image, channels, kernel, stride, padding) in [
            (2, [5, 4], [3, 5], [3, 3], [1, 1], same),
            (3, [6, 6], [4, 16], [3, 3], [2, 2], [[0, 1], [0, 1]]),
            (3, [7, 5], [2, 17], [3, 3], [2, 2], same),
            (2, [9, 8], [3, 40], [7, 7], [2, 2], [[2, 3], [2, 3]]),
            (5, [2, 2], [33, 20], [1, 1], [2, 2], [[0, 0], [0, 0]]),
            (2, [1, 1], [3, 5], [3, 3], [2, 2], same),
            (2, [1, 4], [3, 5], [3, 3], [2, 2], [[1, 1], [0, 1]]),
            (4, [3, 3], [70, 33], [1, 1], [1, 1], [[0, 0], [0, 0]]),
            (1, [1, 1], [210, 3], [3, 3], [1, 1], same),
            // A window of time by frequency.
            (2, [9, 31], [1, 6], [5, 11], [2, 2], [[2, 2], [0, 0]]),
            (3, [6, 21], [5, 4], [5, 7], [1, 2], [[2, 2], [0, 0]]),
            (19, [4, 4], [16, 16], [3, 3], [1, 1], same),
        ] {
            let shape = Shape { batch, image, channels, kernel, stride, padding };
            let images = values(batch * image[0] * image[1] * channels[0], 1);
            let weight = values(kernel[0] * kernel[1] * channels[0] * channels[1], 2);
            let gradient = values(batch * shape.out()[0] * shape.out()[1] * channels[1], 3);
            let mut want = [vec![0.0f64; gradient.len()], vec![0.0; images.len()], vec![0.0; weight.len()]];
            each_term(shape, |i, w, o| {
                want[0][o] += f64::from(images[i]) * f64::from(weight[w]);
                want[1][i] += f64::from(gradient[o]) * f64::from(weight[w]);
                want[2][w] += f64::from(gradient[o]) * f64::from(images[i]);
            });
            let run = || {
                [
                    forward(shape, &images, &weight),
                    image_gradient(shape, &weight, &gradient),
                    weight_gradient(shape, &images, &gradient),
                ]
            };
            let got = run();
            for (got, want) in got.iter().flatten().zip(want.iter().flatten()) {
                assert!((f64::from(*got) - want).abs() < 2e-4, "{shape:?}: {got} for {want}");
            }
            for threads in 1..=3 {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
                assert_eq!(pool.install(run), got, "{threads} threads");
            }
        }
    }
}
