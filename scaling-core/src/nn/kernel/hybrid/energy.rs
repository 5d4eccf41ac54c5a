//! Energies of the positions of one row, what they share out, and the gradients of both.

use super::super::activation::tanh;
use super::super::attention::{add, dot, weigh};
use super::super::buffer::Buffer;
use super::super::lanes::{Kernel, Lanes};

/// What the filters make of the shares of the step before, [S, F].
pub(super) struct Places {
    filters: usize,
    values: Buffer,
}

impl Places {
    pub(super) fn new(positions: usize, filters: usize) -> Self {
        Self { filters, values: Buffer::new(positions * filters) }
    }

    /// Slides the filters [L, F] over the shares: position j sees shares j - (L - 1) / 2 and the L - 1 after
    /// it.
    pub(super) fn fill(&mut self, filters: &[f32], before: &[f32], length: usize) {
        let taps = filters.len() / self.filters;
        for (at, place) in self.values.chunks_exact_mut(self.filters).take(length).enumerate() {
            place.fill(0.0);
            for (share, filter) in seen(before, taps, at)
                .zip(filters[skipped(taps, at) * place.len()..].chunks_exact(place.len()))
            {
                place.iter_mut().zip(filter).for_each(|(place, filter)| *place += share * filter);
            }
        }
    }

    pub(super) fn at(&self, position: usize) -> &[f32] {
        &self.values[position * self.filters..][..self.filters]
    }

    /// The gradients of filters and shares, given that of the places, [S, F]; both are added to.
    pub(super) fn back(
        gradient: &[f32],
        filters: &[f32],
        before: &[f32],
        d_filters: &mut [f32],
        d_before: &mut [f32],
        width: usize,
    ) {
        let taps = filters.len() / width;
        for (at, gradient) in gradient.chunks_exact(width).enumerate() {
            let first = (at + skipped(taps, at)).saturating_sub((taps - 1) / 2);
            let skip = skipped(taps, at) * width;
            let seen = before[first..].iter().zip(&mut d_before[first..]);
            let taps = filters[skip..].chunks_exact(width).zip(d_filters[skip..].chunks_exact_mut(width));
            for ((share, d_share), (filter, d_filter)) in seen.zip(taps) {
                for ((gradient, filter), d_filter) in gradient.iter().zip(filter).zip(d_filter) {
                    *d_share += gradient * filter;
                    *d_filter += gradient * share;
                }
            }
        }
    }
}

/// Taps of a filter that lie before the first share, seen from a position.
fn skipped(taps: usize, at: usize) -> usize {
    ((taps - 1) / 2).saturating_sub(at)
}

/// The shares that the other taps see, from a position.
fn seen(shares: &[f32], taps: usize, at: usize) -> impl Iterator<Item = f32> {
    shares[at.saturating_sub((taps - 1) / 2).min(shares.len())..].iter().copied()
}

/// Turns the energies of the positions into shares, [S], and their context, [M].
pub(super) struct Share<'a> {
    /// [S, K].
    pub(super) keys: &'a [f32],
    /// [S, M].
    pub(super) memory: &'a [f32],
    /// [K].
    pub(super) query: &'a [f32],
    pub(super) places: &'a Places,
    /// [F, K].
    pub(super) location: &'a [f32],
    /// [K].
    pub(super) energy: &'a [f32],
    pub(super) shares: &'a mut [f32],
    pub(super) context: &'a mut [f32],
}

/// What is squashed of values `at` and after of a position.
#[inline(always)]
fn heard<V: Lanes>(at: usize, key: &[f32], query: &[f32], place: &[f32], location: &[f32]) -> V {
    let mut sum = V::read(&key[at..], 0.0).add(V::read(&query[at..], 0.0));
    for (place, row) in place.iter().zip(location.chunks_exact(key.len())) {
        sum = V::read(&row[at..], 0.0).mul_add(V::splat(*place), sum);
    }
    sum
}

impl Kernel for Share<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { keys, memory, query, places, location, energy, shares, context } = self;
        let width = query.len();
        let mut largest = f32::NEG_INFINITY;
        for (position, (share, key)) in shares.iter_mut().zip(keys.chunks_exact(width)).enumerate() {
            let place = places.at(position);
            let mut sum = V::splat(0.0);
            for at in (0..width).step_by(V::LANES) {
                let squashed = tanh(heard::<V>(at, key, query, place, location));
                sum = squashed.mul_add(V::read(&energy[at..], 0.0), sum);
            }
            *share = sum.fold(|a, b| a + b);
            largest = largest.max(*share);
        }
        weigh::<V>(largest, memory, shares, context);
    }
}

/// The gradients of all that goes into the shares, given that of the context and of the shares; all but that
/// of the places are added to.
pub(super) struct ShareBack<'a> {
    pub(super) keys: &'a [f32],
    pub(super) memory: &'a [f32],
    pub(super) query: &'a [f32],
    pub(super) places: &'a Places,
    pub(super) location: &'a [f32],
    pub(super) energy: &'a [f32],
    pub(super) shares: &'a [f32],
    pub(super) d_context: &'a [f32],
    /// What comes from the step after; afterwards the gradient of the energies.
    pub(super) d_shares: &'a mut [f32],
    pub(super) d_keys: &'a mut [f32],
    pub(super) d_memory: &'a mut [f32],
    pub(super) d_query: &'a mut [f32],
    /// [S, F].
    pub(super) d_places: &'a mut [f32],
    pub(super) d_location: &'a mut [f32],
    pub(super) d_energy: &'a mut [f32],
    /// Room for what passes the hyperbolic tangents of a position, [K].
    pub(super) passed: &'a mut [f32],
}

impl Kernel for ShareBack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { keys, memory, query, places, location, energy, shares, d_context, .. } = self;
        let Self { d_shares, d_keys, d_memory, d_query, d_places, d_location, d_energy, passed, .. } = self;
        let (width, values, filters) = (query.len(), d_context.len(), location.len() / query.len());
        let mut mean = 0.0;
        let positions = memory.chunks_exact(values).zip(d_memory.chunks_exact_mut(values));
        for ((d_share, share), (position, d_position)) in d_shares.iter_mut().zip(shares).zip(positions) {
            *d_share += dot::<V>(d_context, position);
            mean += share * *d_share;
            add::<V>(d_position, *share, d_context);
        }
        let one = V::splat(1.0);
        let keys = keys.chunks_exact(width).zip(d_keys.chunks_exact_mut(width));
        let each = d_shares.iter_mut().zip(shares).zip(keys).zip(d_places.chunks_exact_mut(filters));
        for (position, (((d_share, share), (key, d_key)), d_place)) in each.enumerate() {
            let d_sum = share * (*d_share - mean);
            *d_share = d_sum;
            let (place, d_sum) = (places.at(position), V::splat(d_sum));
            for at in (0..width).step_by(V::LANES) {
                let squashed = tanh(heard::<V>(at, key, query, place, location));
                let sum = &mut d_energy[at..];
                squashed.mul_add(d_sum, V::read(sum, 0.0)).write(sum);
                let through = one.sub(squashed.mul(squashed)).mul(V::read(&energy[at..], 0.0)).mul(d_sum);
                through.write(&mut passed[at..]);
            }
            add::<V>(d_query, 1.0, passed);
            add::<V>(d_key, 1.0, passed);
            let rows = location.chunks_exact(width).zip(d_location.chunks_exact_mut(width));
            for ((place, d_place), (row, d_row)) in place.iter().zip(d_place).zip(rows) {
                *d_place = dot::<V>(passed, row);
                add::<V>(d_row, *place, passed);
            }
        }
    }
}
