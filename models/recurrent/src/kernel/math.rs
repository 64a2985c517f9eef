//! The logistic function and the hyperbolic tangent in `f32`, the same bits on every CPU and under every C library.
//!
//! Branches are selections and nothing is looked up, so that loops over them vectorise.

use super::lanes::Arithmetic;

/// `exp(SCALE · r) - 1` as a polynomial in `r`, where `SCALE · r` is at most half of `ln 2` in size. `SCALE` is a power of two or
/// its negative, so that it costs no rounding.
struct Exponential<const SCALE: i8>;

impl<const SCALE: i8> Exponential<SCALE> {
    const SCALE: f32 = SCALE as f32;
    /// Beyond these the exponential is that of the bound: `exp(±80)` and its reciprocal are far inside the normal range.
    const BOUND: f32 = 80.0 / Self::SCALE.abs();
    /// Adding 1.5 · 2^23 rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    /// Added to these bits, it makes them the exponent of a power of two.
    const BIAS: u32 = 127_u32.wrapping_sub(Self::ROUND.to_bits());
    /// Each term has one factor of the scale more than the term before it.
    const TERMS: [f32; 6] = {
        let mut terms = [
            1.0,
            0.499_999_97,
            0.166_665_43,
            4.166_72e-2,
            8.366_52e-3,
            1.388_252_1e-3,
        ];
        let (mut term, mut factor) = (0, 1.0);
        while term < terms.len() {
            factor *= Self::SCALE;
            terms[term] *= factor;
            term += 1;
        }
        terms
    };

    /// Returns `exp(SCALE · x)` as a power of two and the factor of it minus one. NaN stays NaN: a diverged net must be noticed.
    ///
    /// From these parts `exp - 1` can be computed without losing digits near zero.
    ///
    /// # Source
    /// Range reduction of `expf` in Cephes (Moshier). The polynomial is the minimax one for `(exp(r) - 1) / r`, whose first term is
    /// one: it is off by at most `1.4e-8` of its value.
    #[inline(always)]
    fn split<A: Arithmetic, const N: usize>(lanes: A, x: [A::Vector; N]) -> [(A::Vector, A::Vector); N] {
        let zero = lanes.splat(0.0);
        let (mut r, mut shifted, mut p) = (x, [zero; N], [lanes.splat(Self::TERMS[5]); N]);
        for (r, shifted) in r.iter_mut().zip(&mut shifted) {
            let x = lanes.greatest(lanes.splat(-Self::BOUND), lanes.least(lanes.splat(Self::BOUND), *r));
            let log2_e = lanes.splat(Self::SCALE * std::f32::consts::LOG2_E);
            *shifted = lanes.mul_add(x, log2_e, lanes.splat(Self::ROUND));
            let power = lanes.sub(*shifted, lanes.splat(Self::ROUND));
            let high = lanes.mul_add(power, lanes.splat(-0.693_359_4 / Self::SCALE), x);
            *r = lanes.mul_add(power, lanes.splat(2.121_944_4e-4 / Self::SCALE), high);
        }
        for term in Self::TERMS.into_iter().rev().skip(1) {
            for (p, &r) in p.iter_mut().zip(&r) {
                *p = lanes.mul_add(*p, r, lanes.splat(term));
            }
        }
        let mut parts = [(zero, zero); N];
        for ((parts, shifted), (p, r)) in parts.iter_mut().zip(shifted).zip(p.into_iter().zip(r)) {
            *parts = (lanes.exponent(shifted, Self::BIAS), lanes.mul(p, r));
        }
        parts
    }
}

