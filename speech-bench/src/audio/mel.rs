//! Mel bands of a power spectrum.

use super::{RATE, Series};

/// Frames whose bands are computed at once.
pub(super) const LANES: usize = 8;

/// 40 triangular filters from 0 Hz to 8 kHz. Their corners are equally spaced on the mel scale of HTK,
/// 2595 log10(1 + f / 700); between corners they are linear in frequency, with 1 at the peak.
pub(super) struct Filters(Vec<Filter>);

struct Filter {
    /// The first bin with a weight.
    start: usize,
    weights: Vec<f32>,
}

impl Filters {
    pub(super) fn new() -> Self {
        let (bands, bins) = (Series::Mel.bins(), Series::Spectrogram.bins());
        let nyquist = f64::from(RATE) / 2.0;
        let corner = |i: usize| hertz(mel(nyquist) * i as f64 / (bands + 1) as f64);
        let filter = |band: usize| {
            let [low, peak, high] = [band, band + 1, band + 2].map(corner);
            let weight = |bin: usize| {
                let frequency = nyquist * bin as f64 / (bins - 1) as f64;
                ((frequency - low) / (peak - low)).min((high - frequency) / (high - peak)).max(0.0) as f32
            };
            let start = (0..bins).find(|bin| weight(*bin) > 0.0).unwrap_or(0);
            Filter { start, weights: (start..bins).map(weight).take_while(|weight| *weight > 0.0).collect() }
        };
        Self((0..bands).map(filter).collect())
    }

    /// Writes the power in each band, [frames, 40], of at most [`LANES`] frames, whose spectra are the
    /// columns.
    #[inline(always)]
    pub(super) fn apply(&self, columns: &[[f32; LANES]], bands: &mut [f32]) {
        for (band, filter) in self.0.iter().enumerate() {
            let mut sums = [0.0; LANES];
            for (weight, powers) in filter.weights.iter().zip(&columns[filter.start..]) {
                for (sum, power) in sums.iter_mut().zip(powers) {
                    *sum += weight * power;
                }
            }
            for (frame, sum) in bands.chunks_exact_mut(self.0.len()).zip(sums) {
                frame[band] = sum;
            }
        }
    }
}

fn mel(hertz: f64) -> f64 {
    2595.0 * (1.0 + hertz / 700.0).log10()
}

fn hertz(mel: f64) -> f64 {
    700.0 * (10_f64.powf(mel / 2595.0) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_overlap_to_one_between_the_first_peak_and_the_last() {
        let mut sums = vec![0.0; Series::Spectrogram.bins()];
        for filter in &Filters::new().0 {
            assert!(!filter.weights.is_empty());
            for (sum, weight) in sums[filter.start..].iter_mut().zip(&filter.weights) {
                *sum += weight;
            }
        }
        let first = hertz(mel(8000.0) / 41.0);
        let last = hertz(mel(8000.0) * 40.0 / 41.0);
        for (bin, sum) in sums.iter().enumerate() {
            let frequency = 50.0 * bin as f64;
            if (first..last).contains(&frequency) {
                assert!((sum - 1.0).abs() < 1e-5, "bin {bin}: {sum}");
            } else {
                assert!(*sum < 1.0, "bin {bin}: {sum}");
            }
        }
    }

    #[test]
    fn the_scale_is_that_of_htk() {
        assert!((mel(1000.0) - 999.9855).abs() < 1e-3);
        assert!((hertz(mel(4321.0)) - 4321.0).abs() < 1e-6);
    }
}
