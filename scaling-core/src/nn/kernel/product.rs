//! Matrix products.
//!
//! Two shapes occur. Rows times a weight is used again and again with the same weight, so the
//! weight is rearranged once ([`Packed`]). The gradient of a weight is one product over all rows of
//! the batch and the sequence, which the `gemm` crate does well ([`add_transposed_product`]).

use super::buffer::Buffer;
use super::lanes::{Kernel, Lanes, dispatch};
use rayon::prelude::*;
use std::ops::Range;

/// Rows of the weight that are done with before the next: a panel of them fits the L1 cache.
const DEPTH: usize = 128;
/// Parts of a weight may start at multiples of this: of [`DEPTH`] and of every width of a panel.
pub(super) const PART: usize = DEPTH;

/// A weight [K, N], rearranged for products with rows on its left.
///
/// The order is: depth blocks of [`DEPTH`] rows; in it panels of two vectors of columns, the last one
/// filled up with zeros; in it row by row.
pub(super) struct Packed {
    depth: usize,
    columns: usize,
    /// Columns of a panel.
    panel: usize,
    data: Buffer,
}

/// Two vectors of this CPU.
struct PanelWidth;

impl Kernel for PanelWidth {
    type Output = usize;

    #[inline(always)]
    fn run<V: Lanes>(self) -> usize {
        2 * V::LANES
    }
}

impl Packed {
    /// Packs `weight`, a row-major [K, N] array.
    pub(super) fn new(weight: &[f32], depth: usize, columns: usize) -> Self {
        assert_eq!(weight.len(), depth * columns);
        Self::pack(depth, columns, |rows, first, panel, packed| {
            let width = panel.min(columns - first);
            for (k, row) in rows.zip(packed.chunks_exact_mut(panel)) {
                row[..width].copy_from_slice(&weight[k * columns + first..][..width]);
                row[width..].fill(0.0);
            }
        })
    }

    /// Packs the transpose of `weight`, a row-major [N, K] array.
    pub(super) fn transposed(weight: &[f32], depth: usize, columns: usize) -> Self {
        assert_eq!(weight.len(), depth * columns);
        Self::pack(depth, columns, |rows, first, panel, packed| {
            let width = panel.min(columns - first);
            for j in 0..width {
                let values = &weight[(first + j) * depth..][rows.clone()];
                for (row, value) in packed.chunks_exact_mut(panel).zip(values) {
                    row[j] = *value;
                }
            }
            for row in packed.chunks_exact_mut(panel) {
                row[width..].fill(0.0);
            }
        })
    }

    /// Has `fill` write every panel: given its rows, its first column, its width and its values.
    fn pack(
        depth: usize,
        columns: usize,
        fill: impl Fn(Range<usize>, usize, usize, &mut [f32]) + Sync,
    ) -> Self {
        let panel = dispatch(PanelWidth);
        let padded = columns.next_multiple_of(panel);
        let mut data = Buffer::new(depth * padded);
        data.par_chunks_mut(DEPTH * padded).enumerate().for_each(|(block, data)| {
            let rows = block * DEPTH..depth.min((block + 1) * DEPTH);
            // Panels enough to be worth a thread's while.
            let panels = data.par_chunks_mut(rows.len() * panel).with_min_len(8).enumerate();
            panels.for_each(|(p, data)| fill(rows.clone(), p * panel, panel, data));
        });
        Self { depth, columns, panel, data }
    }

    /// `out = rows * weight`: rows [R, K], out [R, N].
    ///
    /// # Panics
    /// If the sizes do not fit.
    pub(super) fn product(&self, rows: &[f32], out: &mut [f32]) {
        self.whole(rows, out, Start::Zero);
    }

    /// `out += rows * weight`: rows [R, K], out [R, N].
    ///
    /// # Panics
    /// If the sizes do not fit.
    pub(super) fn add_product(&self, rows: &[f32], out: &mut [f32]) {
        self.whole(rows, out, Start::Present);
    }

    fn whole(&self, rows: &[f32], out: &mut [f32], start: Start<'_>) {
        let count = rows.len() / self.depth;
        assert_eq!((rows.len(), out.len()), (count * self.depth, count * self.columns));
        let (left, out) =
            (Left { rows, stride: self.depth, count }, Out { rows: out, stride: self.columns, start });
        dispatch(Product { weight: self, part: [0..self.depth, 0..self.columns], left, out });
    }

    /// `out = start + rows * part of the weight`, the part being some of its rows and columns.
    ///
    /// # Panics
    /// If the part does not start at a multiple of [`PART`], or the sizes do not fit.
    pub(super) fn product_of_part(&self, part: [Range<usize>; 2], left: Left<'_>, out: Out<'_>) {
        assert!(part.iter().all(|range| range.start.is_multiple_of(PART)));
        dispatch(Product { weight: self, part, left, out });
    }

