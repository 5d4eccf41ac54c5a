//! WAV files: PCM of 8, 16, 24 or 32 bits, and floats of 32.

use super::sound::{Sound, accept, truncated};
use hound::{Error, SampleFormat, WavReader};
use std::io::Read;

/// Decodes a file.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn decode(bytes: &[u8]) -> Result<Sound, String> {
    let (header, rest) = plain(bytes).unwrap_or((Vec::new(), bytes));
    let mut reader = WavReader::new(header.as_slice().chain(rest)).map_err(|error| unreadable(&error))?;
    let spec = reader.spec();
    // The header may claim anything, also more than there is.
    let size = usize::from(spec.channels) * usize::from(spec.bits_per_sample.div_ceil(8));
    let count = (reader.duration() as usize).min(bytes.len() / size.max(1));
    accept(count as u64, spec.sample_rate)?;
    let mut samples = Vec::with_capacity(count);
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

/// A header of nothing but the form of the samples, and what follows the original one. The library knows
/// neither the byte that fills up chunks of odd length nor chunks of some other lengths, and reads samples of
/// 24 bits at the upper end of 32 from the lower. It also believes programs that write to a pipe: they cannot
/// know how much is to come, and claim more than there is. `None` leaves what is wrong to it.
fn plain(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    const EXTENSIBLE: [u8; 2] = [0xfe, 0xff];
    /// They claim no less: SoX 0x7ffff000, others 0x80000000 or 0xffffffff.
    const UNKNOWN: usize = 0x7fff_0000;
    let mut form: Option<Vec<u8>> = None;
    let mut rest = bytes.get(12..)?;
    loop {
        let name = rest.get(..4)?;
        let count = u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?) as usize;
        let body = &rest[8..];
        if name == b"data" {
            let form = form?;
            let block = usize::from(u16::from_le_bytes(form.get(12..14)?.try_into().ok()?)).max(1);
            let is_unknown = count >= UNKNOWN && count > body.len();
            let count = if is_unknown { body.len() - body.len() % block } else { count };
            let [size, count] = [form.len(), count].map(|length| (length as u32).to_le_bytes());
            let parts = [&bytes[..12], b"fmt ", &size, &form, b"data", &count];
            return Some((parts.concat(), body));
        }
        if name == b"fmt " {
            let mut found = body.get(..count)?.to_vec();
            // Whole numbers (the first bytes of the sub-format) fill their containers from the upper end.
            if found.starts_with(&EXTENSIBLE) && found.get(24..26) == Some(&[1, 0]) {
                found.copy_within(14..16, 18);
            }
            form = Some(found);
        }
        rest = body.get(count + count % 2..)?;
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

fn unreadable(error: &Error) -> String {
    match error {
        Error::IoError(_) => "is truncated: it ends within its header".to_owned(),
        Error::FormatError(reason) => format!("is not a WAV file that can be read: {reason}"),
        _ => "is not a WAV file that can be read: its samples are neither integers of 8, 16, 24 or 32 bits \
              nor floats of 32"
            .to_owned(),
    }
}
