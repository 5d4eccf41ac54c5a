//! Optimiser updates on slices, each in one pass over the parameters.

use super::lanes::{Kernel, Lanes, dispatch};
use rayon::prelude::*;

/// Values that one thread takes at a time.
const PIECE: usize = 1 << 14;

/// What Adam does in one update (Kingma and Ba 2015, section 2, the efficient form).
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdamUpdate {
    /// Decay of the first and second moment.
    pub(crate) beta: (f64, f64),
    /// 1 - beta^t of both.
    pub(crate) bias: (f64, f64),
    pub(crate) epsilon: f64,
    pub(crate) rate: f64,
}

/// Adam's constants at one update.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdamStep {
    /// Decay of the first and second moment.
    pub(crate) beta: (f32, f32),
    /// What the new gradient and its square count in them: 1 - beta.
    pub(crate) fresh: (f32, f32),
    /// Learning rate over the first moment's bias correction.
    pub(crate) rate: f32,
    /// 1 over the square root of the second moment's bias correction.
    pub(crate) correction: f32,
    /// Added to the denominator.
    pub(crate) epsilon: f32,
    /// Factor on the gradient.
    pub(crate) scale: f32,
}

/// The sum of all squares, in parallel and in one fixed order.
pub(crate) fn square_sum(values: &[f32]) -> f64 {
    let sums: Vec<f64> = values.par_chunks(PIECE).map(|values| dispatch(Squares { values })).collect();
    sums.iter().sum()
}

/// `values -= rate * gradient`.
///
/// # Panics
/// If the lengths differ.
pub(crate) fn sgd(values: &mut [f32], gradient: &[f32], rate: f32) {
    assert_eq!(values.len(), gradient.len());
    values
        .par_chunks_mut(PIECE)
        .zip(gradient.par_chunks(PIECE))
        .for_each(|(values, gradient)| dispatch(Descend { values, gradient, rate }));
}

/// `velocity = momentum velocity + scale gradient`, then
/// `values -= rate (scale gradient + momentum velocity)`: Nesterov's momentum as TensorFlow has it.
///
/// # Panics
/// If the lengths differ.
pub(crate) fn nesterov(
    values: &mut [f32],
    gradient: &[f32],
    velocity: &mut [f32],
    [rate, momentum, scale]: [f32; 3],
) {
    assert_eq!([gradient.len(), velocity.len()], [values.len(); 2]);
    values
        .par_chunks_mut(PIECE)
        .zip(gradient.par_chunks(PIECE))
        .zip(velocity.par_chunks_mut(PIECE))
        .for_each(|((values, gradient), velocity)| {
            dispatch(Accelerate { values, gradient, velocity, rate, momentum, scale });
        });
}

/// One step of Adam (Kingma and Ba 2015) on `values` and its moments.
///
/// # Panics
/// If the lengths differ.
pub(crate) fn adam(
    values: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
    step: AdamStep,
) {
    assert_eq!([gradient.len(), first.len(), second.len()], [values.len(); 3]);
    values
        .par_chunks_mut(PIECE)
        .zip(gradient.par_chunks(PIECE))
        .zip(first.par_chunks_mut(PIECE).zip(second.par_chunks_mut(PIECE)))
        .for_each(|((values, gradient), (first, second))| {
            dispatch(Adapt { values, gradient, first, second, step });
        });
}

struct Squares<'a> {
    values: &'a [f32],
}

impl Kernel for Squares<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<V: Lanes>(self) -> f64 {
        // Short runs in single precision, their sums in double.
        let runs = self.values.chunks(64 * V::LANES).map(|run| {
            let mut sum = V::splat(0.0);
            for part in run.chunks(V::LANES) {
                let value = V::read(part, 0.0);
                sum = value.mul_add(value, sum);
            }
            f64::from(sum.fold(|a, b| a + b))
        });
        runs.sum()
    }
}

struct Descend<'a> {
    values: &'a mut [f32],
    gradient: &'a [f32],
    rate: f32,
}

impl Kernel for Descend<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let rate = V::splat(-self.rate);
        for (value, gradient) in self.values.chunks_mut(V::LANES).zip(self.gradient.chunks(V::LANES)) {
            V::read(gradient, 0.0).mul_add(rate, V::read(value, 0.0)).write(value);
        }
    }
}

