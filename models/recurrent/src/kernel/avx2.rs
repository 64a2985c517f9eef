//! Eight values at once.

use std::arch::x86_64::{
    __m256, __m256i, _CMP_LT_OQ, _mm256_add_epi32, _mm256_add_ps, _mm256_and_ps, _mm256_and_si256, _mm256_andnot_ps,
    _mm256_blendv_ps, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_div_ps, _mm256_fmadd_ps,
    _mm256_fnmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps, _mm256_or_ps,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_slli_epi32, _mm256_sqrt_ps, _mm256_storeu_ps, _mm256_sub_epi32,
    _mm256_sub_ps,
};

use super::lanes::{Arithmetic, Lanes};

/// Proof that the CPU has AVX2 and FMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// Returns the proof where the CPU has both.
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

impl Arithmetic for Avx2 {
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
    fn neg_mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm256_fnmadd_ps(a, b, c) }
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

    #[inline(always)]
    fn bits_from(self, from: u32, a: __m256) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instructions.
        unsafe {
            let from = _mm256_set1_epi32(from.cast_signed());
            _mm256_castsi256_ps(_mm256_sub_epi32(from, _mm256_castps_si256(a)))
        }
    }
}

impl Lanes for Avx2 {
    type Pairs = __m256i;

    #[inline(always)]
    fn load_pairs(self, from: &[u32]) -> __m256i {
        let from = &from[..Self::WIDTH];
        // SAFETY: `self` is the proof that the CPU has the instruction; the slice holds that many pairs.
        unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
    }

    #[inline(always)]
    fn splat_pair(self, pair: u32) -> __m256i {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm256_set1_epi32(pair.cast_signed()) }
    }

    #[inline(always)]
    fn lower(self, pairs: __m256i) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<16>(pairs)) }
    }

    #[inline(always)]
    fn upper(self, pairs: __m256i) -> __m256 {
        // SAFETY: `self` is the proof that the CPU has the instructions.
        unsafe { _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(-0x1_0000))) }
    }
}
