//! The fused operations on the CPU backend: a call of a kernel, with a node of the autodiff graph whose
//! backward pass is a call of another.

mod ctc;
mod images;
mod recognition;
mod sequences;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::{Backward, NodeGuard, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};
use burn::tensor::TensorData;

/// A tensor of the autodiff graph, the same type for every checkpointing strategy.
type Tracked = FloatTensor<Autodiff<Flex>>;

/// A contiguous float tensor of the CPU backend: its values can be borrowed.
#[derive(Debug, Clone)]
struct Values(FlexTensor);

impl Values {
    fn new(tensor: &FlexTensor) -> Self {
        let plain = tensor.as_slice::<f32>().is_some();
        Self(if plain { tensor.clone() } else { tensor.to_contiguous() })
    }

    fn slice(&self) -> &[f32] {
        // `new` made it so; a dtype other than float32 is a mistake of the caller.
        self.0.as_slice().unwrap_or_else(|| panic!("the fused layers compute in float32"))
    }

    fn dims<const D: usize>(&self) -> [usize; D] {
        self.0.shape().dims()
    }
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// The output of an operation as a node of the graph behind its inputs. The state, which its backward pass
/// reads, is kept if one of these wants a gradient.
fn track<C: CheckpointStrategy, O: Backward<Flex, N>, const N: usize>(
    operation: O,
    inputs: [NodeGuard; N],
    state: O::State,
    out: FlexTensor,
) -> Tracked {
    match operation.prepare::<C>(inputs).compute_bound().stateful() {
        OpsKind::Tracked(node) => node.finish(state, out),
        OpsKind::UnTracked(node) => node.finish(out),
    }
}

/// Hands the gradients of an operation to those of its inputs that want one.
macro_rules! register {
    ($gradients:ident, $nodes:expr, [$(($values:expr, $shape:expr)),+ $(,)?]) => {{
        let mut nodes = $nodes.into_iter();
        $(
            if let Some(Some(node)) = nodes.next() {
                $gradients.register::<Flex>(node.id, tensor($values, $shape));
            }
        )+
    }};
}

use register;
