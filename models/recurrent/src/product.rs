//! Products of panels in a fixed order of accumulation.

use crate::{
    factors::Factors,
    panel::{PANEL, Row, Start},
    simd::Lanes,
};

/// Some sums in registers: rows of vectors.
type Tile<L, const ROWS: usize, const VECTORS: usize> = [[<L as Lanes>::Vector; VECTORS]; ROWS];

/// Gives `output = start + left · right` for one panel of the output.
///
/// Each output is one chain of fused multiply-adds over the depth in rising order, pairs of bf16 in the order of
/// [`Lanes::add_pairs`], whatever the tile it is in.
///
/// # Shapes
/// `left(i)` is panel `i` of the left matrix, with the rows of `output`; `right(i)` holds the steps of the right matrix' panel
/// for the columns of `left(i)`. `depth` is the number of the left matrix' columns.
#[inline(always)]
pub(crate) fn multiply<'a, F: Factors, L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    depth: usize,
    left: impl Fn(usize) -> &'a [F::Left],
    right: impl Fn(usize) -> &'a [F::Right],
    start: Start<'_>,
    output: &mut [Row],
) {
    let mut top = 0;
    while output.len() - top >= ROWS {
        multiply_tile::<F, L, ROWS, VECTORS>(lanes, depth, &left, &right, start, output, top);
        top += ROWS;
    }
    while output.len() - top >= 4 {
        multiply_tile::<F, L, 4, VECTORS>(lanes, depth, &left, &right, start, output, top);
        top += 4;
    }
    while output.len() - top >= 2 {
        multiply_tile::<F, L, 2, VECTORS>(lanes, depth, &left, &right, start, output, top);
        top += 2;
    }
    if top < output.len() {
        multiply_tile::<F, L, 1, VECTORS>(lanes, depth, &left, &right, start, output, top);
    }
}

#[inline(always)]
fn multiply_tile<'a, F: Factors, L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    depth: usize,
    left: &impl Fn(usize) -> &'a [F::Left],
    right: &impl Fn(usize) -> &'a [F::Right],
    start: Start<'_>,
    output: &mut [Row],
    top: usize,
) {
    let output: &mut [Row; ROWS] = chunk_mut(output, top);
    for first in (0..PANEL).step_by(VECTORS * L::WIDTH) {
        let mut tile: Tile<L, ROWS, VECTORS> = load_start(lanes, start, output, first);
        for (panel, done) in (0..depth).step_by(PANEL).enumerate() {
            let left: &[F::Left; ROWS] = chunk(left(panel), top);
            let right = &right(panel)[..(depth - done).min(PANEL).div_ceil(F::STEP)];
            for (step, right) in right.iter().enumerate().take(PANEL / F::STEP) {
                let right = load_factors::<F, L, VECTORS>(lanes, right, first);
                for (row, sums) in tile.iter_mut().enumerate() {
                    add::<F, L, VECTORS>(lanes, F::splat(lanes, &left[row], step), &right, sums);
                }
            }
        }
        for (row, tile) in output.iter_mut().zip(&tile) {
            store(lanes, tile, row, first);
        }
    }
}

/// Adds `left · right` to one row of several panels at once: for a single window, whose chains alone would leave the CPU idle.
///
/// # Shapes
/// `left(i)` is the row of panel `i` of the left matrix; `right(o, i)` as in [`multiply`], for output `o`.
#[inline(always)]
pub(crate) fn multiply_row<'a, F: Factors, L: Lanes, const VECTORS: usize, const OUTPUTS: usize>(
    lanes: L,
    depth: usize,
    left: impl Fn(usize) -> &'a F::Left,
    right: impl Fn(usize, usize) -> &'a [F::Right],
    outputs: &mut [&mut [Row]; OUTPUTS],
) {
    for first in (0..PANEL).step_by(VECTORS * L::WIDTH) {
        let mut tile: Tile<L, OUTPUTS, VECTORS> = [[lanes.splat(0.0); VECTORS]; OUTPUTS];
        for (into, output) in tile.iter_mut().zip(outputs.iter()) {
            *into = load(lanes, &output[0], first);
        }
        for (panel, done) in (0..depth).step_by(PANEL).enumerate() {
            let steps = (depth - done).min(PANEL).div_ceil(F::STEP);
            // `array::from_fn` is not always inlined.
            let mut rights: [&[F::Right]; OUTPUTS] = [&[]; OUTPUTS];
            for (output, rights) in rights.iter_mut().enumerate() {
                *rights = &right(output, panel)[..steps];
            }
            let left = left(panel);
            for step in 0..steps {
                let left = F::splat(lanes, left, step);
                for (sums, right) in tile.iter_mut().zip(rights) {
                    let right = load_factors::<F, L, VECTORS>(lanes, &right[step], first);
                    add::<F, L, VECTORS>(lanes, left, &right, sums);
                }
            }
        }
        for (tile, output) in tile.iter().zip(outputs.iter_mut()) {
            store(lanes, tile, &mut output[0], first);
        }
    }
}

