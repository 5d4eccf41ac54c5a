//! PyTorch's own layers and autograd as the reference of a whole model.

use burn::module::Module;
use burn::tensor::Tensor;
use scaling_core::neural::{Optimizer, export};
use scaling_core::nn::Lookup;
use scaling_core::trial::{Optimization, Weights};
use std::collections::BTreeMap;
use tch::{Kind, Tensor as Torch};

/// The parameters as leaves of libtorch's graph, by their paths in the module.
pub(crate) struct Parameters(BTreeMap<String, Torch>);

impl Parameters {
    fn of(weights: &Weights) -> Self {
        let leaf = |name: &str| {
            let array = weights.get(name).expect("an array that was listed");
            let shape: Vec<i64> = array.shape.iter().map(|n| *n as i64).collect();
            Torch::from_slice(&array.values).view(shape.as_slice()).set_requires_grad(true)
        };
        Self(weights.names().map(|name| (name.to_owned(), leaf(name))).collect())
    }

    pub(crate) fn get(&self, name: &str) -> &Torch {
        self.0.get(name).unwrap_or_else(|| panic!("no parameter {name} in {:?}", self.0.keys()))
    }
}

/// Asserts that a model's loss, [1], and the gradients of all its parameters are those of PyTorch's loss with
/// the same parameters. `lookups` are those that the loss made.
pub(crate) fn assert_like<M: Module>(
    model: M,
    loss: &Tensor<1>,
    lookups: &[Lookup],
    reference: impl FnOnce(&Parameters) -> Torch,
    what: &str,
) {
    let weights = export(&model);
    let parameters = Parameters::of(&weights);
    let want = reference(&parameters).sum(Kind::Float);
    let leaves: Vec<&Torch> = parameters.0.values().collect();
    let gradients = Torch::run_backward(&[&want], &leaves, false, false);
    let got = f64::from(loss.clone().inner().into_scalar::<f32>());
    let want = want.double_value(&[]);
    assert!((got / want - 1.0).abs() < 1e-5, "{what}: {got} for {want}");

    // A step of plain gradient descent at rate 1 shows every gradient, looked-up rows included.
    let mut optimizer = Optimizer::new(&Optimization::one_pass("sgd", 1.0, 1, 0.0));
    let after = export(&optimizer.step(model, &mut loss.backward(), lookups, 0, 1.0));
    for (name, want) in parameters.0.keys().zip(gradients) {
        let want: Vec<f32> = Vec::try_from(want.flatten(0, -1)).expect("floats");
        let before = &weights.get(name).expect("a parameter").values;
        let after = &after.get(name).expect("a parameter").values;
        let largest = want.iter().fold(1e-2f32, |a, b| a.max(b.abs()));
        for ((before, after), want) in before.iter().zip(after).zip(want) {
            let got = before - after;
            assert!((got - want).abs() < 1e-4 * largest, "{what} {name}: {got} for {want}");
        }
    }
}
