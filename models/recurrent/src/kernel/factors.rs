//! The factors of matrix products: `f32` one by one, or pairs of bf16 whose products are summed in `f32`.
//!
//! Parameters, activations and gradients are `f32` in both cases. [`Bf16`] reads copies of them that are rounded once, where they
//! come into being, and laid out as the path's products take them: both factors have two steps of the depth side by side.

use std::{marker::PhantomData, ops::Range};

use super::{
    activation::{Activation, Panels},
    block::Block,
    halves,
    lanes::{Kernel, Lanes},
    pairs,
    panel::{Addend, Neighbours, PANEL, QUADS, Quad, Row, whole},
    product,
};

/// One precision of the factors of products; sums are `f32` in any.
pub(crate) trait Factors: Copy + 'static {
    /// A row of a product's left matrix.
    type Left: Copy + 'static;
    /// The rows of a matrix that one step of the depth takes.
    type Right: Copy + 'static;
    /// Steps of a depth whose columns are the rows of a left matrix.
    type Turned<'a>: Copy;
    /// How many rows of a matrix one step of the depth takes.
    const STEP: usize;
    /// Whether no factor is of bf16, [`Kernel::FLOATS_ONLY`].
    const FLOATS_ONLY: bool;

    /// Returns into how many rows products must be cut; `None` where that does not matter.
    fn tile_rows(rows: usize) -> Option<usize>;

    /// Returns the rows of an activation.
    fn lefts(activation: &Activation) -> &[Self::Left];
    /// Returns the rows of an activation as steps of a depth. Each step in time begins a new step of the depth.
    fn rights(activation: &Activation) -> &[Self::Right];
    /// Returns some rows of panels of `tall` rows as the left matrix of products.
    #[inline(always)]
    fn left(activation: &Activation, tall: usize, rows: Range<usize>) -> Panels<'_, Self::Left> {
        Panels::new(Self::lefts(activation), tall, rows)
    }
    /// Returns some whole steps of panels of `tall` rows as the depth of products.
    fn depth(activation: &Activation, windows: usize, tall: usize, rows: Range<usize>) -> Panels<'_, Self::Right> {
        let [tall, start, end] = [tall, rows.start, rows.end].map(|rows| rows / windows * windows.div_ceil(Self::STEP));
        Panels::new(Self::rights(activation), tall, start..end)
    }
    /// Recomputes what products read of some whole steps in time from the rows there, as far as the activation keeps it.
    fn refresh<L: Lanes>(lanes: L, activation: &mut Activation, windows: usize, rows: Range<usize>);
    /// Returns a block's weights as steps of a depth.
    fn weights(block: &Block) -> Sides<'_, Self::Right>;

    /// Computes `output = start + left · right`, [`product::multiply`] or [`pairs::multiply`].
    fn multiply<'a, L: Lanes, const ROWS: usize, const VECTORS: usize>(
        lanes: L,
        depth: usize,
        left: impl Fn(usize) -> &'a [Self::Left],
        right: impl Fn(usize) -> &'a [Self::Right],
        start: Addend<'_>,
        output: &mut [Row],
    );
    /// Adds `left · right` to one row of several panels at once, [`product::multiply_row`].
    fn multiply_row<'a, L: Lanes, const VECTORS: usize, const OUTPUTS: usize>(
        lanes: L,
        depth: usize,
        left: impl Fn(usize) -> &'a Self::Left,
        right: impl Fn(usize, usize) -> &'a [Self::Right],
        outputs: &mut [&mut [Row]; OUTPUTS],
    );
    /// Transposes steps of a depth into a left matrix, in `buffer` where it is not the steps themselves.
    fn turn<'a, L: Lanes>(lanes: L, steps: &'a [Self::Right], buffer: &'a mut Vec<Neighbours>) -> Self::Turned<'a>;
    /// Computes `output = leftᵀ · right`, with one row for each of the first columns of `left`.
    fn multiply_turned<L: Lanes, const ROWS: usize, const VECTORS: usize>(
        lanes: L,
        left: Self::Turned<'_>,
        right: &[Self::Right],
        output: &mut [Row],
    );
    /// Returns the sum of all rows.
    fn add_rows<L: Lanes>(lanes: L, rows: &[Self::Right], sum: &mut Row);
}

