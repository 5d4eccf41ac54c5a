//! The trained parameters of a model in one block of memory, updated in place: a handful of operations for
//! everything, where one for every parameter would keep a GPU waiting.

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

/// The block, and where every parameter is in it.
pub(crate) struct Flat {
    values: TchTensor,
    /// In the order in which the model visits its parameters.
    parts: Vec<Part>,
}

/// Where one parameter is.
struct Part {
    begin: usize,
    len: usize,
    shape: Vec<i64>,
    /// Whether its last dimension is the slowest in memory.
    by_last: bool,
}

impl Part {
    /// Convolution filters and matrices wider than high are stored with the last dimension slowest, as cuDNN
    /// and libtorch's layers read them; otherwise they would be copied at every step. Embedding tables are
    /// higher than wide and stay row-major, since rows are looked up.
    fn new(begin: usize, shape: Vec<i64>) -> Self {
        let by_last = shape.len() == 4 || (shape.len() == 2 && shape[1] > shape[0]);
        Self { begin, len: shape.iter().product::<i64>() as usize, shape, by_last }
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
    /// Moves the trained parameters of a model into a block.
    pub(crate) fn pack<M: Module>(model: M, gradients: &[Gradient]) -> (Self, M) {
        let trained: Vec<&Tensor> = gradients.iter().filter_map(|gradient| gradient.leaf.as_ref()).collect();
        let mut at = 0;
        let mut parts = Vec::with_capacity(trained.len());
        for tensor in &trained {
            let part = Part::new(at, tensor.size());
            at += part.len.next_multiple_of(ALIGNMENT);
            parts.push(part);
        }
        let options = trained.first().map_or((Kind::Float, Device::Cpu), |t| (t.kind(), t.device()));
        let flat = Self { values: TchTensor::new(Tensor::zeros([at as i64], options)), parts };
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

    /// The gradients in the order of the values; zero where there is none.
    fn join(&self, gradients: &[Gradient]) -> Tensor {
        let values = &self.values.tensor;
        let longest = self.parts.iter().map(|part| part.len).fold(ALIGNMENT, usize::max);
        let filler = values.narrow(0, 0, 1).zeros_like().expand([longest as i64], false);
        let mut all = Vec::with_capacity(2 * self.parts.len());
        let trained = gradients.iter().filter(|gradient| gradient.leaf.is_some());
        for (gradient, part) in trained.zip(&self.parts) {
            all.push(match &gradient.value {
                Some(value) => part.row(value),
                None => filler.narrow(0, 0, part.len as i64),
            });
            let missing = part.len.next_multiple_of(ALIGNMENT) - part.len;
            if missing > 0 {
                all.push(filler.narrow(0, 0, missing as i64));
            }
        }
        Tensor::cat(&all, 0)
    }

    /// The gradients, scaled by min(1, clip / norm) if clip is above 0; NaN where the norm is infinite.
    pub(crate) fn clipped(&self, gradients: &[Gradient], clip: f64) -> Tensor {
        let mut gradient = self.join(gradients);
        if clip > 0.0 {
            let norm = gradient.norm();
            // 0, but NaN where the norm is infinite.
            let lost = &norm * 0.0;
            let factor = (norm.reciprocal() * clip).clamp_max(1.0) + lost;
            let _ = gradient.g_mul_(&factor);
        }
        gradient
    }

    fn number(&self, value: f64) -> Tensor {
        Tensor::full([1], value, (self.values.tensor.kind(), self.values.tensor.device()))
    }

    /// `value - rate gradient`.
    pub(crate) fn descend(&mut self, gradient: &Tensor, rate: f64) {
        let _ = self.values.tensor.addcmul_(gradient, &self.number(-rate));
    }

    /// `velocity = momentum velocity + gradient`, `value - rate (gradient + momentum velocity)`.
    pub(crate) fn accelerate(&mut self, gradient: &Tensor, velocity: &mut Tensor, rate: f64, momentum: f64) {
        let _ = velocity.g_mul_scalar_(momentum).g_add_(gradient);
        let by_velocity = self.number(-rate * momentum);
        self.descend(gradient, rate);
        let _ = self.values.tensor.addcmul_(velocity, &by_velocity);
    }

    /// One update of Adam with both moments.
    pub(crate) fn adapt(&mut self, gradient: &Tensor, moments: [&mut Tensor; 2], update: AdamUpdate) {
        let AdamUpdate { beta, bias, epsilon, rate } = update;
        let [first, second] = moments;
        let _ = first.lerp_(gradient, 1.0 - beta.0);
        let _ = second.g_mul_scalar_(beta.1).addcmul_(gradient, &(gradient * (1.0 - beta.1)));
        let denominator = (&*second / bias.1).sqrt_().g_add_scalar_(epsilon);
        let _ = self.values.tensor.addcdiv_(&(&*first * (-rate / bias.0)), &denominator);
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
