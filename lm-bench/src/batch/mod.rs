//! Minibatches of text, each a pure function of (seed, step).

mod padded;
mod stream;

pub(crate) use padded::Padded;
pub(crate) use stream::Stream;

use burn::tensor::{Device, Int, Tensor};
use scaling_core::nn::{upload, upload_integers};

/// One minibatch, time-major.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Time steps T.
    pub(crate) steps: usize,
    /// Sequences B.
    pub(crate) rows: usize,
    /// Symbols read, [T, B].
    pub(crate) inputs: Vec<i64>,
    /// Symbols to predict, [T, B].
    pub(crate) targets: Vec<i64>,
    /// 1 where the prediction counts, 0 on padding, [T, B].
    pub(crate) weights: Vec<f32>,
    /// Whether the recurrent state starts from zero.
    pub(crate) fresh: bool,
}

impl Batch {
    /// All padding, to be filled in.
    fn padding(steps: usize, rows: usize, padding: u16, fresh: bool) -> Self {
        let n = steps * rows;
        Self {
            steps,
            rows,
            inputs: vec![i64::from(padding); n],
            targets: vec![i64::from(padding); n],
            weights: vec![0.0; n],
            fresh,
        }
    }

    fn put(&mut self, step: usize, row: usize, input: u16, target: u16) {
        let at = step * self.rows + row;
        self.inputs[at] = i64::from(input);
        self.targets[at] = i64::from(target);
        self.weights[at] = 1.0;
    }

    /// Predictions that count.
    pub(crate) fn predictions(&self) -> f64 {
        self.weights.iter().map(|w| f64::from(*w)).sum()
    }

    /// On a device.
    pub(crate) fn stage(self, device: &Device) -> Staged {
        let (n, predictions) = (self.steps * self.rows, self.predictions());
        Staged {
            inputs: upload_integers(self.inputs, [self.steps, self.rows], device),
            targets: upload_integers(self.targets, [n], device),
            weights: upload(self.weights, [n], device),
            predictions,
            fresh: self.fresh,
        }
    }
}

/// A minibatch on a device; see [`Batch`].
pub(crate) struct Staged {
    /// [T, B].
    pub(crate) inputs: Tensor<2, Int>,
    /// [T B].
    pub(crate) targets: Tensor<1, Int>,
    /// [T B].
    pub(crate) weights: Tensor<1>,
    /// Predictions that count.
    pub(crate) predictions: f64,
    /// Whether the recurrent state starts from zero.
    pub(crate) fresh: bool,
}
