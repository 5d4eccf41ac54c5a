//! Sound files of any kind, as samples of one channel at [`RATE`].

use super::sound::Sound;
use super::{Unusable, flac, resampler, wav};
use scaling_core::number::thousands;
use std::path::Path;

/// Louder than any sound that is not damaged: floats scaled as 24-bit integers stay below.
const LOUDEST: f32 = 1e8;

/// The samples of a WAV or FLAC file at [`RATE`](super::RATE), at least 1.
///
/// # Errors
/// A file that cannot be read, is no sound file, or is damaged.
pub(crate) fn load(path: &Path) -> Result<Vec<f32>, Unusable> {
    decode(&std::fs::read(path).map_err(|error| Unusable::new(format!("cannot be read: {error}")))?)
}

/// As [`load`], from the bytes of the file, whose kind is told by how they begin.
///
/// # Errors
/// As for [`load`].
fn decode(bytes: &[u8]) -> Result<Vec<f32>, Unusable> {
    let Sound { samples, rate } = match bytes {
        [] => return Err(Unusable::new("is empty")),
        [b'R', b'I', b'F', b'F', ..] => wav::decode(bytes)?,
        [b'f', b'L', b'a', b'C', ..] => flac::decode(bytes)?,
        _ => {
            return Err(Unusable::new("is not a WAV or FLAC file: it begins with neither `RIFF` nor `fLaC`"));
        }
    };
    if let Some(place) = samples.iter().position(|sample| sample.is_nan() || sample.abs() > LOUDEST) {
        let (place, value) = (thousands(place as u64), samples[place]);
        return Err(Unusable::new(format!("is damaged: sample {place} is {value}")));
    }
    let samples = resampler::resample(samples, rate)?;
    if samples.is_empty() {
        return Err(Unusable::new("holds no sound"));
    }
    Ok(samples)
}

#[cfg(test)]
mod tests;
