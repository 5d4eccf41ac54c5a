//! Which part of a picture the network sees, scaled to the size that it expects.

use crate::images::Picture;
use fast_image_resize::images::{CroppedImage, Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use scaling_core::random::Random;

/// Tries to find a random area that fits.
const TRIES: usize = 10;

/// The shortest side of a picture in evaluation, for every 224 pixels of the crop.
const EVALUATED: f64 = 256.0 / 224.0;

/// Random crops of training pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crop {
    /// An area of 8 % to 100 % of the picture with a ratio of sides of 3/4 to 4/3, scaled (tensorpack's
    /// GoogleNetResize).
    RandomArea,
    /// A random square of the network's side, not scaled ("cropped to 224x224" taken literally). Smaller
    /// pictures: the largest square that fits, scaled up. Pictures of exactly that size are seen whole.
    RandomSquare,
}

/// A part of a picture in whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

/// Scales pictures, bicubic (Catmull-Rom; where it scales down, the kernel grows, as Pillow's does).
#[derive(Default)]
pub(super) struct Scaler(Resizer);

impl Crop {
    /// A random part of a picture, as `side * side` pixels.
    pub(super) fn random(
        self,
        picture: &Picture,
        side: usize,
        random: &mut Random,
        scaler: &mut Scaler,
        out: &mut [u8],
    ) {
        let window = match self {
            Self::RandomArea => Window::of_random_area(picture, random),
            Self::RandomSquare => {
                let shortest = side.min(picture.width).min(picture.height);
                Some(Window::at_random(picture, shortest, shortest, random))
            }
        };
        match window {
            Some(window) => scaler.scale(picture, window, side, out),
            None => scaler.centre(picture, side, side, out),
        }
    }
}

/// The middle of a picture, as `side * side` pixels: shortest side scaled to 256/224 of `side`, then
/// cropped. A picture whose shortest side is `side` already is not scaled up only to be cut: of it the
/// whole is seen (of the longer side, the middle); one that is smaller still is scaled to `side`.
pub(super) fn evaluation(picture: &Picture, side: usize, scaler: &mut Scaler, out: &mut [u8]) {
    let shortest = evaluated(picture.width.min(picture.height), side);
    scaler.centre(picture, shortest, side, out);
}

/// What a shortest side of `least` pixels is scaled to in evaluation.
fn evaluated(least: usize, side: usize) -> usize {
    if least <= side { side } else { (side as f64 * EVALUATED).round() as usize }
}

impl Window {
    /// An area and a ratio of sides at random, turned with probability 0.5; none if 10 do not fit.
    fn of_random_area(picture: &Picture, random: &mut Random) -> Option<Self> {
        let whole = (picture.width * picture.height) as f64;
        for _ in 0..TRIES {
            let area = (0.08 + 0.92 * random.uniform()) * whole;
            let aspect = 0.75 + (1.333 - 0.75) * random.uniform();
            let length = |square: f64| (square.sqrt() + 0.5).floor().max(1.0) as usize;
            let (mut width, mut height) = (length(area * aspect), length(area / aspect));
            if random.uniform() < 0.5 {
                std::mem::swap(&mut width, &mut height);
            }
            if width <= picture.width && height <= picture.height {
                return Some(Self::at_random(picture, width, height, random));
            }
        }
        None
    }

    /// A window of a given size anywhere in the picture.
    fn at_random(picture: &Picture, width: usize, height: usize, random: &mut Random) -> Self {
        let mut corner = |room: usize| random.below(room as u64 + 1) as usize;
        Self { left: corner(picture.width - width), top: corner(picture.height - height), width, height }
    }
}

impl Scaler {
    /// Scales a window to a square; pixels outside of it have no influence.
    fn scale(&mut self, picture: &Picture, window: Window, side: usize, out: &mut [u8]) {
        let source = view(picture);
        let Window { left, top, width, height } = window;
        let cropped = CroppedImage::new(&source, left as u32, top as u32, width as u32, height as u32)
            .expect("windows lie within the picture");
        self.0
            .resize(&cropped, &mut square(side, out), &options())
            .expect("both sides hold pixels of one type");
    }

    /// Scales a picture so that its shortest side has a given length and cuts a square from its middle,
    /// in one go: only what is left is computed.
    fn centre(&mut self, picture: &Picture, shortest: usize, side: usize, out: &mut [u8]) {
        let least = picture.width.min(picture.height);
        let (left, width) = middle(picture.width, [least, shortest], side);
        let (top, height) = middle(picture.height, [least, shortest], side);
        self.0
            .resize(&view(picture), &mut square(side, out), &options().crop(left, top, width, height))
            .expect("the middle lies within the picture");
    }
}

/// Where the middle of a side begins, and its length, in pixels of a picture that is scaled from a shortest
/// side to another; scaled, it has `side` pixels.
fn middle(length: usize, [from, to]: [usize; 2], side: usize) -> (f64, f64) {
    let scaled = ((length * to) as f64 / from as f64).round();
    let margin = ((scaled - side as f64) / 2.0).floor();
    let pixel = length as f64 / scaled;
    let left = margin * pixel;
    // Rounding must not lead out of the picture.
    (left, (side as f64 * pixel).min(length as f64 - left))
}

fn options() -> ResizeOptions {
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
}

fn view(picture: &Picture) -> ImageRef<'_> {
    ImageRef::new(picture.width as u32, picture.height as u32, &picture.pixels, PixelType::U8x3)
        .expect("a picture has three bytes per pixel")
}

