//! Words and halves in other places of a register.

use std::{
    arch::x86_64::{
        __m512, __m512bh, __m512i, _mm512_cvtne2ps_pbh, _mm512_loadu_si512, _mm512_setzero_si512, _mm512_shuffle_i32x4,
        _mm512_storeu_si512, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
        _mm512_unpacklo_epi64,
    },
    mem::transmute,
};

/// Turns a square of 16 rows and columns around; each side has its distance from row to row.
///
/// # Safety
/// The CPU must have AVX-512, and both sides must have 16 rows of 16 words.
#[inline(always)]
pub(super) unsafe fn turn_words((from, from_wide): (*const i32, usize), (into, into_wide): (*mut i32, usize)) {
    // SAFETY: the caller's.
    unsafe {
        let mut rows = [_mm512_setzero_si512(); 16];
        for (row, vector) in rows.iter_mut().enumerate() {
            *vector = _mm512_loadu_si512(from.add(row * from_wide).cast());
        }
        // Within each quarter of the registers: columns of two rows, then of four.
        let mut twos = rows;
        for pair in 0..8 {
            twos[2 * pair] = _mm512_unpacklo_epi32(rows[2 * pair], rows[2 * pair + 1]);
            twos[2 * pair + 1] = _mm512_unpackhi_epi32(rows[2 * pair], rows[2 * pair + 1]);
        }
        let mut fours = rows;
        for four in 0..4 {
            for half in 0..2 {
                let [first, second] = [twos[4 * four + half], twos[4 * four + 2 + half]];
                fours[4 * four + 2 * half] = _mm512_unpacklo_epi64(first, second);
                fours[4 * four + 2 * half + 1] = _mm512_unpackhi_epi64(first, second);
            }
        }
        // `fours[4 f + c]` has the columns c, c + 4, c + 8 and c + 12 of the rows from 4 f on, a quarter each.
        for column in 0..4 {
            let [a, b, c, d] = [fours[column], fours[4 + column], fours[8 + column], fours[12 + column]];
            let (low, high) = (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0x88>(c, d));
            let (low_odd, high_odd) = (_mm512_shuffle_i32x4::<0xdd>(a, b), _mm512_shuffle_i32x4::<0xdd>(c, d));
            let turned = [
                _mm512_shuffle_i32x4::<0x88>(low, high),
                _mm512_shuffle_i32x4::<0x88>(low_odd, high_odd),
                _mm512_shuffle_i32x4::<0xdd>(low, high),
                _mm512_shuffle_i32x4::<0xdd>(low_odd, high_odd),
            ];
            for (quarter, vector) in turned.into_iter().enumerate() {
                _mm512_storeu_si512(into.add((column + 4 * quarter) * into_wide).cast(), vector);
            }
        }
    }
}

/// Rounds two vectors to bf16, the first one in the lower half.
///
/// # Safety
/// The CPU must have AVX512-BF16.
#[inline(always)]
pub(super) unsafe fn in_bf16(first: __m512, second: __m512) -> __m512i {
    // SAFETY: the caller's; both types are 512 bits.
    unsafe { transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(second, first)) }
}

/// Returns the register that names for each half the place from which it is taken.
///
/// # Safety
/// The CPU must have AVX-512.
#[inline(always)]
pub(super) unsafe fn places(from: [u16; 32]) -> __m512i {
    // SAFETY: the caller's; both types are 512 bits.
    unsafe { transmute::<[u16; 32], __m512i>(from) }
}

/// Puts what the product of pairs takes together side by side: it adds the upper half first and must take both from one chain,
/// the steps 0 and 2 or the steps 1 and 3.
pub(super) const BY_CHAIN: [u16; 32] = {
    let mut from = [0; 32];
    [from[0], from[1], from[2], from[3]] = [2, 0, 3, 1];
    let mut place = 4;
    while place < 32 {
        from[place] = from[place - 4] + 4;
        place += 1;
    }
    from
};

/// Takes the lower halves from the first 16 values and the upper ones from the others.
pub(super) const BY_COLUMN: [u16; 32] = {
    let mut from = [0; 32];
    from[1] = 16;
    let mut place = 2;
    while place < 32 {
        from[place] = from[place - 2] + 1;
        place += 1;
    }
    from
};
