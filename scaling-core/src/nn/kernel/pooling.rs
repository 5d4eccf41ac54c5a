//! Maxima of windows of channels-last images.

use super::lanes::{Kernel, Lanes, dispatch};
use super::window;
use rayon::prelude::*;

/// Shapes of a pooling of images [N, H, W, C].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) batch: usize,
    /// Rows and columns of an image.
    pub(crate) image: [usize; 2],
    pub(crate) channels: usize,
    /// Rows and columns of a window.
    pub(crate) window: usize,
    pub(crate) stride: [usize; 2],
    /// Rows before the first and after the last, and columns, that no window takes a value from.
    pub(crate) padding: [[usize; 2]; 2],
}

impl Shape {
    /// Rows and columns of the result.
    pub(crate) fn out(&self) -> [usize; 2] {
        window::count(self.image, self.padding, [self.window; 2], self.stride)
    }

    /// The pixels of one window: which of its places, and where in the image.
    fn places(&self, y: usize, x: usize) -> impl Iterator<Item = (u8, usize)> {
        let ([height, width], [[top, _], [left, _]], side) = (self.image, self.padding, self.window);
        let (y, x) = (y * self.stride[0], x * self.stride[1]);
        (0..side * side).filter_map(move |place| {
            let row = (y + place / side).checked_sub(top).filter(|row| *row < height)?;
            let column = (x + place % side).checked_sub(left).filter(|column| *column < width)?;
            Some((place as u8, row * width + column))
        })
    }
}

/// The maxima [N, H', W', C], and which place of the window each is from (the first of equal ones).
pub(crate) fn forward(shape: Shape, images: &[f32]) -> (Vec<f32>, Vec<u8>) {
    struct Image<'a>(Shape, &'a [f32], &'a mut [f32], &'a mut [u8]);
    impl Kernel for Image<'_> {
        type Output = ();

        #[inline(always)]
        fn run<V: Lanes>(self) {
            let Self(shape, image, out, places) = self;
            let (c, [_, width]) = (shape.channels, shape.out());
            let pixels = out.chunks_exact_mut(c).zip(places.chunks_exact_mut(c)).enumerate();
            for (pixel, (out, places)) in pixels {
                out.fill(f32::NEG_INFINITY);
                for (place, at) in shape.places(pixel / width, pixel % width) {
                    let values = &image[at * c..][..c];
                    for ((out, from), value) in out.iter_mut().zip(places.iter_mut()).zip(values) {
                        // NaN wins, and stays: no value is above it.
                        let wins = *value > *out || value.is_nan();
                        *from = if wins { place } else { *from };
                        *out = if wins { *value } else { *out };
                    }
                }
            }
        }
    }
    let ([height, width], c) = (shape.out(), shape.channels);
    let (per_image, per_out) = (shape.image[0] * shape.image[1] * c, height * width * c);
    let mut out = vec![0.0; shape.batch * per_out];
    let mut places = vec![0; out.len()];
    let outs = out.par_chunks_exact_mut(per_out).zip(places.par_chunks_exact_mut(per_out));
    images.par_chunks_exact(per_image).zip(outs).for_each(|(image, (out, places))| {
        dispatch(Image(shape, image, out, places));
    });
    (out, places)
}

/// The gradient by the images, given that by the maxima and where these came from.
pub(crate) fn backward(shape: Shape, places: &[u8], gradient: &[f32]) -> Vec<f32> {
    struct Image<'a>(Shape, &'a [u8], &'a [f32], &'a mut [f32]);
    impl Kernel for Image<'_> {
        type Output = ();

        #[inline(always)]
        fn run<V: Lanes>(self) {
            let Self(shape, places, gradient, out) = self;
            let (c, [_, width]) = (shape.channels, shape.out());
            let pixels = gradient.chunks_exact(c).zip(places.chunks_exact(c)).enumerate();
            for (pixel, (gradient, places)) in pixels {
                for (place, at) in shape.places(pixel / width, pixel % width) {
                    let out = &mut out[at * c..][..c];
                    for ((out, from), gradient) in out.iter_mut().zip(places).zip(gradient) {
                        *out += if *from == place { *gradient } else { 0.0 };
                    }
                }
            }
        }
    }
    let ([height, width], c) = (shape.out(), shape.channels);
    let (per_image, per_out) = (shape.image[0] * shape.image[1] * c, height * width * c);
    let mut out = vec![0.0; shape.batch * per_image];
    let gradients = gradient.par_chunks_exact(per_out).zip(places.par_chunks_exact(per_out));
    out.par_chunks_exact_mut(per_image).zip(gradients).for_each(|(out, (gradient, places))| {
        dispatch(Image(shape, places, gradient, out));
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maxima_are_found_and_their_gradient_goes_back_to_the_first_of_equals() {
        let shape = Shape {
            batch: 1,
            image: [4, 4],
            channels: 1,
            window: 3,
            stride: [2; 2],
            padding: [[0, 1], [0, 1]],
        };
        let image: Vec<f32> = [[0, 1, 0, 2], [3, 3, -1, -1], [0, 0, -1, -2], [0, 9, -3, -4]]
            .concat()
            .iter()
            .map(|v| *v as f32)
            .collect();
        let (out, places) = forward(shape, &image);
        assert_eq!(out, [3.0, 2.0, 9.0, -1.0]);
        let back = backward(shape, &places, &[1.0, 10.0, 100.0, 1000.0]);
        let mut want = vec![0.0; 16];
        (want[4], want[3], want[13], want[10]) = (1.0, 10.0, 100.0, 1000.0);
        assert_eq!(back, want);
        // Symmetric padding of an odd image: the corner window holds four pixels.
        let shape = Shape { image: [3, 3], padding: [[1, 1], [1, 1]], ..shape };
        let image: Vec<f32> = (0..9).map(|v| -(v as f32) - 1.0).collect();
        assert_eq!(forward(shape, &image).0, [-1.0, -2.0, -4.0, -5.0]);
        let lost = forward(shape, &[f32::NAN; 9]).0;
        assert!(lost.iter().all(|v| v.is_nan()));
    }
}
