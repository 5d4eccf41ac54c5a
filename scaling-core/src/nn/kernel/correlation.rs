//! Products of windows, read where they lie, with a weight; and of windows with what became of them.

use super::buffer::Buffer;
use super::lanes::{Kernel, Lanes, dispatch};
use super::window::{Pixel, Windows};
use rayon::prelude::*;
use std::ops::Range;

/// Values of a window that are done with before the next: their rows of a panel fit the L1 cache.
const DEPTH: usize = 192;

/// Vectors of a panel of `columns` columns, and their lanes.
struct PanelShape(usize);

impl Kernel for PanelShape {
    type Output = usize;

    #[inline(always)]
    fn run<V: Lanes>(self) -> usize {
        if self.0 <= V::LANES { V::LANES } else { 2 * V::LANES }
    }
}

/// Runs what is compiled for this number of rows, each of which has registers of its own.
macro_rules! of_rows {
    ($rows:expr, $lanes:ident, $vectors:literal, $tile:expr, $out:expr, $($fewer:literal)+; $most:literal) => {
        match $rows {
            $($fewer => $tile.run::<$lanes, $fewer, $vectors>($out),)+
            _ => $tile.run::<$lanes, $most, $vectors>($out),
        }
    };
}

/// Columns cut into panels of one or two vectors, each row by row, the last one filled up with zeros.
pub(super) struct Panels {
    /// Rows of every panel.
    rows: usize,
    columns: usize,
    /// Columns of a panel.
    width: usize,
    data: Buffer,
}

impl Panels {
    /// Gathers a matrix of which `fill(row, columns, out)` writes a part of a row.
    pub(super) fn gather(
        rows: usize,
        columns: usize,
        fill: impl Fn(usize, Range<usize>, &mut [f32]) + Sync,
    ) -> Self {
        let width = dispatch(PanelShape(columns));
        let mut data = Buffer::new(rows * columns.next_multiple_of(width));
        data.par_chunks_mut(rows * width).enumerate().for_each(|(panel, data)| {
            let first = panel * width;
            let part = first..columns.min(first + width);
            // Rows enough to be worth a thread's while.
            data.par_chunks_mut(width).with_min_len(256).enumerate().for_each(|(row, out)| {
                let (used, rest) = out.split_at_mut(part.len());
                fill(row, part.clone(), used);
                rest.fill(0.0);
            });
        });
        Self { rows, columns, width, data }
    }

    fn panel(&self, index: usize) -> &[f32] {
        &self.data[index * self.rows * self.width..][..self.rows * self.width]
    }

    fn count(&self) -> usize {
        self.columns.div_ceil(self.width)
    }
}

/// Pieces of segments: where they begin in a window, and how long they are.
fn pieces(windows: &Windows) -> Vec<Vec<(usize, usize)>> {
    let (mut blocks, mut room) = (vec![Vec::new()], DEPTH);
    for &segment in &windows.segments {
        let mut at = 0;
        while at < windows.length {
            let left = windows.length - at;
            // A segment that fits a block is not cut.
            if room == 0 || (left > room && left <= DEPTH) {
                blocks.push(Vec::new());
                room = DEPTH;
            }
            let len = left.min(room);
            if let Some(block) = blocks.last_mut() {
                block.push((segment + at, len));
            }
            at += len;
            room -= len;
        }
    }
    blocks
}

/// `out = windows of images * weight`: images [N, ...] as the frame of the windows has them, weight
/// [depth of a window, D], out [N, ...]; pixels that no window becomes are left alone.
pub(super) fn correlate(windows: &Windows, images: &[f32], weight: &Panels, out: &mut [f32], block: usize) {
    assert_eq!(weight.rows, windows.depth());
    let (bare, padded) = (windows.frame.bare_len(), windows.frame.len());
    assert_eq!(images.len() / bare, out.len() / windows.out);
    let pixels = windows.of_images(block);
    let blocks = pieces(windows);
    let tasks = out.par_chunks_mut(block * windows.out).zip(images.par_chunks(block * bare));
    tasks.for_each(|(out, images)| {
        let count = images.len() / bare;
        let pixels = &pixels[..count * windows.pixels.len()];
        if windows.frame.is_bare() {
            return dispatch(Correlation { images, pixels, blocks: &blocks, weight, out });
        }
        let mut framed = Buffer::new(count * padded);
        for (image, framed) in images.chunks_exact(bare).zip(framed.chunks_exact_mut(padded)) {
            windows.frame.pad(image, framed);
        }
        dispatch(Correlation { images: &framed, pixels, blocks: &blocks, weight, out });
    });
}

