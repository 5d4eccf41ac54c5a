//! Vectors of 32-bit floats, as wide as the CPU has them.
//!
//! A computation is written once, as a [`Kernel`] over any [`Lanes`]; [`dispatch`] runs the version
//! that was compiled for the widest vectors of this CPU: AVX-512, AVX2 with fused multiply-add, or
//! plain arrays.

/// A vector of floats and the operations on it, each lane by itself.
///
/// All methods are inlined into a [`Kernel::run`] that [`dispatch`] compiles for one CPU level; the
/// implementing types are private to this module so that nothing else can call them.
pub(super) trait Lanes: Copy {
    /// Number of lanes, at most [`MAX_LANES`].
    const LANES: usize;
    /// Rows that a product can hold two vectors of sums for in registers.
    const ROWS: usize;

    /// The same value in every lane.
    fn splat(value: f32) -> Self;
    /// The first `LANES` values of a slice that has at least as many.
    fn load(from: &[f32]) -> Self;
    /// Writes all lanes to the start of a slice that has at least as many values.
    fn store(self, to: &mut [f32]);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    fn sqrt(self) -> Self;
    /// `self * factor + term`, rounded once where the CPU can.
    fn mul_add(self, factor: Self, term: Self) -> Self;
    /// The smaller value; `other` where either is NaN.
    fn min(self, other: Self) -> Self;
    /// The larger value; `other` where either is NaN.
    fn max(self, other: Self) -> Self;
    /// The nearest integer.
    fn round(self) -> Self;
    /// Zero in the lanes in which `gate` is not above zero.
    fn where_positive(self, gate: Self) -> Self;
    /// 2 to the power of an integer between -126 and 127.
    fn exp2_integer(self) -> Self;

    /// Loads what a slice has, up to `LANES` values; the lanes beyond its end hold `fill`.
    #[inline(always)]
    fn read(from: &[f32], fill: f32) -> Self {
        if from.len() >= Self::LANES {
            return Self::load(from);
        }
        let mut lanes = [fill; MAX_LANES];
        lanes[..from.len()].copy_from_slice(from);
        Self::load(&lanes)
    }

    /// Stores as many lanes as the slice has room for.
    #[inline(always)]
    fn write(self, to: &mut [f32]) {
        if to.len() >= Self::LANES {
            return self.store(to);
        }
        let mut lanes = [0.0; MAX_LANES];
        self.store(&mut lanes);
        let room = to.len();
        to.copy_from_slice(&lanes[..room]);
    }

    /// The lanes folded into one value, in lane order.
    #[inline(always)]
    fn fold(self, combine: impl Fn(f32, f32) -> f32) -> f32 {
        let mut lanes = [0.0; MAX_LANES];
        self.store(&mut lanes);
        let mut folded = lanes[0];
        for &lane in &lanes[1..Self::LANES] {
            folded = combine(folded, lane);
        }
        folded
    }
}

/// The widest vector of any level.
pub(super) const MAX_LANES: usize = 16;

/// A computation over vectors of any width, with its arguments as fields.
pub(super) trait Kernel {
    /// What it returns.
    type Output;

    /// Computes. Implementations are `#[inline(always)]`, so that each level of [`dispatch`]
    /// compiles its own version.
    fn run<V: Lanes>(self) -> Self::Output;
}

/// Runs a kernel with the widest vectors of this CPU.
#[cfg(target_arch = "x86_64")]
pub(super) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    // The standard library caches the answers of the CPU, so asking is one load.
    if has_avx2() && is_x86_feature_detected!("avx512f") {
        // SAFETY: the CPU has avx512f, avx2 and fma.
        #[allow(unsafe_code)]
        unsafe {
            avx512(kernel)
        }
    } else if has_avx2() {
        // SAFETY: the CPU has avx2 and fma.
        #[allow(unsafe_code)]
        unsafe {
            avx2(kernel)
        }
    } else {
        kernel.run::<Portable>()
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<x86::Avx512>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<x86::Avx2>()
}

/// Runs a kernel with plain arrays.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Portable>()
}

/// Vectors as arrays, which the compiler turns into what every CPU of the target has.
#[derive(Clone, Copy)]
struct Portable([f32; 8]);

