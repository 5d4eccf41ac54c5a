//! Quantiles of Student's t and of the F distribution.

use super::bisection::bisect;

/// The quantile at probability `p` in [0.5, 1) for `freedom` degrees of freedom, to about 1e-10.
pub(super) fn quantile(p: f64, freedom: f64) -> f64 {
    invert(1.0 - p, |t| 0.5 * incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t)))
}

/// Half the width of a two-sided interval at `level`, in standard errors.
pub(super) fn reach(level: f64, freedom: f64) -> f64 {
    quantile(f64::midpoint(1.0, level), freedom)
}

/// The quantile of the F distribution at probability `p` for the degrees of freedom of the
/// numerator and the denominator.
pub(super) fn f_quantile(p: f64, numerator: f64, denominator: f64) -> f64 {
    let tail = |f: f64| {
        incomplete_beta(denominator / 2.0, numerator / 2.0, denominator / (denominator + numerator * f))
    };
    invert(1.0 - p, tail)
}

/// Where a falling tail probability is `target`.
fn invert(target: f64, tail: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while tail(high) > target && high < 1e12 {
        (low, high) = (high, high * 2.0);
    }
    let (low, high) = bisect(low, high, 100, |middle| tail(middle) > target);
    f64::midpoint(low, high)
}

/// The quantile of the normal distribution, as the limit of many degrees of freedom.
pub(super) fn normal_quantile(p: f64) -> f64 {
    quantile(p, 1e6)
}

/// The regularised incomplete beta function `I_x(a, b)`.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    // The fraction converges fast below the mean; above it the mirrored one does.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, 1.0 - x) / b
    }
}

/// The continued fraction of the incomplete beta function (Lentz's method).
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let away = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for i in 1..=10_000 {
        let n = f64::from(i);
        let even = n * (b - n) * x / ((a + 2.0 * n - 1.0) * (a + 2.0 * n));
        let odd = -(a + n) * (a + b + n) * x / ((a + 2.0 * n) * (a + 2.0 * n + 1.0));
        for term in [even, odd] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            value *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// ln Γ(x) for x > 0: Stirling's series above 10, the recurrence below.
fn ln_gamma(x: f64) -> f64 {
    if x < 10.0 {
        return ln_gamma(x + 1.0) - x.ln();
    }
    let inverse = 1.0 / (x * x);
    let series = 1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse * (1.0 / 1260.0 - inverse / 1680.0));
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series / x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_match_tables() {
        for (p, freedom, known) in [
            (0.975, 1.0, 12.706_204_736),
            (0.975, 2.0, 4.302_652_730),
            (0.975, 4.0, 2.776_445_105),
            (0.95, 7.0, 1.894_578_605),
            (0.995, 10.0, 3.169_272_673),
            (0.975, 120.0, 1.979_930_405),
        ] {
            assert!((quantile(p, freedom) - known).abs() < 1e-8, "{p} {freedom}");
        }
        assert!((normal_quantile(0.975) - 1.959_964).abs() < 1e-5);
        assert!(quantile(0.5, 5.0).abs() < 1e-9);
        for (p, numerator, denominator, known) in
            [(0.95, 1.0, 5.0, 6.607_890_974), (0.9, 3.0, 12.0, 2.605_524_921), (0.5, 4.0, 4.0, 1.0)]
        {
            assert!((f_quantile(p, numerator, denominator) - known).abs() < 1e-7, "{p}");
        }
    }
}
