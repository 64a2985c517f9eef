//! The three matrix products of training, each in a fixed order of accumulation.
//!
//! # Shapes
//! Matrices are row-major and contiguous; a row is one window at one step. The right-hand matrix of [`multiply`] is packed into
//! panels of columns once per update, so that the innermost loop reads memory in order.

use crate::simd::{Kernel, Lanes, Path};

/// A right-hand matrix of a product, `[depth, columns]`, cut into panels of as many columns as a path takes at once.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    path: Path,
    depth: usize,
    columns: usize,
    panels: Vec<f32>,
}

impl Packed {
    /// Reserves room for a matrix; it is all zeros until it is packed.
    #[must_use]
    pub(crate) fn new(path: Path, depth: usize, columns: usize) -> Self {
        let width = path.panel();
        Self {
            path,
            depth,
            columns,
            panels: vec![0.0; columns.div_ceil(width) * width * depth],
        }
    }

    /// Packs `matrix`, `[depth, columns]`.
    pub(crate) fn pack(&mut self, matrix: &[f32]) {
        let width = self.path.panel();
        for (panel, rows) in self.panels.chunks_exact_mut(width * self.depth.max(1)).enumerate() {
            let first = panel * width;
            let live = width.min(self.columns - first);
            for (row, into) in matrix.chunks_exact(self.columns).zip(rows.chunks_exact_mut(width)) {
                into[..live].copy_from_slice(&row[first..first + live]);
            }
        }
    }

    /// Packs the transpose of `matrix`, which is `[columns, depth]`.
    pub(crate) fn pack_transposed(&mut self, matrix: &[f32]) {
        let width = self.path.panel();
        for (panel, rows) in self.panels.chunks_exact_mut(width * self.depth.max(1)).enumerate() {
            let first = panel * width;
            for (offset, column) in matrix.chunks_exact(self.depth).skip(first).take(width).enumerate() {
                for (into, &value) in rows.chunks_exact_mut(width).zip(column) {
                    into[offset] = value;
                }
            }
        }
    }
}

/// What a product is added to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start<'a> {
    /// Zero.
    Zero,
    /// One row of as many values as the product has columns, the same for every row.
    Row(&'a [f32]),
    /// What the output holds.
    Output,
}

/// Gives `output = start + left · right`.
///
/// # Shapes
/// `left` is `[rows, depth]`, `right` `[depth, columns]`, `output` `[rows, columns]`. Each output is one chain of fused
/// multiply-adds over `depth` in rising order.
pub(crate) fn multiply(left: &[f32], right: &Packed, start: Start<'_>, output: &mut [f32]) {
    debug_assert_eq!(
        left.len() * right.columns,
        output.len() * right.depth,
        "a product's shapes fit"
    );
    right.path.run(Multiply {
        left,
        right,
        start,
        output,
    });
}

struct Multiply<'a> {
    left: &'a [f32],
    right: &'a Packed,
    start: Start<'a>,
    output: &'a mut [f32],
}

impl Kernel for Multiply<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let wide = VECTORS * L::WIDTH;
        let (depth, columns) = (self.right.depth, self.right.columns);
        let rows = self.output.len() / columns;
        for (panel, right) in self.right.panels.chunks_exact(wide * depth).enumerate() {
            let place = Place {
                columns,
                first: panel * wide,
            };
            for top in (0..rows).step_by(ROWS) {
                let tall = ROWS.min(rows - top);
                // A tile beyond the last row repeats that row; what it gives is not stored.
                let left: [&[f32]; ROWS] =
                    std::array::from_fn(|row| &self.left[(top + row.min(tall - 1)) * depth..][..depth]);
                let output = &mut self.output[top * columns..(top + tall) * columns];
                let mut tile = match self.start {
                    Start::Zero => [[lanes.splat(0.0); VECTORS]; ROWS],
                    Start::Row(row) => load_row(lanes, row, place),
                    Start::Output => load(lanes, output, place),
                };
                for (step, right) in right.chunks_exact(wide).enumerate() {
                    add_outer(lanes, &mut tile, |row| left[row][step], right);
                }
                store(lanes, &tile, output, place);
            }
        }
    }
}

/// Where a tile stands in an output: in which of how many columns it begins.
#[derive(Clone, Copy)]
struct Place {
    columns: usize,
    first: usize,
}

type Tile<L, const ROWS: usize, const VECTORS: usize> = [[<L as Lanes>::Vector; VECTORS]; ROWS];

