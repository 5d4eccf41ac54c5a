//! Sound, and the features that models see of it (MODELS 5.1).

#![allow(clippy::inline_always, reason = "loops are compiled for the vector instructions of their caller")]

mod extractor;
mod file;
mod flac;
mod logarithm;
mod mel;
mod resampler;
mod sound;
mod statistics;
mod wav;

pub(crate) use extractor::Extractor;
pub(crate) use file::load;
pub(crate) use statistics::Statistics;

use serde::{Deserialize, Serialize};

/// Samples per second that features are made of.
pub(crate) const RATE: u32 = 16_000;

/// Which features of an utterance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Series {
    /// Logarithms of the power in 161 frequencies.
    Spectrogram,
    /// Logarithms of the power in 40 mel bands.
    Mel,
}

impl Series {
    /// Values of a frame.
    pub(crate) fn bins(self) -> usize {
        self.of(161, 40)
    }

    /// What belongs to this series, of both.
    pub(crate) fn of<T>(self, spectrogram: T, mel: T) -> T {
        match self {
            Self::Spectrogram => spectrogram,
            Self::Mel => mel,
        }
    }
}

/// Mean and standard deviation of every bin over training utterances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Normalization {
    pub(crate) spectrogram: Moments,
    pub(crate) mel: Moments,
}

/// Per bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moments {
    pub(crate) mean: Vec<f32>,
    pub(crate) deviation: Vec<f32>,
}

impl Moments {
    /// Normalises frames, [frames, bins]: subtracts the mean of each bin and divides by its deviation.
    pub(crate) fn apply(&self, frames: &mut [f32]) {
        for frame in frames.chunks_exact_mut(self.mean.len()) {
            for ((value, mean), deviation) in frame.iter_mut().zip(&self.mean).zip(&self.deviation) {
                *value = (*value - mean) / deviation;
            }
        }
    }
}

impl Normalization {
    pub(crate) fn of(&self, series: Series) -> &Moments {
        series.of(&self.spectrogram, &self.mel)
    }
}
