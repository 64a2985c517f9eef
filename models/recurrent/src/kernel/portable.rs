//! Plain Rust, for every CPU of the target.

use super::lanes::{Arithmetic, Lanes};

/// Four values side by side, which compilers keep in one register of most targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Portable;

impl Arithmetic for Portable {
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
    fn neg_mul_add(self, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| (-a[lane]).mul_add(b[lane], c[lane]))
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

    #[inline(always)]
    fn bits_from(self, from: u32, a: [f32; 4]) -> [f32; 4] {
        a.map(|a| f32::from_bits(from.wrapping_sub(a.to_bits())))
    }
}

impl Lanes for Portable {
    type Pairs = [u32; 4];

    #[inline(always)]
    fn load_pairs(self, from: &[u32]) -> [u32; 4] {
        [from[0], from[1], from[2], from[3]]
    }

    #[inline(always)]
    fn splat_pair(self, pair: u32) -> [u32; 4] {
        [pair; 4]
    }

    #[inline(always)]
    fn lower(self, pairs: [u32; 4]) -> [f32; 4] {
        pairs.map(|pair| f32::from_bits(pair << 16))
    }

    #[inline(always)]
    fn upper(self, pairs: [u32; 4]) -> [f32; 4] {
        pairs.map(|pair| f32::from_bits(pair & 0xffff_0000))
    }
}
