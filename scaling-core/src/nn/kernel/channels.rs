//! Channels-last arrays taken as a sequence of patterns, and sums over them per channel.

use super::lanes::{Lanes, MAX_LANES};

/// Values that one task works on, about: sums of so many keep their precision, and fit the cache.
const BLOCK: usize = 1 << 14;

/// Channels repeated until they fill whole vectors of any width, so that an array is a sequence of whole
/// patterns (but for its end), whatever the number of channels.
fn pattern_len(channels: usize) -> usize {
    let (mut a, mut b) = (channels, MAX_LANES);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    channels / a * MAX_LANES
}

/// One value per channel, repeated to a whole pattern.
pub(super) fn pattern(values: &[f32]) -> Vec<f32> {
    values.iter().copied().cycle().take(pattern_len(values.len())).collect()
}

/// A length of blocks that are whole patterns.
pub(super) fn block_len(channels: usize) -> usize {
    let pattern = pattern_len(channels);
    (BLOCK / pattern).max(1) * pattern
}

/// K terms of every value of a block that are summed per channel. Not a closure, since only what is surely
/// inlined is compiled for the CPU at hand.
pub(super) trait Terms<const K: usize>: Copy {
    /// Those of the values from `at` on, as many as there are lanes, or up to the end.
    fn at<V: Lanes>(self, at: usize) -> [V; K];
}

/// The sums per channel of a block of `len` values, by one pass for every two vectors of the pattern.
#[inline(always)]
pub(super) fn sum_channels<V: Lanes, const K: usize>(
    len: usize,
    channels: usize,
    terms: impl Terms<K>,
) -> [Vec<f32>; K] {
    let mut sums = [const { Vec::new() }; K];
    for sums in &mut sums {
        sums.resize(channels, 0.0);
    }
    let pattern = pattern_len(channels);
    let whole = len / pattern * pattern;
    for first in (0..pattern).step_by(2 * V::LANES) {
        // Patterns are whole numbers of vectors, but maybe an odd one.
        if first + V::LANES < pattern {
            let mut total = [[V::splat(0.0); K]; 2];
            for at in (0..whole).step_by(pattern) {
                for (i, total) in total.iter_mut().enumerate() {
                    let found = terms.at::<V>(at + first + i * V::LANES);
                    for (total, found) in total.iter_mut().zip(found) {
                        *total = total.add(found);
                    }
                }
            }
            add_lanes(&mut sums, first, total[0], V::LANES);
            add_lanes(&mut sums, first + V::LANES, total[1], V::LANES);
        } else {
            let mut total = [V::splat(0.0); K];
            for at in (0..whole).step_by(pattern) {
                let found = terms.at::<V>(at + first);
                for (total, found) in total.iter_mut().zip(found) {
                    *total = total.add(found);
                }
            }
            add_lanes(&mut sums, first, total, V::LANES);
        }
    }
    for at in (whole..len).step_by(V::LANES) {
        add_lanes(&mut sums, at, terms.at::<V>(at), V::LANES.min(len - at));
    }
    sums
}

/// Adds lanes, of which the first is the value `at` of a block, to the sums of their channels.
#[inline(always)]
fn add_lanes<V: Lanes, const K: usize>(sums: &mut [Vec<f32>; K], at: usize, found: [V; K], lanes: usize) {
    for (sums, found) in sums.iter_mut().zip(found) {
        let mut values = [0.0; MAX_LANES];
        found.store(&mut values);
        let channels = sums.len();
        for (i, value) in values[..lanes].iter().enumerate() {
            sums[(at + i) % channels] += value;
        }
    }
}
