//! A dense matrix.

/// A dense matrix in row-major order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Matrix {
    /// How many rows it has.
    pub rows: usize,
    /// How many columns it has.
    pub cols: usize,
    /// `rows * cols` numbers, row after row.
    pub data: Vec<f64>,
}

impl Matrix {
    /// Returns a matrix of zeros.
    #[must_use]
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self::filled(rows, cols, 0.0)
    }

    /// Returns a matrix whose numbers are all `value`.
    #[must_use]
    pub fn filled(rows: usize, cols: usize, value: f64) -> Self {
        Self {
            rows,
            cols,
            data: vec![value; rows * cols],
        }
    }

    /// Returns a row.
    ///
    /// # Panics
    /// Beyond the last row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.cols..(row + 1) * self.cols]
    }

    /// Returns a row, to be written to.
    ///
    /// # Panics
    /// Beyond the last row.
    pub fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.data[row * self.cols..(row + 1) * self.cols]
    }

    /// Returns the number at a row and a column.
    ///
    /// # Panics
    /// Beyond the last row or column.
    #[must_use]
    pub fn at(&self, row: usize, col: usize) -> f64 {
        self.row(row)[col]
    }

    /// Returns the number at a row and a column, to be written to.
    ///
    /// # Panics
    /// Beyond the last row or column.
    pub fn at_mut(&mut self, row: usize, col: usize) -> &mut f64 {
        &mut self.row_mut(row)[col]
    }

    /// Copies a column, from the first row to the last.
    ///
    /// # Panics
    /// Beyond the last column.
    #[must_use]
    pub fn column(&self, col: usize) -> Vec<f64> {
        (0..self.rows).map(|row| self.at(row, col)).collect()
    }
}
