//! A training step differentiated by LibTorch as a whole.
//!
//! Node by node, burn's backward pass would enter libtorch's once per operation, and every entry costs a hand-over
//! between threads: on a GPU more than the arithmetic. So libtorch records everything from the parameters to the
//! objective, the fused operations and burn's own alike, and runs backwards once. burn records beside it, which keeps
//! it from writing into what libtorch still needs; its own backward pass is never run.

use burn::backend::libtorch::TchTensor;
use burn::backend::{Autodiff, LibTorch};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use tch::Tensor as Torch;

/// The parameters from which libtorch records.
pub(crate) struct Tape {
    /// In the order in which the model visits its parameters; none for what is not trained.
    leaves: Vec<Option<Torch>>,
    /// The parameter of the fewest values, flat: burn's graph is reached from it.
    smallest: Option<Tensor<1>>,
}

impl Tape {
    /// Begins to record what is computed from the parameters of a model; none if it is not on LibTorch.
    pub(crate) fn record<M: Module>(model: &M) -> Option<Self> {
        if !model.devices().iter().all(super::serves) {
            return None;
        }
        let mut tape = Self { leaves: Vec::new(), smallest: None };
        model.visit(&mut tape);
        Some(tape)
    }

    /// The gradients of all parameters by an objective [1], flat, in the order in which the model visits them.
    pub(crate) fn gradients(self, objective: Tensor<1>) -> Vec<Option<Tensor<1>>> {
        let wanted: Vec<&Torch> = self.leaves.iter().flatten().collect();
        let mut found =
            Torch::run_backward(&[primitive(objective).tensor], &wanted, false, false).into_iter();
        let leaves = self.leaves.iter().map(|leaf| leaf.as_ref().and_then(|_| found.next()));
        let defined = |gradient: Torch| gradient.defined().then(|| flat(&gradient));
        let gradients = leaves.map(|gradient| gradient.and_then(defined)).collect();
        // burn lets go of the nodes of a graph only after a backward pass through some part of it.
        if let Some(smallest) = self.smallest {
            let _ = tch::no_grad(|| smallest.narrow(0, 0, 1).backward());
        }
        gradients
    }
}

impl ModuleVisitor for Tape {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let trained = value.is_require_grad();
        // A handle of the same tensor, of which libtorch knows from here on that it is a leaf.
        self.leaves.push(trained.then(|| primitive(value.clone()).tensor.set_requires_grad(true)));
        let n = value.shape().num_elements();
        if trained && self.smallest.as_ref().is_none_or(|smallest| n < smallest.dims()[0]) {
            self.smallest = Some(tch::no_grad(|| value.reshape([n])));
        }
    }
}

/// The tensor behind a handle of burn's, on a device with autodiff.
fn primitive<const D: usize>(tensor: Tensor<D>) -> TchTensor {
    match tensor.try_into_primitive::<Autodiff<LibTorch>>() {
        Ok(tracked) => tracked.into_primitive(),
        Err(error) => unreachable!("a tensor of LibTorch with autodiff: {error:?}"),
    }
}

fn flat(gradient: &Torch) -> Tensor<1> {
    Tensor::from_primitive::<LibTorch>(TchTensor::new(gradient.reshape([-1])))
}

/// The same values, through which neither burn nor libtorch differentiates.
pub(crate) fn detach<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    let tensor = tensor.detach();
    match tensor.clone().try_into_primitive::<Autodiff<LibTorch>>() {
        Ok(tracked) => {
            let primitive = tracked.into_primitive();
            let detached = super::alias(primitive.tensor.detach(), &primitive);
            Tensor::from_inner(Tensor::from_primitive::<LibTorch>(detached))
        }
        Err(_) => tensor,
    }
}
