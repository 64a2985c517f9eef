//! The logistic function and the hyperbolic tangent in `f32`, the same bits on every CPU and under every C library.
//!
//! Branches are selections and nothing is looked up, so that loops over them vectorise.

use crate::simd::Lanes;

/// Gives `exp(SCALE · x)` as a power of two and what that is multiplied with, less one. Beyond `-87..=88` it is the value at the bound.
///
/// The sum of both parts rounds to an exponential less one that is exact near zero too. NaN stays NaN: a diverged net must
/// be noticed. `SCALE` is a power of two or its negative, so that it costs no rounding.
///
/// # Source
/// Range reduction of `expf` in Cephes (Moshier). The polynomial is the minimax one for `(exp(r) - 1) / r`, whose first term is
/// one, over half of `ln 2` on both sides: it is off by at most `1.4e-8` of its value.
#[inline(always)]
fn exp<L: Lanes, const SCALE: i8>(lanes: L, x: L::Vector) -> (L::Vector, L::Vector) {
    // Adding 1.5 · 2^23 rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const FACTORS: [f32; 6] = [
        1.0,
        0.499_999_97,
        0.166_665_43,
        4.166_72e-2,
        8.366_52e-3,
        1.388_252_1e-3,
    ];
    let scale = f32::from(SCALE);
    let bounds = [-87.0 / scale, 88.0 / scale];
    let (low, high) = (bounds[0].min(bounds[1]), bounds[0].max(bounds[1]));
    let x = lanes.greatest(lanes.splat(low), lanes.least(lanes.splat(high), x));
    let shifted = lanes.mul_add(x, lanes.splat(scale * std::f32::consts::LOG2_E), lanes.splat(ROUND));
    let power = lanes.sub(shifted, lanes.splat(ROUND));
    let r = lanes.mul_add(power, lanes.splat(-0.693_359_4 / scale), x);
    let r = lanes.mul_add(power, lanes.splat(2.121_944_4e-4 / scale), r);
    // `r` is smaller by the scale, so each term has one factor of it more than the last.
    let mut power_of_scale = scale;
    let mut terms = [scale; 6];
    for (term, factor) in terms.iter_mut().zip(FACTORS).skip(1) {
        power_of_scale *= scale;
        *term = factor * power_of_scale;
    }
    let [first, rest @ .., last] = terms;
    let mut p = lanes.splat(last);
    for term in rest.into_iter().rev() {
        p = lanes.mul_add(p, r, lanes.splat(term));
    }
    let p = lanes.mul_add(p, r, lanes.splat(first));
    (
        lanes.exponent(shifted, 127_u32.wrapping_sub(ROUND.to_bits())),
        lanes.mul(p, r),
    )
}

/// Gives `1 / (1 + exp(-x))`.
#[inline(always)]
pub(crate) fn sigmoid<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
    let one = lanes.splat(1.0);
    let (power, rest) = exp::<L, -1>(lanes, x);
    lanes.div(one, lanes.mul_add(power, rest, lanes.add(power, one)))
}

/// Gives the hyperbolic tangent as `(exp(2x) - 1) / (exp(2x) + 1)`.
#[inline(always)]
pub(crate) fn tanh<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
    let one = lanes.splat(1.0);
    let (power, rest) = exp::<L, 2>(lanes, x);
    let less_one = lanes.mul_add(power, rest, lanes.sub(power, one));
    lanes.div(less_one, lanes.add(less_one, lanes.splat(2.0)))
}

#[cfg(test)]
mod tests {
    use crate::simd::Portable;

    fn sigmoid(x: f32) -> f32 {
        super::sigmoid(Portable, [x; 4])[0]
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
            assert!((0.0..1e-37).contains(&sigmoid(-x)));
        }
        assert_eq!(tanh(0.0).to_bits(), 0);
        assert!(tanh(f32::NAN).is_nan() && sigmoid(f32::NAN).is_nan());
    }
}
