//! Matrices cut into panels of 32 columns, and their products in a fixed order of accumulation.
//!
//! # Shapes
//! A panel is a slice of [`Row`]s: 32 columns of a matrix, one row behind the other, columns that the matrix has not are
//! zeros. Activations have one row per step and window, steps first; weights one row per input, a column per unit. Both
//! kinds of product then read and write memory in order, and nothing is repacked for them.

use crate::simd::Lanes;

/// The columns of a panel: two registers of the widest path.
pub(crate) const PANEL: usize = 32;

/// One row of a panel, as many whole lines of cache as it fills.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Row(pub(crate) [f32; PANEL]);

impl Row {
    /// Zeros.
    pub(crate) const ZERO: Self = Self([0.0; PANEL]);
}

/// Gives rows of zeros.
pub(crate) fn zeros(rows: usize) -> Vec<Row> {
    vec![Row::ZERO; rows]
}

/// What a product is added to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start<'a> {
    /// One row, the same for every row of the output.
    Row(&'a Row),
    /// What the output holds.
    Output,
}

/// Some outputs in registers: rows of vectors.
type Tile<L, const ROWS: usize, const VECTORS: usize> = [[<L as Lanes>::Vector; VECTORS]; ROWS];

/// Gives `output = start + left · right` for one panel of the output.
///
/// Each output is one chain of fused multiply-adds over the depth in rising order, whatever the tile it is in.
///
/// # Shapes
/// `left(i)` is panel `i` of the left matrix, with the rows of `output`; `right(i)` holds the rows of the right matrix' panel
/// for the columns of `left(i)`. `depth` is the number of the left matrix' columns.
#[inline(always)]
pub(crate) fn multiply<'a, L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    depth: usize,
    left: impl Fn(usize) -> &'a [Row],
    right: impl Fn(usize) -> &'a [Row],
    start: Start<'_>,
    output: &mut [Row],
) {
    let mut top = 0;
    while output.len() - top >= ROWS {
        multiply_tile::<L, ROWS, VECTORS>(lanes, depth, &left, &right, start, output, top);
        top += ROWS;
    }
    while output.len() - top >= 4 {
        multiply_tile::<L, 4, VECTORS>(lanes, depth, &left, &right, start, output, top);
        top += 4;
    }
    while output.len() - top >= 2 {
        multiply_tile::<L, 2, VECTORS>(lanes, depth, &left, &right, start, output, top);
        top += 2;
    }
    if top < output.len() {
        multiply_tile::<L, 1, VECTORS>(lanes, depth, &left, &right, start, output, top);
    }
}

#[inline(always)]
fn multiply_tile<'a, L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    depth: usize,
    left: &impl Fn(usize) -> &'a [Row],
    right: &impl Fn(usize) -> &'a [Row],
    start: Start<'_>,
    output: &mut [Row],
    top: usize,
) {
    let output = rows_mut::<ROWS>(output, top);
    for first in (0..PANEL).step_by(VECTORS * L::WIDTH) {
        let mut tile: Tile<L, ROWS, VECTORS> = load_start(lanes, start, output, first);
        for (panel, done) in (0..depth).step_by(PANEL).enumerate() {
            let left = rows::<ROWS>(left(panel), top);
            let right = &right(panel)[..(depth - done).min(PANEL)];
            for (column, right) in right.iter().enumerate().take(PANEL) {
                add_product(lanes, &mut tile, |row| left[row].0[column], load(lanes, right, first));
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
pub(crate) fn multiply_row<'a, L: Lanes, const VECTORS: usize, const OUTPUTS: usize>(
    lanes: L,
    depth: usize,
    left: impl Fn(usize) -> &'a Row,
    right: impl Fn(usize, usize) -> &'a [Row],
    mut outputs: [&mut Row; OUTPUTS],
) {
    for first in (0..PANEL).step_by(VECTORS * L::WIDTH) {
        let mut tile: Tile<L, OUTPUTS, VECTORS> = [[lanes.splat(0.0); VECTORS]; OUTPUTS];
        for (into, output) in tile.iter_mut().zip(&outputs) {
            *into = load(lanes, output, first);
        }
        for (panel, done) in (0..depth).step_by(PANEL).enumerate() {
            let live = (depth - done).min(PANEL);
            let right: [&[Row]; OUTPUTS] = std::array::from_fn(|output| &right(output, panel)[..live]);
            for (column, &left) in left(panel).0.iter().enumerate().take(live) {
                let left = lanes.splat(left);
                for (tile, right) in tile.iter_mut().zip(right) {
                    let right: [L::Vector; VECTORS] = load(lanes, &right[column], first);
                    for (sum, right) in tile.iter_mut().zip(right) {
                        *sum = lanes.mul_add(left, right, *sum);
                    }
                }
            }
        }
        for (tile, output) in tile.iter().zip(&mut outputs) {
            store(lanes, tile, output, first);
        }
    }
}

/// Gives `output = start + leftᵀ · right`: the products of some columns of one panel with all columns of another.
///
/// Each output is one chain of fused multiply-adds over the rows in rising order.
///
/// # Shapes
/// `left` and `right` have as many rows; `output` has one row for each of the first columns of `left`.
#[inline(always)]
pub(crate) fn multiply_transposed<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    left: &[Row],
    right: &[Row],
    start: Start<'_>,
    output: &mut [Row],
) {
    let mut column = 0;
    while output.len() - column >= ROWS {
        multiply_transposed_tile::<L, ROWS, VECTORS>(lanes, left, right, start, output, column);
        column += ROWS;
    }
    while output.len() - column >= 4 {
        multiply_transposed_tile::<L, 4, VECTORS>(lanes, left, right, start, output, column);
        column += 4;
    }
    while column < output.len() {
        multiply_transposed_tile::<L, 1, VECTORS>(lanes, left, right, start, output, column);
        column += 1;
    }
}

#[inline(always)]
fn multiply_transposed_tile<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    left: &[Row],
    right: &[Row],
    start: Start<'_>,
    output: &mut [Row],
    column: usize,
) {
    let output = rows_mut::<ROWS>(output, column);
    for first in (0..PANEL).step_by(VECTORS * L::WIDTH) {
        let mut tile: Tile<L, ROWS, VECTORS> = load_start(lanes, start, output, first);
        for (left, right) in left.iter().zip(right) {
            let left = &left.0[column..column + ROWS];
            add_product(lanes, &mut tile, |row| left[row], load(lanes, right, first));
        }
        for (row, tile) in output.iter_mut().zip(&tile) {
            store(lanes, tile, row, first);
        }
    }
}

/// Adds the outer product of one column and one row to a tile that stays in registers.
#[inline(always)]
fn add_product<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    tile: &mut Tile<L, ROWS, VECTORS>,
    left: impl Fn(usize) -> f32,
    right: [L::Vector; VECTORS],
) {
    for (row, tile) in tile.iter_mut().enumerate() {
        let left = lanes.splat(left(row));
        for (sum, right) in tile.iter_mut().zip(right) {
            *sum = lanes.mul_add(left, right, *sum);
        }
    }
}

