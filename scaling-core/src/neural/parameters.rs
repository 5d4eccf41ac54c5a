//! Parameters of a burn module as named arrays.

use crate::error::Result;
use crate::random::Random;
use crate::trial::Weights;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};

/// Trainable scalars of a model on a device with autodiff; running statistics are none.
pub fn count<M: Module>(model: &M) -> u64 {
    struct Count(u64);
    impl ModuleVisitor for Count {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val();
            if tensor.is_require_grad() {
                self.0 += tensor.shape().num_elements() as u64;
            }
        }
    }
    let mut count = Count(0);
    model.visit(&mut count);
    count.0
}

/// A parameter uniform in [-bound, bound], a pure function of its name and the seed.
pub fn uniform<const D: usize>(
    name: &str,
    seed: u64,
    bound: f64,
    shape: [usize; D],
    device: &Device,
) -> Param<Tensor<D>> {
    drawn(name, seed, |random| ((2.0 * random.uniform() - 1.0) * bound) as f32, shape, device)
}

/// A parameter normal with a standard deviation, drawn again beyond two of them (TensorFlow's
/// `truncated_normal`); a pure function of its name and the seed.
pub fn truncated_normal<const D: usize>(
    name: &str,
    seed: u64,
    deviation: f64,
    shape: [usize; D],
    device: &Device,
) -> Param<Tensor<D>> {
    let draw = |random: &mut Random| loop {
        let value = random.normal();
        if value.abs() < 2.0 {
            return (value * deviation) as f32;
        }
    };
    drawn(name, seed, draw, shape, device)
}

/// A parameter whose values are drawn one after another, a pure function of its name and the seed.
fn drawn<const D: usize>(
    name: &str,
    seed: u64,
    draw: impl Fn(&mut Random) -> f32,
    shape: [usize; D],
    device: &Device,
) -> Param<Tensor<D>> {
    let mut random = Random::new(&format!("initialise/{name}"), &[seed]);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| draw(&mut random)).collect();
    Param::from_data(TensorData::new(values, shape), device)
}

/// All float parameters by their path in the module.
pub fn export<M: Module>(model: &M) -> Weights {
    let mut export = Export { path: Path::default(), weights: Weights::default() };
    model.visit(&mut export);
    export.weights
}

/// The model with its float parameters replaced by those of the same paths.
///
/// # Errors
/// If a parameter is missing or has another shape.
pub fn import<M: Module>(model: M, weights: &Weights) -> Result<M> {
    let mut import = Import { path: Path::default(), weights, outcome: Ok(()) };
    let model = model.map(&mut import);
    import.outcome.map(|()| model)
}

/// The path of the parameter that a visitor has arrived at.
#[derive(Default)]
pub(super) struct Path(Vec<String>);

impl Path {
    pub(super) fn enter(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }
    pub(super) fn exit(&mut self) {
        self.0.pop();
    }
    pub(super) fn name(&self) -> String {
        self.0.join(".")
    }
}

/// The values of a tensor as float32, in row-major order.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

struct Export {
    path: Path,
    weights: Weights,
}

impl ModuleVisitor for Export {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let shape = tensor.dims();
        self.weights.insert(self.path.name(), &shape, values(tensor));
    }
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
}

struct Import<'a> {
    path: Path,
    weights: &'a Weights,
    outcome: Result<()>,
}

impl ModuleMapper for Import<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.weights.expect(&self.path.name(), &param.val().dims()) {
            Ok(array) => {
                let data = TensorData::new(array.values.clone(), array.shape.clone());
                param.map(|old| {
                    let new = Tensor::from_data(data, &old.device());
                    if old.is_require_grad() { Tensor::from_inner(new.inner()).require_grad() } else { new }
                })
            }
            Err(error) => {
                self.outcome = Err(error);
                param
            }
        }
    }
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }
}
