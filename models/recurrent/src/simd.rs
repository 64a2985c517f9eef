//! Picks the widest instructions the CPU has, with the same bits on every choice.
//!
//! A [`Kernel`] is one piece of arithmetic, written once and always inlined. [`Path::run`] compiles it for AVX-512, for AVX2
//! with FMA, and for whatever the target guarantees. A kernel vectorises over its outputs and never across an accumulation,
//! and fuses multiplication and addition, which is correctly rounded everywhere, so the paths differ in speed only.
//!
//! Products of bf16 are what the tile instructions make of them, [`Lanes::multiply_pairs`]. CPUs that have only products of pairs
//! reach the same bits with these, and all others step by step, which is slow.
#![expect(
    unsafe_code,
    reason = "vector instructions exist only on CPUs that were seen to have them"
)]

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod pairs;
mod portable;
mod twice;

#[cfg(target_arch = "x86_64")]
use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use avx512::{Avx512, NONE, PAIRS, TILES};
pub(crate) use pairs::flush;
pub(crate) use portable::Portable;
pub(crate) use twice::Twice;

use crate::{
    factors::{Neighbours, Quad},
    panel::{PANEL, Row, Start},
    product::{self, pairs::QUADS},
};

/// One piece of arithmetic that is compiled for each path.
///
/// A tile of `ROWS` times `VECTORS` vectors fits the path's registers; a kernel that needs none of this ignores it. `run`
/// must be `#[inline(always)]`, and so must everything hot that it calls: only inlined code is compiled for the path.
pub(crate) trait Kernel {
    /// Gives how many rows its products of bf16 come in; none where it has no such products.
    fn tile_rows(&self) -> Option<usize> {
        None
    }

    /// Does the arithmetic.
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L);
}

/// Arithmetic on vectors of `f32`.
pub(crate) trait Arithmetic: Copy {
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
    /// Gives `c - a · b`, rounded once.
    fn neg_mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
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
    /// Gives the float whose bits are `from` less the bits of `a`, wrapping.
    fn bits_from(self, from: u32, a: Self::Vector) -> Self::Vector;
}

/// Vectors as a path has them. A value of this type is the proof that the CPU has the instructions.
pub(crate) trait Lanes: Arithmetic {
    /// Pairs of bf16 in one register, as many as a vector has values.
    type Pairs: Copy;

    /// Reads the first pairs of a slice.
    fn load_pairs(self, from: &[u32]) -> Self::Pairs;
    /// Gives a register of one pair.
    fn splat_pair(self, pair: u32) -> Self::Pairs;
    /// Gives the lower halves of all pairs as `f32`.
    fn lower(self, pairs: Self::Pairs) -> Self::Vector;
    /// Gives the upper halves of all pairs as `f32`.
    fn upper(self, pairs: Self::Pairs) -> Self::Vector;

    /// Whether [`Lanes::multiply_pairs`] is done by other instructions than its steps.
    const TILES: bool = false;

    /// Adds four products to two sums: those of the first and the third step to the first sum, of the second and the fourth to
    /// the second, each rounded once. What is below the normal range of `f32` becomes zero; sums and pairs never are.
    #[inline(always)]
    fn add_quad(self, left: [Self::Pairs; 2], right: [Self::Pairs; 2], sums: [Self::Vector; 2]) -> [Self::Vector; 2] {
        pairs::add_quad(self, left, right, sums)
    }

    /// Rounds the values of two vectors that lie side by side to bf16 and writes them as [`Neighbours`].
    #[inline(always)]
    fn store_neighbours(self, first: Self::Vector, second: Self::Vector, into: &mut [u32]) {
        pairs::store_neighbours(self, first, second, into);
    }

    /// Rounds the values of four vectors that lie one below the other to bf16 and writes them as columns of a [`Quad`].
    #[inline(always)]
    fn store_quad(self, rows: [Self::Vector; 4], into: [&mut [u32]; 2]) {
        pairs::store_quad(self, rows, into);
    }

    /// Turns a square of 32 rows and columns around.
    #[inline(always)]
    fn turn(self, from: &[Row; PANEL], into: &mut [Row; PANEL]) {
        for (row, from) in from.iter().enumerate() {
            for (into, &value) in into.iter_mut().zip(&from.0) {
                into.0[row] = value;
            }
        }
    }

