//! Updates on plain memory, for the CPU: each parameter is walked once, in place, and of a table only the
//! rows that occurred.

use super::gradient::{Gradient, Moments};
use crate::nn::update::{self, AdamStep, AdamUpdate};
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A gradient in memory.
pub(super) enum InMemory {
    /// Of all values.
    Dense(TensorData),
    /// Of the rows of a table that occur, each once.
    Rows { ids: Vec<usize>, values: Vec<f32>, width: usize },
}

/// The values of float32 data, which all tensors of this workspace are.
fn floats(data: &TensorData) -> &[f32] {
    data.as_slice().unwrap_or_else(|error| panic!("float32 values: {error:?}"))
}

fn floats_mut(data: &mut TensorData) -> &mut [f32] {
    data.as_mut_slice().unwrap_or_else(|error| panic!("float32 values: {error:?}"))
}

impl InMemory {
    fn values(&self) -> &[f32] {
        match self {
            Self::Dense(data) => floats(data),
            Self::Rows { values, .. } => values,
        }
    }

    /// All `len` values, zero in the rows that do not occur.
    fn all(&self, len: usize) -> Cow<'_, [f32]> {
        match self {
            Self::Dense(data) => Cow::Borrowed(floats(data)),
            Self::Rows { ids, values, width } => {
                let mut all = vec![0.0; len];
                for (id, row) in ids.iter().zip(values.chunks_exact(*width)) {
                    all[id * width..][..*width].copy_from_slice(row);
                }
                Cow::Owned(all)
            }
        }
    }
}

impl Gradient for InMemory {
    type Factor = f64;

    fn dense(gradient: Tensor<1>) -> Self {
        Self::Dense(gradient.into_data())
    }

    fn looked_up(ids: Tensor<1, Int>, vectors: Tensor<2>, _: usize) -> Self {
        let [_, width] = vectors.dims();
        let data = vectors.into_data();
        let vectors = floats(&data);
        let mut places: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, id) in ids.into_data().iter::<i64>().enumerate() {
            places.entry(id as usize).or_default().push(at);
        }
        let mut values = vec![0.0; places.len() * width];
        for (sums, places) in values.chunks_exact_mut(width).zip(places.values()) {
            for at in places {
                let vector = &vectors[at * width..][..width];
                sums.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
            }
        }
        Self::Rows { ids: places.into_keys().collect(), values, width }
    }

    fn clip<'a>(all: impl Iterator<Item = &'a Self>, clip: f64) -> Option<f64> {
        let squares = all.map(|gradient| update::square_sum(gradient.values()));
        let norm = squares.reduce(|a, b| a + b)?.sqrt();
        Some(match norm {
            norm if norm <= clip => 1.0,
            norm if norm.is_finite() => clip / norm,
            _ => f64::NAN,
        })
    }

    fn descend(self, value: Tensor<1>, rate: f64, factor: Option<&f64>) -> Tensor<1> {
        let rate = (rate * factor.unwrap_or(&1.0)) as f32;
        // In place, unless something else holds the parameter too.
        let mut data = value.into_data();
        let values = floats_mut(&mut data);
        match &self {
            Self::Dense(gradient) => update::sgd(values, floats(gradient), rate),
            Self::Rows { ids, values: rows, width } => {
                for (id, row) in ids.iter().zip(rows.chunks_exact(*width)) {
                    update::sgd(&mut values[id * width..][..*width], row, rate);
                }
            }
        }
        Tensor::from_data(data, &Device::flex())
    }

    fn accelerate(
        self,
        value: Tensor<1>,
        velocity: Option<Tensor<1>>,
        rate: f64,
        momentum: f64,
        factor: Option<&f64>,
    ) -> (Tensor<1>, Tensor<1>) {
        let numbers = [rate, momentum, *factor.unwrap_or(&1.0)].map(|number| number as f32);
        let velocity = velocity.unwrap_or_else(|| value.zeros_like());
        let mut data = [value, velocity].map(Tensor::into_data);
        let [values, velocities] = data.each_mut().map(floats_mut);
        // Rows that do not occur go on moving.
        update::nesterov(values, &self.all(values.len()), velocities, numbers);
        let [value, velocity] = data.map(|data| Tensor::from_data(data, &Device::flex()));
        (value, velocity)
    }

    fn adapt(
        self,
        value: Tensor<1>,
        moments: Option<Moments>,
        update: AdamUpdate,
        factor: Option<&f64>,
    ) -> (Tensor<1>, Moments) {
        let AdamUpdate { beta, bias, epsilon, rate } = update;
        let step = AdamStep {
            beta: (beta.0 as f32, beta.1 as f32),
            fresh: ((1.0 - beta.0) as f32, (1.0 - beta.1) as f32),
            rate: (rate / bias.0) as f32,
            correction: bias.1.sqrt().recip() as f32,
            epsilon: epsilon as f32,
            scale: *factor.unwrap_or(&1.0) as f32,
        };
        let [first, second] = moments.unwrap_or_else(|| [value.zeros_like(), value.zeros_like()]);
        let mut data = [value, first, second].map(Tensor::into_data);
        let [values, means, squares] = data.each_mut().map(floats_mut);
        // The moments of rows that do not occur decay too, so nothing is saved here.
        update::adam(values, &self.all(values.len()), means, squares, step);
        let [value, first, second] = data.map(|data| Tensor::from_data(data, &Device::flex()));
        (value, [first, second])
    }
}
