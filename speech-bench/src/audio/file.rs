//! Sound files of any kind, as samples of one channel at [`RATE`].

use super::sound::Sound;
use super::{flac, resampler, wav};
use scaling_core::number::thousands;
use std::path::Path;
use std::{fs, io};

/// Louder than any sound that is not damaged: floats scaled as 24-bit integers stay below.
const LOUDEST: f32 = 1e8;

/// Bytes of a file that are still read, since each core keeps a whole one in memory. Ten minutes of stereo,
/// 96,000 samples a second as floats, take 461 MB.
const LARGEST: u64 = 512 << 20;

/// The samples of a WAV or FLAC file at [`RATE`](super::RATE), at least 1.
///
/// # Errors
/// Why it cannot be used, to be read after the name of the file: it cannot be read, is no sound file, is
/// damaged, is too large, or lasts too long.
pub(crate) fn load(path: &Path) -> Result<Vec<f32>, String> {
    let cannot = |error: io::Error| format!("cannot be read: {error}");
    if fs::metadata(path).map_err(cannot)?.len() > LARGEST {
        return Err("is larger than 512 MiB; cut it into utterances".into());
    }
    decode(&fs::read(path).map_err(cannot)?)
}

/// As [`load`], from the bytes of the file, whose kind is told by how they begin.
///
/// # Errors
/// As for [`load`].
fn decode(bytes: &[u8]) -> Result<Vec<f32>, String> {
    let Sound { samples, rate } = match bytes {
        [] => return Err("is empty".into()),
        [b'R', b'I', b'F', b'F', ..] => wav::decode(bytes)?,
        [b'f', b'L', b'a', b'C', ..] => flac::decode(bytes)?,
        _ => return Err("is not a WAV or FLAC file: it begins with neither `RIFF` nor `fLaC`".into()),
    };
    if let Some(place) = samples.iter().position(|sample| sample.is_nan() || sample.abs() > LOUDEST) {
        let (place, value) = (thousands(place as u64), samples[place]);
        return Err(format!("is damaged: sample {place} is {value}"));
    }
    let samples = resampler::resample(samples, rate)?;
    if samples.is_empty() {
        return Err("holds no sound".into());
    }
    Ok(samples)
}

#[cfg(test)]
mod tests;
