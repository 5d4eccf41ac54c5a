//! Connectionist temporal classification on slices: T steps, B rows, V symbols.
//!
//! The states of a row are its U symbols with a blank before, between and after them. alpha_t(s) is the
//! likelihood of all ways from the start to state s at step t, beta_t(s) of all ways from there to the end
//! (Graves et al. 2006, section 4.1; here beta leaves out step t itself). Both are logarithms in double
//! precision, so no length and no confidence of the model underflows.

use super::blocks::{Block, split};
use super::lanes::dispatch;
use super::softmax::Exponentiate;
use rayon::prelude::*;
use std::ops::RangeInclusive;

/// Sizes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) batch: usize,
    pub(crate) symbols: usize,
    /// Below `symbols`.
    pub(crate) blank: usize,
}

/// What goes in.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// [T, B, V].
    pub(crate) logits: &'a [f32],
    /// [B], all below V and none the blank.
    pub(crate) targets: &'a [Vec<u16>],
    /// [B], all between 1 and T.
    pub(crate) lengths: &'a [usize],
}

/// -ln p(target) of every row, [B]: infinite where it cannot be.
pub(crate) fn forward(layout: Layout, inputs: Inputs<'_>) -> Vec<f32> {
    let loss = |row: usize| {
        let mut scratch = vec![0.0; layout.symbols];
        let row = Row::new(layout, inputs, row, |_, logits| softmax(logits, &mut scratch));
        -row.align(|_| {}) as f32
    };
    (0..layout.batch).into_par_iter().map(loss).collect()
}

/// The same, and the gradient of their sum weighted by `weights` [B], without the impossible ones; [T, B, V].
pub(crate) fn differentiate(layout: Layout, inputs: Inputs<'_>, weights: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let mut gradient = vec![0.0; inputs.logits.len()];
    let losses = split(&mut gradient, layout.batch, layout.symbols, 1)
        .into_par_iter()
        .zip(weights)
        .enumerate()
        .map(|(row, (mut gradient, weight))| {
            let row = Row::new(layout, inputs, row, |t, logits| softmax(logits, gradient.step_mut(t)));
            let mut alphas = Vec::with_capacity(row.totals.len() * row.states.len());
            let ln_p = row.align(|alpha| alphas.extend_from_slice(alpha));
            row.differentiate(&alphas, ln_p, *weight, &mut gradient);
            -ln_p as f32
        })
        .collect();
    (losses, gradient)
}

/// Fills `shares` with the softmax of the logits; returns ln of the sum of e^logit.
fn softmax(logits: &[f32], shares: &mut [f32]) -> f64 {
    shares.copy_from_slice(logits);
    let (largest, sum) = dispatch(Exponentiate { row: shares });
    for share in shares {
        *share /= sum;
    }
    f64::from(largest) + f64::from(sum).ln()
}

/// One row of the batch.
struct Row<'a> {
    /// Of the whole batch, from the row's first step on.
    logits: &'a [f32],
    /// From one step to the next.
    stride: usize,
    /// Symbol of every state.
    states: Vec<usize>,
    /// ln of the sum of e^logit, of every step of the row.
    totals: Vec<f64>,
}

impl<'a> Row<'a> {
    /// `total` finds ln of the sum of e^logit at a step.
    fn new(
        layout: Layout,
        inputs: Inputs<'a>,
        row: usize,
        mut total: impl FnMut(usize, &[f32]) -> f64,
    ) -> Self {
        let Layout { batch, symbols, blank } = layout;
        let (logits, stride) = (&inputs.logits[row * symbols..], batch * symbols);
        let symbol = |symbol: &u16| [usize::from(*symbol), blank];
        let states = std::iter::once(blank).chain(inputs.targets[row].iter().flat_map(symbol)).collect();
        let at = |t: usize| total(t, &logits[t * stride..][..symbols]);
        let totals = (0..inputs.lengths[row]).map(at).collect();
        Self { logits, stride, states, totals }
    }