/// Gives `output = start + leftᵀ · right`: the products of some columns of one panel with all columns of another.
///
/// Each output is one chain over the rows in rising order, as in [`multiply`].
///
/// # Shapes
/// `left` and `right` have as many steps; `output` has one row for each of the first columns of `left`.
#[inline(always)]
pub(crate) fn multiply_transposed<F: Factors, L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    left: &[F::Right],
    right: &[F::Right],
    start: Start<'_>,
    output: &mut [Row],
) {
    let mut column = 0;
    while output.len() - column >= ROWS {
        multiply_transposed_tile::<F, L, ROWS, VECTORS>(lanes, left, right, start, output, column);
        column += ROWS;
    }
    while output.len() - column >= 4 {
        multiply_transposed_tile::<F, L, 4, VECTORS>(lanes, left, right, start, output, column);
        column += 4;
    }
    while column < output.len() {
        multiply_transposed_tile::<F, L, 1, VECTORS>(lanes, left, right, start, output, column);
        column += 1;
    }
}

#[inline(always)]
fn multiply_transposed_tile<F: Factors, L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    left: &[F::Right],
    right: &[F::Right],
    start: Start<'_>,
    output: &mut [Row],
    column: usize,
) {
    let output: &mut [Row; ROWS] = chunk_mut(output, column);
    for first in (0..PANEL).step_by(VECTORS * L::WIDTH) {
        let mut tile: Tile<L, ROWS, VECTORS> = load_start(lanes, start, output, first);
        for (left, right) in left.iter().zip(right) {
            let right = load_factors::<F, L, VECTORS>(lanes, right, first);
            for (row, sums) in tile.iter_mut().enumerate() {
                add::<F, L, VECTORS>(lanes, F::splat_column(lanes, left, column + row), &right, sums);
            }
        }
        for (row, tile) in output.iter_mut().zip(&tile) {
            store(lanes, tile, row, first);
        }
    }
}

/// Gives `sum = start +` all rows, added in the order of [`multiply_transposed`].
#[inline(always)]
pub(crate) fn add_rows<F: Factors, L: Lanes>(lanes: L, rows: &[F::Right], start: Start<'_>, sum: &mut Row) {
    let (one, mut sums) = (F::one(lanes), [lanes.splat(0.0); PANEL]);
    let sums = &mut sums[..PANEL / L::WIDTH];
    for (vector, total) in sums.iter_mut().enumerate() {
        *total = match start {
            Start::Row(row) => lanes.load(&row.0[vector * L::WIDTH..]),
            Start::Output => lanes.load(&sum.0[vector * L::WIDTH..]),
        };
    }
    for row in rows {
        for (vector, total) in sums.iter_mut().enumerate() {
            *total = F::add(lanes, one, F::load(lanes, row, vector * L::WIDTH), *total);
        }
    }
    for (vector, &total) in sums.iter().enumerate() {
        lanes.store(total, &mut sum.0[vector * L::WIDTH..]);
    }
}

/// Adds products of one row to sums that stay in registers.
#[inline(always)]
fn add<F: Factors, L: Lanes, const VECTORS: usize>(
    lanes: L,
    left: F::Register<L>,
    right: &[F::Register<L>; VECTORS],
    sums: &mut [L::Vector; VECTORS],
) {
    for (sum, &right) in sums.iter_mut().zip(right) {
        *sum = F::add(lanes, left, right, *sum);
    }
}

#[inline(always)]
fn load_factors<F: Factors, L: Lanes, const VECTORS: usize>(
    lanes: L,
    row: &F::Right,
    first: usize,
) -> [F::Register<L>; VECTORS] {
    // No closures around loads: one that is not inlined is not compiled for the path.
    let mut factors = [F::load(lanes, row, first); VECTORS];
    for (vector, into) in factors.iter_mut().enumerate().skip(1) {
        *into = F::load(lanes, row, first + vector * L::WIDTH);
    }
    factors
}

#[inline(always)]
fn load_start<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    start: Start<'_>,
    output: &[Row; ROWS],
    first: usize,
) -> Tile<L, ROWS, VECTORS> {
    match start {
        Start::Row(row) => [load(lanes, row, first); ROWS],
        Start::Output => {
            let mut tile = [[lanes.splat(0.0); VECTORS]; ROWS];
            for (into, row) in tile.iter_mut().zip(output) {
                *into = load(lanes, row, first);
            }
            tile
        }
    }
}

#[inline(always)]
fn load<L: Lanes, const VECTORS: usize>(lanes: L, row: &Row, first: usize) -> [L::Vector; VECTORS] {
    // No closures around loads: one that is not inlined is not compiled for the path.
    let mut vectors = [lanes.splat(0.0); VECTORS];
    for (vector, into) in vectors.iter_mut().enumerate() {
        *into = lanes.load(&row.0[first + vector * L::WIDTH..]);
    }
    vectors
}

#[inline(always)]
fn store<L: Lanes, const VECTORS: usize>(lanes: L, vectors: &[L::Vector; VECTORS], row: &mut Row, first: usize) {
    for (vector, &value) in vectors.iter().enumerate() {
        lanes.store(value, &mut row.0[first + vector * L::WIDTH..]);
    }
}

#[inline(always)]
fn chunk<R, const ROWS: usize>(all: &[R], top: usize) -> &[R; ROWS] {
    all[top..].first_chunk().expect("a tile lies within its rows")
}

#[inline(always)]
fn chunk_mut<R, const ROWS: usize>(all: &mut [R], top: usize) -> &mut [R; ROWS] {
    all[top..].first_chunk_mut().expect("a tile lies within its rows")
}

#[cfg(test)]
mod tests {
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
}
