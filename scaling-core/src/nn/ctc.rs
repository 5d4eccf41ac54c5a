//! Connectionist temporal classification (Graves et al. 2006): the likelihood of a transcript, whenever its
//! symbols may have been said.

use super::extension;
use super::targets::CtcTargets;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData, activation};

/// What the transcripts cost.
#[derive(Debug, Clone)]
pub struct Ctc {
    /// The sum of all losses by their weights, [1]: what is differentiated. Impossible rows add nothing.
    pub total: Tensor<1>,
    /// The loss -ln p(target) of every row in nats, whatever its weight, [B]; without gradient. Infinite
    /// where the row is too short for its target.
    pub losses: Tensor<1>,
}

/// Softmax and connectionist temporal classification.
///
/// `logits` [T, B, V], `blank` the symbol that stands for none, `weights` [B]: what each loss counts in the
/// total. With y_t the softmax of the logits of step t, and B the map that removes repetitions, then blanks,
///
/// ```text
/// p(target) = sum over all paths a with B(a) = target of the product over t of y_t(a_t)
/// ```
///
/// where t runs over the steps of the row. No gradient flows to the steps beyond, to rows that cannot be
/// aligned, and to the weights. Logits that are not numbers give losses that are not.
///
/// # Panics
/// If the shapes do not fit together or are empty, a length is not between 1 and T, or a symbol is the blank
/// or not below V.
pub fn ctc(logits: Tensor<3>, targets: &CtcTargets, blank: usize, weights: Tensor<1>) -> Ctc {
    let [steps, batch, symbols] = logits.dims();
    assert!(steps > 0 && batch > 0 && blank < symbols, "CTC needs a step, a row and a blank");
    assert_eq!(weights.dims(), [batch], "CTC weights");
    assert_eq!(targets.symbols.len(), batch, "CTC targets");
    super::check_lengths(&targets.lengths, batch, steps, "CTC lengths");
    let known = |symbol: &u16| usize::from(*symbol) < symbols && usize::from(*symbol) != blank;
    assert!(targets.symbols.iter().flatten().all(known), "a CTC target is the blank or no symbol");
    if !extension::available(&logits.device()) {
        return reference(logits, targets, blank, weights);
    }
    #[cfg(feature = "tch")]
    if let Some(found) = super::torch::recorded_ctc(&logits, targets, blank, &weights) {
        return found;
    }
    let out = extension::ctc(logits, weights, targets.clone(), blank);
    Ctc { total: super::narrow(out.clone(), 0, batch, 1), losses: super::detach(out).narrow(0, 0, batch) }
}

/// ln 0, but finite, so that differences of it are numbers.
const NEVER: f32 = -1e30;

/// The losses in plain tensor operations.
///
/// The states of a row are its symbols with a blank before, between and after them, S = 2 U + 1. alpha_t(s)
/// is the likelihood of all ways to be in state s after step t: from the state itself, the one before, or
/// across a blank between different symbols. All start in the first blank, before the first step.
pub(super) fn reference(logits: Tensor<3>, targets: &CtcTargets, blank: usize, weights: Tensor<1>) -> Ctc {
    let ([steps, batch, _], device) = (logits.dims(), logits.device());
    let states = 2 * targets.longest() + 1;
    let symbol = |b: usize, s: usize| {
        let target = targets.symbols[b].get(s / 2).filter(|_| s % 2 == 1);
        target.map_or(blank, |symbol| usize::from(*symbol))
    };
    let either = |holds: &dyn Fn(usize, usize) -> bool| table(batch, states, &device, holds);
    let start = either(&|_, s| s == 0);
    let skips = either(&|b, s| s % 2 == 1 && s > 1 && symbol(b, s) != symbol(b, s - 2));
    let ends = either(&|b, s| (s + 1..=s + 2).contains(&(2 * targets.symbols[b].len() + 1)));

    let symbols: Vec<i64> = (0..batch * states).map(|at| symbol(at / states, at % states) as i64).collect();
    let symbols = Tensor::<3, Int>::from_data(TensorData::new(symbols, [1, batch, states]), &device);
    let said = activation::log_softmax(logits, 2).gather(2, symbols.repeat_dim(0, steps));

    let never = |width: usize| Tensor::<2>::full([batch, width], NEVER, &device);
    let mut alpha = start;
    for t in 0..steps {
        let padded = Tensor::cat(vec![never(2), alpha.clone()], 1);
        let before = |count: usize| padded.clone().narrow(1, 2 - count, states);
        let ways = Tensor::stack::<3>(vec![alpha.clone(), before(1), before(2) + skips.clone()], 2);
        let next =
            log_sum(ways, 2).reshape([batch, states]) + said.clone().narrow(0, t, 1).reshape([batch, states]);
        let over: Vec<bool> = targets.lengths.iter().map(|length| t >= *length).collect();
        let over = Tensor::<2, Bool>::from_data(TensorData::new(over, [batch, 1]), &device);
        alpha = next.mask_where(over.expand([batch, states]), alpha);
    }
    let losses = log_sum(alpha + ends, 1).reshape([batch]).neg();
    let impossible = losses.clone().detach().greater_elem(-0.5 * NEVER);
    let total = (losses.clone().mask_fill(impossible.clone(), 0.0) * weights).sum();
    Ctc { total, losses: losses.detach().mask_fill(impossible, f32::INFINITY) }
}

/// 0 where something holds, ln 0 elsewhere, of every row and state: [B, S].
fn table(batch: usize, states: usize, device: &Device, holds: &dyn Fn(usize, usize) -> bool) -> Tensor<2> {
    let value = |at: usize| if holds(at / states, at % states) { 0.0 } else { NEVER };
    let values: Vec<f32> = (0..batch * states).map(value).collect();
    Tensor::from_data(TensorData::new(values, [batch, states]), device)
}

/// ln of the sum of e^x along a dimension, which stays with length 1.
fn log_sum<const D: usize>(x: Tensor<D>, dim: usize) -> Tensor<D> {
    let largest = x.clone().detach().max_dim(dim);
    (x - largest.clone()).exp().sum_dim(dim).log() + largest
}