/// Adds the outer product of one column and one row to a tile that stays in registers.
#[inline(always)]
fn add_outer<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    tile: &mut Tile<L, ROWS, VECTORS>,
    left: impl Fn(usize) -> f32,
    right: &[f32],
) {
    let right: [L::Vector; VECTORS] = std::array::from_fn(|vector| lanes.load(&right[vector * L::WIDTH..]));
    for (row, tile) in tile.iter_mut().enumerate() {
        let left = lanes.splat(left(row));
        for (sum, right) in tile.iter_mut().zip(right) {
            *sum = lanes.mul_add(left, right, *sum);
        }
    }
}

/// The widest tile: four vectors of 16.
const WIDEST: usize = 64;

#[inline(always)]
fn load_row<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    row: &[f32],
    place: Place,
) -> Tile<L, ROWS, VECTORS> {
    let mut edge = [0.0; WIDEST];
    let live = (VECTORS * L::WIDTH).min(place.columns - place.first);
    edge[..live].copy_from_slice(&row[place.first..place.first + live]);
    [std::array::from_fn(|vector| lanes.load(&edge[vector * L::WIDTH..])); ROWS]
}

#[inline(always)]
fn load<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    output: &[f32],
    place: Place,
) -> Tile<L, ROWS, VECTORS> {
    let wide = VECTORS * L::WIDTH;
    let mut tile = [[lanes.splat(0.0); VECTORS]; ROWS];
    for (into, row) in tile.iter_mut().zip(output.chunks_exact(place.columns)) {
        let row = &row[place.first..];
        if row.len() >= wide {
            *into = std::array::from_fn(|vector| lanes.load(&row[vector * L::WIDTH..]));
        } else {
            let mut edge = [0.0; WIDEST];
            edge[..row.len()].copy_from_slice(row);
            *into = std::array::from_fn(|vector| lanes.load(&edge[vector * L::WIDTH..]));
        }
    }
    tile
}

#[inline(always)]
fn store<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    tile: &Tile<L, ROWS, VECTORS>,
    output: &mut [f32],
    place: Place,
) {
    let wide = VECTORS * L::WIDTH;
    for (row, from) in output.chunks_exact_mut(place.columns).zip(tile) {
        let row = &mut row[place.first..];
        if row.len() >= wide {
            for (vector, &from) in from.iter().enumerate() {
                lanes.store(from, &mut row[vector * L::WIDTH..]);
            }
        } else {
            let mut edge = [0.0; WIDEST];
            for (vector, &from) in from.iter().enumerate() {
                lanes.store(from, &mut edge[vector * L::WIDTH..]);
            }
            let live = row.len();
            row.copy_from_slice(&edge[..live]);
        }
    }
}

/// Room in which [`add_transposed`] packs both of its matrices, kept from product to product.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    left: Vec<f32>,
    right: Vec<f32>,
}

/// Adds `leftᵀ · right` to `output` for the columns of `left` that begin at `first`.
///
/// # Shapes
/// `left` is `[rows, wide]`, `right` `[rows, columns]`, `output` `[block, columns]`: gradients of `block` rows of a weight.
/// Each output is one chain of fused multiply-adds over the rows in rising order, continued from what it holds.
pub(crate) fn add_transposed(
    path: Path,
    (left, wide): (&[f32], usize),
    first: usize,
    (right, columns): (&[f32], usize),
    output: &mut [f32],
    scratch: &mut Scratch,
) {
    debug_assert_eq!(left.len() * columns, right.len() * wide, "a product's shapes fit");
    path.run(AddTransposed {
        left,
        wide,
        first,
        right,
        columns,
        output,
        scratch,
    });
}

struct AddTransposed<'a> {
    left: &'a [f32],
    wide: usize,
    first: usize,
    right: &'a [f32],
    columns: usize,
    output: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl Kernel for AddTransposed<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let wide = VECTORS * L::WIDTH;
        let (columns, depth) = (self.columns, self.left.len() / self.wide);
        let block = self.output.len() / columns;
        copy_panels(
            self.left,
            self.wide,
            self.first..self.first + block,
            ROWS,
            &mut self.scratch.left,
        );
        copy_panels(self.right, columns, 0..columns, wide, &mut self.scratch.right);
        for (panel, right) in self.scratch.right.chunks_exact(wide * depth).enumerate() {
            let place = Place {
                columns,
                first: panel * wide,
            };
            let lefts = self.scratch.left.chunks_exact(ROWS * depth);
            for (output, left) in self.output.chunks_mut(ROWS * columns).zip(lefts) {
                let mut tile: Tile<L, ROWS, VECTORS> = load(lanes, output, place);
                for (left, right) in left.chunks_exact(ROWS).zip(right.chunks_exact(wide)) {
                    add_outer(lanes, &mut tile, |row| left[row], right);
                }
                store(lanes, &tile, output, place);
            }
        }
    }
}

