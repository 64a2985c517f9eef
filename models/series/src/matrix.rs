//! Numbers in rows and columns.

/// A dense matrix in row-major order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Matrix {
    /// How many rows.
    pub rows: usize,
    /// How many columns.
    pub cols: usize,
    /// `rows * cols` numbers, row after row.
    pub data: Vec<f64>,
}

impl Matrix {
    /// Gives a matrix of zeros.
    #[must_use]
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self::filled(rows, cols, 0.0)
    }

    /// Gives a matrix of one value.
    #[must_use]
    pub fn filled(rows: usize, cols: usize, value: f64) -> Self {
        Self {
            rows,
            cols,
            data: vec![value; rows * cols],
        }
    }

    /// Gives a row.
    ///
    /// # Panics
    /// Beyond the last row, as a slice does.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.cols..(row + 1) * self.cols]
    }

    /// Gives a row to write into.
    ///
    /// # Panics
    /// Beyond the last row, as a slice does.
    pub fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.data[row * self.cols..(row + 1) * self.cols]
    }

    /// Gives one number.
    ///
    /// # Panics
    /// Beyond the last row or column, as a slice does.
    #[must_use]
    pub fn at(&self, row: usize, col: usize) -> f64 {
        self.row(row)[col]
    }

    /// Gives one number to write into.
    ///
    /// # Panics
    /// Beyond the last row or column, as a slice does.
    pub fn at_mut(&mut self, row: usize, col: usize) -> &mut f64 {
        &mut self.row_mut(row)[col]
    }

    /// Gives a column, from the first row to the last.
    ///
    /// # Panics
    /// Beyond the last column, as a slice does.
    #[must_use]
    pub fn column(&self, col: usize) -> Vec<f64> {
        (0..self.rows).map(|row| self.at(row, col)).collect()
    }
}