impl Portable {
    #[inline(always)]
    fn zip(mut self, other: Self, combine: impl Fn(f32, f32) -> f32) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a = combine(*a, b);
        }
        self
    }
}

impl Lanes for Portable {
    const LANES: usize = 8;
    const ROWS: usize = 6;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; 8])
    }
    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        let mut lanes = [0.0; 8];
        lanes.copy_from_slice(&from[..8]);
        Self(lanes)
    }
    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        to[..8].copy_from_slice(&self.0);
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.map(f32::sqrt))
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        // Not `f32::mul_add`: without the instruction that is a call into the C library.
        self.mul(factor).add(term)
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn round(self) -> Self {
        // Adding 1.5 * 2^23 leaves no room for fraction bits (Sterbenz); subtracting it again
        // gives the nearest integer for all |x| < 2^22.
        let magic = Self::splat(12_582_912.0);
        self.add(magic).sub(magic)
    }
    #[inline(always)]
    fn where_positive(self, gate: Self) -> Self {
        self.zip(gate, |a, b| if b > 0.0 { a } else { 0.0 })
    }
    #[inline(always)]
    fn exp2_integer(mut self) -> Self {
        for lane in &mut self.0 {
            *lane = f32::from_bits((((*lane as i32) + 127) << 23) as u32);
        }
        self
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod x86 {
    //! One type per level. Every `unsafe` block below is one intrinsic.
    //!
    //! SAFETY of all of them: `dispatch`, the only user of these types, has checked that the CPU
    //! has the instructions; loads and stores are unaligned ones, within a slice checked before.

    use super::Lanes;
    use std::arch::x86_64::{
        __m256, __m512, _CMP_GT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _mm256_add_epi32,
        _mm256_add_ps, _mm256_and_ps, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_cvtps_epi32, _mm256_div_ps,
        _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps, _mm256_round_ps,
        _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps, _mm256_slli_epi32, _mm256_sqrt_ps,
        _mm256_storeu_ps, _mm256_sub_ps, _mm512_add_epi32, _mm512_add_ps, _mm512_castsi512_ps,
        _mm512_cmp_ps_mask, _mm512_cvtps_epi32, _mm512_div_ps, _mm512_fmadd_ps, _mm512_loadu_ps,
        _mm512_maskz_mov_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_roundscale_ps,
        _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_slli_epi32, _mm512_sqrt_ps,
        _mm512_storeu_ps, _mm512_sub_ps,
    };

    const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

    macro_rules! lanes {
        ($(#[$doc:meta])* $name:ident($register:ty) x $lanes:literal, $rows:literal:
            $splat:ident $load:ident $store:ident $add:ident $sub:ident $mul:ident $div:ident $sqrt:ident
            $fma:ident $min:ident $max:ident $round:ident
            $to_int:ident $splat_int:ident $add_int:ident $shift:ident $cast:ident |$value:ident, $gate:ident| $positive:expr) => {
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub(super) struct $name($register);

            impl Lanes for $name {
                const LANES: usize = $lanes;
                const ROWS: usize = $rows;

                #[inline(always)]
                fn splat(value: f32) -> Self {
                    Self(unsafe { $splat(value) })
                }
                #[inline(always)]
                fn load(from: &[f32]) -> Self {
                    let from = &from[..$lanes];
                    Self(unsafe { $load(from.as_ptr()) })
                }
                #[inline(always)]
                fn store(self, to: &mut [f32]) {
                    let to = &mut to[..$lanes];
                    unsafe { $store(to.as_mut_ptr(), self.0) }
                }
                #[inline(always)]
                fn add(self, other: Self) -> Self {
                    Self(unsafe { $add(self.0, other.0) })
                }
                #[inline(always)]
                fn sub(self, other: Self) -> Self {
                    Self(unsafe { $sub(self.0, other.0) })
                }
                #[inline(always)]
                fn mul(self, other: Self) -> Self {
                    Self(unsafe { $mul(self.0, other.0) })
                }
                #[inline(always)]
                fn div(self, other: Self) -> Self {
                    Self(unsafe { $div(self.0, other.0) })
                }
                #[inline(always)]
                fn sqrt(self) -> Self {
                    Self(unsafe { $sqrt(self.0) })
                }
                #[inline(always)]
                fn mul_add(self, factor: Self, term: Self) -> Self {
                    Self(unsafe { $fma(self.0, factor.0, term.0) })
                }
                #[inline(always)]
                fn min(self, other: Self) -> Self {
                    Self(unsafe { $min(self.0, other.0) })
                }
                #[inline(always)]
                fn max(self, other: Self) -> Self {
                    Self(unsafe { $max(self.0, other.0) })
                }
                #[inline(always)]
                fn round(self) -> Self {
                    Self(unsafe { $round::<NEAREST>(self.0) })
                }
                #[inline(always)]
                fn where_positive(self, gate: Self) -> Self {
                    let ($value, $gate) = (self.0, gate.0);
                    Self($positive)
                }
                #[inline(always)]
                fn exp2_integer(self) -> Self {
                    let bits = unsafe { $shift::<23>($add_int($to_int(self.0), $splat_int(127))) };
                    Self(unsafe { $cast(bits) })
                }
            }
        };
    }

    lanes!(
        /// Eight floats, with AVX2 and FMA.
        Avx2(__m256) x 8, 6:
        _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_add_ps _mm256_sub_ps _mm256_mul_ps
        _mm256_div_ps _mm256_sqrt_ps _mm256_fmadd_ps _mm256_min_ps _mm256_max_ps _mm256_round_ps
        _mm256_cvtps_epi32 _mm256_set1_epi32 _mm256_add_epi32 _mm256_slli_epi32 _mm256_castsi256_ps
        |value, gate| unsafe { _mm256_and_ps(value, _mm256_cmp_ps::<_CMP_GT_OQ>(gate, _mm256_setzero_ps())) }
    );
    lanes!(
        /// Sixteen floats, with AVX-512.
        Avx512(__m512) x 16, 8:
        _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_add_ps _mm512_sub_ps _mm512_mul_ps
        _mm512_div_ps _mm512_sqrt_ps _mm512_fmadd_ps _mm512_min_ps _mm512_max_ps _mm512_roundscale_ps
        _mm512_cvtps_epi32 _mm512_set1_epi32 _mm512_add_epi32 _mm512_slli_epi32 _mm512_castsi512_ps
        |value, gate| unsafe {
            _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(gate, _mm512_setzero_ps()), value)
        }
    );
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Runs a kernel at every level that this CPU has, the portable one first.
    pub(crate) fn every_level<K: Kernel + Clone>(kernel: &K) -> Vec<K::Output> {
        let mut outputs = vec![kernel.clone().run::<Portable>()];
        #[cfg(target_arch = "x86_64")]
        if has_avx2() {
            // SAFETY: the CPU has avx2 and fma.
            #[allow(unsafe_code)]
            outputs.push(unsafe { avx2(kernel.clone()) });
        }
        outputs.push(dispatch(kernel.clone()));
        outputs
    }

    /// Asserts that what a kernel computes is the same at every level, but for rounding.
    pub(crate) fn agrees_at_every_level<K>(kernel: &K, what: &str)
    where
        K: Kernel<Output = Vec<f32>> + Clone,
    {
        let levels = every_level(kernel);
        for level in &levels[1..] {
            for (got, want) in level.iter().zip(&levels[0]) {
                assert!((got - want).abs() < 1e-4, "{what}: {got} for {want}");
            }
        }
    }

    #[derive(Clone)]
    struct Arithmetic;

    impl Kernel for Arithmetic {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<V: Lanes>(self) -> Vec<f32> {
            let short = V::read(&[1.5, -2.5, 7.0], -1.0);
            let mut out = vec![0.0; 3];
            short.round().write(&mut out);
            out.push(short.fold(f32::max));
            out.push(V::splat(-3.0).exp2_integer().fold(f32::min));
            out.push(V::splat(2.0).mul_add(V::splat(3.0), V::splat(-1.0)).fold(f32::min));
            let kept = V::splat(4.0).where_positive(V::read(&[0.5, 0.0, f32::NAN], -1.0));
            out.push(kept.fold(|a, b| a + b));
            out
        }
    }

    #[test]
    fn lanes_agree_at_every_level() {
        for out in every_level(&Arithmetic) {
            assert_eq!(out, [2.0, -2.0, 7.0, 7.0, 0.125, 5.0, 4.0]);
        }
    }
}
