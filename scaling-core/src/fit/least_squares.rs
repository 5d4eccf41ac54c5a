//! Small non-linear least squares: Levenberg-Marquardt with a numerical Jacobian, for up to six
//! parameters and a robust loss where it is wanted.

/// The loss of a residual (of ln E).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// r² / 2
    Squares,
    /// r² / 2 up to this residual, linear beyond (Huber): shards that went wrong count less.
    Huber(f64),
}

impl Loss {
    /// The loss of one residual.
    pub fn of(self, residual: f64) -> f64 {
        match self {
            Self::Huber(delta) if residual.abs() > delta => delta * (residual.abs() - 0.5 * delta),
            _ => 0.5 * residual * residual,
        }
    }

    /// The weight that makes a square of the loss.
    fn weight(self, residual: f64) -> f64 {
        match self {
            Self::Huber(delta) if residual.abs() > delta => delta / residual.abs(),
            _ => 1.0,
        }
    }
}

/// Where the Huber loss of ln E turns linear, as in Hoffmann et al. 2022.
pub const HUBER: f64 = 1e-3;
const STEPS: usize = 400;
/// Relative step of the Jacobian's differences.
const DIFFERENCE: f64 = 1e-6;

/// A minimum.
#[derive(Debug, Clone)]
pub struct Minimum<const P: usize> {
    /// Where it is.
    pub parameters: [f64; P],
    /// The summed loss there.
    pub cost: f64,
    /// The inverse of JᵀJ there, if it is not singular.
    pub inverse: Option<[[f64; P]; P]>,
}

/// Minimises the summed loss of `residual(parameters, i)` for i below `count`, from `start`.
///
/// A non-finite residual makes the cost infinite; a model uses this to mark parameters outside its domain.
pub fn minimise<const P: usize>(
    residual: impl Fn(&[f64; P], usize) -> f64,
    count: usize,
    start: [f64; P],
    loss: Loss,
) -> Minimum<P> {
    let cost = |p: &[f64; P]| {
        let sum: f64 = (0..count).map(|i| loss.of(residual(p, i))).sum();
        if sum.is_finite() { sum } else { f64::INFINITY }
    };
    let (mut parameters, mut lowest, mut damping) = (start, cost(&start), 1e-3);
    if !lowest.is_finite() {
        return Minimum { parameters, cost: lowest, inverse: None };
    }
    for _ in 0..STEPS {
        let (square, gradient) = normal_equations(&residual, count, &parameters, loss);
        let before = lowest;
        while damping < 1e12 {
            let mut damped = square;
            (0..P).for_each(|k| damped[k][k] += damping * square[k][k].max(1e-12));
            let Some(inverse) = inverse(&damped) else {
                damping *= 10.0;
                continue;
            };
            let tried: [f64; P] = std::array::from_fn(|k| {
                parameters[k] - (0..P).map(|j| inverse[k][j] * gradient[j]).sum::<f64>()
            });
            let reached = cost(&tried);
            if reached < lowest {
                (parameters, lowest) = (tried, reached);
                damping = (damping * 0.2).max(1e-12);
                break;
            }
            damping *= 5.0;
        }
        if before - lowest <= 1e-14 * before {
            break;
        }
    }
    let (square, _) = normal_equations(&residual, count, &parameters, loss);
    Minimum { parameters, cost: lowest, inverse: inverse(&square) }
}

/// JᵀJ and Jᵀr at `p`, where every residual has the weight that makes a square of its loss.
fn normal_equations<const P: usize>(
    residual: &impl Fn(&[f64; P], usize) -> f64,
    count: usize,
    p: &[f64; P],
    loss: Loss,
) -> ([[f64; P]; P], [f64; P]) {
    let (mut square, mut gradient) = ([[0.0; P]; P], [0.0; P]);
    for i in 0..count {
        let here = residual(p, i);
        let slopes: [f64; P] = std::array::from_fn(|k| {
            let step = DIFFERENCE * p[k].abs().max(1.0);
            let moved = |by: f64| {
                let mut moved = *p;
                moved[k] += by;
                residual(&moved, i)
            };
            (moved(step) - moved(-step)) / (2.0 * step)
        });
        let weight = loss.weight(here);
        for a in 0..P {
            gradient[a] += weight * slopes[a] * here;
            for b in 0..P {
                square[a][b] += weight * slopes[a] * slopes[b];
            }
        }
    }
    (square, gradient)
}

/// The inverse of a symmetric positive matrix (Gauss-Jordan with pivots), if it has one.
fn inverse<const P: usize>(matrix: &[[f64; P]; P]) -> Option<[[f64; P]; P]> {
    // Parameters differ in scale: rows and columns are brought to a unit diagonal first.
    let scale: [f64; P] = std::array::from_fn(|k| matrix[k][k].sqrt().recip());
    if scale.iter().any(|s| !s.is_finite()) {
        return None;
    }
    let mut left: [[f64; P]; P] =
        std::array::from_fn(|a| std::array::from_fn(|b| matrix[a][b] * scale[a] * scale[b]));
    let mut right: [[f64; P]; P] =
        std::array::from_fn(|a| std::array::from_fn(|b| if a == b { 1.0 } else { 0.0 }));
    for k in 0..P {
        let pivot = (k..P).max_by(|a, b| left[*a][k].abs().total_cmp(&left[*b][k].abs()))?;
        if left[pivot][k].abs() < 1e-13 {
            return None;
        }
        left.swap(k, pivot);
        right.swap(k, pivot);
        let factor = left[k][k].recip();
        left[k].iter_mut().chain(&mut right[k]).for_each(|value| *value *= factor);
        for row in (0..P).filter(|row| *row != k) {
            let factor = left[row][k];
            for column in 0..P {
                left[row][column] -= factor * left[k][column];
                right[row][column] -= factor * right[k][column];
            }
        }
    }
    Some(std::array::from_fn(|a| std::array::from_fn(|b| right[a][b] * scale[a] * scale[b])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_bottom_of_a_curved_valley() {
        // Rosenbrock's function as residuals.
        let residual = |p: &[f64; 2], i: usize| if i == 0 { 10.0 * (p[1] - p[0] * p[0]) } else { 1.0 - p[0] };
        let minimum = minimise(residual, 2, [-1.2, 1.0], Loss::Squares);
        assert!(minimum.cost < 1e-20 && (minimum.parameters[1] - 1.0).abs() < 1e-9, "{minimum:?}");
    }

    #[test]
    fn inverts() {
        let matrix = [[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 1e-6]];
        assert!(inverse(&[[1.0, 1.0], [1.0, 1.0]]).is_none());
        let inverse = inverse(&matrix).unwrap();
        for (a, row) in matrix.iter().enumerate() {
            for (b, expected) in [0, 1, 2].map(|b| if a == b { 1.0 } else { 0.0 }).into_iter().enumerate() {
                let product: f64 = row.iter().zip(&inverse).map(|(left, right)| left * right[b]).sum();
                assert!((product - expected).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_robust_loss_finds_the_median() {
        let values = [1.0, 1.1, 0.9, 1.05, 9.0];
        let residual = |p: &[f64; 1], i: usize| values[i] - p[0];
        let robust = minimise(residual, 5, [3.0], Loss::Huber(HUBER)).parameters[0];
        assert!((robust - 1.05).abs() < 2e-3, "{robust}");
        let mean = minimise(residual, 5, [3.0], Loss::Squares).parameters[0];
        assert!((mean - 2.61).abs() < 1e-9);
    }
}
