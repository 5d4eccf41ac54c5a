//! Sound at another rate.

use super::RATE;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

/// Samples that are transformed at once, at least: the filter is as long.
const BLOCK: usize = 2048;

/// The sound at [`RATE`], aligned with what is given: round(n RATE / rate) samples. Planning for a rate that
/// [`accept`](super::sound::accept) refuses could exhaust memory.
pub(super) fn resample(samples: Vec<f32>, rate: u32) -> Result<Vec<f32>, String> {
    if rate == RATE {
        return Ok(samples);
    }
    let (from, to) = (rate as usize, RATE as usize);
    let length = (samples.len() * to + from / 2) / from;
    // An even number of periods: the filter's middle then falls on a sample of both rates.
    let period = 2 * from / greatest_common_divisor(from, to);
    let block = BLOCK.next_multiple_of(period);
    let resampled = Fft::new_custom(from, to, block, 1, 1, WindowFunction::BlackmanHarris2, FixedSync::Both)
        .map_err(|error| error.to_string())
        .and_then(|mut resampler| {
            let input = InterleavedSlice::new(&samples, 1, samples.len()).map_err(|e| e.to_string())?;
            resampler.process_all(&input, samples.len(), None).map_err(|error| error.to_string())
        })
        .map_err(|error| format!("cannot be resampled: {error}"))?;
    let mut resampled = resampled.take_data();
    resampled.truncate(length);
    Ok(resampled)
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn sine(rate: u32, hertz: f64, length: usize) -> Vec<f32> {
        let sample = |i| (TAU * hertz * i as f64 / f64::from(rate)).sin() as f32;
        (0..length).map(sample).collect()
    }

    #[test]
    fn a_sine_stays_the_sine() {
        for rate in [8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 12_345] {
            for hertz in [100.0, 1000.0, 0.4 * f64::from(rate.min(RATE))] {
                let length = rate as usize + 7;
                let out = resample(sine(rate, hertz, length), rate).unwrap();
                assert_eq!(out.len(), (length as f64 * 16_000.0 / f64::from(rate)).round() as usize);
                let expected = sine(RATE, hertz, out.len());
                // Of rates that have little in common with the other, the filter is as long as a period.
                let edge = out.len() / 4;
                let middle = edge..out.len() - edge;
                for (i, (a, b)) in out[middle.clone()].iter().zip(&expected[middle]).enumerate() {
                    assert!((a - b).abs() < 0.01, "{rate} Hz, {hertz} Hz, sample {i}: {a} is not {b}");
                }
            }
        }
    }

    #[test]
    fn what_the_new_rate_cannot_carry_is_gone() {
        let out = resample(sine(48_000, 10_000.0, 48_000), 48_000).unwrap();
        assert!(out[4_000..12_000].iter().all(|sample| sample.abs() < 1e-3));
    }

    #[test]
    fn sounds_may_be_shorter_than_a_block() {
        for length in [0, 1, 2, 100] {
            assert_eq!(resample(vec![0.5; length], 8_000).unwrap().len(), 2 * length);
        }
    }
}
