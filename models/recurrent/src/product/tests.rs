//! Products against plain sums, on every path.

use proptest::prelude::*;

use super::*;
use crate::{
    factors::{Bf16, Columns, F32, Neighbours},
    panel::zeros,
    simd::{Kernel, Portable, tests::paths},
};

/// Gives numbers between -1 and 1 whose products are not exact.
#[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
fn number(seed: u32, row: usize, column: usize) -> f32 {
    let place = u32::try_from(row * 1000 + column).unwrap();
    (place.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0
}

/// Gives a matrix in panels, one behind the other, with zeros beside it.
fn panels(rows: usize, columns: usize, seed: u32) -> Vec<Row> {
    let mut all = zeros(rows * columns.div_ceil(PANEL));
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        all[column / PANEL * rows + row].0[column % PANEL] = number(seed, row, column);
    }
    all
}

struct Products<'a, F: Factors> {
    depth: usize,
    left: Left<'a, F>,
    right: &'a [F::Right],
    start: Start<'a>,
    output: &'a mut [Row],
}

/// The left side: rows in panels, or steps of a depth to be turned around.
enum Left<'a, F: Factors> {
    Rows(&'a [F::Left]),
    Turned(&'a [F::Right]),
}

impl<F: Factors> Kernel for Products<'_, F> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Self {
            depth,
            left,
            right,
            start,
            output,
        } = self;
        match left {
            Left::Rows(left) => {
                let rows = output.len();
                let left = |panel: usize| &left[panel * rows..][..rows];
                let right = |panel: usize| &right[panel * PANEL / F::STEP..];
                multiply::<F, L, ROWS, VECTORS>(lanes, depth, left, right, start, output);
            }
            Left::Turned(left) => multiply_transposed::<F, L, ROWS, VECTORS>(lanes, left, right, start, output),
        }
    }
}

/// Gives the rows of a panel, and the same in bf16, as neighbours and with two rows one below the other.
fn rounded(rows: &[Row]) -> (Vec<Row>, Vec<Neighbours>, Vec<Columns>) {
    let pair = |rows: &[Row]| {
        let mut pair = Columns::ZERO;
        pair.round(Portable, &rows[0], rows.get(1).unwrap_or(&Row::ZERO));
        pair
    };
    let neighbours = |row: &Row| {
        let mut neighbours = Neighbours::ZERO;
        neighbours.round(Portable, row);
        neighbours
    };
    let neighbours: Vec<_> = rows.iter().map(neighbours).collect();
    let exact = |row: &Neighbours| {
        Row(std::array::from_fn(|column| {
            f32::from_bits(if column % 2 == 0 {
                row.0[column / 2] << 16
            } else {
                row.0[column / 2] & 0xffff_0000
            })
        }))
    };
    (
        neighbours.iter().map(exact).collect(),
        neighbours,
        rows.chunks(2).map(pair).collect(),
    )
}

/// The places of a chain in the order in which pairs are added: the second of each first.
fn in_pairs(depth: usize) -> impl Iterator<Item = usize> {
    (0..depth.div_ceil(2))
        .flat_map(|pair| [2 * pair + 1, 2 * pair])
        .filter(move |&place| place < depth)
}

proptest! {
    #[test]
    fn a_product_is_one_chain_of_fused_steps_on_every_path(
        rows in 1_usize..40, depth in 1_usize..70, seed: u32, from_row: bool,
    ) {
        let (left, right) = (panels(rows, depth, seed), panels(depth, PANEL, !seed));
        let before = panels(rows, PANEL, seed ^ 1);
        let start = panels(1, PANEL, seed ^ 2)[0];
        for path in paths() {
            let mut output = before.clone();
            let from = if from_row { Start::Row(&start) } else { Start::Output };
            let kernel = Products::<F32> { depth, left: Left::Rows(&left), right: &right, start: from, output: &mut output };
            path.run(kernel);
            for (i, j) in (0..rows).flat_map(|i| (0..PANEL).map(move |j| (i, j))) {
                let from = if from_row { start.0[j] } else { before[i].0[j] };
                let at = |k: usize| left[k / PANEL * rows + i].0[k % PANEL];
                let chain = (0..depth).fold(from, |sum, k| at(k).mul_add(right[k].0[j], sum));
                prop_assert_eq!(output[i].0[j].to_bits(), chain.to_bits(), "{:?}", path);
            }
        }
    }

    #[test]
    fn a_sum_of_outer_products_is_one_chain_of_fused_steps_on_every_path(
        rows in 1_usize..40, columns in 1_usize..=PANEL, seed: u32, from_row: bool,
    ) {
        let (left, right) = (panels(rows, columns, seed), panels(rows, PANEL, !seed));
        let before = panels(columns, PANEL, seed ^ 1);
        for path in paths() {
            let mut output = before.clone();
            let from = if from_row { Start::Row(&Row::ZERO) } else { Start::Output };
            let kernel = Products::<F32> { depth: 0, left: Left::Turned(&left), right: &right, start: from, output: &mut output };
            path.run(kernel);
            for (i, j) in (0..columns).flat_map(|i| (0..PANEL).map(move |j| (i, j))) {
                let from = if from_row { 0.0 } else { before[i].0[j] };
                let chain = (0..rows).fold(from, |sum, k| left[k].0[i].mul_add(right[k].0[j], sum));
                prop_assert_eq!(output[i].0[j].to_bits(), chain.to_bits(), "{:?}", path);
            }
        }
    }

    #[test]
    fn products_of_bf16_are_chains_of_the_rounded_factors_on_every_path(
        rows in 1_usize..20, depth in 1_usize..70, seed: u32,
    ) {
        let (left, neighbours, _) = rounded(&panels(rows, depth, seed));
        let (right, _, pairs) = rounded(&panels(depth, PANEL, !seed));
        let before = panels(rows, PANEL, seed ^ 1);
        for path in paths() {
            let mut output = before.clone();
            path.run(Products::<Bf16> {
                depth, left: Left::Rows(&neighbours), right: &pairs, start: Start::Output, output: &mut output,
            });
            for (i, j) in (0..rows).flat_map(|i| (0..PANEL).map(move |j| (i, j))) {
                let at = |k: usize| left[k / PANEL * rows + i].0[k % PANEL];
                let chain = in_pairs(depth).fold(before[i].0[j], |sum, k| at(k).mul_add(right[k].0[j], sum));
                prop_assert_eq!(output[i].0[j].to_bits(), chain.to_bits(), "{:?}", path);
            }
        }
    }

    #[test]
    fn sums_of_outer_products_of_bf16_are_chains_of_the_rounded_factors_on_every_path(
        rows in 1_usize..40, columns in 1_usize..=PANEL, seed: u32,
    ) {
        let (left, _, turned) = rounded(&panels(rows, columns, seed));
        let (right, _, pairs) = rounded(&panels(rows, PANEL, !seed));
        let before = panels(columns, PANEL, seed ^ 1);
        for path in paths() {
            let mut output = before.clone();
            path.run(Products::<Bf16> {
                depth: 0, left: Left::Turned(&turned), right: &pairs, start: Start::Output, output: &mut output,
            });
            for (i, j) in (0..columns).flat_map(|i| (0..PANEL).map(move |j| (i, j))) {
                let chain =
                    in_pairs(rows).fold(before[i].0[j], |sum, k| left[k].0[i].mul_add(right[k].0[j], sum));
                prop_assert_eq!(output[i].0[j].to_bits(), chain.to_bits(), "{:?}", path);
            }
        }
    }
}
