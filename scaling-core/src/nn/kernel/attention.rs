//! Attention of one query to the positions of one source: S positions of D values.

use super::activation::exp;
use super::lanes::{Kernel, Lanes, dispatch};

/// Turns the query into the shares of the positions, [S], and into their context, [D].
pub(super) fn attend(memory: &[f32], query: &[f32], shares: &mut [f32], context: &mut [f32]) {
    dispatch(Attend { memory, query, shares, context });
}

/// The gradients of the query and of the memory, given that of the context; the latter is added to.
pub(super) fn attend_back(
    memory: &[f32],
    query: &[f32],
    shares: &[f32],
    d_context: &[f32],
    d_memory: &mut [f32],
    d_query: &mut [f32],
) {
    dispatch(AttendBack { memory, query, shares, d_context, d_memory, d_query });
}

/// The inner product.
#[inline(always)]
pub(super) fn dot<V: Lanes>(a: &[f32], b: &[f32]) -> f32 {
    let mut sum = V::splat(0.0);
    for (a, b) in a.chunks(V::LANES).zip(b.chunks(V::LANES)) {
        sum = V::read(a, 0.0).mul_add(V::read(b, 0.0), sum);
    }
    sum.fold(|a, b| a + b)
}

/// `out += factor values`.
#[inline(always)]
pub(super) fn add<V: Lanes>(out: &mut [f32], factor: f32, values: &[f32]) {
    let factor = V::splat(factor);
    for (out, values) in out.chunks_mut(V::LANES).zip(values.chunks(V::LANES)) {
        V::read(values, 0.0).mul_add(factor, V::read(out, 0.0)).write(out);
    }
}

/// Turns scores, of which `largest` is the largest, into shares, [S], and these into their context, [D].
#[inline(always)]
pub(super) fn weigh<V: Lanes>(largest: f32, memory: &[f32], shares: &mut [f32], context: &mut [f32]) {
    let mut total = V::splat(0.0);
    for part in shares.chunks_mut(V::LANES) {
        let value = exp(V::read(part, f32::NEG_INFINITY).sub(V::splat(largest)));
        value.write(part);
        // Lanes beyond the end hold e^-87, not 0.
        total = total.add(V::read(part, 0.0));
    }
    let total = total.fold(|a, b| a + b);
    context.fill(0.0);
    for (share, position) in shares.iter_mut().zip(memory.chunks_exact(context.len())) {
        *share /= total;
        add::<V>(context, *share, position);
    }
}

struct Attend<'a> {
    memory: &'a [f32],
    query: &'a [f32],
    shares: &'a mut [f32],
    context: &'a mut [f32],
}

impl Kernel for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { memory, query, shares, context } = self;
        let width = query.len();
        let mut largest = f32::NEG_INFINITY;
        for (share, position) in shares.iter_mut().zip(memory.chunks_exact(width)) {
            *share = dot::<V>(position, query);
            largest = largest.max(*share);
        }
        weigh::<V>(largest, memory, shares, context);
    }
}

struct AttendBack<'a> {
    memory: &'a [f32],
    query: &'a [f32],
    shares: &'a [f32],
    d_context: &'a [f32],
    d_memory: &'a mut [f32],
    d_query: &'a mut [f32],
}

impl Kernel for AttendBack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { memory, query, shares, d_context, d_memory, d_query } = self;
        let width = query.len();
        // sum_j a_j (dctx . H_j) = dctx . ctx; with it every position can be done by itself.
        let positions = || shares.iter().zip(memory.chunks_exact(width));
        let mean: f32 = positions().map(|(share, position)| share * dot::<V>(d_context, position)).sum();
        d_query.fill(0.0);
        for ((share, position), d_position) in positions().zip(d_memory.chunks_exact_mut(width)) {
            let d_score = share * (dot::<V>(d_context, position) - mean);
            add::<V>(d_query, d_score, position);
            add::<V>(d_position, *share, d_context);
            add::<V>(d_position, d_score, query);
        }
    }
}
