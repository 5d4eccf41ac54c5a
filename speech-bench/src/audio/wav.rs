//! WAV files: PCM of 8, 16, 24 or 32 bits, and floats of 32.

use super::Unusable;
use super::sound::{Sound, truncated};
use hound::{Error, SampleFormat, WavReader};

/// Decodes a file.
pub(super) fn decode(bytes: &[u8]) -> Result<Sound, Unusable> {
    let mut reader = WavReader::new(bytes).map_err(|error| unreadable(&error))?;
    let spec = reader.spec();
    // The header may claim anything.
    let mut samples = Vec::with_capacity((reader.duration() as usize).min(bytes.len()));
    let outcome = match spec.sample_format {
        SampleFormat::Float => average(reader.samples::<f32>(), spec.channels, &mut samples),
        SampleFormat::Int => {
            let unit = 2_f32.powi(1 - i32::from(spec.bits_per_sample));
            let scaled = reader.samples::<i32>().map(|sample| Ok(sample? as f32 * unit));
            average(scaled, spec.channels, &mut samples)
        }
    };
    match outcome {
        Ok(()) => Ok(Sound { samples, rate: spec.sample_rate }),
        Err(Error::IoError(_)) => Err(truncated(samples.len(), u64::from(reader.duration()))),
        Err(error) => Err(unreadable(&error)),
    }
}

/// Appends the means over the channels.
fn average(
    interleaved: impl Iterator<Item = hound::Result<f32>>,
    channels: u16,
    out: &mut Vec<f32>,
) -> hound::Result<()> {
    let (mut sum, mut added) = (0.0, 0);
    for sample in interleaved {
        sum += sample?;
        added += 1;
        if added == channels {
            out.push(sum / f32::from(channels));
            (sum, added) = (0.0, 0);
        }
    }
    Ok(())
}

fn unreadable(error: &Error) -> Unusable {
    Unusable::new(match error {
        Error::IoError(_) => "is truncated: it ends within its header".to_owned(),
        Error::FormatError(reason) => format!("is not a WAV file that can be read: {reason}"),
        _ => "is not a WAV file that can be read: its samples are neither integers of 8, 16, 24 or 32 bits \
              nor floats of 32"
            .to_owned(),
    })
}
