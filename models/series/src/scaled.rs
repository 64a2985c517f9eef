//! The transformed table: the inputs of models.

use crate::{Matrix, TimeAxis};

/// A table as models see it: imputed, clipped, scaled, with calendar and lag columns. No value is missing.
#[derive(Clone, PartialEq, Debug)]
pub struct Scaled {
    /// The inputs, scaled.
    ///
    /// # Shapes
    /// `[rows, inputs]`.
    pub values: Matrix,
    /// The time of each row.
    pub axis: TimeAxis,
    /// Which rows of each target were observed; the others are imputed.
    ///
    /// # Shapes
    /// `[targets][rows]`.
    pub observed: Vec<Vec<bool>>,
    /// The column of `values` for each target.
    pub targets: Vec<usize>,
    /// The columns of `values` whose future is unknown.
    pub past: Vec<usize>,
    /// The columns of `values` that follow from the time.
    pub calendar: Vec<usize>,
    /// The columns of `values` that are earlier values of a target: column, number of the target, lag in rows.
    pub lags: Vec<(usize, usize, usize)>,
    /// Whether each row had no missing input.
    pub complete: Vec<bool>,
    /// Whether training windows that touch an incomplete row are left out.
    pub drops_incomplete: bool,
}

impl Scaled {
    /// Returns the number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.rows
    }

    /// Returns the flags of complete rows where windows that touch others are left out, else `None`.
    #[must_use]
    pub fn mask(&self) -> Option<&[bool]> {
        self.drops_incomplete.then_some(self.complete.as_slice())
    }

    /// Returns the scaled values of a target, row by row.
    ///
    /// # Panics
    /// With a target that does not exist.
    #[must_use]
    pub fn target(&self, target: usize) -> Vec<f64> {
        self.values.column(self.targets[target])
    }
}