struct Correlation<'a> {
    images: &'a [f32],
    pixels: &'a [Pixel],
    blocks: &'a [Vec<(usize, usize)>],
    weight: &'a Panels,
    out: &'a mut [f32],
}

impl Kernel for Correlation<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { images, pixels, blocks, weight, out } = self;
        let mut row = 0;
        for (index, pieces) in blocks.iter().enumerate() {
            for panel in 0..weight.count() {
                let first = panel * weight.width;
                let values = &weight.panel(panel)[row * weight.width..];
                // Twice unless the panel is that of one vector, or was made for wider vectors than these.
                let vectors = weight.width / V::LANES;
                let most = if vectors == 1 { 2 * V::ROWS } else { V::ROWS };
                // Groups of nearly equal size: ten pixels are five and five, not eight and two.
                let groups = pixels.len().div_ceil(most);
                for group in 0..groups {
                    let group = &pixels[group * pixels.len() / groups..(group + 1) * pixels.len() / groups];
                    let tile = |part: usize| Tile {
                        images,
                        pixels: group,
                        pieces,
                        panel: &values[part..],
                        width: weight.width,
                        column: first + part,
                        columns: weight.columns - first - part,
                        present: index > 0,
                    };
                    if vectors == 1 {
                        of_rows!(group.len(), V, 1, tile(0), out, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; 16);
                        continue;
                    }
                    for part in (0..weight.width.min(weight.columns - first)).step_by(2 * V::LANES) {
                        of_rows!(group.len(), V, 2, tile(part), out, 1 2 3 4 5 6 7; 8);
                    }
                }
            }
            row += pieces.iter().map(|(_, len)| len).sum::<usize>();
        }
    }
}

/// A few windows times a few vectors of columns.
struct Tile<'a> {
    images: &'a [f32],
    pixels: &'a [Pixel],
    pieces: &'a [(usize, usize)],
    panel: &'a [f32],
    /// Columns of the panel.
    width: usize,
    /// Where the columns begin in a pixel of the result.
    column: usize,
    /// How many there are, unless the vectors have fewer.
    columns: usize,
    /// Whether to add to what is there.
    present: bool,
}

impl Tile<'_> {
    #[inline(always)]
    fn run<V: Lanes, const R: usize, const C: usize>(self, out: &mut [f32]) {
        let Self { images, pixels, width, .. } = self;
        let mut panel = self.panel;
        let mut sums = [[V::splat(0.0); C]; R];
        for &(at, len) in self.pieces {
            let rows: [&[f32]; R] = std::array::from_fn(|r| &images[pixels[r].from + at..][..len]);
            assert!(len > 0 && panel.len() >= (len - 1) * width + C * V::LANES);
            for k in 0..len {
                // SAFETY: every row has `len` values, and the assertion covers the panel.
                #[allow(unsafe_code)]
                let weights: [V; C] = std::array::from_fn(|c| {
                    V::load(unsafe {
                        panel.get_unchecked(k * width + c * V::LANES..k * width + (c + 1) * V::LANES)
                    })
                });
                for r in 0..R {
                    // SAFETY: as above.
                    #[allow(unsafe_code)]
                    let value = V::splat(unsafe { *rows[r].get_unchecked(k) });
                    for c in 0..C {
                        sums[r][c] = value.mul_add(weights[c], sums[r][c]);
                    }
                }
            }
            panel = &panel[(len * width).min(panel.len())..];
        }
        let columns = self.columns.min(C * V::LANES);
        for (r, sums) in sums.into_iter().enumerate() {
            let out = &mut out[pixels[r].to + self.column..][..columns];
            for (sum, out) in sums.into_iter().zip(out.chunks_mut(V::LANES)) {
                let sum = if self.present { V::read(out, 0.0).add(sum) } else { sum };
                sum.write(out);
            }
        }
    }
}

