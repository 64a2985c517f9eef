//! What matrix products are made of: `f32` one by one, or pairs of bf16 whose products are summed in `f32`.
//!
//! Parameters, activations and gradients are `f32` in both cases. [`Bf16`] reads copies of them that are rounded once, where they
//! come into being, and laid out so that both factors of a product have two steps of its depth side by side.

use std::ops::Range;

use crate::{
    activation::Activation,
    panel::{PANEL, Row},
    simd::Lanes,
    weights::Block,
};

/// One row of a panel in bf16, neighbouring columns as pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Neighbours(pub(crate) [u32; PANEL / 2]);

/// Two rows of a panel in bf16, what is in one column as a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Columns(pub(crate) [u32; PANEL]);

/// One precision of the factors of products; sums are `f32` in any.
pub(crate) trait Factors: Copy + 'static {
    /// A row of a product's left matrix.
    type Left: Copy + 'static;
    /// The rows of a matrix that one step of the depth takes.
    type Right: Copy + 'static;
    /// What a register holds.
    type Register<L: Lanes>: Copy;
    /// How much of the depth one step takes.
    const STEP: usize;

    /// Gives a register full of what a left row has for a step.
    fn splat<L: Lanes>(lanes: L, row: &Self::Left, step: usize) -> Self::Register<L>;
    /// Gives a register full of what one column has.
    fn splat_column<L: Lanes>(lanes: L, rows: &Self::Right, column: usize) -> Self::Register<L>;
    /// Reads columns.
    fn load<L: Lanes>(lanes: L, rows: &Self::Right, first: usize) -> Self::Register<L>;
    /// Gives a register full of ones.
    fn one<L: Lanes>(lanes: L) -> Self::Register<L>;
    /// Adds products to sums.
    fn add<L: Lanes>(lanes: L, left: Self::Register<L>, right: Self::Register<L>, sum: L::Vector) -> L::Vector;

    /// Gives the rows of an activation.
    fn lefts(activation: &Activation) -> &[Self::Left];
    /// Gives the rows of an activation as steps of a depth: so many for the windows of each step in time.
    fn rights(activation: &Activation) -> &[Self::Right];
    /// Brings what products read of some whole steps in time up to the rows there, as far as there is room for it.
    fn round<L: Lanes>(lanes: L, activation: &mut Activation, windows: usize, rows: Range<usize>);
    /// Gives a block's weights as steps of a depth.
    fn weights(block: &Block) -> Sides<'_, Self::Right>;
}

/// The weights of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides<'a, R> {
    /// For the inputs.
    pub(crate) input: &'a [R],
    /// For the units of the last state.
    pub(crate) hidden: &'a [R],
    /// Turned around, for the gradients of the inputs: a tile for each panel of them.
    pub(crate) input_back: &'a [R],
    /// Turned around, for the gradients of the last state.
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
    type Register<L: Lanes> = L::Vector;
    const STEP: usize = 1;

    #[inline(always)]
    fn splat<L: Lanes>(lanes: L, row: &Row, step: usize) -> L::Vector {
        lanes.splat(row.0[step])
    }

    #[inline(always)]
    fn splat_column<L: Lanes>(lanes: L, row: &Row, column: usize) -> L::Vector {
        lanes.splat(row.0[column])
    }

    #[inline(always)]
    fn load<L: Lanes>(lanes: L, row: &Row, first: usize) -> L::Vector {
        lanes.load(&row.0[first..])
    }

    #[inline(always)]
    fn one<L: Lanes>(lanes: L) -> L::Vector {
        lanes.splat(1.0)
    }

    #[inline(always)]
    fn add<L: Lanes>(lanes: L, left: L::Vector, right: L::Vector, sum: L::Vector) -> L::Vector {
        lanes.mul_add(left, right, sum)
    }

    fn lefts(activation: &Activation) -> &[Row] {
        &activation.rows
    }

    fn rights(activation: &Activation) -> &[Row] {
        &activation.rows
    }

    #[inline(always)]
    fn round<L: Lanes>(_: L, _: &mut Activation, _: usize, _: Range<usize>) {}

    fn weights(block: &Block) -> Sides<'_, Row> {
        Sides {
            input: block.input(),
            hidden: block.hidden(),
            input_back: &block.turned.input,
            hidden_back: &block.turned.hidden,
        }
    }
}

