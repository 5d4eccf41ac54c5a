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

/// Pixels that the compiler works on side by side.
const BLOCK: usize = 16;

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

/// The map with clipping and normalisation, in single precision.
struct Pass {
    matrix: [[f32; 3]; 3],
    offset: [f32; 3],
    /// What 0 and 255 become.
    low: [f32; 3],
    high: [f32; 3],
}

impl Pass {
    fn new(affine: &Affine) -> Self {
        let normal = |c: usize, x: f64| (x / 255.0 - MEAN[c]) / STD[c];
        Self {
            matrix: std::array::from_fn(|c| affine.matrix[c].map(|m| (m / (255.0 * STD[c])) as f32)),
            offset: std::array::from_fn(|c| normal(c, affine.offset[c]) as f32),
            low: std::array::from_fn(|c| normal(c, 0.0) as f32),
            high: std::array::from_fn(|c| normal(c, 255.0) as f32),
        }
    }

    fn row(&self, pixels: &[u8], out: &mut [f32]) {
        let (blocks, rest) = pixels.as_chunks::<{ 3 * BLOCK }>();
        let (out_blocks, out_rest) = out.as_chunks_mut::<{ 3 * BLOCK }>();
        for (block, out) in blocks.iter().zip(out_blocks) {
            self.block(block, out);
        }
        if !rest.is_empty() {
            let (mut block, mut result) = ([0; 3 * BLOCK], [0.0; 3 * BLOCK]);
            block[..rest.len()].copy_from_slice(rest);
            self.block(&block, &mut result);
            out_rest.copy_from_slice(&result[..rest.len()]);
        }
    }

    /// Channel by channel, so that the arithmetic needs no shuffling between lanes.
    #[inline]
    fn block(&self, pixels: &[u8; 3 * BLOCK], out: &mut [f32; 3 * BLOCK]) {
        let x: [[f32; BLOCK]; 3] =
            std::array::from_fn(|c| std::array::from_fn(|i| f32::from(pixels[3 * i + c])));
        for c in 0..3 {
            let [r, g, b] = self.matrix[c];
            let y: [f32; BLOCK] = std::array::from_fn(|i| {
                (r * x[0][i] + g * x[1][i] + b * x[2][i] + self.offset[c]).max(self.low[c]).min(self.high[c])
            });
            for (i, y) in y.into_iter().enumerate() {
                out[3 * i + c] = y;
            }
        }
    }
}

/// Mean over a picture, by channel.
pub(super) fn mean(pixels: &[u8]) -> [f64; 3] {
    let (pixels, _) = pixels.as_chunks::<3>();
    let mut sums = [0_u64; 3];
    // 32 bits hold the sum over a row of blocks, and are faster.
    for chunk in pixels.chunks(1 << 16) {
        let mut partial = [0_u32; 3];
        for pixel in chunk {
            partial.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += u32::from(*x));
        }
        sums.iter_mut().zip(partial).for_each(|(sum, x)| *sum += u64::from(x));
    }
    sums.map(|sum| sum as f64 / pixels.len().max(1) as f64)
}

#[cfg(test)]
mod tests;
