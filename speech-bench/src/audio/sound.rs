//! What a decoder returns.

use scaling_core::number::thousands;
use std::ops::RangeInclusive;

/// Samples per second of files that can be used. Others do not occur.
const RATES: RangeInclusive<u32> = 1_000..=768_000;

/// Minutes that a recording may last: each core keeps a whole one in memory, with its features.
const LONGEST: u64 = 10;

/// What a file holds, its channels averaged.
pub(super) struct Sound {
    /// Full scale is 1.
    pub(super) samples: Vec<f32>,
    /// Samples per second.
    pub(super) rate: u32,
}

/// Refuses sound of a rate that does not occur, or that is too long, before it is decoded.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn accept(samples: u64, rate: u32) -> Result<(), String> {
    if !RATES.contains(&rate) {
        let [rate, least, most] = [rate, *RATES.start(), *RATES.end()].map(|rate| thousands(rate.into()));
        return Err(format!("has {rate} samples per second; {least} to {most} can be read"));
    }
    if samples > 60 * LONGEST * u64::from(rate) {
        return Err(format!("lasts longer than {LONGEST} minutes; cut it into utterances"));
    }
    Ok(())
}

/// What is said of a file that ends early, in samples of one channel.
pub(super) fn truncated(there: usize, expected: u64) -> String {
    let (there, expected) = (thousands(there as u64), thousands(expected));
    format!("is truncated or damaged: {there} of {expected} samples are there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_lengths_out_of_range_are_refused() {
        assert_eq!(accept(600 * 8_000, 8_000), Ok(()));
        let long = "lasts longer than 10 minutes; cut it into utterances";
        assert_eq!(accept(600 * 8_000 + 1, 8_000), Err(long.to_owned()));
        let rate = "has 4,000,000,000 samples per second; 1,000 to 768,000 can be read";
        assert_eq!(accept(10, 4_000_000_000), Err(rate.to_owned()));
    }
}
