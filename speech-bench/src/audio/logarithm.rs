//! Natural logarithms of many values at once.

/// Added before the logarithm is taken.
pub(super) const FLOOR: f32 = 1e-14;

/// Replaces each value, at least 0, by ln(value + 1e-14), to about 1e-6.
///
/// Without branches and calls, and a part of its caller, so that it becomes the vector instructions that the
/// caller is compiled for.
#[inline(always)]
pub(super) fn logarithms(values: &mut [f32]) {
    for value in values {
        *value = logarithm(*value + FLOOR);
    }
}

/// ln of a positive normal number: of its mantissa in [sqrt(1/2), sqrt(2)) by the polynomial of Cephes'
/// `logf` (Moshier), and of its exponent with ln 2 in two parts.
#[inline(always)]
fn logarithm(value: f32) -> f32 {
    let bits = value.to_bits() as i32;
    let exponent = (bits - std::f32::consts::FRAC_1_SQRT_2.to_bits() as i32) >> 23;
    let x = f32::from_bits((bits - (exponent << 23)) as u32) - 1.0;
    let exponent = exponent as f32;
    let mut y = 7.037_683_6e-2;
    for coefficient in [
        -1.151_461_03e-1,
        1.167_699_87e-1,
        -1.242_014_08e-1,
        1.424_932_28e-1,
        -1.666_805_77e-1,
        2.000_071_48e-1,
        -2.499_999_4e-1,
        3.333_333_1e-1,
    ] {
        y = y * x + coefficient;
    }
    let square = x * x;
    y = y * x * square - 2.121_944_4e-4 * exponent - 0.5 * square;
    x + y + 0.693_359_375 * exponent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_the_library() {
        let mut value = 1e-16_f32;
        while value < 1e20 {
            let mut out = [value];
            logarithms(&mut out);
            let expected = f64::from(value + FLOOR).ln();
            let error = (f64::from(out[0]) - expected).abs();
            assert!(error < 1e-6 + 2e-7 * expected.abs(), "ln {value} is {expected}, not {}", out[0]);
            value *= 1.000_37;
        }
        let mut zero = [0.0];
        logarithms(&mut zero);
        assert!((f64::from(zero[0]) - 1e-14_f64.ln()).abs() < 1e-5);
    }
}