/// Copies some columns of a matrix into panels of a width, the last one filled up with zeros.
#[inline(always)]
fn copy_panels(matrix: &[f32], columns: usize, taken: std::ops::Range<usize>, width: usize, into: &mut Vec<f32>) {
    let depth = matrix.len() / columns;
    into.resize(taken.len().div_ceil(width) * width * depth, 0.0);
    for (panel, into) in into.chunks_exact_mut(width * depth).enumerate() {
        let first = taken.start + panel * width;
        let live = width.min(taken.end - first);
        for (into, row) in into.chunks_exact_mut(width).zip(matrix.chunks_exact(columns)) {
            if live == width {
                into.copy_from_slice(&row[first..first + width]);
            } else {
                into[..live].copy_from_slice(&row[first..first + live]);
                into[live..].fill(0.0);
            }
        }
    }
}

/// Adds the columns' sums, from `first` on, to `output`.
///
/// # Shapes
/// `matrix` is `[rows, wide]`, `output` as long as the block of columns. Rows are added in rising order.
pub(crate) fn add_column_sums(path: Path, (matrix, wide): (&[f32], usize), first: usize, output: &mut [f32]) {
    path.run(AddColumnSums {
        matrix,
        wide,
        first,
        output,
    });
}

struct AddColumnSums<'a> {
    matrix: &'a [f32],
    wide: usize,
    first: usize,
    output: &'a mut [f32],
}

impl Kernel for AddColumnSums<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, _: L) {
        for row in self.matrix.chunks_exact(self.wide.max(1)) {
            for (sum, value) in self.output.iter_mut().zip(&row[self.first..]) {
                *sum += value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::simd::tests::paths;

    /// Gives numbers between -1 and 1 whose products are not exact.
    #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
    fn numbers(len: usize, seed: u32) -> Vec<f32> {
        let number = |i: u32| (i.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0;
        (0..u32::try_from(len).unwrap()).map(number).collect()
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    proptest! {
        #[test]
        fn a_product_is_one_chain_of_fused_steps_on_every_path(
            rows in 1_usize..20, depth in 1_usize..12, columns in 1_usize..70, seed: u32, start in 0..3,
        ) {
            let (left, right) = (numbers(rows * depth, seed), numbers(depth * columns, !seed));
            let (row, before) = (numbers(columns, seed ^ 1), numbers(rows * columns, seed ^ 2));
            let mut chain = Vec::new();
            for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                let from = [0.0, row[j], before[i * columns + j]][usize::try_from(start).unwrap()];
                chain.push((0..depth).fold(from, |sum, k| left[i * depth + k].mul_add(right[k * columns + j], sum)));
            }
            let mut transposed = vec![0.0; right.len()];
            for (k, j) in (0..depth).flat_map(|k| (0..columns).map(move |j| (k, j))) {
                transposed[j * depth + k] = right[k * columns + j];
            }
            for path in paths() {
                let mut packed = [Packed::new(path, depth, columns), Packed::new(path, depth, columns)];
                packed[0].pack(&right);
                packed[1].pack_transposed(&transposed);
                for packed in &packed {
                    let mut output = before.clone();
                    let start = [Start::Zero, Start::Row(&row), Start::Output][usize::try_from(start).unwrap()];
                    multiply(&left, packed, start, &mut output);
                    prop_assert_eq!(bits(&output), bits(&chain), "{:?}", path);
                }
            }
        }

        #[test]
        fn a_sum_of_outer_products_is_one_chain_of_fused_steps_on_every_path(
            rows in 1_usize..20, wide in 1_usize..40, columns in 1_usize..70, seed: u32, first in 0_usize..40,
        ) {
            let first = first % wide;
            let block = wide - first;
            let (left, right) = (numbers(rows * wide, seed), numbers(rows * columns, !seed));
            let before = numbers(block * columns, seed ^ 2);
            let mut chain = before.clone();
            for (i, j) in (0..block).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                let sum = &mut chain[i * columns + j];
                *sum = (0..rows).fold(*sum, |sum, k| left[k * wide + first + i].mul_add(right[k * columns + j], sum));
            }
            let sums: Vec<f32> = (first..wide).map(|i| (0..rows).fold(0.5, |sum, k| sum + left[k * wide + i])).collect();
            for path in paths() {
                let mut output = before.clone();
                add_transposed(path, (&left, wide), first, (&right, columns), &mut output, &mut Scratch::default());
                prop_assert_eq!(bits(&output), bits(&chain), "{:?}", path);
                let mut output = vec![0.5; block];
                add_column_sums(path, (&left, wide), first, &mut output);
                prop_assert_eq!(bits(&output), bits(&sums), "{:?}", path);
            }
        }
    }
}
