//! Where the windows of a convolution lie in memory.
//!
//! Images are channels-last, so the values of a window's row are contiguous: a window is a few
//! *segments*, and a convolution a product whose left rows are read in place.

/// Shapes of a convolution of images [N, H, W, C] with a weight [KH, KW, C, D].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) batch: usize,
    /// Rows and columns of an image.
    pub(crate) image: [usize; 2],
    /// C and D.
    pub(crate) channels: [usize; 2],
    /// KH and KW.
    pub(crate) kernel: [usize; 2],
    /// Of rows and columns.
    pub(crate) stride: [usize; 2],
    /// Zeros before the first and after the last row, and column.
    pub(crate) padding: [[usize; 2]; 2],
}

/// How many windows an image has with what is around it, downwards and across.
pub(super) fn count(
    image: [usize; 2],
    padding: [[usize; 2]; 2],
    window: [usize; 2],
    stride: [usize; 2],
) -> [usize; 2] {
    [0, 1].map(|axis| {
        let [before, after] = padding[axis];
        (image[axis] + before + after - window[axis]) / stride[axis] + 1
    })
}

impl Shape {
    /// Rows and columns of the result.
    pub(crate) fn out(&self) -> [usize; 2] {
        count(self.image, self.padding, self.kernel, self.stride)
    }

    /// Images that are worked on together: enough pixels to use each weight often once it is in the
    /// cache, few enough that every thread has some.
    pub(super) fn block(&self, pixels: usize) -> usize {
        let share = self.batch.div_ceil(rayon::current_num_threads());
        256usize.div_ceil(pixels).min(share).max(1)
    }

    /// The windows of the convolution itself.
    pub(super) fn windows(&self) -> Windows {
        let [height, width] = self.out();
        let frame = Frame { image: self.image, channels: self.channels[0], padding: self.padding };
        let [_, row] = frame.padded();
        let length = self.kernel[1] * frame.channels;
        let mut pixels = Vec::with_capacity(height * width);
        for y in 0..height {
            for x in 0..width {
                let from = (y * self.stride[0] * row + x * self.stride[1]) * frame.channels;
                pixels.push(Pixel { from, to: (y * width + x) * self.channels[1] });
            }
        }
        let segments = (0..self.kernel[0]).map(|ky| ky * row * frame.channels).collect();
        Windows { frame, pixels, segments, length, out: height * width * self.channels[1] }
    }

    /// The windows in which the gradient of the result is gathered into that of the images: one set per
    /// phase of the stride, with the rows and columns of the kernel that meet it, in the order of the
    /// segments.
    ///
    /// With i = o s + k - p, the pixel i is reached through those k with k = (i + p) mod s.
    pub(super) fn gradient_windows(&self) -> Vec<(Windows, [Vec<usize>; 2])> {
        let (out, s, d) = (self.out(), self.stride, self.channels[1]);
        let most = [0, 1].map(|axis| self.kernel[axis].div_ceil(s[axis]) - 1);
        let padding = [0, 1].map(|axis| {
            let last = (self.image[axis] - 1 + self.padding[axis][0]) / s[axis];
            [most[axis], (last + 1).saturating_sub(out[axis])]
        });
        let frame = Frame { image: out, channels: d, padding };
        let [_, row] = frame.padded();
        let mut phases = Vec::new();
        for phase in (0..s[0]).flat_map(|y| (0..s[1]).map(move |x| [y, x])) {
            // From the last tap to the first, as the gradient is read forwards.
            let taps = [0, 1]
                .map(|axis| (phase[axis]..self.kernel[axis]).step_by(s[axis]).rev().collect::<Vec<usize>>());
            if taps.iter().any(Vec::is_empty) {
                continue;
            }
            let places = [0, 1].map(|axis| {
                (0..self.image[axis])
                    .filter(|i| (i + self.padding[axis][0]) % s[axis] == phase[axis])
                    .map(|i| (i, (i + self.padding[axis][0]) / s[axis] + most[axis] + 1 - taps[axis].len()))
                    .collect::<Vec<(usize, usize)>>()
            });
            let mut pixels = Vec::new();
            for (y, from_y) in &places[0] {
                for (x, from_x) in &places[1] {
                    pixels.push(Pixel {
                        from: (from_y * row + from_x) * d,
                        to: (y * self.image[1] + x) * self.channels[0],
                    });
                }
            }
            // Of an image of one row or column some phases have none.
            if pixels.is_empty() {
                continue;
            }
            let segments = (0..taps[0].len()).map(|t| t * row * d).collect();
            let (length, out) = (taps[1].len() * d, self.image[0] * self.image[1] * self.channels[0]);
            phases.push((Windows { frame: frame.clone(), pixels, segments, length, out }, taps));
        }
        phases
    }
}

/// Images and the zeros around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    image: [usize; 2],
    channels: usize,
    padding: [[usize; 2]; 2],
}

impl Frame {
    /// Rows and columns with the zeros.
    fn padded(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.image[axis] + self.padding[axis][0] + self.padding[axis][1])
    }

    /// Values of an image.
    pub(super) fn bare_len(&self) -> usize {
        self.image[0] * self.image[1] * self.channels
    }

    /// Values of an image with the zeros.
    pub(super) fn len(&self) -> usize {
        self.padded()[0] * self.padded()[1] * self.channels
    }

    /// Whether there are no zeros to add.
    pub(super) fn is_bare(&self) -> bool {
        self.len() == self.bare_len()
    }

    /// Writes one image with the zeros around it.
    pub(super) fn pad(&self, image: &[f32], out: &mut [f32]) {
        let [_, columns] = self.padded();
        let [[top, _], [left, right]] = self.padding;
        let (row, before) = (self.image[1] * self.channels, left * self.channels);
        let (above, rest) = out.split_at_mut(top * columns * self.channels);
        above.fill(0.0);
        let (within, below) = rest.split_at_mut(self.image[0] * columns * self.channels);
        below.fill(0.0);
        for (out, image) in within.chunks_exact_mut(columns * self.channels).zip(image.chunks_exact(row)) {
            out[..before].fill(0.0);
            out[before..before + row].copy_from_slice(image);
            out[before + row..].fill(0.0);
            debug_assert_eq!(out.len() - before - row, right * self.channels);
        }
    }
}

/// A window and what it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pixel {
    /// Where the window begins in the padded image.
    pub(super) from: usize,
    /// Where the pixel of the result begins in its image.
    pub(super) to: usize,
}

/// All windows of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Windows {
    /// The images in which they lie.
    pub(super) frame: Frame,
    pub(super) pixels: Vec<Pixel>,
    /// Where each segment begins, from the start of the window.
    pub(super) segments: Vec<usize>,
    /// Values of a segment.
    pub(super) length: usize,
    /// Values of an image of the result.
    pub(super) out: usize,
}

impl Windows {
    /// The windows of several images that follow each other.
    pub(super) fn of_images(&self, images: usize) -> Vec<Pixel> {
        let (from, to) = (self.frame.len(), self.out);
        (0..images)
            .flat_map(|n| {
                self.pixels.iter().map(move |p| Pixel { from: p.from + n * from, to: p.to + n * to })
            })
            .collect()
    }

    /// Values of a window.
    pub(super) fn depth(&self) -> usize {
        self.segments.len() * self.length
    }
}
