//! Values of some windows at all steps of a layer, and what products read of them.

use std::{marker::PhantomData, ops::Range};

use forecast::Precision;

use crate::{
    factors::{Bf16, Factors, Neighbours, Quad},
    panel::{Row, zeros},
    simd::{Kernel, Lanes},
};

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

/// Which ways some windows go through a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ways {
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
    pub(crate) fn zeros(precision: Precision, ways: Ways, panels: usize, steps: usize, windows: usize) -> Self {
        let rows = panels * steps * windows;
        let halves = if precision == Precision::Bf16 { rows } else { 0 };
        let quads = match ways {
            Ways::Both if halves > 0 => panels * steps * windows.div_ceil(Bf16::STEP),
            _ => 0,
        };
        Self {
            rows: zeros(rows),
            neighbours: vec![Neighbours::ZERO; halves],
            quads: vec![Quad::ZERO; quads],
        }
    }

    /// Gives some rows of panels of `tall` rows as the left matrix of products.
    #[inline(always)]
    pub(crate) fn left<F: Factors>(&self, tall: usize, rows: Range<usize>) -> Panels<'_, F::Left> {
        Panels::new(F::lefts(self), tall, rows)
    }

    /// Gives some whole steps of panels of `tall` rows as the depth of products.
    pub(crate) fn depth<F: Factors>(&self, windows: usize, tall: usize, rows: Range<usize>) -> Panels<'_, F::Right> {
        let [tall, start, end] = [tall, rows.start, rows.end].map(|rows| rows / windows * windows.div_ceil(F::STEP));
        Panels::new(F::rights(self), tall, start..end)
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

/// Brings what products read of the first rows of each panel up to them.
pub(crate) struct Round<'a, F> {
    pub(crate) factors: PhantomData<F>,
    pub(crate) activation: &'a mut Activation,
    pub(crate) panels: usize,
    pub(crate) windows: usize,
    /// Rows of a panel.
    pub(crate) rows: usize,
}

impl<F: Factors> Kernel for Round<'_, F> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        F::round(lanes, self.activation, self.windows, 0..self.panels * self.rows);
    }
}
