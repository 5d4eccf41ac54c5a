//! FLAC files.

use super::sound::{Sound, accept, truncated};
use std::io::{Cursor, ErrorKind};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::default::codecs::FlacDecoder;
use symphonia::default::formats::FlacReader;

/// Decodes a file and compares what is there with the counts and checksums that it holds.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn decode(bytes: &[u8]) -> Result<Sound, String> {
    let bytes = without_tag(bytes);
    let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), MediaSourceStreamOptions::default());
    let mut reader = FlacReader::try_new(source, FormatOptions::default()).map_err(|error| match error {
        Error::IoError(_) => "holds no sound: it ends before the first frame".to_owned(),
        error => format!("is not a FLAC file that can be read: {error}"),
    })?;
    let track = &reader.tracks()[0];
    let expected = track.num_frames;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let Some((parameters, rate)) = parameters.and_then(|p| Some((p, p.sample_rate?))) else {
        return Err("is not a FLAC file that can be read: its header names no rate".into());
    };
    accept(expected.unwrap_or(0), rate)?;
    let mut decoder = FlacDecoder::try_new(parameters, &AudioDecoderOptions::default().verify(true))
        .map_err(|error| damaged(&error))?;
    let (mut samples, mut planes) = (Vec::new(), Vec::new());
    let mut last: Box<[u8]> = Box::default();
    loop {
        let packet = match reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(damaged(&error)),
        };
        // The reader passes over frames whose checksums are wrong.
        if packet.pts.get() != samples.len() as i64 {
            return Err(format!("is damaged: frames are missing at sample {}", samples.len()));
        }
        decoder.decode(&packet).map_err(|error| damaged(&error))?.copy_to_vecs_planar::<f32>(&mut planes);
        let channels = planes.len() as f32;
        samples.extend(
            (0..planes[0].len()).map(|i| planes.iter().map(|plane| plane[i]).sum::<f32>() / channels),
        );
        // Not every header says how long the sound is.
        accept(samples.len() as u64, rate)?;
        last = packet.data;
    }
    match expected {
        Some(expected) if expected != samples.len() as u64 => {
            return Err(truncated(samples.len(), expected));
        }
        // The reader drops a last frame that is not whole.
        None if !bytes.ends_with(&last) => {
            return Err("is truncated or damaged: it ends within a frame".into());
        }
        _ => {}
    }
    if decoder.finalize().verify_ok == Some(false) {
        return Err("is damaged: its sound does not have the checksum in its header".into());
    }
    Ok(Sound { samples, rate })
}

/// A file without the tag of MP3 players (ID3v1) that some programs put at its end.
fn without_tag(bytes: &[u8]) -> &[u8] {
    match bytes.len().checked_sub(128) {
        Some(end) if bytes[end..].starts_with(b"TAG") => &bytes[..end],
        _ => bytes,
    }
}

fn damaged(error: &Error) -> String {
    format!("is damaged: {error}")
}
