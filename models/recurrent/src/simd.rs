//! Picks the widest instructions the CPU has, with the same bits on every choice.
//!
//! A [`Kernel`] is one piece of arithmetic, written once and always inlined. [`Path::run`] compiles it for AVX-512, for AVX2
//! with FMA, and for whatever the target guarantees. A kernel vectorises over its outputs and never across an accumulation,
//! and fuses multiplication and addition, which is correctly rounded everywhere, so the paths differ in speed only.
#![expect(
    unsafe_code,
    reason = "vector instructions exist only on CPUs that were seen to have them"
)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _CMP_LT_OQ, _mm256_add_epi32, _mm256_add_ps, _mm256_and_ps, _mm256_andnot_ps, _mm256_blendv_ps,
    _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_div_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps, _mm256_or_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_slli_epi32,
    _mm256_sqrt_ps, _mm256_storeu_ps, _mm256_sub_ps, _mm512_abs_ps, _mm512_add_epi32, _mm512_add_ps, _mm512_and_si512,
    _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_div_ps, _mm512_fmadd_ps, _mm512_loadu_ps,
    _mm512_mask_blend_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_or_si512, _mm512_set1_epi32,
    _mm512_set1_ps, _mm512_slli_epi32, _mm512_sqrt_ps, _mm512_storeu_ps, _mm512_sub_ps,
};

/// One piece of arithmetic that is compiled for each path.
///
/// A tile of `ROWS` times `VECTORS` vectors fits the path's registers; a kernel that needs none of this ignores it. `run`
/// must be `#[inline(always)]`, and so must everything hot that it calls: only inlined code is compiled for the path.
pub(crate) trait Kernel {
    /// Does the arithmetic.
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L);
}

/// Vectors of `f32` as a path has them. A value of this type is the proof that the CPU has the instructions.
pub(crate) trait Lanes: Copy {
    /// Some values in one register.
    type Vector: Copy;
    /// How many values.
    const WIDTH: usize;

    /// Gives a vector of one value.
    fn splat(self, value: f32) -> Self::Vector;
    /// Reads the first values of a slice.
    fn load(self, from: &[f32]) -> Self::Vector;
    /// Writes the values to the front of a slice.
    fn store(self, vector: Self::Vector, into: &mut [f32]);
    /// Gives `a · b + c`, rounded once.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Gives `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Gives `a - b`.
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Gives `a · b`.
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Gives `a / b`.
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Gives the square root.
    fn sqrt(self, a: Self::Vector) -> Self::Vector;
    /// Gives `a` where it is less than `b`, else `b`: `b` too where one of them is no number.
    fn least(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Gives `a` where it is greater than `b`, else `b`: `b` too where one of them is no number.
    fn greatest(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Gives the value without its sign.
    fn abs(self, a: Self::Vector) -> Self::Vector;
    /// Gives the positive `a` the sign of `sign`.
    fn with_sign(self, a: Self::Vector, sign: Self::Vector) -> Self::Vector;
    /// Gives `then` where `a` is less than `b`, else `otherwise`.
    fn where_less(self, a: Self::Vector, b: Self::Vector, then: Self::Vector, otherwise: Self::Vector) -> Self::Vector;
    /// Gives the float whose exponent is the sum of the bits of `a` and `bias`, wrapping: `2ⁿ` where that is `n + 127`.
    fn exponent(self, a: Self::Vector, bias: u32) -> Self::Vector;
}

/// A set of instructions that this CPU was seen to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// 16 values at once.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// Eight values at once.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// What every CPU of the target has.
    Portable,
}

impl Path {
    /// Gives the fastest path of this CPU.
    pub(crate) fn fastest() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(lanes) = Avx512::detect() {
                return Self::Avx512(lanes);
            }
            if let Some(lanes) = Avx2::detect() {
                return Self::Avx2(lanes);
            }
        }
        Self::Portable
    }

    /// Runs a kernel with this path's instructions.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) {
        match self {
            // SAFETY: the value is the proof that the CPU has the instructions.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(lanes) => unsafe { run_avx512(kernel, lanes) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(lanes) => unsafe { run_avx2(kernel, lanes) },
            Self::Portable => kernel.run::<_, 4, 4>(Portable),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
fn run_avx512<K: Kernel>(kernel: K, lanes: Avx512) {
    kernel.run::<_, 8, 2>(lanes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K, lanes: Avx2) {
    kernel.run::<_, 6, 2>(lanes);
}

/// Proof that the CPU has AVX-512.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx512(());

#[cfg(target_arch = "x86_64")]
impl Avx512 {
    /// Asks the CPU.
    pub(crate) fn detect() -> Option<Self> {
        let has =
            is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for Avx512 {
    type Vector = __m512;
    const WIDTH: usize = 16;

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m512 {
        let from = &from[..Self::WIDTH];
        // SAFETY: `self` is the proof that the CPU has the instruction; the slice holds that many values.
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, vector: __m512, into: &mut [f32]) {
        let into = &mut into[..Self::WIDTH];
        // SAFETY: `self` is the proof that the CPU has the instruction; the slice holds that many values.
        unsafe { _mm512_storeu_ps(into.as_mut_ptr(), vector) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    fn sqrt(self, a: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm512_sqrt_ps(a) }
    }

    #[inline(always)]
    fn least(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    fn greatest(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn abs(self, a: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instructions.
        unsafe { _mm512_abs_ps(a) }
    }

    #[inline(always)]
    fn with_sign(self, a: __m512, sign: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instructions.
        unsafe {
            let sign = _mm512_and_si512(_mm512_castps_si512(sign), _mm512_set1_epi32(i32::MIN));
            _mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(a), sign))
        }
    }

    #[inline(always)]
    fn where_less(self, a: __m512, b: __m512, then: __m512, otherwise: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instructions.
        unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), otherwise, then) }
    }

    #[inline(always)]
    fn exponent(self, a: __m512, bias: u32) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instructions.
        unsafe {
            let sum = _mm512_add_epi32(_mm512_castps_si512(a), _mm512_set1_epi32(bias.cast_signed()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<23>(sum))
        }
    }
}

/// Proof that the CPU has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx2(());

#[cfg(target_arch = "x86_64")]
impl Avx2 {
    /// Asks the CPU.
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for Avx2 {
    type Vector = __m256;
    const WIDTH: usize = 8;

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m256 {
        let from = &from[..Self::WIDTH];
        // SAFETY: `self` is the proof that the CPU has the instruction; the slice holds that many values.
        unsafe { _mm256_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, vector: __m256, into: &mut [f32]) {
        let into = &mut into[..Self::WIDTH];
        // SAFETY: `self` is the proof that the CPU has the instruction; the slice holds that many values.
        unsafe { _mm256_storeu_ps(into.as_mut_ptr(), vector) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    fn sqrt(self, a: __m256) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm256_sqrt_ps(a) }
    }

    #[inline(always)]
    fn least(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm256_min_ps(a, b) }
    }

    #[inline(always)]
    fn greatest(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    fn abs(self, a: __m256) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instructions.
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), a) }
    }

    #[inline(always)]
    fn with_sign(self, a: __m256, sign: __m256) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instructions.
        unsafe { _mm256_or_ps(a, _mm256_and_ps(sign, _mm256_set1_ps(-0.0))) }
    }

    #[inline(always)]
    fn where_less(self, a: __m256, b: __m256, then: __m256, otherwise: __m256) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instructions.
        unsafe { _mm256_blendv_ps(otherwise, then, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) }
    }

    #[inline(always)]
    fn exponent(self, a: __m256, bias: u32) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instructions.
        unsafe {
            let sum = _mm256_add_epi32(_mm256_castps_si256(a), _mm256_set1_epi32(bias.cast_signed()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(sum))
        }
    }
}