fn square(side: usize, out: &mut [u8]) -> Image<'_> {
    Image::from_slice_u8(side as u32, side as u32, out, PixelType::U8x3)
        .expect("the output has three bytes per pixel")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red is the column, green the row.
    fn coordinates(width: usize, height: usize) -> Picture {
        let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 7])).collect();
        Picture { width, height, pixels }
    }

    #[test]
    fn random_areas_lie_within_the_picture_and_cover_the_stated_range() {
        let picture = coordinates(200, 160);
        let mut random = Random::new("test", &[]);
        let (mut least, mut most, mut flat) = (1.0_f64, 0.0_f64, 0);
        for _ in 0..10_000 {
            let window = Window::of_random_area(&picture, &mut random).expect("a window");
            assert!(window.left + window.width <= 200 && window.top + window.height <= 160);
            let ratio = window.width as f64 / window.height as f64;
            assert!((0.73..1.37).contains(&ratio), "{ratio}");
            flat += usize::from(ratio > 1.0);
            let area = (window.width * window.height) as f64 / 32_000.0;
            (least, most) = (least.min(area), most.max(area));
        }
        assert!((0.078..0.09).contains(&least) && most > 0.98, "{least} {most}");
        // U(0.75, 1.333) has its mean above 1, but sides are swapped half of the time; large windows
        // fit this wide picture more often if they are wide.
        assert!((4_800..6_000).contains(&flat), "{flat}");
    }

    #[test]
    fn a_strip_in_which_nothing_fits_gives_its_middle() {
        let picture = coordinates(200, 4);
        assert_eq!(Window::of_random_area(&picture, &mut Random::new("test", &[])), None);
        let mut out = vec![0; 3 * 16];
        let mut scaler = Scaler::default();
        Crop::RandomArea.random(&picture, 4, &mut Random::new("test", &[]), &mut scaler, &mut out);
        assert_eq!(out[..3], [98, 0, 7]);
        assert_eq!(out[45..], [101, 3, 7]);
    }

    #[test]
    fn plain_crops_copy_pixels_and_reach_every_corner() {
        let picture = coordinates(9, 8);
        let mut random = Random::new("test", &[]);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let mut out = vec![0; 3 * 49];
            Crop::RandomSquare.random(&picture, 7, &mut random, &mut Scaler::default(), &mut out);
            let (left, top) = (out[0], out[1]);
            assert_eq!(out[3 * 48..], [left + 6, top + 6, 7]);
            seen.insert((left, top));
        }
        assert_eq!(seen.len(), 6);
    }

    #[test]
    fn pixels_outside_a_window_have_no_influence() {
        let mut picture = coordinates(20, 20);
        let window = Window { left: 4, top: 4, width: 9, height: 11 };
        let (mut before, mut after) = (vec![0; 3 * 25], vec![0; 3 * 25]);
        Scaler::default().scale(&picture, window, 5, &mut before);
        for (i, pixel) in picture.pixels.chunks_exact_mut(3).enumerate() {
            let (x, y) = (i % 20, i / 20);
            if !(4..13).contains(&x) || !(4..15).contains(&y) {
                pixel.fill(255);
            }
        }
        Scaler::default().scale(&picture, window, 5, &mut after);
        assert_eq!(before, after);
    }

    #[test]
    fn evaluation_cuts_the_middle_and_leaves_small_pictures_whole() {
        // 224 of 256: a margin of 1/16 on every side, here 2 of 32 pixels, unscaled.
        let mut scaler = Scaler::default();
        let mut out = vec![0; 3 * 28 * 28];
        evaluation(&coordinates(40, 32), 28, &mut scaler, &mut out);
        assert_eq!(out[..3], [6, 2, 7]);
        assert_eq!(out[3 * 28 * 28 - 3..], [33, 29, 7]);

        let mut out = vec![0; 3 * 32 * 32];
        let picture = coordinates(32, 32);
        evaluation(&picture, 32, &mut scaler, &mut out);
        assert_eq!(out, picture.pixels);
        evaluation(&coordinates(35, 32), 32, &mut scaler, &mut out);
        assert_eq!(out[..3], [1, 0, 7]);
    }

    #[test]
    fn every_size_has_a_middle() {
        for side in [112, 176, 208, 224] {
            for least in 1..=300 {
                for length in [least, least + 7, 2 * least] {
                    for shortest in [side, evaluated(least, side)] {
                        let (left, width) = middle(length, [least, shortest], side);
                        let is_within = left >= 0.0 && width > 0.0 && left + width <= length as f64;
                        assert!(is_within, "{length} of {least} to {shortest}: {left} and {width}");
                    }
                }
            }
        }
    }

    #[test]
    fn cutting_while_scaling_equals_cutting_afterwards() {
        let picture = Picture {
            pixels: (0..3 * 50 * 41).map(|i| (i * i % 253) as u8).collect(),
            width: 50,
            height: 41,
        };
        let mut scaler = Scaler::default();
        let mut out = vec![0; 3 * 28 * 28];
        evaluation(&picture, 28, &mut scaler, &mut out);
        let mut whole = Image::new(39, 32, PixelType::U8x3);
        scaler.0.resize(&view(&picture), &mut whole, &options()).expect("scaled");
        for y in 0..28 {
            let row = 3 * (39 * (y + 2) + 5)..3 * (39 * (y + 2) + 33);
            for (a, b) in out[3 * 28 * y..].iter().zip(&whole.buffer()[row]) {
                assert!(a.abs_diff(*b) <= 1, "{a} is not {b}");
            }
        }
    }
}
