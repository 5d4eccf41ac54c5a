//! The trained parameters of a model in one block of memory, updated in place: a handful of operations for
//! all small ones and each large one, where one for every parameter would keep a GPU waiting.

use super::tape::Gradient;
use crate::nn::update::AdamUpdate;
use burn::backend::LibTorch;
use burn::backend::libtorch::TchTensor;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor as Burn;
use tch::{Device, Kind, Tensor};

/// Values from the beginning of one parameter to that of the next are a multiple of this, so that each is
/// aligned as memory of its own would be.
const ALIGNMENT: usize = 64;

/// From so many values on, moving a gradient takes a GPU longer than starting operations of its own for it.
const LARGE: usize = 1 << 24;

/// The block, and where every parameter is in it.
pub(crate) struct Flat {
    values: TchTensor,
    /// In the order in which the model visits its parameters.
    parts: Vec<Part>,
    /// The gradients of parameters of so many values are used where they are; smaller ones are joined.
    large: usize,
}

/// Where one parameter is.
struct Part {
    begin: usize,
    len: usize,
    shape: Vec<i64>,
    /// Whether its last dimension is the slowest in memory.
    by_last: bool,
    /// The zeros between it and the next, if there is room.
    padding: Option<Tensor>,
}

impl Part {
    /// Convolution filters and matrices wider than high are stored with the last dimension slowest, as cuDNN
    /// and libtorch's layers read them; otherwise they would be copied at every step. Embedding tables are
    /// higher than wide and stay row-major, since rows are looked up.
    fn new(begin: usize, shape: Vec<i64>, zeros: &Tensor) -> Self {
        let by_last = shape.len() == 4 || (shape.len() == 2 && shape[1] > shape[0]);
        let len = shape.iter().product::<i64>() as usize;
        let missing = len.next_multiple_of(ALIGNMENT) - len;
        let padding = (missing > 0).then(|| zeros.narrow(0, 0, missing as i64));
        Self { begin, len, shape, by_last, padding }
    }

    /// Its piece of a block, of its shape.
    fn of(&self, block: &Tensor) -> Tensor {
        let piece = block.narrow(0, self.begin as i64, self.len as i64);
        if !self.by_last {
            return piece.view(self.shape.as_slice());
        }
        let mut kept = self.shape.clone();
        kept.rotate_right(1);
        let order: Vec<i64> = (1..self.shape.len() as i64).chain([0]).collect();
        piece.view(kept.as_slice()).permute(&order)
    }

    /// Something of its shape in a row, as it is in the block.
    fn row(&self, tensor: &Tensor) -> Tensor {
        if !self.by_last {
            return tensor.reshape([-1]);
        }
        let last = self.shape.len() as i64 - 1;
        let order: Vec<i64> = [last].into_iter().chain(0..last).collect();
        tensor.permute(&order).reshape([-1])
    }
}

impl Flat {
    /// For parameters of given shapes; all values are zero.
    fn new(shapes: impl IntoIterator<Item = Vec<i64>>, options: (Kind, Device)) -> Self {
        // Whole memory: joining one value seen many times takes a GPU another, slower way.
        let zeros = Tensor::zeros([ALIGNMENT as i64], options);
        let (mut at, mut parts) = (0, Vec::new());
        for shape in shapes {
            let part = Part::new(at, shape, &zeros);
            at += part.len.next_multiple_of(ALIGNMENT);
            parts.push(part);
        }
        Self { values: TchTensor::new(Tensor::zeros([at as i64], options)), parts, large: LARGE }
    }

    /// Moves the trained parameters of a model into a block.
    pub(crate) fn pack<M: Module>(model: M, gradients: &[Gradient]) -> (Self, M) {
        let trained: Vec<&Tensor> = gradients.iter().filter_map(|gradient| gradient.leaf.as_ref()).collect();
        let options = trained.first().map_or((Kind::Float, Device::Cpu), |t| (t.kind(), t.device()));
        let flat = Self::new(trained.iter().map(|tensor| tensor.size()), options);
        for (view, tensor) in flat.split(&flat.values.tensor).iter_mut().zip(trained) {
            view.copy_(tensor);
        }
        let model = model.map(&mut Place { flat: &flat, gradients: gradients.iter(), next: 0 });
        (flat, model)
    }

