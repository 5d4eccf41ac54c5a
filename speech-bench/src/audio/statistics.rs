//! Moments of features over utterances.

use super::{Moments, Normalization, Series};

/// Added to deviations, so that bins that never change can be divided by them.
const EPSILON: f64 = 1e-8;

/// Sums over frames, from which means and deviations follow.
#[derive(Debug, Clone)]
pub(crate) struct Statistics {
    spectrogram: Sums,
    mel: Sums,
}

/// Per bin.
#[derive(Debug, Clone)]
struct Sums {
    frames: u64,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Statistics {
    pub(crate) fn new() -> Self {
        Self { spectrogram: Sums::new(Series::Spectrogram), mel: Sums::new(Series::Mel) }
    }

    /// Adds the frames of an utterance, [frames, 161] and [frames, 40].
    pub(crate) fn add(&mut self, spectrogram: &[f32], mel: &[f32]) {
        self.spectrogram.add(spectrogram);
        self.mel.add(mel);
    }

    /// Adds what another has added up. The result depends on the order in the last digits.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.spectrogram.merge(&other.spectrogram);
        self.mel.merge(&other.mel);
    }

    /// Means, and deviations plus 1e-8.
    ///
    /// # Panics
    /// If no frame was added.
    pub(crate) fn finish(&self) -> Normalization {
        Normalization { spectrogram: self.spectrogram.finish(), mel: self.mel.finish() }
    }
}

impl Sums {
    fn new(series: Series) -> Self {
        Self { frames: 0, first: vec![0.0; series.bins()], second: vec![0.0; series.bins()] }
    }

    fn add(&mut self, values: &[f32]) {
        for frame in values.chunks_exact(self.first.len()) {
            self.frames += 1;
            for ((value, first), second) in frame.iter().zip(&mut self.first).zip(&mut self.second) {
                let value = f64::from(*value);
                *first += value;
                *second += value * value;
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.frames += other.frames;
        for (sum, more) in self.first.iter_mut().zip(&other.first) {
            *sum += more;
        }
        for (sum, more) in self.second.iter_mut().zip(&other.second) {
            *sum += more;
        }
    }

    fn finish(&self) -> Moments {
        assert!(self.frames > 0, "there are no moments of no frames");
        let count = self.frames as f64;
        let deviation = |(first, second): (&f64, &f64)| {
            let variance = (second / count - (first / count).powi(2)).max(0.0);
            (variance.sqrt() + EPSILON) as f32
        };
        Moments {
            mean: self.first.iter().map(|sum| (sum / count) as f32).collect(),
            deviation: self.first.iter().zip(&self.second).map(deviation).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaling_core::random::Random;

    #[test]
    fn normalised_frames_have_mean_0_and_deviation_1() {
        let mut random = Random::new("test", &[]);
        let mut draw = |count: usize, mean: f64, deviation: f64| -> Vec<f32> {
            (0..count).map(|_| (mean + deviation * random.normal()) as f32).collect()
        };
        let (mut spectrogram, mut mel) = (draw(161 * 300, -20.0, 3.0), draw(40 * 300, 5.0, 0.5));
        let mut parts = [Statistics::new(), Statistics::new()];
        parts[0].add(&spectrogram[..161 * 100], &mel[..40 * 100]);
        parts[1].add(&spectrogram[161 * 100..], &mel[40 * 100..]);
        let [mut whole, rest] = parts;
        whole.merge(&rest);
        let normalization = whole.finish();
        normalization.of(Series::Spectrogram).apply(&mut spectrogram);
        normalization.of(Series::Mel).apply(&mut mel);
        let mut after = Statistics::new();
        after.add(&spectrogram, &mel);
        for moments in [after.finish().spectrogram, after.finish().mel] {
            assert!(moments.mean.iter().all(|mean| mean.abs() < 1e-4));
            assert!(moments.deviation.iter().all(|deviation| (deviation - 1.0).abs() < 1e-4));
        }
    }

    #[test]
    fn a_bin_that_never_changes_becomes_0() {
        let mut statistics = Statistics::new();
        let (mut spectrogram, mel) = (vec![-32.236_19; 161 * 7], vec![0.0; 40 * 7]);
        statistics.add(&spectrogram, &mel);
        statistics.finish().spectrogram.apply(&mut spectrogram);
        assert!(spectrogram.iter().all(|value| value.abs() < 1e-3), "{}", spectrogram[0]);
    }
}
