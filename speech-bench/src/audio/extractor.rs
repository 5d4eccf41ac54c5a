//! From samples to features.

use super::logarithm::logarithms;
use super::mel::{Filters, LANES};
use super::{RATE, Series};
use macerator::{AutoArch, Simd, WithSimd};
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::f64::consts::PI;
use std::sync::Arc;

/// Samples of a frame: 20 ms.
const FRAME: usize = 320;
/// Samples from a frame to the next: 10 ms.
const STEP: usize = 160;
/// Mean square of normalised sound: -20 dB.
const POWER: f64 = 0.01;

/// Logarithms of power spectra and mel bands (MODELS 5.1); with what a thread needs to compute them.
///
/// Spectra are computed in double precision: beside a loud bin, the rounding of single precision shows in the
/// logarithm of a quiet one.
pub(crate) struct Extractor {
    transform: Arc<dyn RealToComplex<f64>>,
    window: Vec<f64>,
    filters: Filters,
    windowed: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    /// The power in each bin of several frames.
    columns: Vec<[f32; LANES]>,
}

impl Extractor {
    pub(crate) fn new() -> Self {
        let transform = RealFftPlanner::new().plan_fft_forward(FRAME);
        Self {
            window: window().collect(),
            filters: Filters::new(),
            windowed: transform.make_input_vec(),
            spectrum: transform.make_output_vec(),
            scratch: transform.make_scratch_vec(),
            columns: vec![[0.0; LANES]; Series::Spectrogram.bins()],
            transform,
        }
    }

    /// How long so many frames last, each as long as the step to the next.
    pub(crate) fn milliseconds(frames: usize) -> u64 {
        (frames * STEP) as u64 * 1000 / u64::from(RATE)
    }

    /// The number of frames of so many samples.
    pub(crate) fn frames(samples: usize) -> usize {
        if samples < FRAME { 0 } else { (samples - FRAME) / STEP + 1 }
    }

    /// Overwrites `spectrogram`, [frames, 161], and `mel`, [frames, 40], with the features of samples at
    /// [`RATE`], not normalised, and returns the number of frames. Samples at the end that fill no frame are
    /// dropped.
    pub(crate) fn extract(
        &mut self,
        samples: &[f32],
        spectrogram: &mut Vec<f32>,
        mel: &mut Vec<f32>,
    ) -> usize {
        AutoArch::new().dispatch(Extraction { extractor: self, samples, spectrogram, mel })
    }

    /// The power spectrum of a frame. All bins but the first and the last stand for two frequencies.
    #[inline(always)]
    fn power(&mut self, samples: &[f32], unit: f64, powers: &mut [f32]) {
        for ((out, sample), weight) in self.windowed.iter_mut().zip(samples).zip(&self.window) {
            *out = f64::from(*sample) * weight;
        }
        self.transform
            .process_with_scratch(&mut self.windowed, &mut self.spectrum, &mut self.scratch)
            .expect("the buffers have the lengths that the transform asked for");
        for (power, value) in powers.iter_mut().zip(&self.spectrum) {
            *power = (2.0 * unit * (value.re * value.re + value.im * value.im)) as f32;
        }
        if let [first, .., last] = powers {
            *first *= 0.5;
            *last *= 0.5;
        }
    }
}

/// The work of [`Extractor::extract`], compiled for each set of vector instructions. The values do not depend
/// on which is used.
struct Extraction<'a> {
    extractor: &'a mut Extractor,
    samples: &'a [f32],
    spectrogram: &'a mut Vec<f32>,
    mel: &'a mut Vec<f32>,
}

impl WithSimd for Extraction<'_> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self) -> usize {
        let Self { extractor, samples, spectrogram, mel } = self;
        let frames = Extractor::frames(samples.len());
        let (bins, bands) = (Series::Spectrogram.bins(), Series::Mel.bins());
        spectrogram.resize(frames * bins, 0.0);
        mel.resize(frames * bands, 0.0);
        let unit =
            gain(samples).powi(2) / (extractor.window.iter().map(|w| w * w).sum::<f64>() * f64::from(RATE));
        let mut frame_samples = samples.windows(FRAME).step_by(STEP);
        // Several frames at a time: their mel bands are sums of vectors.
        for (spectra, mel) in spectrogram.chunks_mut(LANES * bins).zip(mel.chunks_mut(LANES * bands)) {
            for (lane, (powers, samples)) in
                spectra.chunks_exact_mut(bins).zip(&mut frame_samples).enumerate()
            {
                extractor.power(samples, unit, powers);
                for (column, power) in extractor.columns.iter_mut().zip(powers) {
                    column[lane] = *power;
                }
            }
            extractor.filters.apply(&extractor.columns, mel);
            logarithms(spectra);
            logarithms(mel);
        }
        frames
    }
}

/// The symmetric Hann window, `numpy.hanning`.
fn window() -> impl Iterator<Item = f64> {
    (0..FRAME).map(|i| 0.5 - 0.5 * (2.0 * PI * i as f64 / (FRAME - 1) as f64).cos())
}

/// The factor that brings sound to [`POWER`]; silence is left alone.
#[inline(always)]
fn gain(samples: &[f32]) -> f64 {
    // Eight sums, so that the additions do not wait for each other.
    let mut sums = [0.0; 8];
    let (chunks, rest) = samples.as_chunks::<8>();
    for chunk in chunks {
        for (sum, sample) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(*sample) * f64::from(*sample);
        }
    }
    for (sum, sample) in sums.iter_mut().zip(rest) {
        *sum += f64::from(*sample) * f64::from(*sample);
    }
    let power = sums.iter().sum::<f64>() / samples.len() as f64;
    if power > 0.0 { (POWER / power).sqrt() } else { 1.0 }
}

#[cfg(test)]
mod tests;
