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
    while top < output.len() {
        multiply_tile::<L, 1, VECTORS>(lanes, depth, &left, &right, start, output, top);
        top += 1;
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
        let mut tile: Tile<L, ROWS, VECTORS> = match start {
            Start::Row(row) => [load(lanes, row, first); ROWS],
            Start::Output => std::array::from_fn(|row| load(lanes, &output[row], first)),
        };
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

/// Adds `leftᵀ · right` to `output`: the products of some columns of one panel with all columns of another.
///
/// Each output is one chain of fused multiply-adds over the rows in rising order, continued from what it holds.
///
/// # Shapes
/// `left` and `right` have as many rows; `output` has one row for each of the first columns of `left`.
#[inline(always)]
pub(crate) fn add_transposed<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    left: &[Row],
    right: &[Row],
    output: &mut [Row],
) {
    let mut column = 0;
    while output.len() - column >= ROWS {
        add_transposed_tile::<L, ROWS, VECTORS>(lanes, left, right, output, column);
        column += ROWS;
    }
    while output.len() - column >= 4 {
        add_transposed_tile::<L, 4, VECTORS>(lanes, left, right, output, column);
        column += 4;
    }
    while column < output.len() {
        add_transposed_tile::<L, 1, VECTORS>(lanes, left, right, output, column);
        column += 1;
    }
}

#[inline(always)]
fn add_transposed_tile<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    left: &[Row],
    right: &[Row],
    output: &mut [Row],
    column: usize,
) {
    let output = rows_mut::<ROWS>(output, column);
    for first in (0..PANEL).step_by(VECTORS * L::WIDTH) {
        let mut tile: Tile<L, ROWS, VECTORS> = std::array::from_fn(|row| load(lanes, &output[row], first));
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

/// Adds all rows to one, in rising order.
#[inline(always)]
pub(crate) fn add_rows<L: Lanes>(lanes: L, rows: &[Row], sum: &mut Row) {
    for first in (0..PANEL).step_by(L::WIDTH) {
        let mut total = lanes.load(&sum.0[first..]);
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
        let values = value(
            lanes,
            with,
            std::array::from_fn(|slice| lanes.load(&inputs[slice].0[first..])),
            std::array::from_fn(|slice| lanes.load(&both[slice].0[first..])),
        );
        for (row, value) in both.iter_mut().zip(values) {
            lanes.store(value, &mut row.0[first..]);
        }
    }
}

#[inline(always)]
fn load<L: Lanes, const VECTORS: usize>(lanes: L, row: &Row, first: usize) -> [L::Vector; VECTORS] {
    std::array::from_fn(|vector| lanes.load(&row.0[first + vector * L::WIDTH..]))
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
