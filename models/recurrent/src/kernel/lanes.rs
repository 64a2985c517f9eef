//! What a set of instructions must be able to do.

use super::panel::{Neighbours, PANEL, QUADS, Quad, Row};

/// One piece of arithmetic that is compiled for each path.
///
/// A tile of `ROWS` times `VECTORS` vectors fits the path's registers; a kernel that needs none of this ignores it. `run`
/// must be `#[inline(always)]`, and so must everything hot that it calls: only inlined code is compiled for the path.
pub(crate) trait Kernel {
    /// Whether the kernel does nothing with bf16. The paths with AVX-512 share one compilation of such a kernel, because it
    /// would be the same on each of them.
    const FLOATS_ONLY: bool = false;

    /// Returns into how many rows its products of bf16 are cut; `None` where it has no such products.
    fn tile_rows(&self) -> Option<usize> {
        None
    }

    /// Does the arithmetic.
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L);
}

/// Arithmetic on vectors of `f32`.
pub(crate) trait Arithmetic: Copy {
    /// The values of one register.
    type Vector: Copy;
    /// How many values a vector has.
    const WIDTH: usize;

    /// Returns a vector of one value.
    fn splat(self, value: f32) -> Self::Vector;
    /// Reads the first values of a slice.
    fn load(self, from: &[f32]) -> Self::Vector;
    /// Writes the values to the front of a slice.
    fn store(self, vector: Self::Vector, into: &mut [f32]);
    /// Returns `a · b + c`, rounded once.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Returns `c - a · b`, rounded once.
    fn neg_mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Returns `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Returns `a - b`.
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Returns `a · b`.
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Returns `a / b`.
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Returns the square root.
    fn sqrt(self, a: Self::Vector) -> Self::Vector;
    /// Returns `a` where it is less than `b`, else `b`; also `b` where one of them is NaN.
    fn least(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Returns `a` where it is greater than `b`, else `b`; also `b` where one of them is NaN.
    fn greatest(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Returns the absolute value.
    fn abs(self, a: Self::Vector) -> Self::Vector;
    /// Returns the positive `a` with the sign of `sign`.
    fn with_sign(self, a: Self::Vector, sign: Self::Vector) -> Self::Vector;
    /// Returns `then` where `a` is less than `b`, else `otherwise`.
    fn where_less(self, a: Self::Vector, b: Self::Vector, then: Self::Vector, otherwise: Self::Vector) -> Self::Vector;
    /// Returns the float whose exponent is the sum of the bits of `a` and `bias`, wrapping: `2ⁿ` where that is `n + 127`.
    fn exponent(self, a: Self::Vector, bias: u32) -> Self::Vector;
    /// Returns the float whose bits are `from` minus the bits of `a`, wrapping.
    fn bits_from(self, from: u32, a: Self::Vector) -> Self::Vector;
}

/// The vectors of one set of instructions. A value of this type is the proof that the CPU has them.
pub(crate) trait Lanes: Arithmetic {
    /// Pairs of bf16 in one register, as many as a vector has values.
    type Pairs: Copy;

    /// Reads the first pairs of a slice.
    fn load_pairs(self, from: &[u32]) -> Self::Pairs;
    /// Returns a register of one pair.
    fn splat_pair(self, pair: u32) -> Self::Pairs;
    /// Returns the lower halves of all pairs as `f32`.
    fn lower(self, pairs: Self::Pairs) -> Self::Vector;
    /// Returns the upper halves of all pairs as `f32`.
    fn upper(self, pairs: Self::Pairs) -> Self::Vector;

    /// Whether products of bf16 are done in tiles, see [`super::amx`].
    const TILES: bool = false;

    /// Returns how many rows a tile has now; 0 where no tiles are set up.
    fn tile_rows(self) -> usize {
        0
    }

    /// Adds four products to two sums: those of the first and the third step to the first sum, of the second and the fourth to
    /// the second, each rounded once. Results below the normal range of `f32` become zero; sums and pairs are never below it.
    #[inline(always)]
    fn add_quad(self, left: [Self::Pairs; 2], right: [Self::Pairs; 2], sums: [Self::Vector; 2]) -> [Self::Vector; 2] {
        add_quad(self, left, right, sums)
    }

    /// Rounds the values of two vectors that lie side by side to bf16 and writes them as [`Neighbours`].
    #[inline(always)]
    fn store_neighbours(self, first: Self::Vector, second: Self::Vector, into: &mut [u32]) {
        store_neighbours(self, first, second, into);
    }

    /// Rounds the values of four vectors that lie one below the other to bf16 and writes them as columns of a [`Quad`].
    #[inline(always)]
    fn store_quad(self, rows: [Self::Vector; 4], into: [&mut [u32]; 2]) {
        store_quad(self, rows, into);
    }

    /// Transposes a square of 32 rows and columns.
    #[inline(always)]
    fn turn(self, from: &[Row; PANEL], into: &mut [Row; PANEL]) {
        for (row, from) in from.iter().enumerate() {
            for (into, &value) in into.iter_mut().zip(&from.0) {
                into.0[row] = value;
            }
        }
    }

    /// Transposes the columns of 32 rows into the steps of a block; pairs stay together.
    #[inline(always)]
    fn turn_neighbours(self, from: &[Neighbours; PANEL], into: &mut [Quad; QUADS]) {
        for (pair, into) in into.iter_mut().flat_map(|quad| &mut quad.0).enumerate() {
            for (into, row) in into.iter_mut().zip(from) {
                *into = row.0[pair];
            }
        }
    }

    /// Transposes the columns of the steps of a block into rows; pairs stay together.
    #[inline(always)]
    fn turn_quads(self, from: &[Quad; QUADS], into: &mut [Neighbours; PANEL]) {
        for (pair, from) in from.iter().flat_map(|quad| &quad.0).enumerate() {
            for (into, &from) in into.iter_mut().zip(from) {
                into.0[pair] = from;
            }
        }
    }
}

/// The values of the widest vector.
const WIDEST: usize = 16;

/// Replaces values below the normal range by zero with their sign.
#[inline(always)]
pub(crate) fn flush<L: Lanes>(lanes: L, value: L::Vector) -> L::Vector {
    let zero = lanes.with_sign(lanes.splat(0.0), value);
    lanes.where_less(lanes.abs(value), lanes.splat(f32::MIN_POSITIVE), zero, value)
}

/// Returns the nearest bf16 in the upper half of the bits, the even one of two equally near; zero for values below the normal range.
#[inline(always)]
fn rounded(value: f32) -> u32 {
    let bits = value.to_bits();
    let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    let rounded = if value.is_nan() { bits | 0x40_0000 } else { nearest };
    let rounded = if value.abs() < f32::MIN_POSITIVE {
        bits & 0x8000_0000
    } else {
        rounded
    };
    rounded & 0xffff_0000
}

/// See [`Lanes::add_quad`].
#[inline(always)]
pub(super) fn add_quad<L: Lanes>(
    lanes: L,
    left: [L::Pairs; 2],
    right: [L::Pairs; 2],
    [mut even, mut odd]: [L::Vector; 2],
) -> [L::Vector; 2] {
    for (left, right) in left.into_iter().zip(right) {
        even = flush(lanes, lanes.mul_add(lanes.lower(left), lanes.lower(right), even));
        odd = flush(lanes, lanes.mul_add(lanes.upper(left), lanes.upper(right), odd));
    }
    [even, odd]
}

/// See [`Lanes::store_neighbours`].
#[inline(always)]
pub(super) fn store_neighbours<L: Lanes>(lanes: L, first: L::Vector, second: L::Vector, into: &mut [u32]) {
    let mut values = [0.0; 2 * WIDEST];
    lanes.store(first, &mut values);
    lanes.store(second, &mut values[L::WIDTH..]);
    for (pair, into) in into[..L::WIDTH].iter_mut().enumerate() {
        *into = rounded(values[2 * pair]) >> 16 | rounded(values[2 * pair + 1]);
    }
}

/// See [`Lanes::store_quad`].
#[inline(always)]
pub(super) fn store_quad<L: Lanes>(lanes: L, rows: [L::Vector; 4], into: [&mut [u32]; 2]) {
    let mut values = [[0.0; WIDEST]; 4];
    for (row, values) in rows.into_iter().zip(&mut values) {
        lanes.store(row, values);
    }
    for (into, rows) in into.into_iter().zip(values.chunks_exact(2)) {
        for (column, into) in into[..L::WIDTH].iter_mut().enumerate() {
            *into = rounded(rows[0][column]) >> 16 | rounded(rows[1][column]);
        }
    }
}
