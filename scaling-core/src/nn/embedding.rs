//! The table that turns symbols into vectors.

use burn::module::{Param, ParamId};
use burn::tensor::{Int, Tensor};

/// What the optimiser must know to train the rows that a step looked up.
///
/// Differentiated is what was looked up, not the table, so that rows which do not occur cost nothing.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// Which table, [V, E].
    pub table: ParamId,
    /// The rows, [N].
    pub ids: Tensor<1, Int>,
    /// Their values, [N, E]: leaves of the autodiff graph.
    pub vectors: Tensor<2>,
}

/// Looks up the rows of `table` [V, E] for `ids` [T, B] (values below V): [T, B, E]. While training, the
/// [`Lookup`] goes to the optimiser: the table itself gets no gradient.
///
/// # Panics
/// On the CPU backend, if an id is not below V.
pub fn embedding(table: &Param<Tensor<2>>, ids: Tensor<2, Int>) -> (Tensor<3>, Option<Lookup>) {
    let ([steps, batch], weight) = (ids.dims(), table.val());
    let [_, width] = weight.dims();
    let ids = ids.reshape([steps * batch]);
    if !weight.is_require_grad() {
        return (weight.select(0, ids).reshape([steps, batch, width]), None);
    }
    let vectors = Tensor::from_inner(weight.inner().select(0, ids.clone().inner())).require_grad();
    let lookup = Lookup { table: table.id, ids, vectors: vectors.clone() };
    (vectors.reshape([steps, batch, width]), Some(lookup))
}
