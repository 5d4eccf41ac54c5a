//! The recurrent highway network over a whole sequence (Zilly et al. 2017, equations 6-9).

use super::extension;
use burn::tensor::{Tensor, activation};

/// Runs one recurrent highway layer with coupled gates over a sequence; returns y [T, B, H].
///
/// `x` [T, B, I], `s0` [B, H], `w_input` [I, 2 H], `recurrent` [L, H, 2 H] and `bias` [L, 2 H] for
/// depth L; columns 0..H make the candidate h, columns H..2H the transform gate t. Per step, for
/// l = 1..L and starting from the previous step's last state,
///
/// ```text
/// [h, t] = [l = 1] x_t w_input + s_{l-1} recurrent_l + bias_l
/// s_l    = (tanh(h) - s_{l-1}) sigmoid(t) + s_{l-1}
/// ```
///
/// and y_t = s_L. The state to carry is the last step of y, detached.
///
/// # Panics
/// If the shapes do not fit together or are empty.
pub fn rhn(
    x: Tensor<3>,
    s0: Tensor<2>,
    w_input: Tensor<2>,
    recurrent: Tensor<3>,
    bias: Tensor<2>,
) -> Tensor<3> {
    let ([steps, batch, input], [_, hidden], [depth, ..]) = (x.dims(), s0.dims(), recurrent.dims());
    assert!(steps > 0 && batch > 0 && depth > 0, "an RHN needs a step, a row and a sub-layer");
    assert_eq!(s0.dims(), [batch, hidden], "RHN state");
    assert_eq!(w_input.dims(), [input, 2 * hidden], "RHN input weight");
    assert_eq!(recurrent.dims(), [depth, hidden, 2 * hidden], "RHN recurrent weight");
    assert_eq!(bias.dims(), [depth, 2 * hidden], "RHN bias");
    if extension::available(&x.device()) {
        extension::rhn(x, s0, w_input, recurrent, bias)
    } else {
        reference(x, s0, w_input, recurrent, bias)
    }
}

/// The layer in plain tensor operations: one product for all inputs, one per sub-layer and step.
#[allow(clippy::needless_pass_by_value, reason = "the signature of `rhn`")]
pub(super) fn reference(
    x: Tensor<3>,
    s0: Tensor<2>,
    w_input: Tensor<2>,
    recurrent: Tensor<3>,
    bias: Tensor<2>,
) -> Tensor<3> {
    let ([steps, batch, input], [_, hidden], [depth, ..]) = (x.dims(), s0.dims(), recurrent.dims());
    let projected = x.reshape([steps * batch, input]).matmul(w_input).reshape([steps, batch, 2 * hidden]);
    let layers: Vec<(Tensor<2>, Tensor<2>)> = (0..depth)
        .map(|l| {
            let weight = recurrent.clone().narrow(0, l, 1).reshape([hidden, 2 * hidden]);
            (weight, bias.clone().narrow(0, l, 1))
        })
        .collect();
    let mut s = s0;
    let mut y = Vec::with_capacity(steps);
    for t in 0..steps {
        for (l, (weight, bias)) in layers.iter().enumerate() {
            let mut gates = s.clone().matmul(weight.clone()) + bias.clone();
            if l == 0 {
                gates = gates + projected.clone().narrow(0, t, 1).reshape([batch, 2 * hidden]);
            }
            let candidate = activation::tanh(gates.clone().narrow(1, 0, hidden));
            let transform = activation::sigmoid(gates.narrow(1, hidden, hidden));
            s = (candidate - s.clone()) * transform + s;
        }
        y.push(s.clone());
    }
    Tensor::stack(y, 0)
}
