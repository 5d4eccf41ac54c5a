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
const DEPTH: usize = 256;
/// Rows of the left side that are multiplied at once, by the number of registers.
const GROUP: usize = 6;

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
            for (k, row) in rows.zip(packed.chunks_exact_mut(panel)) {
                for (j, value) in row[..width].iter_mut().enumerate() {
                    *value = weight[(first + j) * depth + k];
                }
                row[width..].fill(0.0);
            }
        })
    }

    /// Has `fill` write every panel: given its rows, its first column, its width and its values.
    fn pack(depth: usize, columns: usize, fill: impl Fn(Range<usize>, usize, usize, &mut [f32])) -> Self {
        let panel = dispatch(PanelWidth);
        let mut data = Buffer::new(depth * columns.next_multiple_of(panel));
        let mut rest = &mut data[..];
        for (rows, first) in panels(depth, columns, panel) {
            let (packed, after) = rest.split_at_mut(rows.len() * panel);
            rest = after;
            fill(rows, first, panel, packed);
        }
        Self { depth, columns, panel, data }
    }

    /// `out += rows * weight`: rows [R, K], out [R, N].
    ///
    /// # Panics
    /// If the sizes do not fit.
    pub(super) fn add_product(&self, rows: &[f32], out: &mut [f32]) {
        let count = rows.len() / self.depth;
        assert_eq!((rows.len(), out.len()), (count * self.depth, count * self.columns));
        dispatch(Product { weight: self, rows, out, count });
    }

    /// `out = rows * weight` for any number of rows, in parallel.
    pub(super) fn product_parallel(&self, rows: &[f32], out: &mut [f32]) {
        const ROWS: usize = 64;
        rows.par_chunks(ROWS * self.depth).zip(out.par_chunks_mut(ROWS * self.columns)).for_each(
            |(rows, out)| {
                out.fill(0.0);
                self.add_product(rows, out);
            },
        );
    }
}

/// The panels of a packed weight in their order: which rows, and the first column.
fn panels(depth: usize, columns: usize, panel: usize) -> impl Iterator<Item = (Range<usize>, usize)> {
    (0..depth).step_by(DEPTH).flat_map(move |k| {
        let rows = k..depth.min(k + DEPTH);
        (0..columns).step_by(panel).map(move |first| (rows.clone(), first))
    })
}

struct Product<'a> {
    weight: &'a Packed,
    rows: &'a [f32],
    out: &'a mut [f32],
    count: usize,
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Packed { depth, columns, panel: width, ref data } = *self.weight;
        // Groups of nearly equal size: eight rows are four and four, not six and two.
        let groups = self.count.div_ceil(GROUP);
        let mut rest = &data[..];
        for (range, first) in panels(depth, columns, width) {
            let (panel, after) = rest.split_at(range.len() * width);
            rest = after;
            // Once, unless the weight was packed for wider vectors than these.
            for part in (0..width.min(columns - first)).step_by(2 * V::LANES) {
                for group in 0..groups {
                    let from = group * self.count / groups;
                    let to = (group + 1) * self.count / groups;
                    let tile = Tile {
                        rows: &self.rows[from * depth..to * depth],
                        panel: &panel[part..],
                        width,
                        out: &mut self.out[from * columns..to * columns],
                        range: range.clone(),
                        column: first + part,
                        depth,
                        columns,
                    };
                    match to - from {
                        1 => tile.add::<V, 1>(),
                        2 => tile.add::<V, 2>(),
                        3 => tile.add::<V, 3>(),
                        4 => tile.add::<V, 4>(),
                        5 => tile.add::<V, 5>(),
                        _ => tile.add::<V, GROUP>(),
                    }
                }
            }
        }
    }
}

/// A few rows times two vectors of columns.
struct Tile<'a> {
    rows: &'a [f32],
    panel: &'a [f32],
    width: usize,
    out: &'a mut [f32],
    range: Range<usize>,
    column: usize,
    depth: usize,
    columns: usize,
}

impl Tile<'_> {
    #[inline(always)]
    fn add<V: Lanes, const R: usize>(self) {
        let steps = self.range.len();
        let rows: [&[f32]; R] = std::array::from_fn(|r| &self.rows[r * self.depth..][self.range.clone()]);
        assert!(steps > 0 && self.panel.len() >= (steps - 1) * self.width + 2 * V::LANES);
        let mut sums = [[V::splat(0.0); 2]; R];
        for k in 0..steps {
            // SAFETY: every row has `steps` values, and the assertion covers the panel.
            #[allow(unsafe_code)]
            let (low, high) = unsafe {
                let weights = self.panel.get_unchecked(k * self.width..k * self.width + 2 * V::LANES);
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
        for (sums, out) in sums.into_iter().zip(self.out.chunks_exact_mut(self.columns)) {
            let out = &mut out[self.column..];
            for (sum, out) in sums.into_iter().zip(out.chunks_mut(V::LANES)) {
                V::read(out, 0.0).add(sum).write(out);
            }
        }
    }
}

/// `out += left^T right`, or `out = left^T right` unless `accumulate`, in parallel: left [R, M],
/// right [R, N], out [M, N].
///
/// # Panics
/// If the sizes do not fit.
#[allow(clippy::cast_possible_wrap, reason = "no array has more than 2^63 values")]
pub(super) fn add_transposed_product(
    left: &[f32],
    right: &[f32],
    out: &mut [f32],
    columns: [usize; 2],
    accumulate: bool,
) {
    let [m, n] = columns;
    // Narrow enough for several threads, wide enough to make little of what each tile repeats.
    let tile = [512, (n / 16).next_multiple_of(128).clamp(128, 512)];
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

/// The sum of every column of `rows` [R, N], in parallel.
pub(super) fn column_sums(rows: &[f32], columns: usize) -> Vec<f32> {
    const WIDTH: usize = 256;
    let mut sums = vec![0.0; columns];
    sums.par_chunks_mut(WIDTH).enumerate().for_each(|(i, sums)| {
        for row in rows.chunks_exact(columns) {
            for (sum, value) in sums.iter_mut().zip(&row[i * WIDTH..]) {
                *sum += value;
            }
        }
    });
    sums
}

#[cfg(test)]
mod tests {
    use super::super::lanes::tests::every_level;
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
                packed.product_parallel(&rows, &mut out);
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
                let mut out = vec![0.0; 5 * 37];
                Product { weight: &weight, rows: &rows, out: &mut out, count: 5 }.run::<V>();
                out
            }
        }
        let [portable, best] = every_level(&Whole);
        close(&best, &portable.iter().map(|v| f64::from(*v)).collect::<Vec<_>>());
    }

    #[test]
    fn columns_are_summed() {
        assert_eq!(column_sums(&[1.0, 2.0, 3.0, 4.0], 2), [4.0, 6.0]);
    }
}