    /// Whether these are still the parameters of a model.
    pub(crate) fn holds(&self, gradients: &[Gradient]) -> bool {
        let begin = self.values.tensor.data_ptr() as usize;
        let size = std::mem::size_of::<f32>();
        let trained = gradients.iter().filter_map(|gradient| gradient.leaf.as_ref());
        let mut places = self.parts.iter().map(|part| begin + part.begin * size);
        trained.map(|leaf| leaf.data_ptr() as usize).eq(places.by_ref())
    }

    /// Something of every value, zero at first.
    pub(crate) fn zeros(&self) -> Tensor {
        self.values.tensor.zeros_like()
    }

    /// The piece of every parameter, of its shape.
    pub(crate) fn split(&self, block: &Tensor) -> Vec<Tensor> {
        self.parts.iter().map(|part| part.of(block)).collect()
    }

    /// The gradients by stretches of the values: small ones joined, each large one as it is; zero where there
    /// is none.
    fn stretches(&self, gradients: &[Gradient]) -> Vec<Stretch> {
        let zeros =
            |n: usize| Tensor::zeros([n as i64], (self.values.tensor.kind(), self.values.tensor.device()));
        let (mut stretches, mut small, mut begin) = (Vec::new(), Vec::new(), 0);
        let join = |small: &mut Vec<Tensor>, begin: usize| {
            let gradient = (!small.is_empty()).then(|| Tensor::cat(small, 0));
            small.clear();
            gradient.map(|gradient| Stretch { begin: begin as i64, gradient })
        };
        let trained = gradients.iter().filter(|gradient| gradient.leaf.is_some());
        for (gradient, part) in trained.zip(&self.parts) {
            let row = gradient.value.as_ref().map_or_else(|| zeros(part.len), |value| part.row(value));
            if part.len >= self.large {
                stretches.extend(join(&mut small, begin));
                stretches.push(Stretch { begin: part.begin as i64, gradient: row });
                begin = part.begin + part.len.next_multiple_of(ALIGNMENT);
                continue;
            }
            small.push(row);
            small.extend(part.padding.as_ref().map(Tensor::shallow_clone));
        }
        stretches.extend(join(&mut small, begin));
        stretches
    }

    /// The gradients, to be scaled by min(1, clip / norm) if clip is above 0; by NaN where the norm is
    /// infinite.
    pub(crate) fn clipped(&self, gradients: &[Gradient], clip: f64) -> Clipped {
        let stretches = self.stretches(gradients);
        let factor = (clip > 0.0).then(|| {
            let norms: Vec<Tensor> = stretches.iter().map(|stretch| stretch.gradient.norm()).collect();
            let norm = Tensor::stack(&norms, 0).norm();
            // 0, but NaN where the norm is infinite.
            let lost = &norm * 0.0;
            (norm.reciprocal() * clip).clamp_max(1.0) + lost
        });
        Clipped { stretches, factor }
    }

    fn number(&self, value: f64) -> Tensor {
        Tensor::full([1], value, (self.values.tensor.kind(), self.values.tensor.device()))
    }

    /// `value - rate gradient`.
    pub(crate) fn descend(&mut self, gradient: &Clipped, rate: f64) {
        let by = match &gradient.factor {
            Some(factor) => factor * -rate,
            None => self.number(-rate),
        };
        for stretch in &gradient.stretches {
            let _ = stretch.of(&self.values.tensor).addcmul_(&stretch.gradient, &by);
        }
    }

    /// `velocity = momentum velocity + gradient`, `value - rate (gradient + momentum velocity)`.
    pub(crate) fn accelerate(&mut self, gradient: &Clipped, velocity: &Tensor, rate: f64, momentum: f64) {
        let [by_gradient, by_velocity] = [-rate, -rate * momentum].map(|by| self.number(by));
        for Stretch { begin, gradient } in gradient.scaled() {
            let [mut value, mut velocity] =
                [&self.values.tensor, velocity].map(|block| block.narrow(0, begin, gradient.size()[0]));
            let _ = velocity.g_mul_scalar_(momentum).g_add_(&gradient);
            let _ = value.addcmul_(&gradient, &by_gradient).addcmul_(&velocity, &by_velocity);
        }
    }

