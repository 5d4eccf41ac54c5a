//! A training step recorded and differentiated by LibTorch alone.
//!
//! Node by node, burn's backward pass would enter libtorch's once per operation, and every entry costs a
//! hand-over between threads: on a GPU more than the arithmetic. So the model lives on a device without
//! burn's autodiff, libtorch records everything from the parameters to the objective, the fused operations
//! and burn's own alike, and runs backwards once. Should burn write in place into what libtorch still needs,
//! libtorch refuses to go on.

use super::{alias, fresh, kept, serves};
use burn::backend::LibTorch;
use burn::backend::libtorch::TchTensor;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Int, Tensor};
use tch::Tensor as Torch;

/// Which parameters of a model are trained, in the order in which the model visits them.
pub(crate) struct Tape {
    trained: Vec<bool>,
}

/// A parameter and its gradient, if it is trained.
pub(crate) struct Gradient {
    /// A handle of the parameter.
    pub(super) leaf: Option<Torch>,
    /// Of the parameter's shape; none if the objective does not depend on it.
    pub(super) value: Option<Torch>,
}

impl Gradient {
    /// Whether the parameter is trained.
    pub(crate) fn is_trained(&self) -> bool {
        self.leaf.is_some()
    }
}

impl Tape {
    /// For a model as it was initialised, if it is on LibTorch, and the model without burn's autodiff.
    pub(crate) fn new<M: Module>(model: M) -> (Option<Self>, M) {
        struct Trained(Vec<bool>);
        impl ModuleVisitor for Trained {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                self.0.push(param.val().is_require_grad());
            }
        }
        if !model.devices().iter().all(serves) {
            return (None, model);
        }
        let mut trained = Trained(Vec::new());
        model.visit(&mut trained);
        (Some(Self { trained: trained.0 }), model.valid())
    }

    /// Begins to record what is computed from the parameters of the model.
    pub(crate) fn begin<M: Module>(&self, model: &M) -> Vec<Option<Torch>> {
        struct Leaves<'a> {
            trained: std::slice::Iter<'a, bool>,
            leaves: Vec<Option<Torch>>,
        }
        impl ModuleVisitor for Leaves<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                // The handle is of the same tensor, of which libtorch knows from here on that it is a leaf.
                let trained = self.trained.next() == Some(&true);
                self.leaves.push(trained.then(|| primitive(param.val()).tensor.set_requires_grad(true)));
            }
        }
        let mut leaves = Leaves { trained: self.trained.iter(), leaves: Vec::new() };
        model.visit(&mut leaves);
        leaves.leaves
    }

    /// The gradients of an objective [1] by what [`Tape::begin`] returned.
    pub(crate) fn gradients(leaves: Vec<Option<Torch>>, objective: &Tensor<1>) -> Vec<Gradient> {
        let wanted: Vec<&Torch> = leaves.iter().flatten().collect();
        let objective = primitive(objective.clone()).tensor;
        let mut found = Torch::run_backward(&[objective], &wanted, false, false).into_iter();
        let gradient = |leaf: Option<Torch>| {
            let value = leaf.as_ref().and_then(|_| found.next()).filter(Torch::defined);
            Gradient { leaf, value }
        };
        leaves.into_iter().map(gradient).collect()
    }
}

/// The tensor behind a handle of burn's.
pub(super) fn primitive<const D: usize>(tensor: Tensor<D>) -> TchTensor {
    match tensor.inner().try_into_primitive::<LibTorch>() {
        Ok(primitive) => primitive,
        Err(error) => unreachable!("a tensor of LibTorch: {error:?}"),
    }
}

/// The tensor behind a handle of burn's for integers.
pub(super) fn integers<const D: usize>(tensor: Tensor<D, Int>) -> Torch {
    match tensor.inner().try_into_primitive::<LibTorch>() {
        Ok(primitive) => primitive.tensor,
        Err(error) => unreachable!("integers of LibTorch: {error:?}"),
    }
}

/// The tensor behind a handle of burn's, if libtorch records what is computed from it.
pub(super) fn recorded<const D: usize>(tensor: &Tensor<D>) -> Option<Torch> {
    let primitive = tensor.clone().try_into_primitive::<LibTorch>().ok()?;
    primitive.tensor.requires_grad().then_some(primitive.tensor)
}

/// A piece of a tensor, if libtorch records what is computed from it.
pub(crate) fn narrow<const D: usize>(
    tensor: &Tensor<D>,
    dim: usize,
    start: usize,
    length: usize,
) -> Option<Tensor<D>> {
    if !is_recorded(tensor) {
        return None;
    }
    let whole = primitive(tensor.clone());
    let piece = tch::with_grad(|| whole.tensor.narrow(dim as i64, start as i64, length as i64));
    Some(Tensor::from_primitive::<LibTorch>(kept(alias(piece, &whole))))
}

/// Whether libtorch records what is computed from a tensor.
pub(crate) fn is_recorded<const D: usize>(tensor: &Tensor<D>) -> bool {
    recorded(tensor).is_some()
}

/// A handle of burn's for memory of its own.
pub(super) fn handle<const D: usize>(tensor: Torch) -> Tensor<D> {
    Tensor::from_primitive::<LibTorch>(fresh(tensor))
}

/// A handle of burn's for the values alone of what libtorch has recorded and may need backwards.
pub(super) fn seen<const D: usize>(recorded: &Torch) -> Tensor<D> {
    Tensor::from_primitive::<LibTorch>(kept(TchTensor::new(recorded.detach())))
}

/// The same values, through which neither burn nor libtorch differentiates.
pub(crate) fn detach<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    if !is_recorded(&tensor) {
        return tensor.detach();
    }
    let primitive = primitive(tensor);
    let detached = super::alias(primitive.tensor.detach(), &primitive);
    Tensor::from_primitive::<LibTorch>(detached)
}
