//! From a recording to what is stored of it: the front end of the recognisers.

use super::listing::Item;
use crate::audio::{self, Extractor, Normalization, RATE, Series, Statistics};
use crate::utterances::can_align;
use half::f16;

/// Features of one utterance.
pub(super) struct Heard {
    pub(super) frames: usize,
    /// Length of the recording.
    pub(super) seconds: f64,
    /// BLAKE3 of the samples.
    pub(super) hash: blake3::Hash,
    /// [frames, bins] of each of [`SERIES`], normalised, little-endian half precision.
    pub(super) features: [Vec<u8>; 2],
}

/// The series in the order in which they are stored.
pub(super) const SERIES: [Series; 2] = [Series::Spectrogram, Series::Mel];

/// Hears one recording after the other; memory is used again.
pub(super) struct Frontend {
    extractor: Extractor,
    spectrogram: Vec<f32>,
    mel: Vec<f32>,
}

impl Frontend {
    pub(super) fn new() -> Self {
        Self { extractor: Extractor::new(), spectrogram: vec![], mel: vec![] }
    }

    /// Extracts the features of an utterance.
    ///
    /// # Errors
    /// Why the utterance is not used.
    pub(super) fn hear(&mut self, item: &Item, normalization: &Normalization) -> Result<Heard, String> {
        let samples = self.extract(item)?;
        normalization.spectrogram.apply(&mut self.spectrogram);
        normalization.mel.apply(&mut self.mel);
        Ok(Heard {
            frames: self.mel.len() / Series::Mel.bins(),
            seconds: seconds(&samples),
            hash: hash(&samples),
            features: [&self.spectrogram, &self.mel].map(|values| halves(values)),
        })
    }

    /// The statistics of the features of an utterance.
    ///
    /// # Errors
    /// As [`Self::hear`].
    pub(super) fn measure(&mut self, item: &Item) -> Result<Statistics, String> {
        self.extract(item)?;
        let mut statistics = Statistics::new();
        statistics.add(&self.spectrogram, &self.mel);
        Ok(statistics)
    }

    /// Fills both series, not normalised, and returns the samples.
    fn extract(&mut self, item: &Item) -> Result<Vec<f32>, String> {
        let samples = audio::load(&item.audio)?;
        let length = seconds(&samples);
        if let Some(duration) = item.duration
            && length > (1.05 * duration).max(duration + 0.1)
        {
            return Err(format!(
                "lasts {length:.2} s, but its utterance {duration:.2} s; cut that into a file of its own"
            ));
        }
        if !samples.is_empty() && samples.iter().all(|sample| *sample == 0.0) {
            return Err("is silent throughout".into());
        }
        let frames = self.extractor.extract(&samples, &mut self.spectrogram, &mut self.mel);
        let symbols = &item.transcript.symbols;
        if frames == 0 {
            return Err("is shorter than one frame of 20 ms".into());
        }
        if !can_align(frames, symbols) {
            return Err(format!(
                "is too short for its transcript: {frames} frames of 10 ms for {} characters",
                symbols.len()
            ));
        }
        Ok(samples)
    }
}

fn seconds(samples: &[f32]) -> f64 {
    samples.len() as f64 / f64::from(RATE)
}

/// The nearest numbers of half precision; what is out of their range, as in a bin that hardly changes in
/// training recordings, becomes the largest.
fn halves(values: &[f32]) -> Vec<u8> {
    let (least, most) = (f16::MIN.to_f32(), f16::MAX.to_f32());
    values.iter().flat_map(|value| f16::from_f32(value.clamp(least, most)).to_le_bytes()).collect()
}

/// The hash of the samples as little-endian bytes, which are made of a few at a time.
fn hash(samples: &[f32]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = [[0; 4]; 1_024];
    for samples in samples.chunks(bytes.len()) {
        bytes.iter_mut().zip(samples).for_each(|(bytes, sample)| *bytes = sample.to_le_bytes());
        hasher.update(bytes[..samples.len()].as_flattened());
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_all_bytes_at_once() {
        for length in [0, 1, 1_024, 5_000] {
            let samples: Vec<f32> = (0..length).map(|i| (i as f32).sin()).collect();
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            assert_eq!(hash(&samples), blake3::hash(&bytes), "{length} samples");
        }
    }
}
