//! WAV files.

use hound::{Sample, SampleFormat, WavSpec, WavWriter};
use std::io::Cursor;

/// One channel of 16 bits at 16 kHz.
pub(crate) const MONO: WavSpec =
    WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 16, sample_format: SampleFormat::Int };

/// A WAV file of samples, those of the channels in turn.
pub(crate) fn wav<S: Sample>(spec: WavSpec, samples: impl IntoIterator<Item = S>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    for sample in samples {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}
