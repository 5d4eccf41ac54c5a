//! What a file holds before it is scaled, and how much of it is too much.

/// The longest side that is decoded.
const LONGEST_SIDE: u32 = 16_384;

/// The most pixels that are decoded: 400 MB of RGB.
pub(super) const MOST_PIXELS: u64 = 1 << 27;

/// Why a file cannot be used; one line that does not name it.
pub(super) type Reason = String;

/// How a file stores its colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    /// Three channels.
    Rgb,
    /// One channel.
    Grey,
    /// Four channels of ink: CMYK or YCCK.
    Ink,
}

/// A file's pixels before scaling.
pub(super) struct Raw {
    pub(super) width: u32,
    pub(super) height: u32,
    /// RGB.
    pub(super) pixels: Vec<u8>,
    pub(super) colours: Colours,
}

/// Refuses pictures that would need too much memory, before they do.
///
/// # Errors
/// Says how large it claims to be.
pub(super) fn allow_size(width: u64, height: u64) -> Result<(u32, u32), Reason> {
    let longest = u64::from(LONGEST_SIDE);
    if width == 0 || height == 0 {
        return Err(format!("claims {width} x {height} pixels"));
    }
    if width > longest || height > longest || width * height > MOST_PIXELS {
        let limits = format!("{LONGEST_SIDE} a side and {} million", MOST_PIXELS / 1_000_000);
        return Err(format!("claims {width} x {height} pixels; at most {limits} are read"));
    }
    Ok((width as u32, height as u32))
}
