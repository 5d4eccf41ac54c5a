use super::super::decode::Decoder;
use super::*;

fn reason(bytes: &[u8]) -> String {
    Decoder::new().decode(bytes).err().unwrap_or_else(|| "no error".into())
}

/// A JPEG that claims another size.
fn claiming(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = jpeg(16, 16, 0);
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap_or_default();
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

/// The check sum of a PNG's chunk.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ (0xedb8_8320 * (crc & 1)))
    })
}

#[test]
fn damaged_pictures_are_refused_with_a_reason() {
    let whole = jpeg(40, 30, 3);
    assert_eq!(reason(&whole), "no error");
    for cut in [whole.len() - 2, whole.len() - 1, whole.len() / 2 + 50] {
        assert_eq!(reason(&whole[..cut]), "is cut off: a JPEG without its end", "{cut}");
    }
    let mut padded = whole[..whole.len() / 2 + 50].to_vec();
    padded.resize(whole.len(), 0);
    assert_eq!(reason(&padded), "is cut off: a JPEG without its end", "zeros are no end");
    let limit = "at most 16384 a side and 134 million are read";
    assert_eq!(reason(&claiming(60_000, 60_000)), format!("claims 60000 x 60000 pixels; {limit}"));
    assert_eq!(reason(&claiming(16_384, 16_384)), format!("claims 16384 x 16384 pixels; {limit}"));
    assert_eq!(reason(b"not a picture at all"), "is neither a JPEG nor a PNG file");
    assert_eq!(reason(&[]), "is neither a JPEG nor a PNG file");
    assert_eq!(reason(&[0xff, 0xd8, 0xff]), "is cut off: a JPEG without its end");
    assert!(reason(&[0xff, 0xd8, 0xff, 0xd9]).starts_with("damaged JPEG: "));
    let mut huge = png(40, 30, 3);
    huge[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let check = crc(&huge[12..29]).to_be_bytes();
    huge[29..33].copy_from_slice(&check);
    assert_eq!(reason(&huge), format!("claims 60000 x 60000 pixels; {limit}"));
    let whole = png(40, 30, 3);
    assert!(reason(&whole[..whole.len() / 2]).starts_with("damaged PNG: "));
    // Bytes after the end do no harm, nor do some before it.
    let mut followed = jpeg(40, 30, 3);
    followed.extend(b"something else");
    assert_eq!(reason(&followed), "no error");
    let mut before = jpeg(40, 30, 3);
    before.truncate(before.len() - 2);
    before.extend([0, 0, 0, 0, 0xff, 0xd9]);
    assert_eq!(reason(&before), "no error");
    // A marker amid the data does.
    let mut middle = jpeg(200, 150, 3);
    let half = middle.len() / 2;
    middle[half..half + 4].copy_from_slice(&[0xff, 0xc9, 0, 2]);
    assert!(reason(&middle).starts_with("damaged JPEG: "), "{}", reason(&middle));
}

#[test]
fn no_damage_breaks_the_decoder() {
    for whole in [jpeg(33, 21, 1), grey(17, 40), png(20, 20, 2), ink([true, false, true, false])] {
        for at in 0..whole.len() {
            let _ = reason(&whole[..at]);
            for flip in [0xff, 0x01, 0x80] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                let reason = reason(&bytes);
                assert!(!reason.contains('\n') && reason != "breaks the decoder", "{at} {flip}: {reason}");
            }
        }
    }
}

#[test]
fn all_kinds_of_colours_become_rgb() {
    let decode = |bytes: &[u8]| Decoder::new().decode(bytes).map(|decoded| decoded.picture);
    let first = |bytes: &[u8]| decode(bytes).map(|picture| picture.pixels[..3].to_vec());
    assert_eq!(first(&ink([false; 4])), Ok(vec![255, 255, 255]));
    assert_eq!(first(&ink([false, true, false, false])), Ok(vec![255, 28, 255]), "magenta ink");
    assert_eq!(first(&ink([true, false, false, true])), Ok(vec![3, 28, 28]), "black ink darkens");
    let picture = decode(&grey(11, 7)).unwrap_or_default();
    assert_eq!((picture.width, picture.height, picture.pixels.len()), (11, 7, 231));
    assert!(picture.pixels.chunks(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));

    let colour = pixels(6, 5, 2);
    let wide = encoded(&DynamicImage::from(colour.clone()).to_rgb16().into(), ImageFormat::Png);
    assert_eq!(decode(&wide).unwrap_or_default().pixels, colour.clone().into_raw(), "16 bits");
    let clear = encoded(&DynamicImage::from(colour.clone()).to_rgba8().into(), ImageFormat::Png);
    assert_eq!(decode(&clear).unwrap_or_default().pixels, colour.into_raw(), "transparency");
    let mut bits = Cursor::new(Vec::new());
    let encoder = image::codecs::png::PngEncoder::new(&mut bits);
    use image::ImageEncoder;
    assert!(encoder.write_image(&[7, 9], 1, 1, ExtendedColorType::La8).is_ok());
    assert_eq!(decode(bits.get_ref()).unwrap_or_default().pixels, [7, 7, 7]);
}

#[test]
fn the_shortest_side_becomes_256_and_none_is_enlarged() {
    let size = |width, height| {
        let picture = Decoder::new().decode(&png(width, height, 1)).map(|decoded| decoded.picture);
        let picture = picture.unwrap_or_default();
        assert_eq!(picture.pixels.len(), 3 * picture.width * picture.height);
        (picture.width, picture.height)
    };
    assert_eq!(size(1, 1), (1, 1));
    assert_eq!(size(256, 300), (256, 300));
    assert_eq!(size(255, 2_000), (255, 2_000));
    assert_eq!(size(500, 375), (341, 256));
    assert_eq!(size(257, 771), (256, 768));
    assert_eq!(size(3_000, 1), (3_000, 1));
    // One colour stays that colour: the filter's weights add up.
    let flat = RgbImage::from_pixel(400, 300, Rgb([10, 200, 77]));
    let flat = Decoder::new().decode(&encoded(&flat.into(), ImageFormat::Png)).map(|decoded| decoded.picture);
    assert!(flat.unwrap_or_default().pixels.chunks(3).all(|pixel| pixel == [10, 200, 77]));
}
