//! The rows of a fit in order of time, without missing values.

use crate::{Error, Rows, design::Design};

/// The rows that are fitted.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) times: Vec<i64>,
    /// The index of each row among the given ones; `None` where they are the same.
    rows: Option<Vec<usize>>,
}

impl History {
    /// Selects the rows with a value, sorted by time; rows of one time keep their order.
    pub(crate) fn new(times: &[i64], values: &[f64]) -> Self {
        if times.is_sorted() && values.iter().all(|value| !value.is_nan()) {
            let (times, rows) = (times.to_vec(), None);
            return Self { times, rows };
        }
        let mut rows: Vec<usize> = (0..times.len()).filter(|&row| !values[row].is_nan()).collect();
        if !rows.is_sorted_by_key(|&row| times[row]) {
            rows.sort_by_key(|&row| times[row]);
        }
        Self {
            times: rows.iter().map(|&row| times[row]).collect(),
            rows: Some(rows),
        }
    }

    /// Returns a column of these rows.
    pub(crate) fn take(&self, column: &[f64]) -> Vec<f64> {
        match &self.rows {
            Some(rows) => rows.iter().map(|&row| column[row]).collect(),
            None => column.to_vec(),
        }
    }

    /// Returns the columns that the terms of a design need, one per term.
    pub(crate) fn inputs(&self, design: &Design, rows: &Rows<'_>) -> Result<Vec<Option<Vec<f64>>>, Error> {
        let given = rows.inputs(design)?;
        Ok(given.into_iter().map(|column| Some(self.take(column?))).collect())
    }
}

impl<'a> Rows<'a> {
    /// Returns the columns that the terms of a design need, one per term.
    pub(crate) fn inputs(&self, design: &Design) -> Result<Vec<Option<&'a [f64]>>, Error> {
        let find = |name: &str| {
            let found = self.columns.iter().find(|(column, _)| *column == name);
            found.map(|(_, values)| *values).ok_or_else(|| Error::MissingColumn {
                column: name.to_owned(),
            })
        };
        design
            .terms
            .iter()
            .map(|term| term.input().map(find).transpose())
            .collect()
    }

    /// Checks that all columns have as many rows as there are times.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let given = [("cap", self.cap), ("floor", self.floor)];
        let given = given.into_iter().filter_map(|(name, values)| Some((name, values?)));
        for (column, values) in given.chain(self.columns.iter().copied()) {
            length(column, values.len(), self.times.len())?;
        }
        Ok(())
    }

    /// Checks that each cap is finite and above its floor.
    pub(crate) fn check_cap(cap: &[f64], floor: impl Fn(usize) -> f64) -> Result<(), Error> {
        for (row, &cap) in cap.iter().enumerate() {
            let floor = floor(row);
            if !cap.is_finite() || !floor.is_finite() || cap <= floor {
                return Err(Error::Cap { row, cap, floor });
            }
        }
        Ok(())
    }
}

pub(crate) fn length(column: &str, have: usize, need: usize) -> Result<(), Error> {
    if have == need {
        return Ok(());
    }
    let column = column.to_owned();
    Err(Error::Length { column, have, need })
}