    /// Where the panels of some rows, which begin a depth block, and of all columns begin.
    fn block(&self, rows: &Range<usize>) -> &[f32] {
        &self.data[rows.start * self.columns.next_multiple_of(self.panel)..]
    }
}

/// Rows to be multiplied; each begins `stride` values after the one before.
pub(super) struct Left<'a> {
    pub(super) rows: &'a [f32],
    pub(super) stride: usize,
    pub(super) count: usize,
}

/// Where products go; each row begins `stride` values after the one before.
pub(super) struct Out<'a> {
    pub(super) rows: &'a mut [f32],
    pub(super) stride: usize,
    pub(super) start: Start<'a>,
}

/// What products are added to.
#[derive(Clone, Copy)]
pub(super) enum Start<'a> {
    /// Nothing.
    Zero,
    /// What is there.
    Present,
    /// One value per column.
    Row(&'a [f32]),
}

struct Product<'a> {
    weight: &'a Packed,
    /// Rows and columns of the weight.
    part: [Range<usize>; 2],
    left: Left<'a>,
    out: Out<'a>,
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { weight, part: [depth, columns], left, out } = self;
        let panel = weight.panel;
        // Groups of nearly equal size: ten rows are five and five, not eight and two.
        let groups = left.count.div_ceil(V::ROWS);
        for from in depth.clone().step_by(DEPTH) {
            // A depth block is as long in the packed weight as it is there, whatever is used of it.
            let block = from..weight.depth.min(from + DEPTH);
            let used = block.len().min(depth.end - from);
            let panels = weight.block(&block);
            for first in columns.clone().step_by(panel) {
                let values = &panels[first * block.len()..][..panel * block.len()];
                // Once, unless the weight was packed for wider vectors than these.
                for part in (0..panel.min(columns.end - first)).step_by(2 * V::LANES) {
                    for group in 0..groups {
                        let row = group * left.count / groups;
                        let end = (group + 1) * left.count / groups;
                        let tile = Tile {
                            rows: &left.rows[row * left.stride + from - depth.start..],
                            stride: left.stride,
                            panel: &values[part..],
                            width: panel,
                            steps: used,
                            out: &mut out.rows[row * out.stride + first - columns.start + part..],
                            out_stride: out.stride,
                            out_width: (columns.end - first - part).min(2 * V::LANES),
                            start: match out.start {
                                _ if from > depth.start => Start::Present,
                                Start::Row(values) => Start::Row(&values[first - columns.start + part..]),
                                start => start,
                            },
                        };
                        match end - row {
                            1 => tile.run::<V, 1>(),
                            2 => tile.run::<V, 2>(),
                            3 => tile.run::<V, 3>(),
                            4 => tile.run::<V, 4>(),
                            5 => tile.run::<V, 5>(),
                            6 => tile.run::<V, 6>(),
                            7 => tile.run::<V, 7>(),
                            _ => tile.run::<V, 8>(),
                        }
                    }
                }
            }
        }
    }
}

/// A few rows times two vectors of columns.
struct Tile<'a> {
    rows: &'a [f32],
    stride: usize,
    panel: &'a [f32],
    width: usize,
    /// Rows of the weight.
    steps: usize,
    out: &'a mut [f32],
    out_stride: usize,
    out_width: usize,
    start: Start<'a>,
}

impl Tile<'_> {
    #[inline(always)]
    fn run<V: Lanes, const R: usize>(self) {
        let Self { steps, width, panel, .. } = self;
        let rows: [&[f32]; R] = std::array::from_fn(|r| &self.rows[r * self.stride..][..steps]);
        assert!(steps > 0 && panel.len() >= (steps - 1) * width + 2 * V::LANES);
        let mut sums = [[V::splat(0.0); 2]; R];
        for k in 0..steps {
            // SAFETY: every row has `steps` values, and the assertion covers the panel.
            #[allow(unsafe_code)]
            let (low, high) = unsafe {
                let weights = panel.get_unchecked(k * width..k * width + 2 * V::LANES);
                (V::load(weights), V::load(weights.get_unchecked(V::LANES..)))
            };
            for r in 0..R {
                // SAFETY: as above.
                #[allow(unsafe_code)]
                let value = V::splat(unsafe { *rows[r].get_unchecked(k) });
                sums[r][0] = value.mul_add(low, sums[r][0]);
                sums[r][1] = value.mul_add(high, sums[r][1]);
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            let out = &mut self.out[r * self.out_stride..][..self.out_width];
            for (i, (sum, out)) in sums.into_iter().zip(out.chunks_mut(V::LANES)).enumerate() {
                let sum = match self.start {
                    Start::Zero => sum,
                    Start::Present => V::read(out, 0.0).add(sum),
                    Start::Row(values) => V::read(&values[i * V::LANES..], 0.0).add(sum),
                };
                sum.write(out);
            }
        }
    }
}

