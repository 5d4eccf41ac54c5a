//! Updates of what LibTorch has recorded.

use super::super::parameters::Path;
use super::{MOMENTUM, Optimizer, Rule, values};
use crate::nn::{Flat, Gradient};
use crate::trial::Weights;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

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
                flat.adapt(&gradient, [&*first, &*second], self.adam(step, rate));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neural::{export, import};
    use crate::nn::{Tape, unrecorded};
    use crate::trial::Optimization;
    use burn::tensor::{Device, TensorData};

    /// A wide matrix, which is kept by columns, and a high one.
    #[derive(Module, Debug)]
    struct Two {
        wide: Param<Tensor<2>>,
        high: Param<Tensor<2>>,
    }

    #[allow(deprecated, reason = "upstream deprecates burn-tch")]
    fn begin() -> (Tape, Two) {
        let device = Device::libtorch().autodiff();
        let matrix = |shape: [usize; 2]| {
            let values: Vec<f32> = (0..15).map(|k| k as f32 * 0.1 - 0.6).collect();
            Param::from_data(TensorData::new(values, shape), &device)
        };
        let (tape, model) = Tape::new(Two { wide: matrix([3, 5]), high: matrix([5, 3]) });
        (tape.expect("LibTorch records"), model)
    }

    /// The values after so many updates; before one of them training begins anew from a checkpoint.
    fn train(kind: &str, steps: u64, checkpoint: Option<u64>) -> Weights {
        let fresh = || Optimizer::new(&Optimization::one_pass(kind, 0.0, 1, 0.5));
        let ((mut tape, mut model), mut optimizer) = (begin(), fresh());
        for step in 0..steps {
            if checkpoint == Some(step) {
                let (weights, state) = (export(&model), optimizer.state());
                (tape, model) = begin();
                (model, optimizer) = (import(model, &weights).expect("the weights"), fresh());
                optimizer.restore(&state, &model).expect("the state");
                assert_eq!(optimizer.state(), state);
            }
            let leaves = tape.begin(&model);
            let objective = (model.wide.val().matmul(model.high.val()) - 1.0).square().sum();
            let gradients = Tape::gradients(leaves, &objective);
            model = unrecorded(|| optimizer.apply(model, &gradients, step, 0.01));
        }
        export(&model)
    }

    /// Two vectors in training.
    #[derive(Module, Debug)]
    struct Vectors {
        a: Param<Tensor<1>>,
        b: Param<Tensor<1>>,
    }

    /// The values after each update down the slope 2 theta, those of `a` before those of `b`.
    #[allow(deprecated, reason = "upstream deprecates burn-tch")]
    fn descent(mut optimizer: Optimizer, start: [&[f32]; 2], steps: u64, rate: f64) -> Vec<Vec<f32>> {
        let device = Device::libtorch().autodiff();
        let [a, b] = start.map(|values| Param::from_data(values, &device));
        let (tape, mut model) = Tape::new(Vectors { a, b });
        let tape = tape.expect("LibTorch records");
        let mut found = Vec::new();
        for step in 0..steps {
            let leaves = tape.begin(&model);
            let objective = model.a.val().square().sum() + model.b.val().square().sum();
            let gradients = Tape::gradients(leaves, &objective);
            model = unrecorded(|| optimizer.apply(model, &gradients, step, rate));
            let weights = export(&model);
            let values = ["a", "b"].map(|name| weights.get(name).expect("a parameter").values.clone());
            found.push(values.concat());
        }
        found
    }

    /// MODELS 7.2: theta_0 = 1; mu = 0.9 and eta = 0.1; eta = 1e-3 and epsilon = 1e-9.
    #[test]
    fn torch_updates_follow_the_specification() {
        for (kind, rate, wants) in [
            ("nesterov", 0.1, [0.62, 0.2224, -0.108_352]),
            ("adam", 1e-3, [0.999_000_000_000_5, 0.998_000_026_2, 0.997_000_096_1]),
        ] {
            let mut optimizer = Optimizer::new(&Optimization::one_pass(kind, 0.0, 1, 0.0));
            optimizer.epsilon = 1e-9;
            let found = descent(optimizer, [&[1.0], &[1.0]], 3, rate);
            for (found, want) in found.iter().zip(wants) {
                assert!(found.iter().all(|x| (f64::from(*x) - want).abs() < 1e-6), "{kind}: {found:?}");
            }
        }
    }

    /// MODELS 7.2: gradients (3, 4) and (12) have norm 13.
    #[test]
    fn torch_clips_the_global_norm() {
        for (clip, changes) in [
            (10.0, [2.307_692_31, 3.076_923_08, 9.230_769_23]),
            (5.0, [1.153_846_15, 1.538_461_54, 4.615_384_62]),
            (20.0, [3.0, 4.0, 12.0]),
        ] {
            let optimizer = Optimizer::new(&Optimization::one_pass("sgd", 0.0, 1, clip));
            let found = descent(optimizer, [&[1.5, 2.0], &[6.0]], 1, 1.0);
            for ((found, start), change) in found[0].iter().zip([1.5, 2.0, 6.0]).zip(changes) {
                assert!((start - f64::from(*found) - change).abs() < 1e-6, "clip {clip}: {found}");
            }
        }
    }

    #[test]
    fn torch_training_goes_on_from_a_checkpoint_with_the_same_values() {
        for kind in ["sgd", "nesterov", "adam"] {
            assert_ne!(train(kind, 5, None), train(kind, 4, None), "{kind}");
            assert_eq!(train(kind, 5, None), train(kind, 5, Some(3)), "{kind}");
        }
    }
}
