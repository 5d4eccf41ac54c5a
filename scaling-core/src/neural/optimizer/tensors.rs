//! Updates in tensor operations, for any device.

use super::gradient::{Gradient, Moments};
use crate::nn::update::AdamUpdate;
use burn::tensor::{IndexingUpdateOp, Int, Tensor};

/// Values that are summed at once when the norm is taken: few enough that a backend sums each piece in
/// one fixed order, whatever the threads.
const PIECE: usize = 1 << 20;

/// A gradient on the device of its parameter.
pub(super) struct OnDevice(Tensor<1>);

impl OnDevice {
    fn scaled(self, factor: Option<&Tensor<1>>) -> Tensor<1> {
        match factor {
            Some(factor) => self.0 * factor.clone(),
            None => self.0,
        }
    }
}

impl Gradient for OnDevice {
    /// [1], so that no device has to wait for it.
    type Factor = Tensor<1>;

    fn dense(gradient: Tensor<1>) -> Self {
        Self(gradient)
    }

    fn looked_up(ids: Tensor<1, Int>, vectors: Tensor<2>, rows: usize) -> Self {
        let [_, width] = vectors.dims();
        let table = Tensor::<2>::zeros([rows, width], &vectors.device());
        Self(table.select_assign(0, ids, vectors, IndexingUpdateOp::Add).reshape([rows * width]))
    }

    fn clip<'a>(all: impl Iterator<Item = &'a Self>, clip: f64) -> Option<Tensor<1>> {
        let squares = all.flat_map(|OnDevice(g)| {
            let [n] = g.dims();
            (0..n).step_by(PIECE).map(move |at| g.clone().narrow(0, at, PIECE.min(n - at)).square().sum())
        });
        let norm = squares.reduce(|a, b| a + b)?.sqrt();
        let infinite = norm.clone() - norm.clone();
        Some((norm + 1e-30).recip().mul_scalar(clip).clamp_max(1.0) + infinite)
    }

    fn descend(self, value: Tensor<1>, rate: f64, factor: Option<&Tensor<1>>) -> Tensor<1> {
        match factor {
            Some(factor) => value - self.0 * factor.clone().mul_scalar(rate),
            None => value - self.0.mul_scalar(rate),
        }
    }

    fn accelerate(
        self,
        value: Tensor<1>,
        velocity: Option<Tensor<1>>,
        rate: f64,
        momentum: f64,
        factor: Option<&Tensor<1>>,
    ) -> (Tensor<1>, Tensor<1>) {
        let gradient = self.scaled(factor);
        let velocity = match velocity {
            Some(velocity) => velocity.mul_scalar(momentum) + gradient.clone(),
            None => gradient.clone(),
        };
        // Two subtractions, so that all but one of the operations can work in place.
        let value = value - gradient.mul_scalar(rate);
        (value - velocity.clone().mul_scalar(rate * momentum), velocity)
    }

    fn adapt(
        self,
        value: Tensor<1>,
        moments: Option<Moments>,
        update: AdamUpdate,
        factor: Option<&Tensor<1>>,
    ) -> (Tensor<1>, Moments) {
        let AdamUpdate { beta, bias, epsilon, rate } = update;
        let gradient = self.scaled(factor);
        let [first, second] = moments.unwrap_or_else(|| [gradient.zeros_like(), gradient.zeros_like()]);
        let first = first.mul_scalar(beta.0) + gradient.clone().mul_scalar(1.0 - beta.0);
        let second = second.mul_scalar(beta.1) + gradient.square().mul_scalar(1.0 - beta.1);
        let denominator = second.clone().div_scalar(bias.1).sqrt().add_scalar(epsilon);
        let change = (first.clone() / denominator).mul_scalar(rate / bias.0);
        (value - change, [first, second])
    }
}
