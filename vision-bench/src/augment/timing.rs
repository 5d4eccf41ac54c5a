//! Speed of the preparation on one core, for `benchmarks/augment.py`, which compares it with torchvision.

use super::{Augment, Crop, Scratch};
use crate::images::Picture;
use scaling_core::random::Random;
use std::time::{Duration, Instant};

/// Pictures that are prepared again and again: enough not to stay in the nearest cache.
const PICTURES: usize = 64;
const LEAST: Duration = Duration::from_secs(2);

/// Soft colours and noise, as photographs have them. `benchmarks/augment.py` draws the same.
fn picture(side: usize, number: usize) -> Picture {
    let pixel = |x: usize, y: usize, c: usize| {
        let wave = 40.0 * ((x * (c + 1) + y * (number % 7 + 1)) as f64 / side as f64 * 6.0).sin();
        let noise = (x * 7919 + y * 104_729 + c * 1301 + number * 31_337) % 41;
        (108.0 + wave + noise as f64) as u8
    };
    let pixels =
        (0..side).flat_map(|y| (0..side).flat_map(move |x| (0..3).map(move |c| pixel(x, y, c)))).collect();
    Picture { width: side, height: side, pixels }
}

#[test]
#[ignore = "measures speed"]
fn pictures_per_second() {
    for (stored, side) in [(64, 64), (256, 224)] {
        let augment = Augment { side, crop: Crop::RandomArea };
        let pictures: Vec<Picture> = (0..PICTURES).map(|i| picture(stored, i)).collect();
        let mut scratch = Scratch::default();
        let mut out = vec![0.0; augment.values()];
        let mut prepared = 0_u64;
        let start = Instant::now();
        while start.elapsed() < LEAST {
            for stored in &pictures {
                scratch.picture.clone_from(stored);
                let mut random = Random::new("augment", &[1, 2, prepared]);
                augment.train(&mut random, &mut scratch, &mut out);
                prepared += 1;
            }
        }
        let speed = prepared as f64 / start.elapsed().as_secs_f64();
        println!("{stored} -> {side}: {speed:.1} pictures/s");
    }
}
