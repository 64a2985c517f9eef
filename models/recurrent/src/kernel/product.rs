//! Products of panels of `f32` in a fixed order of accumulation.

use super::{
    elements::{Plus, each},
    lanes::Lanes,
    panel::{Addend, PANEL, Row},
    tile::{Tile, chunk, chunk_mut, load, load_start, store},
};

/// Computes `output = start + left · right` for one panel of the output.
///
/// Each output is one chain of fused multiply-adds over the depth in rising order, whatever tile it lies in.
///
/// # Shapes
/// `left(i)` is panel `i` of the left matrix, with the rows of `output`; `right(i)` holds the rows of the right matrix that belong
/// to the columns of `left(i)`. `depth` is how many columns the left matrix has.
#[inline(always)]
pub(crate) fn multiply<'a, L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    depth: usize,
    left: impl Fn(usize) -> &'a [Row],
    right: impl Fn(usize) -> &'a [Row],
    start: Addend<'_>,
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
    start: Addend<'_>,
    output: &mut [Row],
    top: usize,
) {
    let output: &mut [Row; ROWS] = chunk_mut(output, top);
    for first in (0..PANEL).step_by(VECTORS * L::WIDTH) {
        let mut tile: Tile<L, ROWS, VECTORS> = load_start(lanes, start, output, first);
        for (panel, done) in (0..depth).step_by(PANEL).enumerate() {
            let left: &[Row; ROWS] = chunk(left(panel), top);
            let right = &right(panel)[..(depth - done).min(PANEL)];
            for (step, right) in right.iter().enumerate().take(PANEL) {
                let right = load::<L, VECTORS>(lanes, right, first);
                for (row, sums) in tile.iter_mut().enumerate() {
                    add::<L, VECTORS>(lanes, lanes.splat(left[row].0[step]), &right, sums);
                }
            }
        }
        for (row, tile) in output.iter_mut().zip(&tile) {
            store(lanes, tile, row, first);
        }
    }
}

/// Adds `left · right` to one row of several panels at once: the few chains of a single window would leave the CPU idle.
///
/// # Shapes
/// `left(i)` is the row of panel `i` of the left matrix; `right(o, i)` as in [`multiply`], for output `o`.
#[inline(always)]
pub(crate) fn multiply_row<'a, L: Lanes, const VECTORS: usize, const OUTPUTS: usize>(
    lanes: L,
    depth: usize,
    left: impl Fn(usize) -> &'a Row,
    right: impl Fn(usize, usize) -> &'a [Row],
    outputs: &mut [&mut [Row]; OUTPUTS],
) {
    for first in (0..PANEL).step_by(VECTORS * L::WIDTH) {
        let mut tile: Tile<L, OUTPUTS, VECTORS> = [[lanes.splat(0.0); VECTORS]; OUTPUTS];
        for (into, output) in tile.iter_mut().zip(outputs.iter()) {
            *into = load(lanes, &output[0], first);
        }
        for (panel, done) in (0..depth).step_by(PANEL).enumerate() {
            let steps = (depth - done).min(PANEL);
            // `array::from_fn` is not always inlined.
            let mut rights: [&[Row]; OUTPUTS] = [&[]; OUTPUTS];
            for (output, rights) in rights.iter_mut().enumerate() {
                *rights = &right(output, panel)[..steps];
            }
            let left = left(panel);
            for step in 0..steps {
                let left = lanes.splat(left.0[step]);
                for (sums, right) in tile.iter_mut().zip(rights) {
                    let right = load::<L, VECTORS>(lanes, &right[step], first);
                    add::<L, VECTORS>(lanes, left, &right, sums);
                }
            }
        }
        for (tile, output) in tile.iter().zip(outputs.iter_mut()) {
            store(lanes, tile, &mut output[0], first);
        }
    }
}

/// Computes `output = leftᵀ · right`: the products of some columns of one panel with all columns of another.
///
/// Each output is one chain over the rows in rising order, as in [`multiply`].
///
/// # Shapes
/// `left` and `right` have as many steps; `output` has one row for each of the first columns of `left`.
#[inline(always)]
pub(crate) fn multiply_transposed<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    left: &[Row],
    right: &[Row],
    output: &mut [Row],
) {
    let mut column = 0;
    while output.len() - column >= ROWS {
        multiply_transposed_tile::<L, ROWS, VECTORS>(lanes, left, right, output, column);
        column += ROWS;
    }
    while output.len() - column >= 4 {
        multiply_transposed_tile::<L, 4, VECTORS>(lanes, left, right, output, column);
        column += 4;
    }
    while column < output.len() {
        multiply_transposed_tile::<L, 1, VECTORS>(lanes, left, right, output, column);
        column += 1;
    }
}

#[inline(always)]
fn multiply_transposed_tile<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    left: &[Row],
    right: &[Row],
    output: &mut [Row],
    column: usize,
) {
    let output: &mut [Row; ROWS] = chunk_mut(output, column);
    for first in (0..PANEL).step_by(VECTORS * L::WIDTH) {
        let mut tile: Tile<L, ROWS, VECTORS> = [[lanes.splat(0.0); VECTORS]; ROWS];
        for (left, right) in left.iter().zip(right) {
            let right = load::<L, VECTORS>(lanes, right, first);
            for (row, sums) in tile.iter_mut().enumerate() {
                add::<L, VECTORS>(lanes, lanes.splat(left.0[column + row]), &right, sums);
            }
        }
        for (row, tile) in output.iter_mut().zip(&tile) {
            store(lanes, tile, row, first);
        }
    }
}

/// Returns the sum of all rows, added in their order.
#[inline(always)]
pub(crate) fn add_rows<L: Lanes>(lanes: L, rows: &[Row], sum: &mut Row) {
    *sum = Row::ZERO;
    for row in rows {
        each(lanes, Plus, [std::slice::from_ref(row)], [std::slice::from_mut(sum)]);
    }
}

/// Adds products of one row to sums that stay in registers.
#[inline(always)]
fn add<L: Lanes, const VECTORS: usize>(
    lanes: L,
    left: L::Vector,
    right: &[L::Vector; VECTORS],
    sums: &mut [L::Vector; VECTORS],
) {
    for (sum, &right) in sums.iter_mut().zip(right) {
        *sum = lanes.mul_add(left, right, *sum);
    }
}
