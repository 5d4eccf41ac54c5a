//! Which recogniser: its options, its exact size and its arithmetic (MODELS 5.2 and 5.3).

use crate::audio::Series;
use crate::utterances::ALPHABET;
use scaling_core::error::{Error, Result};
use scaling_core::settings::Options;
use scaling_core::task::{Extent, symbols, units};
use scaling_core::trial::Cost;

/// Model names.
pub(crate) const NAMES: &[&str] = &["ds2", "attention"];

/// The channels of both convolutions.
pub(super) const CHANNELS: usize = 32;
/// Frames by frequencies of the windows of both convolutions.
pub(super) const WINDOWS: [[usize; 2]; 2] = [[11, 41], [11, 21]];
/// Frames and frequencies from one window to the next.
pub(super) const STRIDES: [[usize; 2]; 2] = [[2, 2], [1, 2]];
/// Bidirectional layers of Deep Speech 2.
pub(super) const LAYERS: usize = 4;

/// Bidirectional layers of the attention model's encoder.
pub(super) const ENCODER_LAYERS: usize = 3;
/// Values by which positions are compared.
pub(super) const KEYS: usize = 128;
/// Filters of the location, and their length.
pub(super) const FILTERS: [usize; 2] = [51, 4];
/// Symbols of the attention model beside the alphabet: padding, start, end.
pub(super) const SPECIALS: usize = 3;

/// What is normalised over the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BatchNormed {
    /// Nothing: the published counts.
    None,
    /// What the convolutions make.
    Conv,
    /// That and what the recurrent layers make of their inputs, as in Amodei et al. 2016.
    ConvAndRecurrent,
}

/// A recogniser but for its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Architecture {
    /// Deep Speech 2 (Amodei et al. 2016), trained by connectionist temporal classification.
    DeepSpeech {
        series: Series,
        /// Whether frequencies are padded too.
        same: bool,
        batch_norm: BatchNormed,
    },
    /// Hybrid attention (Battenberg et al. 2017; Chorowski et al. 2015).
    Attention {
        series: Series,
        /// Whether a pooling layer takes the larger of two frames; else it skips every second.
        max: bool,
    },
}

impl Architecture {
    /// The model of a name, as the options of a study say.
    ///
    /// # Errors
    /// An unknown name.
    pub(crate) fn of(model: &str, options: &Options) -> Result<Self> {
        let series = |own| match options.choice("features") {
            "spec161" => Series::Spectrogram,
            "logmel40" => Series::Mel,
            _ => own,
        };
        match model {
            "ds2" => Ok(Self::DeepSpeech {
                series: series(Series::Spectrogram),
                same: options.choice("frequency_padding") == "same",
                batch_norm: match options.choice("batch_norm") {
                    "conv" => BatchNormed::Conv,
                    "conv_and_recurrent" => BatchNormed::ConvAndRecurrent,
                    _ => BatchNormed::None,
                },
            }),
            "attention" => {
                Ok(Self::Attention { series: series(Series::Mel), max: options.choice("pool") == "max" })
            }
            other => Err(Error::input(format!("there is no model `{other}`; there are ds2 and attention"))),
        }
    }

    /// Which features it reads.
    pub(crate) fn series(self) -> Series {
        match self {
            Self::DeepSpeech { series, .. } | Self::Attention { series, .. } => series,
        }
    }

    /// Symbols of the output layer of a model for [`ALPHABET`].
    pub(crate) fn symbols(model: &str) -> usize {
        ALPHABET.len() + if model == "attention" { SPECIALS } else { 1 }
    }

