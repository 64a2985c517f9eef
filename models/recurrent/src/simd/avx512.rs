//! 16 values at once.

use std::{
    arch::x86_64::{
        __m256bh, __m256i, __m512, __m512bh, __m512i, _CMP_LT_OQ, _mm512_abs_ps, _mm512_add_epi32, _mm512_add_ps,
        _mm512_and_si512, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_cvtepu16_epi32,
        _mm512_cvtne2ps_pbh, _mm512_cvtneps_pbh, _mm512_div_ps, _mm512_dpbf16_ps, _mm512_fmadd_ps, _mm512_fnmadd_ps,
        _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_blend_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps,
        _mm512_or_si512, _mm512_set1_epi32, _mm512_set1_ps, _mm512_slli_epi32, _mm512_sqrt_ps, _mm512_storeu_ps,
        _mm512_storeu_si512, _mm512_sub_epi32, _mm512_sub_ps,
    },
    mem::transmute,
};

use super::{Arithmetic, Lanes, add_pairs, store_columns, store_neighbours};

/// Proof that the CPU has AVX-512, with products of bf16 or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx512<const BF16: bool>(());

impl<const BF16: bool> Avx512<BF16> {
    /// Asks the CPU.
    pub(crate) fn detect() -> Option<Self> {
        let has =
            is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        (has && (!BF16 || is_x86_feature_detected!("avx512bf16"))).then_some(Self(()))
    }
}

impl<const BF16: bool> Arithmetic for Avx512<BF16> {
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
    fn neg_mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm512_fnmadd_ps(a, b, c) }
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

    #[inline(always)]
    fn bits_from(self, from: u32, a: __m512) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instructions.
        unsafe {
            let from = _mm512_set1_epi32(from.cast_signed());
            _mm512_castsi512_ps(_mm512_sub_epi32(from, _mm512_castps_si512(a)))
        }
    }
}

impl<const BF16: bool> Lanes for Avx512<BF16> {
    type Pairs = __m512i;

    #[inline(always)]
    fn load_pairs(self, from: &[u32]) -> __m512i {
        let from = &from[..Self::WIDTH];
        // SAFETY: `self` is the proof that the CPU has the instruction; the slice holds that many pairs.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }

    #[inline(always)]
    fn splat_pair(self, pair: u32) -> __m512i {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm512_set1_epi32(pair.cast_signed()) }
    }

    #[inline(always)]
    fn lower(self, pairs: __m512i) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instruction.
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(pairs)) }
    }

    #[inline(always)]
    fn upper(self, pairs: __m512i) -> __m512 {
        // SAFETY: `self` is the proof that the CPU has the instructions.
        unsafe { _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(-0x1_0000))) }
    }

    #[inline(always)]
    fn add_pairs(self, left: __m512i, right: __m512i, sum: __m512) -> __m512 {
        if BF16 {
            // SAFETY: `self` is the proof that the CPU has the instruction; both types are 512 bits.
            return unsafe {
                _mm512_dpbf16_ps(
                    sum,
                    transmute::<__m512i, __m512bh>(left),
                    transmute::<__m512i, __m512bh>(right),
                )
            };
        }
        add_pairs(self, left, right, sum)
    }

    #[inline(always)]
    fn store_neighbours(self, first: __m512, second: __m512, into: &mut [u32]) {
        if !BF16 {
            return store_neighbours(self, first, second, into);
        }
        let into = &mut into[..Self::WIDTH];
        // SAFETY: `self` is the proof that the CPU has the instructions; both types are 512 bits; the slice holds that many pairs.
        unsafe {
            let pairs = transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(second, first));
            _mm512_storeu_si512(into.as_mut_ptr().cast(), pairs);
        }
    }

    #[inline(always)]
    fn store_columns(self, upper_row: __m512, lower_row: __m512, into: &mut [u32]) {
        if !BF16 {
            return store_columns(self, upper_row, lower_row, into);
        }
        let into = &mut into[..Self::WIDTH];
        // SAFETY: `self` is the proof that the CPU has the instructions; both types are 256 bits; the slice holds that many pairs.
        unsafe {
            let lower = _mm512_cvtepu16_epi32(transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(upper_row)));
            let upper = _mm512_cvtepu16_epi32(transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(lower_row)));
            let pairs = _mm512_or_si512(lower, _mm512_slli_epi32::<16>(upper));
            _mm512_storeu_si512(into.as_mut_ptr().cast(), pairs);
        }
    }
}
