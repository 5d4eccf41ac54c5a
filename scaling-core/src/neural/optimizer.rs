//! SGD and Adam with clipping by the global norm.
//!
//! Our own because a resumed trial must continue with the same bits: the state is plain arrays,
//! and everything else is a function of the update's number.

use super::parameters::{Path, values};
use crate::error::{Error, Result};
use crate::trial::{Optimization, Weights};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};
use std::collections::BTreeMap;

/// Adam's decay rates (Kingma and Ba 2015).
const BETA: (f64, f64) = (0.9, 0.999);
/// Adam's denominator offset (MODELS 3).
const EPSILON: f64 = 1e-8;

/// Values that are summed at once when the norm is taken.
const PIECE: usize = 1 << 20;

/// First and second moment of one parameter, flattened.
type Moments = (Tensor<1>, Tensor<1>);

/// An optimiser and its state.
pub struct Optimizer {
    adam: bool,
    clip: f64,
    epsilon: f64,
    moments: BTreeMap<String, Moments>,
}

impl Optimizer {
    /// Without state.
    #[must_use]
    pub fn new(optimization: &Optimization) -> Self {
        Self {
            adam: optimization.optimizer == "adam",
            clip: optimization.clip,
            epsilon: EPSILON,
            moments: BTreeMap::new(),
        }
    }

    /// Applies update number `step` (from 0) at a learning rate.
    ///
    /// The gradient is scaled by min(1, clip / norm) first, norm being that of all gradients together.
    pub fn step<M: Module>(&mut self, model: M, gradients: &mut Gradients, step: u64, rate: f64) -> M {
        let mut collect = Collect { gradients, flat: Vec::new() };
        model.visit(&mut collect);
        let flat = collect.flat;
        let scale = clip_scale(&flat, self.clip);
        let mut update =
            Update { optimizer: self, path: Path::default(), flat: flat.into_iter(), scale, step, rate };
        model.map(&mut update)
    }

    /// The state as named arrays.
    #[must_use]
    pub fn state(&self) -> Weights {
        let mut state = Weights::default();
        for (name, (first, second)) in &self.moments {
            for (kind, tensor) in [("first", first), ("second", second)] {
                let data = values(tensor.clone());
                state.insert(format!("{name}/{kind}"), &[data.len()], data);
            }
        }
        state
    }

    /// Puts back what [`Optimizer::state`] returned, for the parameters of `model`.
    ///
    /// # Errors
    /// If a moment is missing.
    pub fn restore<M: Module>(&mut self, state: &Weights, model: &M) -> Result<()> {
        self.moments.clear();
        let names: Vec<&str> = state.names().filter_map(|name| name.strip_suffix("/first")).collect();
        let Some(device) = model.devices().into_iter().next() else { return Ok(()) };
        for name in names {
            let load = |kind: &str| -> Result<Tensor<1>> {
                let array = state
                    .get(&format!("{name}/{kind}"))
                    .ok_or_else(|| Error::input(format!("checkpoint: `{name}/{kind}` is missing")))?;
                let data = TensorData::new(array.values.clone(), array.shape.clone());
                Ok(Tensor::from_data(data, &device).inner())
            };
            self.moments.insert(name.to_owned(), (load("first")?, load("second")?));
        }
        Ok(())
    }
}

/// min(1, clip / norm) as a tensor, [1], so that no device has to wait for it; none without clipping.
fn clip_scale(flat: &[Option<Tensor<1>>], clip: f64) -> Option<Tensor<1>> {
    if clip <= 0.0 {
        return None;
    }
    // Pieces small enough that the backend sums each in one fixed order, whatever the threads.
    let squares = flat.iter().flatten().flat_map(|g| {
        let [n] = g.dims();
        (0..n).step_by(PIECE).map(move |at| g.clone().narrow(0, at, PIECE.min(n - at)).square().sum())
    });
    let norm = squares.reduce(|a, b| a + b)?.sqrt();
    Some((norm + 1e-30).recip().mul_scalar(clip).clamp_max(1.0))
}

struct Collect<'a> {
    gradients: &'a mut Gradients,
    flat: Vec<Option<Tensor<1>>>,
}

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad_remove(self.gradients);
        self.flat.push(gradient.map(|g| {
            let n = g.shape().num_elements();
            g.reshape([n])
        }));
    }
}

struct Update<'a> {
    optimizer: &'a mut Optimizer,
    path: Path,
    flat: std::vec::IntoIter<Option<Tensor<1>>>,
    scale: Option<Tensor<1>>,
    step: u64,
    rate: f64,
}

