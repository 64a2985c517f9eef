//! Sums of outer products, which gradients are, in a fixed order of accumulation.

use std::ops::Range;

use crate::{
    simd::{Kernel, Lanes, Path},
    tile::{Place, Tile, add_outer, load, store},
};

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
fn copy_panels(matrix: &[f32], columns: usize, taken: Range<usize>, width: usize, into: &mut Vec<f32>) {
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
    use crate::{
        matrix::tests::{bits, numbers},
        simd::tests::paths,
    };

    proptest! {
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
