//! SGD, with Nesterov's momentum or without, and Adam, with clipping by the global norm.
//!
//! Our own because a resumed trial must continue with the same bits: the state is plain arrays,
//! and everything else is a function of the update's number.

mod gradient;
mod host;
#[cfg(feature = "tch")]
mod recorded;
mod tensors;

use super::parameters::{Path, export, values};
use crate::error::Result;
use crate::nn::update::AdamUpdate;
use crate::nn::{Lookup, host_kernels};
use crate::trial::{Optimization, Weights};
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Gradients, Tensor, TensorData};
use gradient::{Gradient, collect};
use std::collections::BTreeMap;

/// Adam's decay of the first moment (Kingma and Ba 2015).
const BETA1: f64 = 0.9;
/// Nesterov's momentum (MODELS 1.3).
const MOMENTUM: f64 = 0.9;

/// How a gradient becomes an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Sgd,
    Nesterov,
    Adam,
}

impl Rule {
    /// What it remembers of every parameter.
    fn memory(self) -> &'static [&'static str] {
        match self {
            Self::Sgd => &[],
            Self::Nesterov => &["velocity"],
            Self::Adam => &["first", "second"],
        }
    }
}

/// An optimiser and its state.
pub struct Optimizer {
    rule: Rule,
    clip: f64,
    /// Adam's decay rates and offset.
    beta: (f64, f64),
    epsilon: f64,
    /// By parameter, in the order of [`Rule::memory`].
    memory: BTreeMap<String, Vec<Tensor<1>>>,
    /// In the place of `memory` while LibTorch trains.
    #[cfg(feature = "tch")]
    recorded: Option<recorded::Recorded>,
}

impl Optimizer {
    /// Without state.
    pub fn new(optimization: &Optimization) -> Self {
        Self {
            rule: match optimization.optimizer.as_str() {
                "adam" => Rule::Adam,
                "nesterov" => Rule::Nesterov,
                _ => Rule::Sgd,
            },
            clip: optimization.clip,
            beta: (BETA1, optimization.adam_beta2),
            epsilon: optimization.adam_epsilon,
            memory: BTreeMap::new(),
            #[cfg(feature = "tch")]
            recorded: None,
        }
    }

    /// Applies update number `step` (from 0) at a learning rate.
    ///
    /// The gradient is scaled by min(1, clip / norm) first, norm being that of all gradients together.
    pub fn step<M: Module>(
        &mut self,
        model: M,
        gradients: &mut Gradients,
        lookups: &[Lookup],
        step: u64,
        rate: f64,
    ) -> M {
        if model.devices().iter().all(host_kernels) {
            self.update::<host::InMemory, M>(model, gradients, lookups, step, rate)
        } else {
            self.update::<tensors::OnDevice, M>(model, gradients, lookups, step, rate)
        }
    }

    fn update<G: Gradient, M: Module>(
        &mut self,
        model: M,
        gradients: &mut Gradients,
        lookups: &[Lookup],
        step: u64,
        rate: f64,
    ) -> M {
        let found = collect::<G, M>(&model, gradients, lookups);
        let factor = if self.clip > 0.0 { G::clip(found.iter().flatten(), self.clip) } else { None };
        let gradients = found.into_iter();
        model.map(&mut Update { optimizer: self, path: Path::default(), gradients, factor, step, rate })
    }

    /// What Adam does in update number `step`.
    fn adam(&self, step: u64, rate: f64) -> AdamUpdate {
        let (t, beta) = ((step + 1) as f64, self.beta);
        let bias = (1.0 - beta.0.powf(t), 1.0 - beta.1.powf(t));
        AdamUpdate { beta, bias, epsilon: self.epsilon, rate }
    }

    /// The state as named arrays.
    pub fn state(&self) -> Weights {
        #[cfg(feature = "tch")]
        if let Some(recorded) = &self.recorded {
            return recorded.state(self.rule);
        }
        let mut state = Weights::default();
        for (name, tensors) in &self.memory {
            for (kind, tensor) in self.rule.memory().iter().zip(tensors) {
                let data = values(tensor.clone());
                state.insert(format!("{name}/{kind}"), &[data.len()], data);
            }
        }
        state
    }

    /// Puts back what [`Optimizer::state`] returned, for the parameters of `model`.
    ///
    /// # Errors
    /// If a moment is missing or belongs to another model.
    pub fn restore<M: Module>(&mut self, state: &Weights, model: &M) -> Result<()> {
        self.memory.clear();
        #[cfg(feature = "tch")]
        {
            self.recorded = None;
        }
        let Some(device) = model.devices().into_iter().next() else { return Ok(()) };
        let parameters = export(model);
        for name in parameters.names() {
            // Nothing is there for a parameter that has had no gradient yet.
            if self.rule.memory().iter().all(|kind| state.get(&format!("{name}/{kind}")).is_none()) {
                continue;
            }
            let n = parameters.get(name).map_or(0, |array| array.values.len());
            let load = |kind: &str| -> Result<Tensor<1>> {
                let array = state.expect(&format!("{name}/{kind}"), &[n])?;
                let data = TensorData::new(array.values.clone(), array.shape.clone());
                Ok(Tensor::from_data(data, &device).inner())
            };
            let tensors = self.rule.memory().iter().map(|kind| load(kind)).collect::<Result<_>>()?;
            self.memory.insert(name.to_owned(), tensors);
        }
        Ok(())
    }
}

struct Update<'a, G: Gradient> {
    optimizer: &'a mut Optimizer,
    path: Path,
    gradients: std::vec::IntoIter<Option<G>>,
    factor: Option<G::Factor>,
    step: u64,
    rate: f64,
}

impl<G: Gradient> Update<'_, G> {
    fn apply(&mut self, value: Tensor<1>, gradient: G) -> Tensor<1> {
        let factor = self.factor.as_ref();
        let rule = self.optimizer.rule;
        if rule == Rule::Sgd {
            return gradient.descend(value, self.rate, factor);
        }
        let name = self.path.name();
        let memory = self.optimizer.memory.remove(&name).unwrap_or_default();
        let (value, memory) = if rule == Rule::Nesterov {
            let velocity = memory.into_iter().next();
            let (value, velocity) = gradient.accelerate(value, velocity, self.rate, MOMENTUM, factor);
            (value, vec![velocity])
        } else {
            let update = self.optimizer.adam(self.step, self.rate);
            let (value, moments) = gradient.adapt(value, memory.try_into().ok(), update, factor);
            (value, moments.into())
        };
        self.optimizer.memory.insert(name, memory);
        value
    }
}

impl<G: Gradient> ModuleMapper for Update<'_, G> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(Some(gradient)) = self.gradients.next() else { return param };
        param.map(|value| {
            let (shape, n) = (value.dims(), value.shape().num_elements());
            let value = self.apply(value.inner().reshape([n]), gradient);
            Tensor::from_inner(value.reshape(shape)).require_grad()
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
mod tests;