/// `out = transpose(windows of images) * gradient`: images [N, ...] as the frame of the windows has them,
/// `gradient` the rows that the windows became, in their order, out [depth of a window, D].
pub(super) fn correlate_transposed(windows: &Windows, images: &[f32], gradient: &Panels, out: &mut [f32]) {
    let (bare, padded) = (windows.frame.bare_len(), windows.frame.len());
    let count = images.len() / bare;
    assert_eq!(gradient.rows, count * windows.pixels.len());
    assert_eq!(out.len(), windows.depth() * gradient.columns);
    let mut framed = Buffer::default();
    if !windows.frame.is_bare() {
        framed = Buffer::new(count * padded);
        let images = images.par_chunks_exact(bare).zip(framed.par_chunks_exact_mut(padded));
        images.for_each(|(image, framed)| windows.frame.pad(image, framed));
    }
    let images = if windows.frame.is_bare() { images } else { &framed };
    // Images that are worked on together: enough pixels to keep the sums in registers for long, few
    // enough that they stay in the cache while all rows of the result are summed over them.
    let block = 512usize.div_ceil(windows.pixels.len()).min(count);
    let pixels = windows.of_images(block);
    // A window's values, in groups that lie next to each other.
    let most = dispatch(RowsOfTile { one: gradient.width <= dispatch(PanelShape(1)) });
    let mut tiles = Vec::new();
    for (s, &segment) in windows.segments.iter().enumerate() {
        let groups = windows.length.div_ceil(most);
        for group in 0..groups {
            let range = group * windows.length / groups..(group + 1) * windows.length / groups;
            tiles.push((segment + range.start, s * windows.length + range.start, range.len()));
        }
    }
    // Every row of the result is summed by one task, so their number does not matter.
    let tasks = (2 * rayon::current_num_threads()).min(tiles.len());
    let mut rest = out;
    let mut parts = Vec::with_capacity(tasks);
    for task in 0..tasks {
        let tiles = &tiles[task * tiles.len() / tasks..(task + 1) * tiles.len() / tasks];
        let rows: usize = tiles.iter().map(|(_, _, len)| len).sum();
        let (part, others) = rest.split_at_mut(rows * gradient.columns);
        rest = others;
        parts.push((tiles, part));
    }
    parts.into_par_iter().for_each(|(tiles, out)| {
        dispatch(Transposed { images, padded, count, pixels: &pixels, block, tiles, gradient, out });
    });
}

/// Rows of a tile with one vector, or two.
struct RowsOfTile {
    one: bool,
}

impl Kernel for RowsOfTile {
    type Output = usize;

    #[inline(always)]
    fn run<V: Lanes>(self) -> usize {
        if self.one { 2 * V::ROWS } else { V::ROWS }
    }
}

struct Transposed<'a> {
    images: &'a [f32],
    /// Values of an image.
    padded: usize,
    count: usize,
    /// The windows of a block of images.
    pixels: &'a [Pixel],
    block: usize,
    /// Where a group of values begins in a window, its row in the whole result, and its length.
    tiles: &'a [(usize, usize, usize)],
    gradient: &'a Panels,
    out: &'a mut [f32],
}

impl Kernel for Transposed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { images, padded, count, pixels, block, tiles, gradient, out } = self;
        let per_image = pixels.len() / block;
        let first_row = tiles.first().map_or(0, |tile| tile.1);
        for n in (0..count).step_by(block) {
            let pixels = &pixels[..block.min(count - n) * per_image];
            let images = &images[n * padded..];
            for panel in 0..gradient.count() {
                let values = &gradient.panel(panel)[n * per_image * gradient.width..];
                let first = panel * gradient.width;
                let vectors = gradient.width / V::LANES;
                for &(at, row, len) in tiles {
                    let out = &mut out[(row - first_row) * gradient.columns..];
                    let sums = |part: usize| Sums {
                        images,
                        pixels,
                        at,
                        panel: &values[part..],
                        width: gradient.width,
                        column: first + part,
                        columns: gradient.columns,
                        present: n > 0,
                    };
                    if vectors == 1 {
                        of_rows!(len, V, 1, sums(0), out, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; 16);
                        continue;
                    }
                    for part in (0..gradient.width.min(gradient.columns - first)).step_by(2 * V::LANES) {
                        of_rows!(len, V, 2, sums(part), out, 1 2 3 4 5 6 7; 8);
                    }
                }
            }
        }
    }
}

