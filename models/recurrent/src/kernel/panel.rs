//! Matrices cut into panels of 32 columns, and their rows in bf16.
//!
//! # Shapes
//! A panel is a slice of [`Row`]s: 32 columns of a matrix, one row behind the other; columns that the matrix does not have are
//! zeros. Activations have one row per step and window, steps first; weights one row per input, a column per unit. Both
//! kinds of product then read and write memory in order, and nothing is repacked for them.

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

/// One row of a panel in bf16, columns as pairs. In which order four columns lie is the path's choice, the same as in [`Quad`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Neighbours(pub(crate) [u32; PANEL / 2]);

impl Neighbours {
    /// Zeros.
    pub(crate) const ZERO: Self = Self([0; PANEL / 2]);
}

/// Four rows of a panel in bf16, columns as two pairs each; which two rows a pair has is the path's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Quad(pub(crate) [[u32; PANEL]; 2]);

impl Quad {
    /// Zeros.
    pub(crate) const ZERO: Self = Self([[0; PANEL]; 2]);
    /// How many rows there are in one.
    pub(crate) const ROWS: usize = 4;
}

/// The steps of a block of the depth.
pub(crate) const BLOCK: usize = PANEL;

/// The quads of a block.
pub(crate) const QUADS: usize = BLOCK / Quad::ROWS;

/// What a product or a sum is added to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Addend<'a> {
    /// One row, the same for every row of the output.
    Row(&'a Row),
    /// What the output holds.
    Output,
}

/// Gives rows of zeros.
pub(crate) fn zeros(rows: usize) -> Vec<Row> {
    vec![Row::ZERO; rows]
}

/// Gives the rows of a block; where there are too few for a whole one, the others are those of `rest`.
#[inline(always)]
pub(crate) fn whole<'a, R: Copy, const ROWS: usize>(rows: &'a [R], rest: &'a mut [R; ROWS]) -> &'a [R; ROWS] {
    if let Some(block) = rows.first_chunk() {
        return block;
    }
    rest[..rows.len()].copy_from_slice(rows);
    rest
}