    /// The alphabet that leaves room for the other symbols of the output layer.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn alphabet(self, vocabulary: usize) -> Result<usize> {
        let others = if let Self::Attention { .. } = self { SPECIALS } else { 1 };
        symbols(vocabulary, others, usize::from(u8::MAX))
    }

    /// The size knob, h or e: the units of a direction of every layer of the encoder.
    ///
    /// # Errors
    /// If no model has that size.
    pub(super) fn width(self, size: f64) -> Result<usize> {
        let (width, what) = match self {
            Self::DeepSpeech { .. } => (units(size), "width h of a direction, a whole number"),
            // The cells of the decoder have half of it.
            Self::Attention { .. } => {
                (units(size).filter(|e| e.is_multiple_of(2)), "width e of a direction, an even number")
            }
        };
        width.ok_or_else(|| Error::input(format!("`--size` is the {what} up to 65536, not {size}")))
    }

    /// Zeros before and after the frequencies, for both convolutions of Deep Speech 2.
    pub(super) fn frequency_padding(self) -> [usize; 2] {
        match self {
            Self::DeepSpeech { same: true, .. } => WINDOWS.map(|[_, frequencies]| frequencies / 2),
            _ => [0; 2],
        }
    }

    /// Frequencies that the convolutions leave.
    ///
    /// # Errors
    /// If the features have too few bins for the windows.
    pub(super) fn frequencies(self) -> Result<[usize; 2]> {
        let mut bins = self.series().bins();
        let padding = self.frequency_padding();
        let mut left = [0; 2];
        for (layer, left) in left.iter_mut().enumerate() {
            let (window, padded) = (WINDOWS[layer][1], bins + 2 * padding[layer]);
            if padded < window {
                return Err(Error::input(
                    "40 mel bands are too few for the unpadded windows of ds2; \
                     use `--set features=spec161` or `--set frequency_padding=same`",
                ));
            }
            bins = (padded - window) / STRIDES[layer][1] + 1;
            *left = bins;
        }
        Ok(left)
    }

    /// Exact parameters, and 6 operations per weight, and per number of the memory in attention, for every
    /// input frame; an utterance has a tenth as many characters as frames.
    ///
    /// # Errors
    /// If no model has that size.
    pub(crate) fn cost(self, size: f64, extent: Extent) -> Result<Cost> {
        let width = self.width(size)?;
        self.alphabet(extent.vocabulary)?;
        let (parameters, per_frame) = match self {
            Self::DeepSpeech { batch_norm, .. } => self.deep_speech(width, extent.vocabulary, batch_norm)?,
            Self::Attention { series, .. } => {
                let (a, features, v) = (width / 2, series.bins(), extent.vocabulary);
                let sizes = Sizes { e: width, a, c: a, k: KEYS, features, v, filters: FILTERS };
                attention(&sizes, extent.length)
            }
        };
        Ok(Cost { parameters: parameters as u64, flops_per_sample: 6.0 * per_frame })
    }

    fn deep_speech(self, h: usize, symbols: usize, batch_norm: BatchNormed) -> Result<(usize, f64)> {
        let frequencies = self.frequencies()?;
        let weights = [[1, CHANNELS], [CHANNELS; 2]].into_iter().zip(WINDOWS);
        let weights: Vec<usize> = weights.map(|([c, d], [rows, columns])| rows * columns * c * d).collect();
        let convolved: usize = weights.iter().zip(frequencies).map(|(weight, places)| weight * places).sum();
        let inputs = (0..LAYERS).map(|l| if l == 0 { CHANNELS * frequencies[1] } else { 2 * h });
        let recurrent: usize = inputs.map(|input| 2 * 4 * h * (input + h)).sum();
        let output = 2 * h * symbols;
        let biases = 2 * CHANNELS + LAYERS * 2 * 8 * h + symbols;
        let normed = match batch_norm {
            BatchNormed::None => 0,
            BatchNormed::Conv => 2 * 2 * CHANNELS,
            BatchNormed::ConvAndRecurrent => 2 * 2 * CHANNELS + LAYERS * 2 * 2 * 4 * h,
        };
        let parameters = weights.iter().sum::<usize>() + recurrent + output + biases + normed;
        // The first convolution keeps every second frame.
        Ok((parameters, (convolved + recurrent + output) as f64 / 2.0))
    }
}

/// Sizes of the attention model, by their letters in MODELS 5.3.
struct Sizes {
    /// Of a direction of the encoder.
    e: usize,
    /// Of the attending cell.
    a: usize,
    /// Of the decoding cell.
    c: usize,
    /// Values by which positions are compared.
    k: usize,
    /// Bins of the features, F.
    features: usize,
    /// Symbols, V.
    v: usize,
    /// Length and number of the filters, w and f.
    filters: [usize; 2],
}

