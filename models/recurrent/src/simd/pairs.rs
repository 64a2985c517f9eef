//! What the CPU's products of bf16 do, step by step, for CPUs that have none.

use super::Lanes;

/// The values of the widest vector.
const WIDEST: usize = 16;

/// Gives zero with the value's sign for what is below the normal range.
#[inline(always)]
fn flush<L: Lanes>(lanes: L, value: L::Vector) -> L::Vector {
    let zero = lanes.with_sign(lanes.splat(0.0), value);
    lanes.where_less(lanes.abs(value), lanes.splat(f32::MIN_POSITIVE), zero, value)
}

/// Gives the bits of the nearest bf16 in the upper half, even where two are as near; what is below the normal range is zero.
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

/// See [`Lanes::add_pairs`].
#[inline(always)]
pub(super) fn add_pairs<L: Lanes>(lanes: L, left: L::Pairs, right: L::Pairs, sum: L::Vector) -> L::Vector {
    let sum = lanes.mul_add(lanes.upper(left), lanes.upper(right), flush(lanes, sum));
    let sum = lanes.mul_add(lanes.lower(left), lanes.lower(right), flush(lanes, sum));
    flush(lanes, sum)
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

/// See [`Lanes::store_columns`].
#[inline(always)]
pub(super) fn store_columns<L: Lanes>(lanes: L, upper_row: L::Vector, lower_row: L::Vector, into: &mut [u32]) {
    let mut values = [[0.0; WIDEST]; 2];
    lanes.store(upper_row, &mut values[0]);
    lanes.store(lower_row, &mut values[1]);
    for (column, into) in into[..L::WIDTH].iter_mut().enumerate() {
        *into = rounded(values[0][column]) >> 16 | rounded(values[1][column]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::simd::{Kernel, Path, tests::paths};

    /// Pairs of every kind that is ever stored: ordinary, tiny and huge ones, infinities and what is no number, but none below the
    /// normal range.
    fn any_pair() -> impl Strategy<Value = u32> {
        let half = prop_oneof![8 => 0x3000_u16..0x4600, 2 => 0xb000_u16..0xc600, 2 => any::<u16>(), 1 => 0_u16..0x90];
        let half = half.prop_map(|half| if half & 0x7f80 == 0 { half & 0x8000 } else { half });
        (half.clone(), half).prop_map(|(low, high)| u32::from(high) << 16 | u32::from(low))
    }

    struct AddPairs<'a>([&'a [u32]; 2], &'a [f32], &'a mut [f32]);

    impl Kernel for AddPairs<'_> {
        #[inline(always)]
        fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
            let Self([left, right], from, into) = self;
            for first in (0..into.len()).step_by(L::WIDTH) {
                let [left, right] = [left, right].map(|pairs| lanes.load_pairs(&pairs[first..]));
                lanes.store(
                    lanes.add_pairs(left, right, lanes.load(&from[first..])),
                    &mut into[first..],
                );
            }
        }
    }

    struct Round<'a>(&'a [f32], &'a mut [u32], bool);

    impl Kernel for Round<'_> {
        #[inline(always)]
        fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
            let Self(values, into, columns) = self;
            let half = values.len() / 2;
            for first in (0..half).step_by(L::WIDTH) {
                if columns {
                    let rows = [lanes.load(&values[first..]), lanes.load(&values[half + first..])];
                    lanes.store_columns(rows[0], rows[1], &mut into[first..]);
                } else {
                    let values = &values[2 * first..];
                    lanes.store_neighbours(lanes.load(values), lanes.load(&values[L::WIDTH..]), &mut into[first..]);
                }
            }
        }
    }

    /// Gives bits that are the same for all numbers that are none.
    fn bits(values: &[f32]) -> Vec<u32> {
        values
            .iter()
            .map(|value| if value.is_nan() { f32::NAN } else { *value }.to_bits())
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn products_of_pairs_have_the_same_bits_on_every_path(
            left in vec(any_pair(), 16), right in vec(any_pair(), 16), from in vec(any::<f32>(), 16),
        ) {
            let on = |path: Path| {
                let mut into = [0.0; 16];
                path.run(AddPairs([&left, &right], &from, &mut into));
                bits(&into)
            };
            for path in paths() {
                prop_assert_eq!(on(path), on(Path::Portable), "{:?}", path);
            }
        }

        #[test]
        fn rounding_to_pairs_gives_the_same_bits_on_every_path(values in vec(any::<f32>(), 32), columns: bool) {
            let on = |path: Path| {
                let mut into = [0; 16];
                path.run(Round(&values, &mut into, columns));
                into
            };
            for path in paths() {
                prop_assert_eq!(on(path), on(Path::Portable), "{:?}", path);
            }
        }
    }
}