/// `out += left^T right`, or `out = left^T right` unless `accumulate`, in parallel: left [R, M],
/// right [R, N], out [M, N].
///
/// # Panics
/// If the sizes do not fit.
pub(super) fn add_transposed_product(
    left: &[f32],
    right: &[f32],
    out: &mut [f32],
    columns: [usize; 2],
    accumulate: bool,
) {
    let [m, n] = columns;
    // Narrow enough for several threads, wide enough to make little of what each tile repeats.
    let tile = [512, (n / 2).next_multiple_of(64).clamp(64, 512)];
    let rows = left.len() / m;
    assert_eq!((left.len(), right.len(), out.len()), (rows * m, rows * n, m * n));
    let tiles: Vec<[usize; 2]> =
        (0..m).step_by(tile[0]).flat_map(|i| (0..n).step_by(tile[1]).map(move |j| [i, j])).collect();
    let out = Shared(out.as_mut_ptr());
    tiles.into_par_iter().for_each(|[i, j]| {
        let (height, width) = (tile[0].min(m - i), tile[1].min(n - j));
        // SAFETY: by the assertion above and `height`, `width`, all rows and columns lie within the
        // three arrays; the tiles of `out` are disjoint, and nothing else refers to it meanwhile.
        #[allow(unsafe_code)]
        unsafe {
            gemm::gemm(
                height,
                width,
                rows,
                out.at(i * n + j),
                1,
                n as isize,
                accumulate,
                left.as_ptr().wrapping_add(i),
                m as isize,
                1,
                right.as_ptr().wrapping_add(j),
                1,
                n as isize,
                1.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    });
}

/// The gradient of a weight whose rows read at every step what there was after the step before, [T, B, M] and
/// at first `initial` [B, M], given the gradients `right` [T, B, N].
pub(super) fn product_with_earlier(
    initial: &[f32],
    states: &[f32],
    right: &[f32],
    out: &mut [f32],
    columns: [usize; 2],
) {
    let [m, n] = columns;
    let (now, later) = right.split_at(initial.len() / m * n);
    add_transposed_product(initial, now, out, columns, false);
    if !later.is_empty() {
        add_transposed_product(&states[..later.len() / n * m], later, out, columns, true);
    }
}

/// The start of an array of which tasks write disjoint parts.
struct Shared(*mut f32);

// SAFETY: `add_transposed_product` hands out disjoint tiles only.
#[allow(unsafe_code)]
unsafe impl Sync for Shared {}

impl Shared {
    fn at(&self, offset: usize) -> *mut f32 {
        self.0.wrapping_add(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::tests::agrees_at_every_level;
    use super::*;
    use crate::random::Random;

    fn values(n: usize, label: u64) -> Vec<f32> {
        let mut random = Random::new("product", &[label]);
        (0..n).map(|_| random.normal() as f32).collect()
    }

    #[test]
    fn products_meet_the_definition() {
        for (r, k, n) in [(1, 1, 1), (7, 3, 33), (16, 300, 40), (13, 64, 16), (2, 17, 70), (200, 20, 9)] {
            let (rows, weight) = (values(r * k, 1), values(k * n, 2));
            let want: Vec<f64> = (0..r * n)
                .map(|i| {
                    let term = |p| f64::from(rows[i / n * k + p]) * f64::from(weight[p * n + i % n]);
                    (0..k).map(term).sum::<f64>()
                })
                .collect();
            let turned: Vec<f32> = (0..n * k).map(|i| weight[i % k * n + i / k]).collect();
            for packed in [Packed::new(&weight, k, n), Packed::transposed(&turned, k, n)] {
                let mut out = vec![1.0; r * n];
                packed.product(&rows, &mut out);
                close(&out, &want);
            }
            let turned: Vec<f32> = (0..k * r).map(|i| rows[i % r * k + i / r]).collect();
            for accumulate in [false, true] {
                let start = if accumulate { -1.0 } else { 9.0 };
                let mut out = vec![start; r * n];
                add_transposed_product(&turned, &weight, &mut out, [r, n], accumulate);
                let shift = f64::from(u8::from(accumulate));
                let want: Vec<f64> = want.iter().map(|v| v - shift).collect();
                close(&out, &want);
            }
        }
    }

    fn close(got: &[f32], want: &[f64]) {
        for (got, want) in got.iter().zip(want) {
            assert!((f64::from(*got) - want).abs() < 1e-4, "{got} for {want}");
        }
    }

    #[test]
    fn levels_agree() {
        #[derive(Clone)]
        struct Whole;
        impl Kernel for Whole {
            type Output = Vec<f32>;
            #[inline(always)]
            fn run<V: Lanes>(self) -> Vec<f32> {
                let (rows, weight) = (values(5 * 40, 1), Packed::new(&values(40 * 37, 2), 40, 37));
                let mut products = vec![0.0; 5 * 37];
                let left = Left { rows: &rows, stride: 40, count: 5 };
                let out = Out { rows: &mut products, stride: 37, start: Start::Zero };
                Product { weight: &weight, part: [0..40, 0..37], left, out }.run::<V>();
                products
            }
        }
        agrees_at_every_level(&Whole, "products");
    }
}
