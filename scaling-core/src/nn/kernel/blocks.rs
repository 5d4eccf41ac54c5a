//! Cutting time-major arrays into blocks of the batch, one task each, and adding up what these found.

use rayon::prelude::*;
use std::marker::PhantomData;
use std::ops::Range;

/// Rows of the batch in a block: few enough that a small batch still feeds several threads, enough
/// that a weight once read from the cache is used several times. A result depends on it (by the
/// order of sums), so it depends on the batch alone.
pub(super) fn block_rows(batch: usize) -> usize {
    if batch < 32 { 8 } else { 16 }
}

/// The same rows of the batch at every step of a time-major array [T, B, W], exclusively.
pub(super) struct Block<'a> {
    /// Which rows of the batch.
    pub(super) rows: Range<usize>,
    start: *mut f32,
    /// Values from one step to the next: B W.
    stride: usize,
    /// Values of one step of the block.
    len: usize,
    steps: usize,
    data: PhantomData<&'a mut [f32]>,
}

// SAFETY: a block is an exclusive reference to values that no other block refers to (see `split`).
#[allow(unsafe_code)]
unsafe impl Send for Block<'_> {}

/// Cuts an array [T, B, W] along its batch into blocks of `rows` (the last may have fewer).
///
/// # Panics
/// If the array is not a whole number of steps of `batch * width` values.
pub(super) fn split(data: &mut [f32], batch: usize, width: usize, rows: usize) -> Vec<Block<'_>> {
    let stride = batch * width;
    assert!(stride > 0 && data.len().is_multiple_of(stride), "not a time-major array");
    let steps = data.len() / stride;
    // All pointers derive from this one borrow, and the blocks own disjoint ranges of every step: rows
    // [first, first + rows) of the batch.
    let start = data.as_mut_ptr();
    (0..batch)
        .step_by(rows)
        .map(|first| Block {
            rows: first..batch.min(first + rows),
            start: start.wrapping_add(first * width),
            stride,
            len: rows.min(batch - first) * width,
            steps,
            data: PhantomData,
        })
        .collect()
}

#[allow(unsafe_code)]
impl Block<'_> {
    /// The block at step `t`.
    pub(super) fn step(&self, t: usize) -> &[f32] {
        assert!(t < self.steps);
        // SAFETY: inside the array by the assertion and `split`; shared for as long as `self` is.
        unsafe { std::slice::from_raw_parts(self.start.add(t * self.stride), self.len) }
    }

    /// The block at step `t`, to write.
    pub(super) fn step_mut(&mut self, t: usize) -> &mut [f32] {
        assert!(t < self.steps);
        // SAFETY: as in `step`; exclusive for as long as `self` is, by `split`.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(t * self.stride), self.len) }
    }

    /// The block at step `t`, to write, and at another step, to read.
    pub(super) fn step_and(&mut self, t: usize, other: usize) -> (&mut [f32], &[f32]) {
        assert!(other != t && other.max(t) < self.steps);
        // SAFETY: as above; the two steps differ, so the slices are disjoint.
        unsafe {
            (
                std::slice::from_raw_parts_mut(self.start.add(t * self.stride), self.len),
                std::slice::from_raw_parts(self.start.add(other * self.stride), self.len),
            )
        }
    }
}

/// The rows of a block, at step `t`, of an array [T, B, W] that is only read.
pub(super) fn rows_of<'a>(
    data: &'a [f32],
    t: usize,
    batch: usize,
    width: usize,
    rows: &Range<usize>,
) -> &'a [f32] {
    let base = t * batch;
    // Same layout as `split`, without the exclusive access.
    &data[(base + rows.start) * width..(base + rows.end) * width]
}

/// [A, B, W] becomes [B, A, W].
pub(super) fn swap(from: &[f32], to: &mut [f32], rows: usize, width: usize) {
    let count = from.len() / (rows * width);
    to.par_chunks_exact_mut(count * width).enumerate().for_each(|(row, to)| {
        for (at, to) in to.chunks_exact_mut(width).enumerate() {
            to.copy_from_slice(&from[(at * rows + row) * width..][..width]);
        }
    });
}

/// The blocks of an array [T, B, W] one after the other; as many as the batch has.
pub(super) fn each<'a>(blocks: &mut impl Iterator<Item = Block<'a>>) -> Block<'a> {
    blocks.next().unwrap_or_else(|| unreachable!("every array is cut into the same blocks"))
}

/// Adds values to as many sums.
pub(super) fn accumulate(sums: &mut [f32], values: &[f32]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

/// The sum of parts of `width` values that follow each other, from the first to the last.
pub(super) fn total(parts: &[f32], width: usize) -> Vec<f32> {
    let mut total = vec![0.0; width];
    parts.chunks_exact(width).for_each(|part| accumulate(&mut total, part));
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_the_batch_once() {
        let (steps, batch, width) = (3, 5, 2);
        let mut data = vec![0.0; steps * batch * width];
        for (i, mut block) in split(&mut data, batch, width, 2).into_iter().enumerate() {
            for t in 0..steps {
                for value in block.step_mut(t) {
                    *value += (10 * t + i) as f32;
                }
            }
            let (now, before) = block.step_and(2, 1);
            assert_eq!(now[0] - before[0], 10.0);
        }
        let blocks = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0];
        for t in 0..steps {
            let want = blocks.map(|b| b + 10.0 * t as f32);
            assert_eq!(data[t * 10..(t + 1) * 10], want);
        }
        assert_eq!(rows_of(&data, 1, batch, width, &(4..5)), [12.0, 12.0]);
    }
}