/// Gives `sum = start +` all rows, added in rising order.
#[inline(always)]
pub(crate) fn add_rows<L: Lanes>(lanes: L, rows: &[Row], start: Start<'_>, sum: &mut Row) {
    for first in (0..PANEL).step_by(L::WIDTH) {
        let mut total = match start {
            Start::Row(row) => lanes.load(&row.0[first..]),
            Start::Output => lanes.load(&sum.0[first..]),
        };
        for row in rows {
            total = lanes.add(total, lanes.load(&row.0[first..]));
        }
        lanes.store(total, &mut sum.0[first..]);
    }
}

/// Gives every element of `both` a new value that follows from the elements at the same place in `inputs` and `both`, and from `with`.
///
/// `value` is a function that is always inlined: a closure may stay apart, and would then not be compiled for the path.
#[inline(always)]
pub(crate) fn each<L: Lanes, W: Copy, const INPUTS: usize, const BOTH: usize>(
    lanes: L,
    with: W,
    inputs: [&Row; INPUTS],
    mut both: [&mut Row; BOTH],
    value: impl Fn(L, W, [L::Vector; INPUTS], [L::Vector; BOTH]) -> [L::Vector; BOTH],
) {
    for first in (0..PANEL).step_by(L::WIDTH) {
        let (mut values_in, mut values) = ([lanes.splat(0.0); INPUTS], [lanes.splat(0.0); BOTH]);
        for (into, row) in values_in.iter_mut().zip(inputs) {
            *into = lanes.load(&row.0[first..]);
        }
        for (into, row) in values.iter_mut().zip(&both) {
            *into = lanes.load(&row.0[first..]);
        }
        let values = value(lanes, with, values_in, values);
        for (row, value) in both.iter_mut().zip(values) {
            lanes.store(value, &mut row.0[first..]);
        }
    }
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
fn rows<const ROWS: usize>(all: &[Row], top: usize) -> &[Row; ROWS] {
    all[top..].first_chunk().expect("a tile lies within its rows")
}

#[inline(always)]
fn rows_mut<const ROWS: usize>(all: &mut [Row], top: usize) -> &mut [Row; ROWS] {
    all[top..].first_chunk_mut().expect("a tile lies within its rows")
}

/// Turns a tile of 32 rows around its diagonal.
pub(crate) fn transpose(from: &[Row], into: &mut [Row]) {
    for (row, from) in from.iter().enumerate() {
        for (into, &value) in into.iter_mut().zip(&from.0) {
            into.0[row] = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::simd::{Kernel, tests::paths};

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

    struct Products<'a> {
        depth: usize,
        left: &'a [Row],
        right: &'a [Row],
        start: Start<'a>,
        output: &'a mut [Row],
        transposed: bool,
    }

    impl Kernel for Products<'_> {
        #[inline(always)]
        fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
            let Self {
                depth,
                left,
                right,
                start,
                output,
                ..
            } = self;
            if self.transposed {
                multiply_transposed::<L, ROWS, VECTORS>(lanes, left, right, start, output);
            } else {
                let rows = output.len();
                let left = |panel: usize| &left[panel * rows..][..rows];
                multiply::<L, ROWS, VECTORS>(lanes, depth, left, |panel| &right[panel * PANEL..], start, output);
            }
        }
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
                let kernel = Products { depth, left: &left, right: &right, start: from, output: &mut output, transposed: false };
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
                let kernel = Products { depth: 0, left: &left, right: &right, start: from, output: &mut output, transposed: true };
                path.run(kernel);
                for (i, j) in (0..columns).flat_map(|i| (0..PANEL).map(move |j| (i, j))) {
                    let from = if from_row { 0.0 } else { before[i].0[j] };
                    let chain = (0..rows).fold(from, |sum, k| left[k].0[i].mul_add(right[k].0[j], sum));
                    prop_assert_eq!(output[i].0[j].to_bits(), chain.to_bits(), "{:?}", path);
                }
            }
        }
    }
}
