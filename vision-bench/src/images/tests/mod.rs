//! Data sets of the genuine layouts, made of tiny pictures.

mod damage;
mod layouts;
mod leftovers;
mod pictures;
mod real;

use super::prepare::{examine, opened, prepare_in};
use super::{Opened, Picture, Pictures, Summary};
use crate::data_set::DataSet;
use image::{DynamicImage, ExtendedColorType, ImageFormat, Rgb, RgbImage};
use scaling_core::error::{At, Error, Result};
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

fn check(path: &Path) -> Result<Summary> {
    Ok(examine(path)?.1.summary)
}

impl DataSet {
    /// Three pictures of each of two classes to train, one to validate, in folders.
    pub(super) fn folders() -> Result<Self> {
        let data = Self::new(&[])?;
        for (class, first) in [("cat", 0), ("dog", 10)] {
            for i in first..first + 3 {
                data.put(&format!("train/{class}/{i}.JPEG"), jpeg(20, 16, i))?;
            }
            data.put(&format!("val/{class}/v.png"), png(9, 7, first + 5))?;
        }
        Ok(data)
    }

    pub(super) fn prepare(&self, seed: u64) -> Result<PathBuf> {
        prepare_in(&self.cache(), &self.path(""), seed)
    }

    /// Prepares and opens; what is reported must be what `check` reports.
    pub(super) fn open(&self) -> Result<Opened> {
        let opened = opened(&self.prepare(0)?)?;
        assert_eq!(opened.origin.description, self.check()?.to_string());
        Ok(opened)
    }

    pub(super) fn check(&self) -> Result<Summary> {
        check(&self.path(""))
    }

    /// What is wrong, with the path of the data set left out; preparing says the same as checking.
    pub(super) fn error(&self) -> String {
        let message = |error: Option<Error>| {
            let error = error.unwrap_or_else(|| Error::failed("no error"));
            assert!(!error.to_string().contains('\n'), "{error}");
            assert_eq!(error.exit_code(), 2, "{error}");
            error.to_string().replace(&*self.path("").to_string_lossy(), "SET/")
        };
        let message_of_check = message(self.check().err());
        assert_eq!(message_of_check, message(self.prepare(0).err()));
        let left = fs::read_dir(self.cache().join("vision")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "a failed preparation leaves nothing behind");
        message_of_check
    }
}

/// Pixels that differ from seed to seed and survive JPEG.
fn pixels(width: u32, height: u32, seed: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 5 + seed * 40) as u8, (y * 7 + seed * 90) as u8, ((x + y) * 3 + seed * 11) as u8])
    })
}

pub(super) fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    assert!(image.write_to(&mut bytes, format).is_ok());
    bytes.into_inner()
}

pub(super) fn jpeg(width: u32, height: u32, seed: u32) -> Vec<u8> {
    encoded(&pixels(width, height, seed).into(), ImageFormat::Jpeg)
}

pub(super) fn png(width: u32, height: u32, seed: u32) -> Vec<u8> {
    encoded(&pixels(width, height, seed).into(), ImageFormat::Png)
}

/// A greyscale JPEG.
pub(super) fn grey(width: u32, height: u32) -> Vec<u8> {
    encoded(&DynamicImage::from(pixels(width, height, 1)).to_luma8().into(), ImageFormat::Jpeg)
}

/// An archive of regular files.
pub(super) fn tar(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        assert!(archive.append_data(&mut header, name, bytes.as_slice()).is_ok());
    }
    archive.into_inner().unwrap_or_default()
}

/// An 8 x 8 JPEG of one colour in the four channels of ink, written by hand since no encoder here does:
/// each channel is 255, or 28 where `low` says so. Adobe's files store ink inverted: 255 is none.
pub(super) fn ink(low: [bool; 4]) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xee, 0, 14];
    bytes.extend(*b"Adobe\0\x64\0\0\0\0\0");
    bytes.extend([0xff, 0xdb, 0, 67, 0]);
    bytes.extend([8; 64]);
    bytes.extend([0xff, 0xc0, 0, 20, 8, 0, 8, 0, 8, 4]);
    bytes.extend((1..=4).flat_map(|component| [component, 0x11, 0]));
    // One code each, `0`: a first coefficient of 7 bits, and the end of the block.
    for (table, symbol) in [(0x00, 7), (0x10, 0)] {
        bytes.extend([0xff, 0xc4, 0, 20, table, 1]);
        bytes.extend([0; 15]);
        bytes.push(symbol);
    }
    bytes.extend([0xff, 0xda, 0, 14, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0]);
    let mut bits = String::new();
    for is_low in low {
        bits += if is_low { "000110110" } else { "011111110" };
    }
    bits += "1111";
    for byte in bits.as_bytes().chunks(8) {
        let value = byte.iter().fold(0, |value, bit| value << 1 | (bit - b'0'));
        bytes.push(value);
        if value == 0xff {
            bytes.push(0);
        }
    }
    bytes.extend([0xff, 0xd9]);
    bytes
}

/// The pictures of a part with their labels.
pub(super) fn all(part: &dyn Pictures) -> Vec<(Picture, u32)> {
    let read = |index| {
        let mut picture = Picture::default();
        part.read(index, &mut picture);
        (picture, part.label(index))
    };
    (0..part.len().unwrap_or(0)).map(read).collect()
}

pub(super) fn labels(part: &dyn Pictures) -> Vec<u32> {
    (0..part.len().unwrap_or(0)).map(|index| part.label(index)).collect()
}
