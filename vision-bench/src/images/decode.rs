//! JPEG and PNG files turned into RGB pixels of the stored size.

use super::raw::{Colours, MOST_PIXELS, Raw, Reason, allow_size};
use super::{Picture, jpeg};
use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::png::PngDecoder;
use image::{ColorType, DynamicImage, ImageDecoder, Limits};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The shortest side of a stored picture (paper, section 4.1); smaller ones stay as they are.
const SHORTEST_SIDE: u32 = 256;

/// What a file held.
pub(super) struct Decoded {
    /// Scaled.
    pub(super) picture: Picture,
    /// Width and height before scaling.
    pub(super) original: (u32, u32),
    pub(super) colours: Colours,
}

/// Decodes and scales; its buffers are used again from picture to picture.
pub(super) struct Decoder {
    resizer: Resizer,
    options: ResizeOptions,
}

impl Decoder {
    pub(super) fn new() -> Self {
        let bicubic = ResizeAlg::Convolution(FilterType::CatmullRom);
        Self { resizer: Resizer::new(), options: ResizeOptions::new().resize_alg(bicubic) }
    }

    /// Decodes a file by its content, whatever its name says. Greyscale is repeated in the three
    /// channels, ink is converted, 16 bits are rounded to 8, transparency is ignored, and so is a
    /// camera's note on how it was held. A picture whose shortest side exceeds 256 is scaled down to
    /// it with an antialiasing bicubic filter; none is enlarged.
    ///
    /// # Errors
    /// What is no JPEG or PNG file, is damaged, cut off, or too large.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> Result<Decoded, Reason> {
        // The decoders are written to return errors; should one panic all the same, it is the file's
        // fault and concerns no other.
        let decoded = catch_unwind(AssertUnwindSafe(|| match bytes {
            [0xff, 0xd8, ..] => jpeg::decode(bytes),
            [0x89, b'P', b'N', b'G', ..] => png(bytes),
            _ => Err("is neither a JPEG nor a PNG file".into()),
        }));
        let raw = decoded.unwrap_or_else(|_| Err("breaks the decoder".into()))?;
        self.scale(raw)
    }

    fn scale(&mut self, raw: Raw) -> Result<Decoded, Reason> {
        let original = (raw.width, raw.height);
        let (width, height) = stored_size(raw.width, raw.height);
        let pixels = if (width, height) == original {
            raw.pixels
        } else {
            let scaled = || -> Result<Vec<u8>, Box<dyn std::error::Error>> {
                let source = Image::from_vec_u8(raw.width, raw.height, raw.pixels, PixelType::U8x3)?;
                let mut target = Image::new(width, height, PixelType::U8x3);
                self.resizer.resize(&source, &mut target, &self.options)?;
                Ok(target.into_vec())
            };
            scaled().map_err(|error| format!("cannot be scaled: {error}"))?
        };
        let picture = Picture { width: width as usize, height: height as usize, pixels };
        Ok(Decoded { picture, original, colours: raw.colours })
    }
}

/// The size of a picture after scaling.
fn stored_size(width: u32, height: u32) -> (u32, u32) {
    let shortest = width.min(height);
    if shortest <= SHORTEST_SIDE {
        return (width, height);
    }
    // Rounded to the nearest; the shortest side comes out exact.
    let scaled = |side: u32| {
        let product = u64::from(side) * u64::from(SHORTEST_SIDE);
        ((2 * product + u64::from(shortest)) / (2 * u64::from(shortest))) as u32
    };
    (scaled(width), scaled(height))
}

fn png(bytes: &[u8]) -> Result<Raw, Reason> {
    let damaged = |error: image::ImageError| format!("damaged PNG: {error}");
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(16 * MOST_PIXELS);
    let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = allow_size(width.into(), height.into())?;
    let colours = match decoder.color_type() {
        ColorType::L8 | ColorType::L16 | ColorType::La8 | ColorType::La16 => Colours::Grey,
        _ => Colours::Rgb,
    };
    let pixels = DynamicImage::from_decoder(decoder).map_err(damaged)?.into_rgb8().into_raw();
    Ok(Raw { width, height, pixels, colours })
}