struct Accelerate<'a> {
    values: &'a mut [f32],
    gradient: &'a [f32],
    velocity: &'a mut [f32],
    rate: f32,
    momentum: f32,
    scale: f32,
}

impl Kernel for Accelerate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let (rate, momentum) = (V::splat(-self.rate), V::splat(self.momentum));
        let scale = V::splat(self.scale);
        let parameters = self.values.chunks_mut(V::LANES).zip(self.gradient.chunks(V::LANES));
        for ((value, gradient), velocity) in parameters.zip(self.velocity.chunks_mut(V::LANES)) {
            let gradient = V::read(gradient, 0.0).mul(scale);
            let speed = V::read(velocity, 0.0).mul_add(momentum, gradient);
            speed.write(velocity);
            let change = speed.mul_add(momentum, gradient);
            change.mul_add(rate, V::read(value, 0.0)).write(value);
        }
    }
}

struct Adapt<'a> {
    values: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    step: AdamStep,
}

impl Kernel for Adapt<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let AdamStep { beta, fresh, rate, correction, epsilon, scale } = self.step;
        let parameters = self.values.chunks_mut(V::LANES).zip(self.gradient.chunks(V::LANES));
        let moments = self.first.chunks_mut(V::LANES).zip(self.second.chunks_mut(V::LANES));
        for ((value, gradient), (first, second)) in parameters.zip(moments) {
            let gradient = V::read(gradient, 0.0).mul(V::splat(scale));
            let share = gradient.mul(V::splat(fresh.0));
            let mean = V::read(first, 0.0).mul_add(V::splat(beta.0), share);
            let share = gradient.mul(gradient).mul(V::splat(fresh.1));
            let square = V::read(second, 0.0).mul_add(V::splat(beta.1), share);
            mean.write(first);
            square.write(second);
            let denominator = square.sqrt().mul_add(V::splat(correction), V::splat(epsilon));
            let change = mean.mul(V::splat(rate)).div(denominator);
            V::read(value, 0.0).sub(change).write(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn updates_meet_their_formulas() {
        let mut random = Random::new("test/update", &[]);
        let n = 2 * PIECE + 13;
        let mut draw = || -> Vec<f32> { (0..n).map(|_| random.normal() as f32).collect() };
        let (start, gradient, mean) = (draw(), draw(), draw());
        let square: Vec<f32> = draw().iter().map(|v| v * v).collect();

        let want: f64 = gradient.iter().map(|v| f64::from(*v).powi(2)).sum();
        assert!((square_sum(&gradient) / want - 1.0).abs() < 1e-6);

        let mut values = start.clone();
        sgd(&mut values, &gradient, 0.3);
        for ((value, start), g) in values.iter().zip(&start).zip(&gradient) {
            assert!((value - (start - 0.3 * g)).abs() < 1e-6);
        }

        let (mut values, mut velocity) = (start.clone(), mean.clone());
        nesterov(&mut values, &gradient, &mut velocity, [0.2, 0.9, 0.5]);
        for i in 0..n {
            let g = 0.5 * gradient[i];
            let v = 0.9 * mean[i] + g;
            assert!(
                (velocity[i] - v).abs() < 1e-6 && (values[i] - (start[i] - 0.2 * (g + 0.9 * v))).abs() < 1e-6
            );
        }

        let step = AdamStep {
            beta: (0.9, 0.99),
            fresh: (0.1, 0.01),
            rate: 0.2,
            correction: 3.0,
            epsilon: 1e-3,
            scale: 0.5,
        };
        let (mut values, mut first, mut second) = (start.clone(), mean.clone(), square.clone());
        adam(&mut values, &gradient, &mut first, &mut second, step);
        for i in 0..n {
            let g = 0.5 * gradient[i];
            let (m, v) = (0.9 * mean[i] + 0.1 * g, 0.99 * square[i] + 0.01 * g * g);
            let want = start[i] - 0.2 * m / (v.sqrt() * 3.0 + 1e-3);
            assert!((first[i] - m).abs() < 1e-6 && (second[i] - v).abs() < 1e-5);
            assert!((values[i] - want).abs() < 1e-4 * (1.0 + want.abs()), "{} for {want}", values[i]);
        }
    }
}
