//! Rounding to bf16 and its products against the portable path.

use proptest::{collection::vec, prelude::*};

use crate::kernel::{Addend, Kernel, Lanes, Neighbours, PANEL, Path, Row, halves, pairs, panel::Quad, paths};

/// Values whose bits lie in a range.
fn between(bits: std::ops::Range<u32>) -> impl Strategy<Value = f32> + Clone {
    (bits, any::<bool>()).prop_map(|(bits, negative)| f32::from_bits(bits | u32::from(negative) << 31))
}

/// Values between 1e-10 and 1e4.
fn ordinary() -> impl Strategy<Value = f32> + Clone {
    between(0x2e00_0000..0x4600_0000)
}

/// Values whose products are near the end of the normal range, and some below it.
fn tiny() -> impl Strategy<Value = f32> + Clone {
    prop_oneof![6 => between(0x1a00_0000..0x2200_0000), 1 => between(0..0x0090_0000)]
}

/// Values of every kind, also infinite ones and NaN.
fn anything() -> impl Strategy<Value = f32> + Clone {
    prop_oneof![60 => ordinary(), 10 => tiny(), 1 => between(0x5d00_0000..0x7fff_ffff)]
}

fn row(values: impl Strategy<Value = f32>) -> impl Strategy<Value = Row> {
    vec(values, PANEL).prop_map(|values| Row(values.try_into().unwrap()))
}

/// A left row, the rows of a block, and what their product is added to.
fn factors_of(values: impl Strategy<Value = f32> + Clone) -> impl Strategy<Value = (Row, Vec<Row>, Row)> {
    (row(values.clone()), vec(row(values.clone()), 32), row(values))
}

fn any_factors() -> impl Strategy<Value = (Row, Vec<Row>, Row)> {
    prop_oneof![factors_of(ordinary()), factors_of(tiny()), factors_of(anything())]
}

/// One row of a left matrix, a block of a right one, and what their product is added to.
struct Multiply<'a>(&'a [Neighbours], &'a [Quad], &'a mut [Row]);

impl Kernel for Multiply<'_> {
    fn tile_rows(&self) -> Option<usize> {
        Some(1)
    }

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Self(left, right, into) = self;
        pairs::multiply(lanes, 32, |_| left, |_| right, Addend::Output, into);
    }
}

/// Rounds one row to the left side, and four to the right one.
struct Rounding<'a>(&'a [Row; 4], &'a mut Neighbours, &'a mut Quad);

impl Kernel for Rounding<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Self(rows, neighbours, quad) = self;
        neighbours.round(lanes, &rows[0]);
        halves::round(lanes, rows, std::slice::from_mut(quad));
    }
}

/// Returns the bits, the same for every NaN.
fn bits(row: &Row) -> Vec<u32> {
    row.0
        .iter()
        .map(|value| if value.is_nan() { f32::NAN } else { *value }.to_bits())
        .collect()
}

/// Returns rows as a path rounds them.
fn rounded(path: Path, rows: &[Row; 4]) -> (Neighbours, Quad) {
    let (mut neighbours, mut quad) = (Neighbours::ZERO, Quad::ZERO);
    path.run(Rounding(rows, &mut neighbours, &mut quad));
    (neighbours, quad)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn products_of_anything_have_the_same_bits_on_every_path(
        (left, right, from) in any_factors(),
    ) {
        let on = |path: Path| {
            let (left, _) = rounded(path, &[left; 4]);
            let right: Vec<Quad> = right.chunks(4).map(|rows| rounded(path, rows.try_into().unwrap()).1).collect();
            let mut into = [from];
            path.run(Multiply(&[left], &right, &mut into));
            bits(&into[0])
        };
        for path in paths() {
            prop_assert_eq!(on(path), on(Path::Portable), "{:?}", path);
        }
    }

    #[test]
    fn rounding_gives_the_same_halves_on_every_path(rows in vec(prop_oneof![row(tiny()), row(anything())], 4)) {
        let halves = |pairs: &[u32]| {
            let mut halves: Vec<u32> = pairs.iter().flat_map(|pair| [pair & 0xffff, pair >> 16]).collect();
            halves.sort_unstable();
            halves
        };
        let on = |path: Path| {
            let (neighbours, quad) = rounded(path, rows[..].try_into().unwrap());
            (halves(&neighbours.0), halves(&quad.0.concat()))
        };
        for path in paths() {
            prop_assert_eq!(on(path), on(Path::Portable), "{:?}", path);
        }
    }
}
