//! What the optimiser asks of a gradient, whatever the device, and where gradients come from.

use crate::nn::Lookup;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Int, Tensor};
use std::marker::PhantomData;

/// First and second moment of one parameter, flattened.
pub(super) type Moments = (Tensor<1>, Tensor<1>);

/// What Adam does in one update (Kingma and Ba 2015, section 2, the efficient form).
#[derive(Debug, Clone, Copy)]
pub(super) struct AdamUpdate {
    /// Decay of the first and second moment.
    pub(super) beta: (f64, f64),
    /// 1 - beta^t of both.
    pub(super) bias: (f64, f64),
    pub(super) epsilon: f64,
    pub(super) rate: f64,
}

/// The gradient of one parameter. Parameters and gradients are flattened.
pub(super) trait Gradient: Sized {
    /// What all gradients are multiplied by.
    type Factor;

    /// Of all values.
    fn dense(gradient: Tensor<1>) -> Self;
    /// Of a table with this many rows, of which `ids` [N] were looked up as `vectors` [N, width].
    fn looked_up(ids: Tensor<1, Int>, vectors: Tensor<2>, rows: usize) -> Self;
    /// min(1, clip / norm), norm being that of all gradients together.
    fn clip<'a>(all: impl Iterator<Item = &'a Self>, clip: f64) -> Self::Factor
    where
        Self: 'a;
    /// `value - rate factor gradient`.
    fn descend(self, value: Tensor<1>, rate: f64, factor: Option<&Self::Factor>) -> Tensor<1>;
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
        let found = match self.lookups.iter().find(|lookup| lookup.table == param.id) {
            Some(lookup) => {
                let rows = param.val().dims()[0];
                let vectors = lookup.vectors.grad_remove(self.gradients);
                vectors.map(|vectors| G::looked_up(lookup.ids.clone().inner(), vectors, rows))
            }
            None => param.val().grad_remove(self.gradients).map(|gradient| {
                let n = gradient.shape().num_elements();
                G::dense(gradient.reshape([n]))
            }),
        };
        self.found.push(found);
    }
}
