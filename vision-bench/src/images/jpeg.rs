//! JPEG files: decoded strictly, since a damaged picture must not go into a data set unnoticed.
//!
//! A file has no check sum: damage that leaves valid codes and the end in place looks like a picture
//! to every decoder, to this one too.

use super::raw::{Colours, Raw, Reason, allow_size};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The second byte of the marker that ends a file.
const END_OF_IMAGE: u8 = 0xd9;

const CUT_OFF: &str = "is cut off: a JPEG without its end";

/// Decodes a JPEG file to RGB.
///
/// # Errors
/// Damage that shows in the codes, the end missing, sizes beyond the limits.
pub(super) fn decode(bytes: &[u8]) -> Result<Raw, Reason> {
    let options = DecoderOptions::default().set_max_width(usize::MAX).set_max_height(usize::MAX);
    let damaged = |error: DecodeErrors| {
        if has_end(bytes) { format!("damaged JPEG: {}", one_line(&error)) } else { CUT_OFF.to_owned() }
    };
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let (width, height) = allow_size(width as u64, height as u64)?;
    if !has_end(bytes) {
        return Err(CUT_OFF.into());
    }
    let stored = decoder.input_colorspace().unwrap_or(ColorSpace::YCbCr);
    let (colours, target) = match stored {
        ColorSpace::Luma => (Colours::Grey, ColorSpace::Luma),
        ColorSpace::CMYK | ColorSpace::YCCK => (Colours::Ink, ColorSpace::RGB),
        _ => (Colours::Rgb, ColorSpace::RGB),
    };
    decoder.set_options(options.set_strict_mode(true).jpeg_set_out_colorspace(target));
    let mut pixels = decoder.decode().map_err(damaged)?;
    if colours == Colours::Grey {
        pixels = pixels.into_iter().flat_map(|grey| [grey; 3]).collect();
    }
    if pixels.len() != 3 * width as usize * height as usize {
        return Err("damaged JPEG: its channels do not fit its size".into());
    }
    Ok(Raw { width, height, pixels, colours })
}

/// The decoder's message on one line.
fn one_line(error: &DecodeErrors) -> String {
    let message = error.to_string();
    let words: Vec<&str> = message.split_whitespace().collect();
    words.join(" ").trim_matches('"').to_owned()
}

/// Whether the marker of the end follows the last scan. Pictures within the segments of the header
/// (previews) have ends of their own, which do not count.
fn has_end(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        // To the next marker; in the data of a scan 0xff 0x00 is a byte, and restarts belong to it.
        let next = bytes.get(at..).and_then(|rest| {
            let mut i = 0;
            loop {
                i += rest.get(i..)?.iter().position(|byte| *byte == 0xff)?;
                match rest.get(i + 1)? {
                    0x00 | 0x01 | 0xd0..=0xd8 => i += 2,
                    0xff => i += 1,
                    marker => break Some((i, *marker)),
                }
            }
        });
        let Some((skipped, marker)) = next else { return false };
        at += skipped + 2;
        if marker == END_OF_IMAGE {
            return true;
        }
        let Some(length) = bytes.get(at..at + 2) else { return false };
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        at += length.max(2);
    }
}