    /// One update of Adam with both moments.
    pub(crate) fn adapt(&mut self, gradient: &Clipped, moments: [&Tensor; 2], update: AdamUpdate) {
        let AdamUpdate { beta, bias, epsilon, rate } = update;
        // All constants of the update go into its denominator, since every operation is a pass over all
        // values.
        let unit = -bias.0 / rate;
        let [scale, offset] = [unit / bias.1.sqrt(), unit * epsilon].map(|value| self.number(value));
        for Stretch { begin, gradient } in gradient.scaled() {
            let [mut value, mut first, mut second] = [&self.values.tensor, moments[0], moments[1]]
                .map(|block| block.narrow(0, begin, gradient.size()[0]));
            let _ = first.lerp_(&gradient, 1.0 - beta.0);
            let _ = second.lerp_(&gradient.square(), 1.0 - beta.1);
            let _ = value.addcdiv_(&first, &offset.addcmul(&second.sqrt(), &scale));
        }
    }
}

/// The gradients of values that follow each other.
struct Stretch {
    begin: i64,
    gradient: Tensor,
}

impl Stretch {
    /// Its piece of a block.
    fn of(&self, block: &Tensor) -> Tensor {
        block.narrow(0, self.begin, self.gradient.size()[0])
    }
}

/// The gradients of all values, and what they are to be multiplied by.
pub(crate) struct Clipped {
    stretches: Vec<Stretch>,
    /// [].
    factor: Option<Tensor>,
}

impl Clipped {
    /// The gradients themselves.
    fn scaled(&self) -> impl Iterator<Item = Stretch> {
        self.stretches.iter().map(|Stretch { begin, gradient }| Stretch {
            begin: *begin,
            gradient: match &self.factor {
                Some(factor) => gradient * factor,
                None => gradient.shallow_clone(),
            },
        })
    }
}

/// Hands the pieces of the block to the parameters.
struct Place<'a> {
    flat: &'a Flat,
    gradients: std::slice::Iter<'a, Gradient>,
    next: usize,
}

impl ModuleMapper for Place<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Burn<D>>) -> Param<Burn<D>> {
        if self.gradients.next().is_none_or(|gradient| gradient.leaf.is_none()) {
            return param;
        }
        let (block, part) = (&self.flat.values, &self.flat.parts[self.next]);
        self.next += 1;
        let view = part.of(&block.tensor);
        // burn must know whose memory it is.
        let view = TchTensor::partial(view, block.storage.clone());
        param.map(|_| Burn::from_primitive::<LibTorch>(view))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Values after two updates of a rule; parameters of `large` values and more are updated by themselves.
    fn updated(large: usize, rule: &str, clip: f64) -> Vec<f32> {
        // LibTorch's generator is one for all tests of the process.
        let mut random = Random::new("test/torch/flat", &[]);
        let shapes: [&[i64]; 4] = [&[3], &[5, 30], &[70], &[30, 5]];
        let options = (Kind::Float, Device::Cpu);
        let mut flat = Flat { large, ..Flat::new(shapes.map(<[i64]>::to_vec), options) };
        let memory = [flat.zeros(), flat.zeros()];
        for step in 0..2 {
            let gradients: Vec<Gradient> = shapes
                .iter()
                .enumerate()
                .map(|(k, shape)| {
                    let drawn: Vec<f32> =
                        (0..shape.iter().product::<i64>()).map(|_| random.normal() as f32).collect();
                    let drawn = Tensor::from_slice(&drawn).view(*shape);
                    // One parameter is without a gradient in the second step.
                    let value = (step == 0 || k != 1).then_some(drawn);
                    Gradient { leaf: Some(Tensor::zeros(*shape, options)), value }
                })
                .collect();
            let clipped = flat.clipped(&gradients, clip);
            match rule {
                "sgd" => flat.descend(&clipped, 0.1),
                "nesterov" => flat.accelerate(&clipped, &memory[0], 0.1, 0.9),
                _ => {
                    let update =
                        AdamUpdate { beta: (0.9, 0.99), bias: (0.1, 0.01), epsilon: 1e-8, rate: 0.1 };
                    flat.adapt(&clipped, memory.each_ref(), update);
                }
            }
        }
        Vec::try_from(&flat.values.tensor).expect("values")
    }

    #[test]
    fn torch_updates_large_parameters_like_small_ones() {
        for rule in ["sgd", "nesterov", "adam"] {
            for clip in [0.0, 0.5] {
                let want = updated(usize::MAX, rule, clip);
                assert!(want.iter().any(|value| value.abs() > 1e-3));
                for large in [1, 100] {
                    let found = updated(large, rule, clip);
                    let close = want.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-6);
                    assert!(close, "{rule}, clipped at {clip}, large from {large}: {want:?} {found:?}");
                }
            }
        }
    }
}