/// A few neighbouring values of all windows times a few vectors of what these became.
struct Sums<'a> {
    images: &'a [f32],
    pixels: &'a [Pixel],
    /// Where the values begin in a window.
    at: usize,
    panel: &'a [f32],
    /// Columns of the panel.
    width: usize,
    /// Where the columns begin in a row of the result.
    column: usize,
    /// Columns of the result.
    columns: usize,
    /// Whether to add to what is there.
    present: bool,
}

impl Sums<'_> {
    #[inline(always)]
    fn run<V: Lanes, const R: usize, const C: usize>(self, out: &mut [f32]) {
        let Self { images, pixels, at, panel, width, .. } = self;
        assert!(!pixels.is_empty() && panel.len() >= (pixels.len() - 1) * width + C * V::LANES);
        let mut sums = [[V::splat(0.0); C]; R];
        for (p, pixel) in pixels.iter().enumerate() {
            let values = &images[pixel.from + at..][..R];
            // SAFETY: the assertion covers the panel.
            #[allow(unsafe_code)]
            let gradients: [V; C] = std::array::from_fn(|c| {
                V::load(unsafe {
                    panel.get_unchecked(p * width + c * V::LANES..p * width + (c + 1) * V::LANES)
                })
            });
            for r in 0..R {
                let value = V::splat(values[r]);
                for c in 0..C {
                    sums[r][c] = value.mul_add(gradients[c], sums[r][c]);
                }
            }
        }
        let width = (self.columns - self.column).min(C * V::LANES);
        for (r, sums) in sums.into_iter().enumerate() {
            let out = &mut out[r * self.columns + self.column..][..width];
            for (sum, out) in sums.into_iter().zip(out.chunks_mut(V::LANES)) {
                let sum = if self.present { V::read(out, 0.0).add(sum) } else { sum };
                sum.write(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::tests::agrees_at_every_level;
    use super::super::window::Shape;
    use super::*;
    use crate::random::Random;

    fn values(n: usize, label: u64) -> Vec<f32> {
        let mut random = Random::new("correlation", &[label]);
        (0..n).map(|_| random.normal() as f32).collect()
    }

    /// Both products of a few images, with a number of filters.
    #[derive(Clone)]
    struct Both(usize);

    impl Kernel for Both {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<V: Lanes>(self) -> Vec<f32> {
            let padding = [[1, 1], [1, 1]];
            let channels = [6, self.0];
            let shape = Shape { batch: 2, image: [5, 4], channels, kernel: [3, 3], stride: [1, 1], padding };
            let (windows, filters) = (shape.windows(), self.0);
            let matrix = |rows: usize, label| {
                let all = values(rows * filters, label);
                Panels::gather(rows, filters, |row, part, out| {
                    out.copy_from_slice(&all[row * filters..][part]);
                })
            };
            let (bare, padded) = (windows.frame.bare_len(), windows.frame.len());
            let mut images = vec![0.0; 2 * padded];
            for (image, framed) in values(2 * bare, 1).chunks(bare).zip(images.chunks_mut(padded)) {
                windows.frame.pad(image, framed);
            }
            let (pixels, blocks) = (windows.of_images(2), pieces(&windows));
            let weight = matrix(windows.depth(), 2);
            let mut out = vec![0.0; 2 * windows.out];
            Correlation { images: &images, pixels: &pixels, blocks: &blocks, weight: &weight, out: &mut out }
                .run::<V>();
            let gradient = matrix(pixels.len(), 3);
            let mut sums = vec![0.0; windows.depth() * filters];
            let tiles: Vec<_> = (0..windows.depth())
                .map(|row| (windows.segments[row / windows.length] + row % windows.length, row, 1))
                .collect();
            let (images, pixels, tiles) = (&images[..], &pixels[..], &tiles[..]);
            let (gradient, out_) = (&gradient, &mut sums[..]);
            Transposed { images, padded, count: 2, pixels, block: 2, tiles, gradient, out: out_ }.run::<V>();
            [out, sums].concat()
        }
    }

    #[test]
    fn levels_agree() {
        for filters in [3, 16, 40] {
            agrees_at_every_level(&Both(filters), &format!("{filters} filters"));
        }
    }
}