/// The weights of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides<'a, R> {
    /// For the inputs.
    pub(crate) input: &'a [R],
    /// For the units of the last state.
    pub(crate) hidden: &'a [R],
    /// Transposed, for the gradients of the inputs: a tile for each panel of them.
    pub(crate) input_back: &'a [R],
    /// Transposed, for the gradients of the last state.
    pub(crate) hidden_back: &'a [R],
}

/// `f32`, one by one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct F32;

/// Pairs of bf16: eight bits of mantissa, the exponents of `f32`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bf16;

impl Factors for F32 {
    type Left = Row;
    type Right = Row;
    type Turned<'a> = &'a [Row];
    const STEP: usize = 1;
    const FLOATS_ONLY: bool = true;

    fn tile_rows(_: usize) -> Option<usize> {
        None
    }

    fn lefts(activation: &Activation) -> &[Row] {
        &activation.rows
    }

    fn rights(activation: &Activation) -> &[Row] {
        &activation.rows
    }

    #[inline(always)]
    fn refresh<L: Lanes>(_: L, _: &mut Activation, _: usize, _: Range<usize>) {}

    fn weights(block: &Block) -> Sides<'_, Row> {
        Sides {
            input: block.input(),
            hidden: block.hidden(),
            input_back: &block.turned.input,
            hidden_back: &block.turned.hidden,
        }
    }

    #[inline(always)]
    fn multiply<'a, L: Lanes, const ROWS: usize, const VECTORS: usize>(
        lanes: L,
        depth: usize,
        left: impl Fn(usize) -> &'a [Row],
        right: impl Fn(usize) -> &'a [Row],
        start: Addend<'_>,
        output: &mut [Row],
    ) {
        product::multiply::<L, ROWS, VECTORS>(lanes, depth, left, right, start, output);
    }

    #[inline(always)]
    fn multiply_row<'a, L: Lanes, const VECTORS: usize, const OUTPUTS: usize>(
        lanes: L,
        depth: usize,
        left: impl Fn(usize) -> &'a Row,
        right: impl Fn(usize, usize) -> &'a [Row],
        outputs: &mut [&mut [Row]; OUTPUTS],
    ) {
        product::multiply_row::<L, VECTORS, OUTPUTS>(lanes, depth, left, right, outputs);
    }

    #[inline(always)]
    fn turn<'a, L: Lanes>(_: L, steps: &'a [Row], _: &'a mut Vec<Neighbours>) -> &'a [Row] {
        steps
    }

    #[inline(always)]
    fn multiply_turned<L: Lanes, const ROWS: usize, const VECTORS: usize>(
        lanes: L,
        left: &[Row],
        right: &[Row],
        output: &mut [Row],
    ) {
        product::multiply_transposed::<L, ROWS, VECTORS>(lanes, left, right, output);
    }

    #[inline(always)]
    fn add_rows<L: Lanes>(lanes: L, rows: &[Row], sum: &mut Row) {
        product::add_rows(lanes, rows, sum);
    }
}

impl Factors for Bf16 {
    type Left = Neighbours;
    type Right = Quad;
    type Turned<'a> = &'a [Neighbours];
    const STEP: usize = Quad::ROWS;
    const FLOATS_ONLY: bool = false;

    fn tile_rows(rows: usize) -> Option<usize> {
        (1..=16).rev().find(|&tile| rows.is_multiple_of(tile))
    }

    fn lefts(activation: &Activation) -> &[Neighbours] {
        &activation.neighbours
    }

    fn rights(activation: &Activation) -> &[Quad] {
        &activation.quads
    }

    #[inline(always)]
    fn refresh<L: Lanes>(lanes: L, activation: &mut Activation, windows: usize, rows: Range<usize>) {
        let Activation {
            rows: all,
            neighbours,
            quads,
        } = activation;
        for (row, neighbours) in all[rows.clone()].iter().zip(&mut neighbours[rows.clone()]) {
            neighbours.round(lanes, row);
        }
        if quads.is_empty() {
            return;
        }
        let wide = windows.div_ceil(Self::STEP);
        let quads = quads[rows.start / windows * wide..].chunks_exact_mut(wide);
        for (rows, quads) in all[rows].chunks_exact(windows).zip(quads) {
            halves::round(lanes, rows, quads);
        }
    }

