//! Recurrent highway networks, of which libtorch has none.

use super::dims;
use super::ragged::SATURATED;
use tch::Tensor;

/// States of all steps, [T, B, H], of x [T, B, I], s0 [B, H], w_input [I, 2 H], recurrent [L, H, 2 H] and
/// bias [L, 2 H]. Three kernels and a product per sub-layer; libtorch's graph allows none in place.
pub(super) fn plain([x, s0, w_input, recurrent, bias]: [&Tensor; 5]) -> Tensor {
    let [steps, batch, _] = dims(x);
    let (recurrent, bias) = (recurrent.unbind(0), bias.unbind(0));
    let projected = bias[0].addmm(&x.flatten(0, 1), w_input).view([steps, batch, -1]).unbind(0);
    let mut s = s0.shallow_clone();
    let mut y = Vec::with_capacity(projected.len());
    for first in &projected {
        for (l, weight) in recurrent.iter().enumerate() {
            let offset = if l == 0 { first } else { &bias[l] };
            let gates = offset.addmm(&s, weight).chunk(2, 1);
            s = s.lerp_tensor(&gates[0].tanh(), &gates[1].sigmoid());
        }
        y.push(s.shallow_clone());
    }
    Tensor::stack(&y, 0)
}

/// As [`plain`], with fewer kernels for a GPU, which waits for the host: a sub-layer
/// `s + sigmoid(t) (tanh(c) - s)` is a GRU cell whose reset gate is held open and whose update gate is what `t`
/// leaves.
pub(super) fn by_gru_cells([x, s0, w_input, recurrent, bias]: [&Tensor; 5]) -> Tensor {
    let [steps, batch, _] = dims(x);
    // The biases are the weights of an input that is 1.
    let one = x.new_ones([steps, batch, 1], (x.kind(), x.device()));
    let bias = of_gates(bias, SATURATED).unsqueeze(1);
    let first = Tensor::cat(&[of_gates(w_input, 0.0), bias.select(0, 0)], 0);
    let others = bias.transpose(1, 2).unbind(0);
    let recurrent = of_gates(recurrent, 0.0).transpose(1, 2).unbind(0);
    let (x, first, one) = (Tensor::cat(&[x, &one], 2).unbind(0), first.tr(), one.select(0, 0));
    let mut s = s0.shallow_clone();
    let mut y = Vec::with_capacity(x.len());
    for x in &x {
        for (l, weight) in recurrent.iter().enumerate() {
            let (input, of_input) = if l == 0 { (x, &first) } else { (&one, &others[l]) };
            s = input.gru_cell(&s, of_input, weight, None::<&Tensor>, None::<&Tensor>);
        }
        y.push(s.shallow_clone());
    }
    Tensor::stack(&y, 0)
}

/// Columns for candidate and transform gate, [.., 2 H], as those for a GRU's reset gate, update gate and
/// candidate, [.., 3 H].
fn of_gates(columns: &Tensor, reset: f64) -> Tensor {
    let parts = columns.chunk(2, -1);
    Tensor::cat(&[parts[0].full_like(reset), -&parts[1], parts[0].shallow_clone()], -1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn a_highway_is_a_gru_that_reads_all_of_its_state() {
        tch::manual_seed(1);
        let options = (Kind::Float, Device::Cpu);
        let random = |shape: &[i64]| (Tensor::rand(shape, options) * 2 - 1).detach().set_requires_grad(true);
        for [steps, batch, input, hidden, depth] in [[1, 1, 1, 1, 1], [4, 3, 2, 5, 3]] {
            let given = [
                random(&[steps, batch, input]),
                random(&[batch, hidden]),
                random(&[input, 2 * hidden]),
                random(&[depth, hidden, 2 * hidden]),
                random(&[depth, 2 * hidden]),
            ];
            let upstream = Tensor::rand([steps, batch, hidden], options);
            let [plain, gru] = [plain, by_gru_cells].map(|run| {
                let y = run(given.each_ref());
                let gradients =
                    Tensor::run_backward(&[(&y * &upstream).sum(Kind::Float)], &given, false, false);
                std::iter::once(y).chain(gradients).collect::<Vec<_>>()
            });
            for (a, b) in plain.iter().zip(&gru) {
                assert!(a.allclose(b, 1e-5, 1e-6, false), "{a} {b}");
            }
        }
    }
}