/// Four values side by side, which compilers keep in one register of most targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Portable;

impl Lanes for Portable {
    type Vector = [f32; 4];
    const WIDTH: usize = 4;

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; 4] {
        [value; 4]
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> [f32; 4] {
        [from[0], from[1], from[2], from[3]]
    }

    #[inline(always)]
    fn store(self, vector: [f32; 4], into: &mut [f32]) {
        into[..4].copy_from_slice(&vector);
    }

    #[inline(always)]
    fn mul_add(self, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
    }

    #[inline(always)]
    fn add(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    fn sub(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| a[lane] - b[lane])
    }

    #[inline(always)]
    fn mul(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| a[lane] * b[lane])
    }

    #[inline(always)]
    fn div(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| a[lane] / b[lane])
    }

    #[inline(always)]
    fn least(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| if a[lane] < b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    fn greatest(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| if a[lane] > b[lane] { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    fn sqrt(self, a: [f32; 4]) -> [f32; 4] {
        a.map(f32::sqrt)
    }

    #[inline(always)]
    fn abs(self, a: [f32; 4]) -> [f32; 4] {
        a.map(f32::abs)
    }

    #[inline(always)]
    fn with_sign(self, a: [f32; 4], sign: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| a[lane].copysign(sign[lane]))
    }

    #[inline(always)]
    fn where_less(self, a: [f32; 4], b: [f32; 4], then: [f32; 4], otherwise: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| if a[lane] < b[lane] { then[lane] } else { otherwise[lane] })
    }

    #[inline(always)]
    fn exponent(self, a: [f32; 4], bias: u32) -> [f32; 4] {
        a.map(|a| f32::from_bits(a.to_bits().wrapping_add(bias) << 23))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Gives every path that this CPU can take, the portable one last.
    pub(crate) fn paths() -> Vec<Path> {
        let mut paths = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            paths.extend(Avx512::detect().map(Path::Avx512));
            paths.extend(Avx2::detect().map(Path::Avx2));
        }
        paths.push(Path::Portable);
        paths
    }

    #[test]
    fn the_fastest_path_is_one_that_the_cpu_has() {
        assert_eq!(paths()[0], Path::fastest());
    }
}