    /// The states at step t from which the end can be reached, and which can be reached; there may be none.
    fn reachable(&self, t: usize) -> RangeInclusive<usize> {
        let (states, left) = (self.states.len(), self.totals.len() - t);
        states.saturating_sub(2 * left)..=(states - 1).min(2 * t + 1)
    }

    /// Whether state `s` can follow the state two before it: there is a blank between, and no need of it.
    fn skips_to(&self, s: usize) -> bool {
        s % 2 == 1 && s > 1 && self.states[s] != self.states[s - 2]
    }

    /// ln of what the softmax gives the symbol of state `s` at step `t`.
    fn ln_share(&self, t: usize, s: usize) -> f64 {
        f64::from(self.logits[t * self.stride + self.states[s]]) - self.totals[t]
    }

    /// ln p(target). Hands ln alpha of every step to `keep`; only that of the reachable states is meant.
    fn align(&self, mut keep: impl FnMut(&[f64])) -> f64 {
        // The maxima below would lose what is not a number.
        if !self.totals.iter().all(|total| total.is_finite()) {
            return f64::NAN;
        }
        let count = self.states.len();
        let mut alpha = vec![f64::NEG_INFINITY; count];
        // Before the first step all are in the first blank.
        alpha[0] = 0.0;
        for t in 0..self.totals.len() {
            // From the last on: every state looks at those before it as they were.
            for s in self.reachable(t).rev() {
                let before = if s > 0 { alpha[s - 1] } else { f64::NEG_INFINITY };
                let skipped = if self.skips_to(s) { alpha[s - 2] } else { f64::NEG_INFINITY };
                alpha[s] = log_sum(alpha[s], before, skipped) + self.ln_share(t, s);
            }
            keep(&alpha);
        }
        // All end in the last blank or the symbol before it.
        let symbol = if count > 1 { alpha[count - 2] } else { f64::NEG_INFINITY };
        log_sum(alpha[count - 1], symbol, f64::NEG_INFINITY)
    }

    /// Turns the softmax at every step into the gradient of the weighted loss in the logits: what the softmax
    /// gives a symbol, less how likely the path is there given the target.
    fn differentiate(&self, alphas: &[f64], ln_p: f64, weight: f32, gradient: &mut Block<'_>) {
        let count = self.states.len();
        if !ln_p.is_finite() {
            let value = if ln_p.is_nan() { f32::NAN } else { 0.0 };
            (0..self.totals.len()).for_each(|t| gradient.step_mut(t).fill(value));
            return;
        }
        let mut occupied = vec![0.0; gradient.step(0).len()];
        // beta and the share of the step, so of the next one when it is read; two states beyond the last.
        let mut beta = vec![f64::NEG_INFINITY; count + 2];
        // After the last step all are in the last blank.
        beta[count - 1] = 0.0;
        for (t, alpha) in alphas.chunks_exact(count).enumerate().rev() {
            occupied.fill(0.0);
            for s in self.reachable(t) {
                let skipped =
                    if s + 2 < count && self.skips_to(s + 2) { beta[s + 2] } else { f64::NEG_INFINITY };
                let onwards = log_sum(beta[s], beta[s + 1], skipped);
                occupied[self.states[s]] += (alpha[s] + onwards - ln_p).exp();
                beta[s] = onwards + self.ln_share(t, s);
            }
            for (value, occupied) in gradient.step_mut(t).iter_mut().zip(&occupied) {
                *value = weight * (f64::from(*value) - occupied) as f32;
            }
        }
    }
}

/// ln(e^a + e^b + e^c). The largest needs no exponential, and what is lost beside it none either.
fn log_sum(a: f64, b: f64, c: f64) -> f64 {
    let (a, b) = if a < b { (b, a) } else { (a, b) };
    let (largest, c) = if a < c { (c, a) } else { (a, c) };
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    let beside = |value: f64| if value < largest - 40.0 { 0.0 } else { (value - largest).exp() };
    largest + (1.0 + beside(b) + beside(c)).ln()
}
