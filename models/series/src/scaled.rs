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
    /// The original units of each target; empty where the values are in original units.
    pub units: Vec<Unit>,
}

/// How the scaled values of a target become original ones: `offset + scale * value`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Unit {
    /// The original value of a scaled 0.
    pub offset: f64,
    /// How many original units one scaled unit is; above 0.
    pub scale: f64,
}

impl Unit {
    /// Returns a scaled value in original units.
    #[must_use]
    pub fn original(self, scaled: f64) -> f64 {
        scaled * self.scale + self.offset
    }

    /// Returns a value in original units as a scaled one.
    #[must_use]
    pub fn scaled(self, original: f64) -> f64 {
        (original - self.offset) / self.scale
    }
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

    /// Returns the units of a target.
    #[must_use]
    pub fn unit(&self, target: usize) -> Unit {
        let same = Unit {
            offset: 0.0,
            scale: 1.0,
        };
        self.units.get(target).copied().unwrap_or(same)
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
