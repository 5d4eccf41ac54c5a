//! Updates of what LibTorch has recorded.

use super::{MOMENTUM, Optimizer, Rule, values};
use crate::nn::{AdamNumbers, Flat, Gradient};
use crate::trial::Weights;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::super::parameters::Path;

/// The parameters in one block, and what is remembered of them in blocks like it.
pub(super) struct Recorded {
    flat: Flat,
    memory: Vec<tch::Tensor>,
    names: Vec<String>,
}

impl Recorded {
    /// Takes the parameters of a model and what has been remembered of them.
    fn new<M: Module>(optimizer: &mut Optimizer, model: M, gradients: &[Gradient]) -> (Self, M) {
        let mut visit = Names { path: Path::default(), names: Vec::new() };
        model.visit(&mut visit);
        let trained = visit.names.into_iter().zip(gradients).filter(|(_, gradient)| gradient.is_trained());
        let names: Vec<String> = trained.map(|(name, _)| name).collect();
        let (flat, model) = Flat::pack(model, gradients);
        let memory: Vec<_> = optimizer.rule.memory().iter().map(|_| flat.zeros()).collect();
        for (k, block) in memory.iter().enumerate() {
            for (name, mut piece) in names.iter().zip(flat.split(block)) {
                if let Some(known) = optimizer.memory.get(name) {
                    let known = tch::Tensor::from_slice(&values(known[k].clone()));
                    piece.copy_(&known.view(piece.size().as_slice()));
                }
            }
        }
        optimizer.memory.clear();
        (Self { flat, memory, names }, model)
    }

    /// As [`Optimizer::state`].
    pub(super) fn state(&self, rule: Rule) -> Weights {
        let mut state = Weights::default();
        for (kind, block) in rule.memory().iter().zip(&self.memory) {
            for (name, piece) in self.names.iter().zip(self.flat.split(block)) {
                let data = Vec::<f32>::try_from(piece.reshape([-1]))
                    .unwrap_or_else(|error| panic!("float32 values: {error}"));
                state.insert(format!("{name}/{kind}"), &[data.len()], data);
            }
        }
        state
    }
}

impl Optimizer {
    /// As [`Optimizer::step`], for the gradients of all parameters of a model, in place.
    pub(in super::super) fn apply<M: Module>(
        &mut self,
        model: M,
        gradients: &[Gradient],
        step: u64,
        rate: f64,
    ) -> M {
        let (mut recorded, model) = match self.recorded.take().filter(|known| known.flat.holds(gradients)) {
            Some(recorded) => (recorded, model),
            None => Recorded::new(self, model, gradients),
        };
        let Recorded { flat, memory, .. } = &mut recorded;
        let gradient = flat.clipped(gradients, self.clip);
        match (self.rule, &mut memory[..]) {
            (Rule::Nesterov, [velocity]) => flat.accelerate(&gradient, velocity, rate, MOMENTUM),
            (Rule::Adam, [first, second]) => {
                let adam = self.adam(step, rate);
                let numbers = AdamNumbers { beta: adam.beta, bias: adam.bias, epsilon: adam.epsilon, rate };
                flat.adapt(&gradient, [first, second], numbers);
            }
            _ => flat.descend(&gradient, rate),
        }
        self.recorded = Some(recorded);
        model
    }
}

/// Names of parameters, in the order in which a model visits them.
struct Names {
    path: Path,
    names: Vec<String>,
}

impl ModuleVisitor for Names {
    fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
        self.names.push(self.path.name());
    }
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
}
