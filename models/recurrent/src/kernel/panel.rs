//! Matrices cut into panels of 32 columns, and their rows in bf16.
//!
//! # Shapes
//! A panel is a slice of [`Row`]s: 32 columns of a matrix, one row behind the other; columns that the matrix does not have are
//! zeros. Activations have one row per step and window, steps first; weights one row per input, a column per unit. Both
//! kinds of product then read and write memory in order, and nothing is repacked for them.

/// The columns of a panel: two registers of the widest path.
pub(crate) const PANEL: usize = 32;

/// One row of a panel; it fills two lines of cache.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Row(pub(crate) [f32; PANEL]);

impl Row {
    /// Zeros.
    pub(crate) const ZERO: Self = Self([0.0; PANEL]);
}

/// One row of a panel in bf16, columns as pairs. Each path has its own order of four columns, the same as in [`Quad`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Neighbours(pub(crate) [u32; PANEL / 2]);

impl Neighbours {
    /// Zeros.
    pub(crate) const ZERO: Self = Self([0; PANEL / 2]);
}

/// Four rows of a panel in bf16, columns as two pairs each. Each path has its own choice of the two rows of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Quad(pub(crate) [[u32; PANEL]; 2]);

impl Quad {
    /// Zeros.
    pub(crate) const ZERO: Self = Self([[0; PANEL]; 2]);
    /// How many rows of a panel one quad holds.
    pub(crate) const ROWS: usize = 4;
}

/// How many rows of the right matrix a block of the depth has.
pub(crate) const BLOCK: usize = PANEL;

/// How many quads a block has.
pub(crate) const QUADS: usize = BLOCK / Quad::ROWS;

/// What a product or a sum is added to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Addend<'a> {
    /// One row, the same for every row of the output.
    Row(&'a Row),
    /// What the output holds.
    Output,
}

/// Returns rows of zeros.
pub(crate) fn zeros(rows: usize) -> Vec<Row> {
    vec![Row::ZERO; rows]
}

/// Returns the rows of a block. Where there are too few, they are copied into `rest`, whose other rows fill the block up.
#[inline(always)]
pub(crate) fn whole<'a, R: Copy, const ROWS: usize>(rows: &'a [R], rest: &'a mut [R; ROWS]) -> &'a [R; ROWS] {
    if let Some(block) = rows.first_chunk() {
        return block;
    }
    rest[..rows.len()].copy_from_slice(rows);
    rest
}
