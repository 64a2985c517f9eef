//! Products against plain sums, on every path.

use proptest::prelude::*;

use crate::kernel::{
    Addend, Bf16, F32, Factors, Kernel, Lanes, Neighbours, PANEL, Path, Row, halves, panel::Quad, paths, zeros,
};

/// Returns numbers between -1 and 1 whose products are not exact.
#[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
fn number(seed: u32, row: usize, column: usize) -> f32 {
    let place = u32::try_from(row * 1000 + column).unwrap();
    (place.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0
}

/// Returns a matrix in panels, one behind the other, with zeros beside it.
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
    start: Addend<'a>,
    output: &'a mut [Row],
}

/// The left matrix: rows in panels, or steps of a depth to be transposed.
enum Left<'a, F: Factors> {
    Rows(&'a [F::Left]),
    Turned(&'a [F::Right]),
}

impl<F: Factors> Kernel for Products<'_, F> {
    const FLOATS_ONLY: bool = F::FLOATS_ONLY;

    fn tile_rows(&self) -> Option<usize> {
        F::tile_rows(match self.left {
            Left::Rows(_) => self.output.len(),
            Left::Turned(_) => PANEL,
        })
    }

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
                F::multiply::<L, ROWS, VECTORS>(lanes, depth, left, right, start, output);
            }
            Left::Turned(left) => {
                let mut buffer = Vec::new();
                F::multiply_turned::<L, ROWS, VECTORS>(lanes, F::turn(lanes, left, &mut buffer), right, output);
            }
        }
    }
}

/// Products of one row for several outputs at once.
struct RowOf<'a, F: Factors> {
    depth: usize,
    left: &'a [F::Left],
    right: [&'a [F::Right]; 3],
    outputs: &'a mut [[Row; 1]; 3],
}

impl<F: Factors> Kernel for RowOf<'_, F> {
    const FLOATS_ONLY: bool = F::FLOATS_ONLY;

    fn tile_rows(&self) -> Option<usize> {
        F::tile_rows(1)
    }

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let mut outputs = self.outputs.each_mut().map(|output| &mut output[..]);
        let right = |output: usize, panel: usize| &self.right[output][panel * PANEL / F::STEP..];
        F::multiply_row::<L, VECTORS, 3>(lanes, self.depth, |panel| &self.left[panel], right, &mut outputs);
    }
}

struct SumOf<'a, F: Factors>(&'a [F::Right], &'a mut Row);

impl<F: Factors> Kernel for SumOf<'_, F> {
    const FLOATS_ONLY: bool = F::FLOATS_ONLY;

    fn tile_rows(&self) -> Option<usize> {
        F::tile_rows(PANEL)
    }

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        F::add_rows(lanes, self.0, self.1);
    }
}

/// Rounds rows to bf16 in the order of a path, as left rows and as steps of a depth filled up to whole blocks.
struct Rounded<'a> {
    rows: &'a [Row],
    left: Vec<Neighbours>,
    steps: Vec<Quad>,
}

impl Kernel for &mut Rounded<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        self.left = vec![Neighbours::ZERO; self.rows.len()];
        for (row, left) in self.rows.iter().zip(&mut self.left) {
            left.round(lanes, row);
        }
        self.steps = vec![Quad::ZERO; self.rows.len().next_multiple_of(PANEL) / 4];
        halves::round(lanes, self.rows, &mut self.steps);
    }
}

fn rounded(path: Path, rows: &[Row]) -> Rounded<'_> {
    let (left, steps) = (Vec::new(), Vec::new());
    let mut rounded = Rounded { rows, left, steps };
    path.run(&mut rounded);
    rounded
}

