//! Brightness, contrast, saturation and lighting in random order, mirror image and normalisation, in a
//! single pass over the pixels.
//!
//! All four steps are affine in the three channels of a pixel, so their composition is. Contrast needs
//! the mean over the picture as the steps before it left it, which is their affine image of the stored
//! mean. Arithmetic follows MODELS 1.1: nothing is rounded, and values are clipped to [0, 255] once,
//! after the last step.

use scaling_core::random::Random;

/// Mean and standard deviation of the channels, for pixels in [0, 1].
const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const STD: [f64; 3] = [0.229, 0.224, 0.225];

/// Weights of red, green and blue in grey.
const GREY: [f64; 3] = [0.299, 0.587, 0.114];

/// Principal components of the pixels of ImageNet: eigenvectors in columns, and their scales.
const COMPONENTS: [[f64; 3]; 3] =
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]];
const SCALES: [f64; 3] = [255.0 * 0.2175, 255.0 * 0.0188, 255.0 * 0.0045];

/// Values that are worked on side by side: 16 pixels.
const LANES: usize = 48;

/// A change of colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    /// Multiplies pixels.
    Brightness(f64),
    /// Multiplies the distance from the mean over the picture, by channel.
    Contrast(f64),
    /// Multiplies the distance from grey.
    Saturation(f64),
    /// Adds the principal components in these amounts.
    Lighting([f64; 3]),
}

impl Step {
    /// The four steps with random strengths, in random order.
    pub(super) fn draw(random: &mut Random) -> [Self; 4] {
        let mut strength = || 0.6 + 0.8 * random.uniform();
        let (brightness, contrast, saturation) = (strength(), strength(), strength());
        let mut steps = [
            Self::Brightness(brightness),
            Self::Contrast(contrast),
            Self::Saturation(saturation),
            Self::Lighting(std::array::from_fn(|_| 0.1 * random.normal())),
        ];
        random.shuffle(&mut steps);
        steps
    }
}

/// A map of pixels to pixels, x -> M x + b.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Affine {
    matrix: [[f64; 3]; 3],
    offset: [f64; 3],
}

impl Affine {
    /// Changes nothing.
    pub(super) const IDENTITY: Self =
        Self { matrix: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], offset: [0.0; 3] };

    /// All steps in one, for a picture of the given mean.
    pub(super) fn compose(steps: &[Step], mean: [f64; 3]) -> Self {
        steps.iter().fold(Self::IDENTITY, |before, step| before.then(*step, mean))
    }

    fn then(mut self, step: Step, mean: [f64; 3]) -> Self {
        match step {
            Step::Brightness(v) => self.scale(v),
            Step::Contrast(v) => {
                let mean = self.of(mean);
                self.scale(v);
                self.shift(mean.map(|m| (1.0 - v) * m));
            }
            Step::Saturation(v) => {
                // Grey is the same linear function of the columns and of the offset.
                let grey = |x: [f64; 3]| (1.0 - v) * (0..3).map(|c| GREY[c] * x[c]).sum::<f64>();
                let columns: [f64; 3] = std::array::from_fn(|k| grey(self.matrix.map(|row| row[k])));
                let offset = grey(self.offset);
                self.scale(v);
                self.shift([offset; 3]);
                for row in &mut self.matrix {
                    row.iter_mut().zip(columns).for_each(|(m, column)| *m += column);
                }
            }
            Step::Lighting(amounts) => {
                self.shift(COMPONENTS.map(|row| (0..3).map(|k| row[k] * amounts[k] * SCALES[k]).sum()));
            }
        }
        self
    }

    fn scale(&mut self, factor: f64) {
        self.matrix.as_flattened_mut().iter_mut().chain(&mut self.offset).for_each(|x| *x *= factor);
    }

    fn shift(&mut self, by: [f64; 3]) {
        self.offset.iter_mut().zip(by).for_each(|(x, by)| *x += by);
    }

    /// The image of a pixel.
    fn of(&self, x: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|c| self.offset[c] + (0..3).map(|k| self.matrix[c][k] * x[k]).sum::<f64>())
    }

    /// Maps a square picture, clips and normalises, and mirrors it if asked to.
    ///
    /// # Panics
    /// If input or output do not have `3 * side * side` values.
    pub(super) fn run(&self, pixels: &[u8], side: usize, mirrored: bool, out: &mut [f32]) {
        assert!(pixels.len() == 3 * side * side && out.len() == pixels.len(), "a square picture");
        let pass = Pass::new(self);
        for (pixels, out) in pixels.chunks_exact(3 * side).zip(out.chunks_exact_mut(3 * side)) {
            pass.row(pixels, out);
            if mirrored {
                let (out, _) = out.as_chunks_mut::<3>();
                out.reverse();
            }
        }
    }
}