/// Parameters of the attention model, and products for an input frame of an utterance of so many.
fn attention(sizes: &Sizes, frames: usize) -> (usize, f64) {
    let Sizes { e, a, c, k, features, v, filters: [length, filters] } = *sizes;
    let layers: Vec<usize> =
        (0..ENCODER_LAYERS).map(|l| 2 * 4 * e * (if l == 0 { features } else { 2 * e } + e)).collect();
    let keys = 2 * e * k;
    // The rows of the symbols are looked up.
    let cell = 4 * a * (2 * e + a);
    let (query, place) = (2 * a * k, length * filters);
    let decoder = 4 * c * (a + 2 * e + c) + c * v;
    let location = filters * k;
    let biases = ENCODER_LAYERS * 2 * 4 * e + k + k + 4 * a + 4 * c + v;
    let parameters = layers.iter().sum::<usize>()
        + keys
        + 4 * a * v
        + cell
        + query
        + place
        + location
        + k
        + decoder
        + biases;
    let encoder: f64 =
        layers.iter().enumerate().map(|(l, weights)| *weights as f64 / f64::from(1 << l)).sum();
    let positions = frames as f64 / 4.0;
    let attended = positions * (place + location + k + 2 * e) as f64;
    let step = (cell + query + decoder) as f64 + attended;
    (parameters, encoder + keys as f64 / 4.0 + step / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deep_speech(same: bool) -> Architecture {
        Architecture::DeepSpeech { series: Series::Spectrogram, same, batch_norm: BatchNormed::None }
    }

    fn count(architecture: Architecture, size: f64, vocabulary: usize) -> u64 {
        architecture.cost(size, Extent { length: 400, vocabulary }).unwrap().parameters
    }

    /// MODELS 5.2, both columns of the table.
    #[test]
    fn counts_of_deep_speech_are_exact() {
        for (h, unpadded, same) in [
            (8.0, 300_173, 341_133),
            (32.0, 508_925, 672_765),
            (64.0, 930_621, 1_258_301),
            (104.0, 1_688_141, 2_220_621),
            (256.0, 6_901_437, 8_212_157),
            (512.0, 24_037_565, 26_659_005),
            (1008.0, 87_078_173, 92_239_133),
            (1280.0, 138_360_509, 144_914_109),
            (1520.0, 193_440_029, 201_222_429),
        ] {
            assert_eq!(count(deep_speech(false), h, 29), unpadded, "{h}");
            assert_eq!(count(deep_speech(true), h, 29), same, "{h}");
        }
    }

    /// MODELS 5.3, the table.
    #[test]
    fn counts_of_the_attention_model_are_exact() {
        for (e, mel, mel_with_specials, spectrogram) in [
            (32.0, 95_481, 95_643, 126_619),
            (64.0, 327_049, 327_371, 389_323),
            (128.0, 1_201_833, 1_202_475, 1_326_379),
            (256.0, 4_597_993, 4_599_275, 4_847_083),
            (512.0, 17_976_681, 17_979_243, 18_474_859),
            (1024.0, 71_079_529, 71_084_651, 72_075_883),
            (1520.0, 156_020_769, 156_028_371, 157_499_731),
        ] {
            let of = |series| Architecture::Attention { series, max: true };
            assert_eq!(count(of(Series::Mel), e, 29), mel, "{e}");
            assert_eq!(count(of(Series::Mel), e, 31), mel_with_specials, "{e}");
            assert_eq!(count(of(Series::Spectrogram), e, 31), spectrogram, "{e}");
        }
        // The sizes of the released graph.
        let sizes = Sizes { e: 1051, a: 509, c: 571, k: 137, features: 40, v: 31, filters: [53, 4] };
        assert_eq!(super::attention(&sizes, 400).0, 75_316_663);
        let odd = Architecture::Attention { series: Series::Mel, max: true }.width(33.0);
        assert!(odd.unwrap_err().to_string().contains("an even number"));
    }
}