impl Update<'_> {
    /// What is subtracted from the parameter.
    fn change(&mut self, gradient: Tensor<1>) -> Tensor<1> {
        if !self.optimizer.adam {
            return match &self.scale {
                Some(scale) => gradient * scale.clone().mul_scalar(self.rate),
                None => gradient.mul_scalar(self.rate),
            };
        }
        let gradient = match &self.scale {
            Some(scale) => gradient * scale.clone(),
            None => gradient,
        };
        let name = self.path.name();
        let (first, second) = self
            .optimizer
            .moments
            .remove(&name)
            .unwrap_or_else(|| (gradient.zeros_like(), gradient.zeros_like()));
        let first = first.mul_scalar(BETA.0) + gradient.clone().mul_scalar(1.0 - BETA.0);
        let second = second.mul_scalar(BETA.1) + gradient.square().mul_scalar(1.0 - BETA.1);
        let t = (self.step + 1) as f64;
        let (bias1, bias2) = (1.0 - BETA.0.powf(t), 1.0 - BETA.1.powf(t));
        let denominator = second.clone().div_scalar(bias2).sqrt().add_scalar(self.optimizer.epsilon);
        let change = (first.clone() / denominator).mul_scalar(self.rate / bias1);
        self.optimizer.moments.insert(name, (first, second));
        change
    }
}

impl ModuleMapper for Update<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(Some(gradient)) = self.flat.next() else { return param };
        let change = self.change(gradient);
        param.map(|value| {
            let shape = value.dims();
            Tensor::from_inner(value.inner() - change.reshape(shape)).require_grad()
        })
    }
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[derive(Module, Debug)]
    struct Two {
        a: Param<Tensor<1>>,
        b: Param<Tensor<1>>,
    }

    fn two(a: &[f32], b: &[f32]) -> Two {
        let device = Device::flex().autodiff();
        Two { a: Param::from_data(a, &device), b: Param::from_data(b, &device) }
    }

    fn optimizer(kind: &str, clip: f64) -> Optimizer {
        Optimizer::new(&Optimization {
            optimizer: kind.into(),
            rate: 0.0,
            batch: 1,
            schedule: "constant".into(),
            drops: 0,
            stall: 1,
            patience: 1,
            epochs: 1,
            clip,
        })
    }

    /// MODELS 7.2: gradients (3, 4) and (12) have norm 13.
    #[test]
    fn the_global_norm_is_clipped() {
        for (clip, expected) in [
            (10.0, [2.307_692_31, 3.076_923_08, 9.230_769_23]),
            (5.0, [1.153_846_15, 1.538_461_54, 4.615_384_62]),
            (20.0, [3.0, 4.0, 12.0]),
        ] {
            let model = two(&[0.0, 0.0], &[0.0]);
            let device = Device::flex().autodiff();
            let slope = Tensor::<1>::from_floats([3.0, 4.0], &device);
            let objective = (model.a.val() * slope).sum() + model.b.val().mul_scalar(12.0).sum();
            let mut gradients = objective.backward();
            let model = optimizer("sgd", clip).step(model, &mut gradients, 0, 1.0);
            let change: Vec<f32> = values(model.a.val()).into_iter().chain(values(model.b.val())).collect();
            for (got, want) in change.iter().zip(expected) {
                assert!((got + want).abs() < 1e-6, "clip {clip}: {change:?}");
            }
        }
    }

    #[test]
    fn the_norm_is_the_same_bits_for_any_number_of_threads() {
        let mut random = crate::random::Random::new("norm", &[]);
        let gradient: Vec<f32> = (0..5_000_000).map(|_| random.uniform() as f32).collect();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| {
                let gradient = Tensor::from_floats(gradient.as_slice(), &Device::flex());
                values(clip_scale(&[Some(gradient)], 1.0).expect("a scale"))[0].to_bits()
            })
        };
        let one = with(1);
        assert!((2..=3).all(|threads| with(threads) == one));
    }

    /// MODELS 7.2: g = 2 theta, theta_0 = 1, eta = 1e-3; epsilon 1e-9 there.
    #[test]
    fn adam_follows_the_specification() {
        let mut optimizer = optimizer("adam", 0.0);
        optimizer.epsilon = 1e-9;
        let mut model = two(&[1.0], &[1.0]);
        for (step, want) in [0.999_000_000_000_5, 0.998_000_026_2, 0.997_000_096_1].into_iter().enumerate() {
            let objective = model.a.val().square().sum() + model.b.val().square().sum();
            let mut gradients = objective.backward();
            model = optimizer.step(model, &mut gradients, step as u64, 1e-3);
            assert!((f64::from(values(model.a.val())[0]) - want).abs() < 1e-6);
            // A round trip through a checkpoint in between changes nothing.
            let state = optimizer.state();
            optimizer.restore(&state, &model).unwrap();
            assert_eq!(optimizer.state(), state);
        }
    }
}
