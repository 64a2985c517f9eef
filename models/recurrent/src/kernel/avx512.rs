//! 16 values at once.

mod words;

use std::{
    arch::x86_64::{
        __m512, __m512bh, __m512i, _CMP_LT_OQ, _mm512_abs_ps, _mm512_add_epi32, _mm512_add_ps, _mm512_and_si512,
        _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_div_ps, _mm512_dpbf16_ps, _mm512_fmadd_ps,
        _mm512_fnmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_blend_ps, _mm512_max_ps, _mm512_min_ps,
        _mm512_mul_ps, _mm512_or_si512, _mm512_permutexvar_epi16, _mm512_set1_epi32, _mm512_set1_ps, _mm512_slli_epi32,
        _mm512_sqrt_ps, _mm512_storeu_ps, _mm512_storeu_si512, _mm512_sub_epi32, _mm512_sub_ps,
    },
    mem::transmute,
};

use super::{
    amx::{self, Tiles},
    lanes::{self, Arithmetic, Lanes},
    panel::{Neighbours, PANEL, QUADS, Quad, Row},
};
use words::{BY_CHAIN, BY_COLUMN, in_bf16, places, turn_words};

/// No products of bf16 in hardware.
pub(super) const NONE: u8 = 0;
/// Products of pairs of bf16.
pub(super) const PAIRS: u8 = 1;
/// Products of tiles of bf16, and of pairs.
pub(super) const TILES: u8 = 2;

/// Proof that the CPU has AVX-512, and some products of bf16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx512<const HALVES: u8> {
    /// How many rows a tile has now; 0 where no tiles are set up.
    tile_rows: usize,
}

impl<const HALVES: u8> Avx512<HALVES> {
    /// Returns the proof where the CPU has the instructions and, for tiles, the operating system allows them.
    pub(crate) fn detect() -> Option<Self> {
        let has =
            is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let pairs = || is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512bw");
        let halves = match HALVES {
            NONE => true,
            PAIRS => pairs(),
            _ => pairs() && amx::is_allowed(),
        };
        (has && halves).then_some(Self { tile_rows: 0 })
    }

    /// Returns the proof without that of products of bf16.
    pub(super) fn floats(self) -> Avx512<NONE> {
        let Self { tile_rows } = self;
        Avx512 { tile_rows }
    }
}

impl Avx512<TILES> {
    /// Sets up this thread's tiles for products of so many rows, 16 at most, for as long as the second value lives.
    pub(super) fn configure(mut self, rows: usize) -> (Self, Tiles) {
        self.tile_rows = rows;
        // SAFETY: `self` is the proof that the CPU has tiles and that they are allowed.
        (self, unsafe { Tiles::configure(rows) })
    }
}

impl<const HALVES: u8> Arithmetic for Avx512<HALVES> {
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

impl<const HALVES: u8> Lanes for Avx512<HALVES> {
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

    const TILES: bool = HALVES == TILES;

    #[inline(always)]
    fn tile_rows(self) -> usize {
        self.tile_rows
    }

    #[inline(always)]
    fn add_quad(self, left: [__m512i; 2], right: [__m512i; 2], sums: [__m512; 2]) -> [__m512; 2] {
        if HALVES != PAIRS {
            return lanes::add_quad(self, left, right, sums);
        }
        let mut added = sums;
        for (sum, (left, right)) in added.iter_mut().zip(left.into_iter().zip(right)) {
            // SAFETY: `self` is the proof that the CPU has the instruction; all types are 512 bits.
            *sum = unsafe {
                _mm512_dpbf16_ps(
                    *sum,
                    transmute::<__m512i, __m512bh>(left),
                    transmute::<__m512i, __m512bh>(right),
                )
            };
        }
        added
    }

    #[inline(always)]
    fn store_neighbours(self, first: __m512, second: __m512, into: &mut [u32]) {
        if HALVES == NONE {
            return lanes::store_neighbours(self, first, second, into);
        }
        let into = &mut into[..Self::WIDTH];
        // SAFETY: `self` is the proof that the CPU has the instructions; the slice holds that many pairs.
        unsafe {
            let mut halves = in_bf16(first, second);
            if HALVES == PAIRS {
                halves = _mm512_permutexvar_epi16(places(BY_CHAIN), halves);
            }
            _mm512_storeu_si512(into.as_mut_ptr().cast(), halves);
        }
    }

    #[inline(always)]
    fn store_quad(self, rows: [__m512; 4], into: [&mut [u32]; 2]) {
        if HALVES == NONE {
            return lanes::store_quad(self, rows, into);
        }
        let [first, second, third, fourth] = rows;
        let pairs = match HALVES {
            PAIRS => [(third, first), (fourth, second)],
            _ => [(first, second), (third, fourth)],
        };
        for (into, (lower, upper)) in into.into_iter().zip(pairs) {
            let into = &mut into[..Self::WIDTH];
            // SAFETY: `self` is the proof that the CPU has the instructions; the slice holds that many pairs.
            unsafe {
                let halves = in_bf16(lower, upper);
                let pairs = _mm512_permutexvar_epi16(places(BY_COLUMN), halves);
                _mm512_storeu_si512(into.as_mut_ptr().cast(), pairs);
            }
        }
    }

    #[inline(always)]
    fn turn(self, from: &[Row; PANEL], into: &mut [Row; PANEL]) {
        const WIDE: usize = PANEL;
        let (from, into) = (from.as_ptr().cast::<i32>(), into.as_mut_ptr().cast::<i32>());
        for (row, column) in [(0, 0), (0, 16), (16, 0), (16, 16)] {
            // SAFETY: `self` is the proof that the CPU has the instructions; both squares have 32 rows of 32 words.
            unsafe {
                turn_words(
                    (from.add(row * WIDE + column), WIDE),
                    (into.add(column * WIDE + row), WIDE),
                );
            }
        }
    }

    #[inline(always)]
    fn turn_neighbours(self, from: &[Neighbours; PANEL], into: &mut [Quad; QUADS]) {
        let (from, into) = (from.as_ptr().cast::<i32>(), into.as_mut_ptr().cast::<i32>());
        for row in [0, 16] {
            // SAFETY: `self` is the proof that the CPU has the instructions; these are 32 rows of 16 words and 16 of 32.
            unsafe { turn_words((from.add(row * PANEL / 2), PANEL / 2), (into.add(row), PANEL)) };
        }
    }

    #[inline(always)]
    fn turn_quads(self, from: &[Quad; QUADS], into: &mut [Neighbours; PANEL]) {
        let (from, into) = (from.as_ptr().cast::<i32>(), into.as_mut_ptr().cast::<i32>());
        for column in [0, 16] {
            // SAFETY: `self` is the proof that the CPU has the instructions; these are 16 rows of 32 words and 32 of 16.
            unsafe { turn_words((from.add(column), PANEL), (into.add(column * PANEL / 2), PANEL / 2)) };
        }
    }
}
