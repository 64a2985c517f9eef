//! Values of some windows at all steps of a layer, and what products read of them.

use std::ops::Range;

use forecast::Precision;

use super::panel::{Neighbours, Quad, Row, zeros};

/// One kind of value of all windows at all steps, in panels: row `step · windows + window` of each.
#[derive(Clone, Debug)]
pub(crate) struct Activation {
    pub(crate) rows: Vec<Row>,
    /// The same in bf16, as left matrices are read.
    pub(crate) neighbours: Vec<Neighbours>,
    /// The same in bf16, as steps of a depth: the windows of one step in fours, the last four filled up with zeros. Empty where
    /// there is no backward pass.
    pub(crate) quads: Vec<Quad>,
}

/// Which passes through a net some windows make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passes {
    /// Forward to the outputs only.
    Forward,
    /// Forward, and back to the gradients.
    Both,
}

/// Some rows of all panels of a matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panels<'a, R = Row> {
    all: &'a [R],
    /// How many rows a whole panel has.
    tall: usize,
    first: usize,
    rows: usize,
}

impl Activation {
    /// Returns zeros.
    pub(crate) fn zeros(precision: Precision, passes: Passes, panels: usize, steps: usize, windows: usize) -> Self {
        let rows = panels * steps * windows;
        let halves = if precision == Precision::Bf16 { rows } else { 0 };
        let quads = match passes {
            Passes::Both if halves > 0 => panels * steps * windows.div_ceil(Quad::ROWS),
            _ => 0,
        };
        Self {
            rows: zeros(rows),
            neighbours: vec![Neighbours::ZERO; halves],
            quads: vec![Quad::ZERO; quads],
        }
    }
}

impl<'a, R> Panels<'a, R> {
    /// Returns some rows of panels with `tall` rows each.
    #[inline(always)]
    pub(crate) fn new(all: &'a [R], tall: usize, rows: Range<usize>) -> Self {
        Self {
            all,
            tall,
            first: rows.start,
            rows: rows.len(),
        }
    }

    /// Returns a panel's rows.
    #[inline(always)]
    pub(crate) fn panel(&self, panel: usize) -> &'a [R] {
        &self.all[panel * self.tall + self.first..][..self.rows]
    }

    /// Returns how many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }
}