    fn weights(block: &Block) -> Sides<'_, Quad> {
        let (halves, turned) = (&block.halves, &block.turned_halves);
        Sides {
            input: &halves.input,
            hidden: &halves.hidden,
            input_back: &turned.input,
            hidden_back: &turned.hidden,
        }
    }

    #[inline(always)]
    fn multiply<'a, L: Lanes, const ROWS: usize, const VECTORS: usize>(
        lanes: L,
        depth: usize,
        left: impl Fn(usize) -> &'a [Neighbours],
        right: impl Fn(usize) -> &'a [Quad],
        start: Addend<'_>,
        output: &mut [Row],
    ) {
        pairs::multiply(lanes, depth, left, right, start, output);
    }

    #[inline(always)]
    fn multiply_row<'a, L: Lanes, const VECTORS: usize, const OUTPUTS: usize>(
        lanes: L,
        depth: usize,
        left: impl Fn(usize) -> &'a Neighbours,
        right: impl Fn(usize, usize) -> &'a [Quad],
        outputs: &mut [&mut [Row]; OUTPUTS],
    ) {
        if !L::TILES {
            return pairs::multiply_row::<L, VECTORS, OUTPUTS>(lanes, depth, left, right, outputs);
        }
        for (index, output) in outputs.iter_mut().enumerate() {
            let left = |block: usize| std::slice::from_ref(left(block));
            pairs::multiply(lanes, depth, left, |block| right(index, block), Addend::Output, output);
        }
    }

    #[inline(always)]
    fn turn<'a, L: Lanes>(lanes: L, steps: &'a [Quad], buffer: &'a mut Vec<Neighbours>) -> &'a [Neighbours] {
        let rows = steps.len().div_ceil(QUADS) * PANEL;
        buffer.resize(buffer.len().max(rows), Neighbours::ZERO);
        let mut rest = [Quad::ZERO; QUADS];
        for (steps, rows) in steps.chunks(QUADS).zip(buffer.as_chunks_mut().0) {
            lanes.turn_quads(whole(steps, &mut rest), rows);
        }
        &buffer[..rows]
    }

    #[inline(always)]
    fn multiply_turned<L: Lanes, const ROWS: usize, const VECTORS: usize>(
        lanes: L,
        left: &[Neighbours],
        right: &[Quad],
        output: &mut [Row],
    ) {
        // The left matrix has rows of zeros beyond the output, so that tiles are full.
        let rows = if L::TILES { PANEL } else { output.len() };
        let left = |block: usize| &left[block * PANEL..][..rows];
        let right_at = |block: usize| &right[block * QUADS..];
        let (depth, start) = (Self::STEP * right.len(), Addend::Row(&Row::ZERO));
        if rows == output.len() {
            pairs::multiply(lanes, depth, left, right_at, start, output);
        } else {
            let mut all = [Row::ZERO; PANEL];
            pairs::multiply(lanes, depth, left, right_at, start, &mut all[..rows]);
            output.copy_from_slice(&all[..output.len()]);
        }
    }

    #[inline(always)]
    fn add_rows<L: Lanes>(lanes: L, rows: &[Quad], sum: &mut Row) {
        /// A tile of ones.
        static ONES: [Neighbours; 16] = [Neighbours([0x3f80_3f80; PANEL / 2]); 16];
        let mut sums = [Row::ZERO; 16];
        let many = if L::TILES { 16 } else { 1 };
        let right = |block: usize| &rows[block * QUADS..];
        let depth = Self::STEP * rows.len();
        let (start, sums) = (Addend::Row(&Row::ZERO), &mut sums[..many]);
        pairs::multiply(lanes, depth, |_| &ONES[..many], right, start, sums);
        *sum = sums[0];
    }
}

/// Recomputes what products read of the first rows of each panel.
pub(crate) struct Refresh<'a, F> {
    pub(crate) factors: PhantomData<F>,
    pub(crate) activation: &'a mut Activation,
    pub(crate) panels: usize,
    pub(crate) windows: usize,
    /// How many rows of each panel.
    pub(crate) rows: usize,
}

impl<F: Factors> Kernel for Refresh<'_, F> {
    const FLOATS_ONLY: bool = F::FLOATS_ONLY;

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        F::refresh(lanes, self.activation, self.windows, 0..self.panels * self.rows);
    }
}
