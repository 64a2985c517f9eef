//! The product of a matrix and a packed one, in a fixed order of accumulation.
//!
//! # Shapes
//! Matrices are row-major and contiguous; a row is one window at one step. The right-hand matrix of [`multiply`] is packed into
//! panels of columns once per update, so that the innermost loop reads memory in order.

use crate::{
    simd::{Kernel, Lanes, Path},
    tile::{Place, add_outer, load, load_row, store},
};

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

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::simd::tests::paths;

    /// Gives numbers between -1 and 1 whose products are not exact.
    #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
    pub(crate) fn numbers(len: usize, seed: u32) -> Vec<f32> {
        let number = |i: u32| (i.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0;
        (0..u32::try_from(len).unwrap()).map(number).collect()
    }

    pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
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
    }
}
