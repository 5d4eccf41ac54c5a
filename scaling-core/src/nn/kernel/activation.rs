//! Exponential, sigmoid and hyperbolic tangent of vectors, within a few units in the last place.

use super::lanes::Lanes;

/// e^x; x is clamped to [-87, 88], where the result is a normal number. NaN stays NaN, here and
/// below: a diverged training run must show.
///
/// The usual reduction x = n ln 2 + r with |r| <= ln 2 / 2, and Cephes' polynomial for e^r.
#[inline(always)]
pub(super) fn exp<V: Lanes>(x: V) -> V {
    let x = V::splat(-87.0).max(V::splat(88.0).min(x));
    let n = x.mul(V::splat(std::f32::consts::LOG2_E)).round();
    // ln 2 in two parts, the first with few enough bits that n times it is exact.
    let r = n.mul_add(V::splat(-0.693_359_4), x);
    let r = n.mul_add(V::splat(2.121_944_4e-4), r);
    let mut p = V::splat(1.987_569_1e-4);
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p.mul_add(r, V::splat(coefficient));
    }
    p.mul_add(r.mul(r), r).add(V::splat(1.0)).mul(n.exp2_integer())
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub(super) fn sigmoid<V: Lanes>(x: V) -> V {
    let one = V::splat(1.0);
    one.div(exp(V::splat(0.0).sub(x)).add(one))
}

/// Hyperbolic tangent: the rational approximation of Eigen (odd of degree 13 over even of degree 6)
/// on the interval beyond which the result is within 2e-7 of 1.
#[inline(always)]
pub(super) fn tanh<V: Lanes>(x: V) -> V {
    let bound = V::splat(7.905_311);
    let x = V::splat(0.0).sub(bound).max(bound.min(x));
    let square = x.mul(x);
    let mut p = V::splat(-2.760_768_5e-16);
    for coefficient in
        [2.000_188e-13, -8.604_672e-11, 5.122_297_2e-8, 1.485_722_4e-5, 6.372_619_3e-4, 4.893_524_5e-3]
    {
        p = p.mul_add(square, V::splat(coefficient));
    }
    let mut q = V::splat(1.198_258_4e-6);
    for coefficient in [1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3] {
        q = q.mul_add(square, V::splat(coefficient));
    }
    x.mul(p).div(q)
}

#[cfg(test)]
mod tests {
    use super::super::lanes::{Kernel, tests::every_level};
    use super::*;

    #[derive(Clone)]
    struct Curves(Vec<f32>);

    impl Kernel for Curves {
        type Output = Vec<[f32; 3]>;

        #[inline(always)]
        fn run<V: Lanes>(self) -> Self::Output {
            let value = |v: V| v.fold(|first, _| first);
            let curves = |&x: &f32| {
                let x = V::splat(x);
                [value(exp(x)), value(sigmoid(x)), value(tanh(x))]
            };
            self.0.iter().map(curves).collect()
        }
    }

    #[test]
    fn curves_meet_double_precision() {
        let mut points: Vec<f32> = (-86_000..=86_000).map(|i| i as f32 * 1e-3).collect();
        points.extend((0..1000).map(|i| (i as f32 - 500.0) * 1e-6));
        for values in every_level(&Curves(points.clone())) {
            for (&x, got) in points.iter().zip(values) {
                let x = f64::from(x);
                let want = [x.exp(), 1.0 / (1.0 + (-x).exp()), x.tanh()];
                for (got, want) in got.into_iter().zip(want) {
                    let error = (f64::from(got) - want).abs();
                    assert!(error <= 5e-7 * want.abs() + 1e-38, "{x}: {got} for {want}");
                }
            }
        }
    }

    #[test]
    fn curves_saturate_and_keep_nan() {
        for values in every_level(&Curves(vec![-1e30, f32::NEG_INFINITY, f32::INFINITY, f32::NAN])) {
            assert!(values[3].iter().all(|v| v.is_nan()), "{:?}", values[3]);
            let [low, lowest, highest] = [values[0], values[1], values[2]];
            assert_eq!(low, lowest);
            assert!(low[0] < 2e-38 && low[1] < 1e-37 && low[2] < -0.999_999, "{low:?}");
            assert!(highest[0] > 1e38 && highest[1] == 1.0 && highest[2] > 0.999_999, "{highest:?}");
        }
    }
}