    /// Turns the columns of 32 rows into the steps of a block; pairs stay what they are.
    #[inline(always)]
    fn turn_neighbours(self, from: &[Neighbours; PANEL], into: &mut [Quad; QUADS]) {
        for (pair, into) in into.iter_mut().flat_map(|quad| &mut quad.0).enumerate() {
            for (into, row) in into.iter_mut().zip(from) {
                *into = row.0[pair];
            }
        }
    }

    /// Turns the columns of the steps of a block into rows; pairs stay what they are.
    #[inline(always)]
    fn turn_quads(self, from: &[Quad; QUADS], into: &mut [Neighbours; PANEL]) {
        for (pair, from) in from.iter().flat_map(|quad| &quad.0).enumerate() {
            for (into, &from) in into.iter_mut().zip(from) {
                into.0[pair] = from;
            }
        }
    }

    /// Gives `output = start + left · right` of bf16.
    ///
    /// The depth is cut into blocks of 32 steps. A block's even steps and its odd ones are each a chain of fused multiply-adds
    /// from zero; the sum of both is added to what came before. What is below the normal range of `f32` counts as zero, before and
    /// after each step. Steps of zeros change nothing.
    ///
    /// # Shapes
    /// `left(i)` has the rows of `output` and the columns of block `i`, `right(i)` the steps of the block, and maybe more;
    /// `depth` is the number of steps in all. On paths with [`Lanes::TILES`] a kernel's rows come in [`Kernel::tile_rows`].
    ///
    /// # Source
    /// `TDPBF16PS` in Intel's Software Developer's Manual, volume 2.
    #[inline(always)]
    fn multiply_pairs<'a>(
        self,
        depth: usize,
        left: impl Fn(usize) -> &'a [Neighbours],
        right: impl Fn(usize) -> &'a [Quad],
        start: Start<'_>,
        output: &mut [Row],
    ) {
        product::pairs::multiply(self, depth, left, right, start, output);
    }
}

/// A set of instructions that this CPU was seen to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// 16 values at once, and tiles of bf16.
    #[cfg(target_arch = "x86_64")]
    Amx(Avx512<TILES>),
    /// 16 values at once, and pairs of bf16.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16(Avx512<PAIRS>),
    /// 16 values at once.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512<NONE>),
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
            if let Some(lanes) = Avx512::<TILES>::detect() {
                return Self::Amx(lanes);
            }
            if let Some(lanes) = Avx512::<PAIRS>::detect() {
                return Self::Avx512Bf16(lanes);
            }
            if let Some(lanes) = Avx512::<NONE>::detect() {
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
            Self::Amx(lanes) => unsafe { run_amx(kernel, lanes) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(lanes) => unsafe { run_avx512_bf16(kernel, lanes) },
            // SAFETY: as above.
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
#[target_feature(enable = "avx512f,avx512bw,avx512bf16,avx2,fma")]
fn run_amx<K: Kernel>(kernel: K, lanes: Avx512<TILES>) {
    match kernel.tile_rows() {
        Some(rows) => {
            let tiles = lanes.configure(rows);
            kernel.run::<_, 8, 2>(tiles.lanes());
        }
        None => kernel.run::<_, 8, 2>(lanes),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16,avx2,fma")]
fn run_avx512_bf16<K: Kernel>(kernel: K, lanes: Avx512<PAIRS>) {
    kernel.run::<_, 8, 2>(lanes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
fn run_avx512<K: Kernel>(kernel: K, lanes: Avx512<NONE>) {
    kernel.run::<_, 8, 2>(lanes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K, lanes: Avx2) {
    kernel.run::<_, 6, 2>(lanes);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Gives every path that this CPU can take, the portable one last.
    pub(crate) fn paths() -> Vec<Path> {
        let mut paths = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            paths.extend(Avx512::<TILES>::detect().map(Path::Amx));
            paths.extend(Avx512::<PAIRS>::detect().map(Path::Avx512Bf16));
            paths.extend(Avx512::<NONE>::detect().map(Path::Avx512));
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
