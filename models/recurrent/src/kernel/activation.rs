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
    /// The same in bf16, as steps of a depth: the windows of one step in fours, with zeros where some are missing of the last. Nothing
    /// where there is no way back.
    pub(crate) quads: Vec<Quad>,
}

/// Which passes some windows go through a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passes {
    /// To the outputs only.
    Forward,
    /// Back to the gradients, too.
    Both,
}

/// Some rows of all panels of a matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panels<'a, R = Row> {
    all: &'a [R],
    /// Rows of a whole panel.
    tall: usize,
    first: usize,
    rows: usize,
}

impl Activation {
    /// Gives zeros.
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
    /// Takes some rows of panels with `tall` rows each.
    #[inline(always)]
    pub(crate) fn new(all: &'a [R], tall: usize, rows: Range<usize>) -> Self {
        Self {
            all,
            tall,
            first: rows.start,
            rows: rows.len(),
        }
    }

    /// Gives a panel's rows.
    #[inline(always)]
    pub(crate) fn panel(&self, panel: usize) -> &'a [R] {
        &self.all[panel * self.tall + self.first..][..self.rows]
    }

    /// Gives how many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }
}
