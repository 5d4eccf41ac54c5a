//! The table that turns symbols into vectors.

use burn::tensor::{Int, Tensor};

/// Looks up the rows of `weight` [V, E] for `ids` [T, B] (values below V): [T, B, E].
///
/// # Panics
/// On the CPU backend, if an id is not below V.
pub fn embedding(weight: Tensor<2>, ids: Tensor<2, Int>) -> Tensor<3> {
    let ([steps, batch], [_, width]) = (ids.dims(), weight.dims());
    weight.select(0, ids.reshape([steps * batch])).reshape([steps, batch, width])
}