/// Returns the nearest bf16 of ordinary numbers.
fn nearest(value: f32) -> f32 {
    let bits = value.to_bits();
    f32::from_bits(bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
}

/// Returns the result of the tile instructions: in each block of 32 steps a chain of the even ones and one of the odd ones.
fn in_tiles(depth: usize, start: f32, left: impl Fn(usize) -> f32, right: impl Fn(usize) -> f32) -> f32 {
    let mut total = start;
    for block in (0..depth).step_by(32) {
        let mut chains = [0.0_f32; 2];
        for step in block..depth.min(block + 32) {
            chains[step % 2] = nearest(left(step)).mul_add(nearest(right(step)), chains[step % 2]);
        }
        total += chains[0] + chains[1];
    }
    total
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
            let from = if from_row { Addend::Row(&start) } else { Addend::Output };
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
        rows in 1_usize..40, columns in 1_usize..=PANEL, seed: u32,
    ) {
        let (left, right) = (panels(rows, columns, seed), panels(rows, PANEL, !seed));
        for path in paths() {
            let mut output = panels(columns, PANEL, seed ^ 1);
            let start = Addend::Row(&Row::ZERO);
            let kernel = Products::<F32> { depth: 0, left: Left::Turned(&left), right: &right, start, output: &mut output };
            path.run(kernel);
            for (i, j) in (0..columns).flat_map(|i| (0..PANEL).map(move |j| (i, j))) {
                let chain = (0..rows).fold(0.0, |sum, k| left[k].0[i].mul_add(right[k].0[j], sum));
                prop_assert_eq!(output[i].0[j].to_bits(), chain.to_bits(), "{:?}", path);
            }
        }
    }

    #[test]
    fn one_row_of_several_outputs_has_the_bits_of_each_alone(depth in 1_usize..70, seed: u32) {
        let left = panels(1, depth, seed);
        let rights = [1, 2, 3].map(|output| panels(depth, PANEL, seed ^ output));
        let before = [4, 5, 6].map(|output| [panels(1, PANEL, seed ^ output)[0]]);
        for path in paths() {
            let mut outputs = before;
            path.run(RowOf::<F32> { depth, left: &left, right: rights.each_ref().map(|right| &right[..]), outputs: &mut outputs });
            for (index, right) in rights.iter().enumerate() {
                let mut alone = before[index];
                path.run(Products::<F32> { depth, left: Left::Rows(&left), right, start: Addend::Output, output: &mut alone });
                prop_assert_eq!(&outputs[index], &alone, "{:?}", path);
            }
            let (left, rights) = (rounded(path, &left), rights.each_ref().map(|right| rounded(path, right)));
            let mut outputs = before;
            let right = rights.each_ref().map(|right| &right.steps[..]);
            path.run(RowOf::<Bf16> { depth, left: &left.left, right, outputs: &mut outputs });
            for (index, right) in right.into_iter().enumerate() {
                let (mut alone, left) = (before[index], Left::Rows(&left.left));
                path.run(Products::<Bf16> { depth, left, right, start: Addend::Output, output: &mut alone });
                prop_assert_eq!(&outputs[index], &alone, "{:?}", path);
            }
        }
    }

    #[test]
    fn products_of_bf16_are_two_chains_a_block_on_every_path(
        // The larger depths have more blocks than one call of the tile loop takes.
        rows in 1_usize..50, depth in prop_oneof![1_usize..70, 500_usize..600], seed: u32, from_row: bool,
    ) {
        let (left, right) = (panels(rows, depth, seed), panels(depth, PANEL, !seed));
        let before = panels(rows, PANEL, seed ^ 1);
        let start = panels(1, PANEL, seed ^ 2)[0];
        for path in paths() {
            let (left_halves, right_halves) = (rounded(path, &left), rounded(path, &right));
            let mut output = before.clone();
            let from = if from_row { Addend::Row(&start) } else { Addend::Output };
            path.run(Products::<Bf16> {
                depth, left: Left::Rows(&left_halves.left), right: &right_halves.steps, start: from, output: &mut output,
            });
            for (i, j) in (0..rows).flat_map(|i| (0..PANEL).map(move |j| (i, j))) {
                let from = if from_row { start.0[j] } else { before[i].0[j] };
                let total = in_tiles(depth, from, |k| left[k / PANEL * rows + i].0[k % PANEL], |k| right[k].0[j]);
                prop_assert_eq!(output[i].0[j].to_bits(), total.to_bits(), "{:?}", path);
            }
        }
    }

    #[test]
    fn sums_of_outer_products_of_bf16_are_two_chains_a_block_on_every_path(
        quads in 1_usize..20, columns in 1_usize..=PANEL, seed: u32,
    ) {
        let rows = 4 * quads;
        let (left, right) = (panels(rows, columns, seed), panels(rows, PANEL, !seed));
        for path in paths() {
            let (left_halves, right_halves) = (rounded(path, &left), rounded(path, &right));
            let mut output = panels(columns, PANEL, seed ^ 1);
            path.run(Products::<Bf16> {
                depth: 0,
                left: Left::Turned(&left_halves.steps[..quads]),
                right: &right_halves.steps[..quads],
                start: Addend::Row(&Row::ZERO),
                output: &mut output,
            });
            for (i, j) in (0..columns).flat_map(|i| (0..PANEL).map(move |j| (i, j))) {
                let total = in_tiles(rows, 0.0, |k| left[k].0[i], |k| right[k].0[j]);
                prop_assert_eq!(output[i].0[j].to_bits(), total.to_bits(), "{:?}", path);
            }
            let mut sum = Row::ZERO;
            path.run(SumOf::<Bf16>(&right_halves.steps[..quads], &mut sum));
            for j in 0..PANEL {
                let total = in_tiles(rows, 0.0, |_| 1.0, |k| right[k].0[j]);
                prop_assert_eq!(sum.0[j].to_bits(), total.to_bits(), "{:?}", path);
            }
        }
    }
}
