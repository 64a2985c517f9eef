//! The logistic function and the hyperbolic tangent in `f32`, the same bits on every CPU and under every C library.
//!
//! Branches are selections and nothing is looked up, so that loops over them vectorise.

use crate::simd::Lanes;

/// Gives `exp(x)` to within two units in the last place for `x` in `-87..=88`, and the value at the bound beyond.
///
/// # Source
/// Range reduction and polynomial of `expf` in Cephes (Moshier). NaN stays NaN: a diverged net must be noticed.
#[inline(always)]
fn exp<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
    // Adding 1.5 · 2^23 rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = lanes.greatest(lanes.splat(-87.0), lanes.least(lanes.splat(88.0), x));
    let shifted = lanes.mul_add(x, lanes.splat(std::f32::consts::LOG2_E), lanes.splat(ROUND));
    let power = lanes.sub(shifted, lanes.splat(ROUND));
    let r = lanes.mul_add(power, lanes.splat(-0.693_359_4), x);
    let r = lanes.mul_add(power, lanes.splat(2.121_944_4e-4), r);
    let p = lanes.splat(1.987_569_1e-4);
    let p = lanes.mul_add(p, r, lanes.splat(1.398_199_9e-3));
    let p = lanes.mul_add(p, r, lanes.splat(8.333_452e-3));
    let p = lanes.mul_add(p, r, lanes.splat(4.166_579_6e-2));
    let p = lanes.mul_add(p, r, lanes.splat(1.666_666_5e-1));
    let p = lanes.mul_add(p, r, lanes.splat(5.0e-1));
    let p = lanes.add(lanes.mul_add(p, lanes.mul(r, r), r), lanes.splat(1.0));
    lanes.mul(p, lanes.exponent(shifted, 127_u32.wrapping_sub(ROUND.to_bits())))
}

/// Gives `1 / (1 + exp(-x))`.
#[inline(always)]
pub(crate) fn sigmoid<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
    let one = lanes.splat(1.0);
    lanes.div(one, lanes.add(one, exp(lanes, lanes.sub(lanes.splat(0.0), x))))
}

/// Gives the hyperbolic tangent.
///
/// # Source
/// `tanhf` in Cephes: a polynomial near zero, where `1 - 2 / (exp(2x) + 1)` would cancel.
#[inline(always)]
pub(crate) fn tanh<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
    let (size, square) = (lanes.abs(x), lanes.mul(x, x));
    let p = lanes.splat(-5.704_988_7e-3);
    let p = lanes.mul_add(p, square, lanes.splat(2.063_908_8e-2));
    let p = lanes.mul_add(p, square, lanes.splat(-5.373_971_6e-2));
    let p = lanes.mul_add(p, square, lanes.splat(1.333_144_2e-1));
    let p = lanes.mul_add(p, square, lanes.splat(-0.333_332_8));
    let near = lanes.mul_add(lanes.mul(p, square), x, x);
    let one = lanes.splat(1.0);
    let power = exp(lanes, lanes.add(size, size));
    let far = lanes.sub(one, lanes.div(lanes.splat(2.0), lanes.add(power, one)));
    lanes.where_less(size, lanes.splat(0.625), near, lanes.with_sign(far, x))
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