/// The map with clipping and normalisation, in single precision, for values in the order in which they are
/// stored.
///
/// The values of a pixel are next to each other, so what comes out at i is a weighted sum of the five
/// values at i - 2 to i + 2, with weights of period 3; those that belong to another pixel weigh 0. That
/// needs no shuffling between the lanes of a vector.
struct Pass {
    /// Of the values at i - 2 to i + 2.
    weights: [[f32; LANES]; 5],
    offset: [f32; LANES],
    /// What 0 and 255 become.
    low: [f32; LANES],
    high: [f32; LANES],
}

impl Pass {
    fn new(affine: &Affine) -> Self {
        let normal = |c: usize, x: f64| (x / 255.0 - MEAN[c]) / STD[c];
        let weight = |c: usize, tap: usize| {
            let k = (c + tap).checked_sub(2).filter(|k| *k < 3);
            k.map_or(0.0, |k| affine.matrix[c][k] / (255.0 * STD[c]))
        };
        Self {
            weights: std::array::from_fn(|tap| repeat(|c| weight(c, tap))),
            offset: repeat(|c| normal(c, affine.offset[c])),
            low: repeat(|c| normal(c, 0.0)),
            high: repeat(|c| normal(c, 255.0)),
        }
    }

    fn row(&self, pixels: &[u8], out: &mut [f32]) {
        let (blocks, rest) = pixels.as_chunks::<LANES>();
        let (out_blocks, out_rest) = out.as_chunks_mut::<LANES>();
        for (block, out) in blocks.iter().zip(out_blocks) {
            self.block(block, out);
        }
        if !rest.is_empty() {
            let (mut block, mut result) = ([0; LANES], [0.0; LANES]);
            block[..rest.len()].copy_from_slice(rest);
            self.block(&block, &mut result);
            out_rest.copy_from_slice(&result[..rest.len()]);
        }
    }

    #[inline]
    fn block(&self, pixels: &[u8; LANES], out: &mut [f32; LANES]) {
        let mut x = [0.0_f32; LANES + 4];
        for (x, pixel) in x[2..].iter_mut().zip(pixels) {
            *x = f32::from(*pixel);
        }
        for i in 0..LANES {
            let mut y = self.offset[i];
            for tap in 0..5 {
                y += self.weights[tap][i] * x[i + tap];
            }
            out[i] = y.max(self.low[i]).min(self.high[i]);
        }
    }
}

/// One value per channel, over and over.
fn repeat(value: impl Fn(usize) -> f64) -> [f32; LANES] {
    let values = [value(0) as f32, value(1) as f32, value(2) as f32];
    std::array::from_fn(|i| values[i % 3])
}

/// Mean over a picture, by channel.
pub(super) fn mean(pixels: &[u8]) -> [f64; 3] {
    let mut sums = [0_u64; 3];
    let mut add = |i: usize, x: u64| sums[i % 3] += x;
    // 16 bits hold the sum of 257 bytes; narrow sums go side by side.
    for chunk in pixels.chunks(256 * LANES) {
        let mut partial = [0_u16; LANES];
        let (blocks, rest) = chunk.as_chunks::<LANES>();
        for block in blocks {
            for (sum, x) in partial.iter_mut().zip(block) {
                *sum += u16::from(*x);
            }
        }
        partial.into_iter().enumerate().for_each(|(i, x)| add(i, u64::from(x)));
        rest.iter().enumerate().for_each(|(i, x)| add(i, u64::from(*x)));
    }
    sums.map(|sum| 3.0 * sum as f64 / pixels.len().max(3) as f64)
}

#[cfg(test)]
mod tests;
