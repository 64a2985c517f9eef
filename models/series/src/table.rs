//! One series as a table in original units.

use serde::{Deserialize, Serialize};

use crate::TimeAxis;

/// The role of a column in a forecast.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It is forecast, and its past is an input.
    Target,
    /// It is an input whose future is unknown.
    Past,
    /// It is an input that follows from the time alone.
    Calendar,
}

/// One column of numbers, NaN where missing.
#[derive(Clone, PartialEq, Debug)]
pub struct Column {
    /// The name, unique in the table.
    pub name: String,
    /// The role in a forecast.
    pub role: Role,
    /// One value per row.
    pub values: Vec<f64>,
}

/// One series on a regular grid, in original units.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// The name of the series; empty where the data set has only one.
    pub series: String,
    /// The time of each row.
    pub axis: TimeAxis,
    /// The columns, in the order of the data.
    pub columns: Vec<Column>,
    /// The first row that came from a test file; `None` without one.
    pub test_start: Option<usize>,
}

/// Why columns do not form a table.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum TableError {
    /// A column is longer or shorter than the axis.
    #[error("column `{column}` has {have} rows, the time axis has {need}")]
    Length {
        /// The name of the column.
        column: String,
        /// How many rows it has.
        have: usize,
        /// How many rows the axis has.
        need: usize,
    },
    /// No column is a target.
    #[error("no column is a target, at least 1 must be")]
    NoTarget,
    /// Two columns have the same name.
    #[error("column `{column}` is there twice")]
    Twice {
        /// The name of the column.
        column: String,
    },
    /// A value that is neither finite nor missing.
    #[error("column `{column}`, row {row}: {value} is not finite")]
    NotFinite {
        /// The name of the column.
        column: String,
        /// The row, from 0.
        row: usize,
        /// The infinite value.
        value: f64,
    },
    /// The test rows begin after the end of the table.
    #[error("test rows start at row {have}, the table has {bound} rows")]
    TestStart {
        /// The first test row.
        have: usize,
        /// How many rows the table has.
        bound: usize,
    },
}

impl Table {
    /// Checks columns and returns the table of them.
    ///
    /// # Errors
    /// Where a column is not as long as the axis, two columns have one name, a value is infinite, no column is a target, or
    /// `test_start` is not inside the table.
    pub fn new(
        series: String,
        axis: TimeAxis,
        columns: Vec<Column>,
        test_start: Option<usize>,
    ) -> Result<Self, TableError> {
        for (index, column) in columns.iter().enumerate() {
            check(column, axis.len)?;
            if columns[..index].iter().any(|other| other.name == column.name) {
                return Err(TableError::Twice {
                    column: column.name.clone(),
                });
            }
        }
        if !columns.iter().any(|column| column.role == Role::Target) {
            return Err(TableError::NoTarget);
        }
        if let Some(have) = test_start.filter(|&start| start >= axis.len) {
            return Err(TableError::TestStart { have, bound: axis.len });
        }
        Ok(Self {
            series,
            axis,
            columns,
            test_start,
        })
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.axis.len
    }

    /// Returns the column with a name; `None` where no column has it.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns the target columns, in the table's order.
    pub fn targets(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.role == Role::Target)
    }

    /// Returns the last row in which a target was observed; `None` where no row has one.
    #[must_use]
    pub fn last_observed(&self) -> Option<usize> {
        (0..self.rows())
            .rev()
            .find(|&row| self.targets().any(|column| !column.values[row].is_nan()))
    }
}

fn check(column: &Column, rows: usize) -> Result<(), TableError> {
    if column.values.len() != rows {
        return Err(TableError::Length {
            column: column.name.clone(),
            have: column.values.len(),
            need: rows,
        });
    }
    // A pass over all values is faster than a search that may stop at any of them, and values are hardly ever infinite.
    let infinite = column.values.iter().filter(|value| value.is_infinite()).count();
    if infinite == 0 {
        return Ok(());
    }
    let row = column.values.iter().take_while(|value| !value.is_infinite()).count();
    Err(TableError::NotFinite {
        column: column.name.clone(),
        row,
        value: column.values[row],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Frequency;

    fn column(name: &str, role: Role, values: &[f64]) -> Column {
        Column {
            name: name.into(),
            role,
            values: values.into(),
        }
    }

    fn table(columns: Vec<Column>, test_start: Option<usize>) -> Result<Table, TableError> {
        let axis = TimeAxis {
            start: 0,
            frequency: Frequency::Seconds(60),
            len: 3,
        };
        Table::new(String::new(), axis, columns, test_start)
    }

    #[test]
    fn columns_that_do_not_fit_are_refused_by_name() {
        let good = || column("down", Role::Target, &[1.0, f64::NAN, 3.0]);
        assert!(table(vec![good()], Some(2)).is_ok());
        for (columns, test_start, message) in [
            (
                vec![column("up", Role::Target, &[1.0])],
                None,
                "column `up` has 1 rows, the time axis has 3",
            ),
            (
                vec![column("up", Role::Past, &[1.0; 3])],
                None,
                "no column is a target, at least 1 must be",
            ),
            (vec![good(), good()], None, "column `down` is there twice"),
            (
                vec![column("up", Role::Target, &[1.0, f64::INFINITY, 2.0])],
                None,
                "column `up`, row 1: inf is not finite",
            ),
            (vec![good()], Some(3), "test rows start at row 3, the table has 3 rows"),
        ] {
            assert_eq!(table(columns, test_start).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn the_last_observed_row_is_the_last_one_with_a_target() {
        let targets = column("down", Role::Target, &[1.0, 2.0, f64::NAN]);
        let table = table(vec![targets, column("past", Role::Past, &[1.0; 3])], None).unwrap();
        assert_eq!(table.last_observed(), Some(1));
    }
}
