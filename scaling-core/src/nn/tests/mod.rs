//! The operations against the specification's vectors, and the fused ones against the reference.

pub(super) mod ctc;
pub(super) mod decoder;
mod hybrid;
mod images;
mod sequences;

pub(super) use crate::neural::values;
use crate::random::Random;
use burn::tensor::{Device, Tensor, TensorData};

/// MODELS 7.2: element i in row-major order is (((7 i + k) mod 11) - 5) / 10.
fn fill<const D: usize>(shape: [usize; D], k: usize) -> Tensor<D> {
    let values: Vec<f32> =
        (0..shape.iter().product()).map(|i: usize| (((7 * i + k) % 11) as f32 - 5.0) / 10.0).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

pub(super) fn close(got: &[f32], want: &[f32], relative: f32, absolute: f32, what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    let scale = want.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= relative * scale + absolute, "{what} [{i}]: {g} for {w} (scale {scale})");
    }
}

/// Random inputs that want gradients.
pub(super) struct Draw(pub(super) Random);

impl Draw {
    pub(super) fn tensor<const D: usize>(&mut self, shape: [usize; D], scale: f64) -> Tensor<D> {
        let values: Vec<f32> =
            (0..shape.iter().product()).map(|_| (self.0.normal() * scale) as f32).collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff()).require_grad()
    }

    /// A constant, to make a scalar of an output whose gradient is nowhere the same.
    pub(super) fn weights<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        self.tensor(shape, 1.0).detach()
    }
}

/// The value of an operation and the gradients of its inputs, both flattened.
macro_rules! differentiate {
    ($output:expr, $weights:expr, [$($input:ident),+]) => {{
        let output = $output;
        let value = values(output.clone().inner());
        let gradients = (output * $weights.clone()).sum().backward();
        let gradients = vec![$((stringify!($input), values($input.grad(&gradients).expect("a gradient")))),+];
        (value, gradients)
    }};
}

pub(super) use differentiate;

/// An output and the gradients of the inputs by name.
pub(super) type Differentiated = (Vec<f32>, Vec<(&'static str, Vec<f32>)>);

pub(super) fn compare(fused: &Differentiated, reference: &Differentiated, shape: &str) {
    close(&fused.0, &reference.0, 1e-5, 1e-6, &format!("{shape}: output"));
    for ((name, got), (_, want)) in fused.1.iter().zip(&reference.1) {
        close(got, want, 1e-4, 1e-6, &format!("{shape}: gradient of {name}"));
    }
}