impl Factors for Bf16 {
    type Left = Neighbours;
    type Right = Columns;
    type Register<L: Lanes> = L::Pairs;
    const STEP: usize = 2;

    #[inline(always)]
    fn splat<L: Lanes>(lanes: L, row: &Neighbours, step: usize) -> L::Pairs {
        lanes.splat_pair(row.0[step])
    }

    #[inline(always)]
    fn splat_column<L: Lanes>(lanes: L, rows: &Columns, column: usize) -> L::Pairs {
        lanes.splat_pair(rows.0[column])
    }

    #[inline(always)]
    fn load<L: Lanes>(lanes: L, rows: &Columns, first: usize) -> L::Pairs {
        lanes.load_pairs(&rows.0[first..])
    }

    #[inline(always)]
    fn one<L: Lanes>(lanes: L) -> L::Pairs {
        lanes.splat_pair(0x3f80_3f80)
    }

    #[inline(always)]
    fn add<L: Lanes>(lanes: L, left: L::Pairs, right: L::Pairs, sum: L::Vector) -> L::Vector {
        lanes.add_pairs(left, right, sum)
    }

    fn lefts(activation: &Activation) -> &[Neighbours] {
        &activation.neighbours
    }

    fn rights(activation: &Activation) -> &[Columns] {
        &activation.columns
    }

    #[inline(always)]
    fn round<L: Lanes>(lanes: L, activation: &mut Activation, windows: usize, rows: Range<usize>) {
        let Activation {
            rows: all,
            neighbours,
            columns,
        } = activation;
        for (row, neighbours) in all[rows.clone()].iter().zip(&mut neighbours[rows.clone()]) {
            neighbours.round(lanes, row);
        }
        if columns.is_empty() {
            return;
        }
        let pairs = windows.div_ceil(2);
        let columns = columns[rows.start / windows * pairs..].chunks_exact_mut(pairs);
        for (rows, columns) in all[rows].chunks_exact(windows).zip(columns) {
            for (rows, columns) in rows.chunks(2).zip(columns) {
                columns.round(lanes, &rows[0], rows.get(1).unwrap_or(&Row::ZERO));
            }
        }
    }

    fn weights(block: &Block) -> Sides<'_, Columns> {
        let (halves, turned) = (&block.halves, &block.turned_halves);
        Sides {
            input: &halves.input,
            hidden: &halves.hidden,
            input_back: &turned.input,
            hidden_back: &turned.hidden,
        }
    }
}

impl Neighbours {
    pub(crate) const ZERO: Self = Self([0; PANEL / 2]);

    #[inline(always)]
    pub(crate) fn round<L: Lanes>(&mut self, lanes: L, row: &Row) {
        for first in (0..PANEL).step_by(2 * L::WIDTH) {
            let second = lanes.load(&row.0[first + L::WIDTH..]);
            lanes.store_neighbours(lanes.load(&row.0[first..]), second, &mut self.0[first / 2..]);
        }
    }
}

impl Columns {
    pub(crate) const ZERO: Self = Self([0; PANEL]);

    #[inline(always)]
    pub(crate) fn round<L: Lanes>(&mut self, lanes: L, upper: &Row, lower: &Row) {
        for first in (0..PANEL).step_by(L::WIDTH) {
            let lower = lanes.load(&lower.0[first..]);
            lanes.store_columns(lanes.load(&upper.0[first..]), lower, &mut self.0[first..]);
        }
    }
}
