//! The fused operations on the CPU backend: a call of a kernel, with a node of the autodiff graph whose
//! backward pass is a call of another.

mod ctc;
mod images;
mod recognition;
mod sequences;

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

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
