//! A table as models see it.

use crate::{Matrix, TimeAxis};

/// A table as models see it. Nothing in it is missing.
#[derive(Clone, PartialEq, Debug)]
pub struct Scaled {
    /// The inputs.
    ///
    /// # Shapes
    /// `[rows, inputs]`.
    pub values: Matrix,
    /// When each row is.
    pub axis: TimeAxis,
    /// Which rows of each target were observed: the others are imputed.
    ///
    /// # Shapes
    /// `[targets][rows]`.
    pub observed: Vec<Vec<bool>>,
    /// The input of each target.
    pub targets: Vec<usize>,
    /// The inputs whose future is unknown.
    pub past: Vec<usize>,
    /// The inputs that follow from the time.
    pub calendar: Vec<usize>,
    /// The inputs that are earlier values of a target: input, number of the target, lag in rows.
    pub lags: Vec<(usize, usize, usize)>,
    /// Whether a row had no missing input.
    pub complete: Vec<bool>,
    /// Whether training windows that touch an incomplete row are left out.
    pub drops_incomplete: bool,
}

impl Scaled {
    /// Gives the number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.rows
    }

    /// Gives the flags by which training windows are left out, where they are.
    #[must_use]
    pub fn mask(&self) -> Option<&[bool]> {
        self.drops_incomplete.then_some(self.complete.as_slice())
    }

    /// Gives a target's values, row after row.
    ///
    /// # Panics
    /// Where there is no such target.
    #[must_use]
    pub fn target(&self, target: usize) -> Vec<f64> {
        self.values.column(self.targets[target])
    }
}
