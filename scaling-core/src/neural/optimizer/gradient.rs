//! What the optimiser asks of a gradient, whatever the device, and where gradients come from.

use crate::nn::Lookup;
use crate::nn::update::AdamUpdate;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, IndexingUpdateOp, Int, Tensor};
use std::marker::PhantomData;

/// First and second moment of one parameter, flattened.
pub(super) type Moments = [Tensor<1>; 2];

/// The gradient of one parameter. Parameters and gradients are flattened.
pub(super) trait Gradient: Sized {
    /// What all gradients are multiplied by.
    type Factor;

    /// Of all values.
    fn dense(gradient: Tensor<1>) -> Self;
    /// Of a table with this many rows, of which `ids` [N] were looked up as `vectors` [N, width].
    fn looked_up(ids: Tensor<1, Int>, vectors: Tensor<2>, rows: usize) -> Self;
    /// min(1, clip / norm), norm being that of all gradients together, if there are any. NaN where the
    /// norm is infinite: a factor of 0 would let a diverged run look like one that learns nothing.
    fn clip<'a>(all: impl Iterator<Item = &'a Self>, clip: f64) -> Option<Self::Factor>
    where
        Self: 'a;
    /// `value - rate factor gradient`.
    fn descend(self, value: Tensor<1>, rate: f64, factor: Option<&Self::Factor>) -> Tensor<1>;
    /// One update with Nesterov's momentum; the velocity starts at zero. `velocity = momentum velocity +
    /// factor gradient`, `value - rate (factor gradient + momentum velocity)`.
    fn accelerate(
        self,
        value: Tensor<1>,
        velocity: Option<Tensor<1>>,
        rate: f64,
        momentum: f64,
        factor: Option<&Self::Factor>,
    ) -> (Tensor<1>, Tensor<1>);
    /// One update of Adam; moments start at zero.
    fn adapt(
        self,
        value: Tensor<1>,
        moments: Option<Moments>,
        update: AdamUpdate,
        factor: Option<&Self::Factor>,
    ) -> (Tensor<1>, Moments);
}

/// The gradients of all parameters, in the order in which the model visits them.
pub(super) fn collect<G: Gradient, M: Module>(
    model: &M,
    gradients: &mut Gradients,
    lookups: &[Lookup],
) -> Vec<Option<G>> {
    let mut collect = Collect { gradients, lookups, found: Vec::new(), kind: PhantomData };
    model.visit(&mut collect);
    collect.found
}

struct Collect<'a, G> {
    gradients: &'a mut Gradients,
    lookups: &'a [Lookup],
    found: Vec<Option<G>>,
    kind: PhantomData<G>,
}

impl<G: Gradient> ModuleVisitor for Collect<'_, G> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // A table may be looked up several times, and be used as a matrix too.
        let of_this = self.lookups.iter().filter(|lookup| lookup.table == param.id);
        let (mut ids, mut vectors) = (Vec::new(), Vec::new());
        for lookup in of_this {
            if let Some(gradient) = lookup.vectors.grad_remove(self.gradients) {
                ids.push(lookup.ids.clone().inner());
                vectors.push(gradient);
            }
        }
        let looked_up = (!ids.is_empty()).then(|| (Tensor::cat(ids, 0), Tensor::cat(vectors, 0)));
        let (n, rows) = (param.val().shape().num_elements(), param.val().dims()[0]);
        let dense = param.val().grad_remove(self.gradients).map(|gradient| gradient.reshape([n]));
        let found = match (dense, looked_up) {
            (dense, None) => dense.map(G::dense),
            (None, Some((ids, vectors))) => Some(G::looked_up(ids, vectors, rows)),
            (Some(dense), Some((ids, vectors))) => {
                let table: Tensor<2> = dense.reshape([rows, n / rows]);
                let table = table.select_assign(0, ids, vectors, IndexingUpdateOp::Add);
                Some(G::dense(table.reshape([n])))
            }
        };
        self.found.push(found);
    }
}