/// Returns `1 / x` for each `x` from `1e-37` to `1e37`, off by at most one unit in the last place.
///
/// Dividing whole registers takes the CPU longer than all else that a gate needs. A first guess subtracts the bits of `x` from a
/// constant and is off by 5 %. With the relative error `e`, `(1 + e) (1 + e²)` times the guess is off by `e⁴`, and one step of
/// Newton's method makes that `e⁸`.
///
/// # Source
/// Blinn, Floating-point tricks, IEEE Computer Graphics and Applications 17(4), 1997.
#[inline(always)]
fn reciprocals<A: Arithmetic, const N: usize>(lanes: A, x: [A::Vector; N]) -> [A::Vector; N] {
    let one = lanes.splat(1.0);
    let (mut guess, mut e) = (x, x);
    for ((guess, e), x) in guess.iter_mut().zip(&mut e).zip(x) {
        *guess = lanes.bits_from(0x7ef3_11c7, x);
        *e = lanes.neg_mul_add(x, *guess, one);
    }
    for (guess, e) in guess.iter_mut().zip(e) {
        let squared = lanes.mul(e, e);
        let better = lanes.mul_add(*guess, e, *guess);
        *guess = lanes.mul_add(better, squared, better);
    }
    for (better, x) in guess.iter_mut().zip(x) {
        *better = lanes.mul_add(*better, lanes.neg_mul_add(x, *better, one), *better);
    }
    guess
}

/// Returns `1 / (1 + exp(-x))` for each `x`.
///
/// Several are computed side by side, because one alone is a chain of dependent operations that leaves the CPU waiting.
#[inline(always)]
pub(crate) fn sigmoids<A: Arithmetic, const N: usize>(lanes: A, x: [A::Vector; N]) -> [A::Vector; N] {
    let one = lanes.splat(1.0);
    let mut sums = x;
    for (sum, (power, rest)) in sums.iter_mut().zip(Exponential::<-1>::split(lanes, x)) {
        *sum = lanes.mul_add(power, rest, lanes.add(power, one));
    }
    reciprocals(lanes, sums)
}

/// Returns the hyperbolic tangent as `(exp(2x) - 1) / (exp(2x) + 1)`.
#[inline(always)]
pub(crate) fn tanh<A: Arithmetic>(lanes: A, x: A::Vector) -> A::Vector {
    let [(power, rest)] = Exponential::<2>::split(lanes, [x]);
    let less_one = lanes.mul_add(power, rest, lanes.sub(power, lanes.splat(1.0)));
    let [reciprocal] = reciprocals(lanes, [lanes.add(less_one, lanes.splat(2.0))]);
    lanes.mul(less_one, reciprocal)
}

#[cfg(test)]
mod tests {
    use super::super::portable::Portable;

    fn sigmoid(x: f32) -> f32 {
        super::sigmoids(Portable, [[x; 4]])[0][0]
    }

    fn tanh(x: f32) -> f32 {
        super::tanh(Portable, [x; 4])[0]
    }

    /// Three units in the last place of a 24-bit mantissa.
    const ULPS: f64 = 3.0 / 16_777_216.0;

    #[expect(clippy::cast_precision_loss, reason = "18 bits are exact")]
    fn grid() -> impl Iterator<Item = f32> {
        (-200_000..=200_000_i32).map(|i| i as f32 * 1.2345e-4)
    }

    #[test]
    fn sigmoid_is_exact_to_three_units_in_the_last_place() {
        for x in grid() {
            let exact = 1.0 / (1.0 + libm::exp(-f64::from(x)));
            let error = (f64::from(sigmoid(x)) / exact - 1.0).abs();
            assert!(error < 2.0 * ULPS, "sigmoid({x}) is off by {error:e}");
        }
    }

    #[test]
    fn tanh_is_exact_to_three_units_in_the_last_place() {
        for x in grid().filter(|x| *x != 0.0) {
            let error = (f64::from(tanh(x)) / libm::tanh(f64::from(x)) - 1.0).abs();
            assert!(error < 2.0 * ULPS, "tanh({x}) is off by {error:e}");
        }
    }

    #[test]
    fn far_out_they_saturate_and_not_a_number_stays_one() {
        for (x, low, high) in [(1e30, -1.0, 1.0), (f32::INFINITY, -1.0, 1.0)] {
            assert_eq!((tanh(-x), tanh(x)), (low, high));
            assert_eq!(sigmoid(x).to_bits(), 1.0_f32.to_bits());
            assert!((0.0..1e-34).contains(&sigmoid(-x)));
        }
        assert_eq!(tanh(0.0).to_bits(), 0);
        assert!(tanh(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan());
    }
}
