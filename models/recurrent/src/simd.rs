//! Picks the widest instructions the CPU has, with the same bits on every choice.
//!
//! A [`Kernel`] is one piece of arithmetic, written once and always inlined. [`Path::run`] compiles it for AVX-512, for AVX2
//! with FMA, and for whatever the target guarantees. A kernel vectorises over its outputs and never across an accumulation,
//! and fuses multiplication and addition, which is correctly rounded everywhere, so the paths differ in speed only.
//!
//! Products of bf16 come in pairs, [`Lanes::add_pairs`]. CPUs that have them in hardware flush numbers below the normal range to
//! zero on the way; the others do what that does step by step, which is slow, and gives the same bits.
#![expect(
    unsafe_code,
    reason = "vector instructions exist only on CPUs that were seen to have them"
)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod pairs;
mod portable;
mod twice;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
use pairs::{add_pairs, store_columns, store_neighbours};
pub(crate) use portable::Portable;
pub(crate) use twice::Twice;

/// One piece of arithmetic that is compiled for each path.
///
/// A tile of `ROWS` times `VECTORS` vectors fits the path's registers; a kernel that needs none of this ignores it. `run`
/// must be `#[inline(always)]`, and so must everything hot that it calls: only inlined code is compiled for the path.
pub(crate) trait Kernel {
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

    /// Gives `sum` and the products of both halves: first the upper ones are added, then the lower ones, each rounded once.
    ///
    /// What is below the normal range of `f32` counts as zero, before and after each addition; in pairs it never is, as they are stored.
    ///
    /// # Source
    /// `VDPBF16PS` in Intel's Software Developer's Manual, volume 2; rounds to nearest even whatever the control register says.
    #[inline(always)]
    fn add_pairs(self, left: Self::Pairs, right: Self::Pairs, sum: Self::Vector) -> Self::Vector {
        add_pairs(self, left, right, sum)
    }

    /// Rounds the values of two vectors that lie side by side to bf16 and writes neighbours as pairs.
    #[inline(always)]
    fn store_neighbours(self, first: Self::Vector, second: Self::Vector, into: &mut [u32]) {
        store_neighbours(self, first, second, into);
    }

    /// Rounds the values of two vectors that lie one below the other to bf16 and writes what is in one column as a pair.
    #[inline(always)]
    fn store_columns(self, upper_row: Self::Vector, lower_row: Self::Vector, into: &mut [u32]) {
        store_columns(self, upper_row, lower_row, into);
    }
}

/// A set of instructions that this CPU was seen to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// 16 values at once, and pairs of bf16.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16(Avx512<true>),
    /// 16 values at once.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512<false>),
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
            if let Some(lanes) = Avx512::<true>::detect() {
                return Self::Avx512Bf16(lanes);
            }
            if let Some(lanes) = Avx512::<false>::detect() {
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
#[target_feature(enable = "avx512f,avx512bf16,avx2,fma")]
fn run_avx512_bf16<K: Kernel>(kernel: K, lanes: Avx512<true>) {
    kernel.run::<_, 8, 2>(lanes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
fn run_avx512<K: Kernel>(kernel: K, lanes: Avx512<false>) {
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
            paths.extend(Avx512::<true>::detect().map(Path::Avx512Bf16));
            paths.extend(Avx512::<false>::detect().map(Path::Avx512));
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
