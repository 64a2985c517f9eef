//! The columns of seasons, holidays and regressors, a few rows at a time.

use std::ops::Range;

use crate::design::Design;

/// How many rows are processed together: their columns stay in the cache of a core.
pub(crate) const CHUNK: usize = 256;
/// The most numbers that are kept between passes: 32 MB. Larger columns are computed again in each pass.
const KEPT: usize = 4 << 20;

/// The columns of all rows.
#[derive(Debug)]
pub(crate) struct Features<'a> {
    design: &'a Design,
    times: &'a [i64],
    inputs: &'a [Option<Vec<f64>>],
    kept: Option<Vec<f64>>,
}

impl<'a> Features<'a> {
    /// Prepares the columns of some rows, and keeps them where they are small.
    pub(crate) fn new(design: &'a Design, times: &'a [i64], inputs: &'a [Option<Vec<f64>>]) -> Self {
        let mut features = Self {
            design,
            times,
            inputs,
            kept: None,
        };
        let numbers = times.len().saturating_mul(design.columns);
        if numbers <= KEPT {
            let mut kept = vec![0.0; numbers];
            for rows in features.chunks() {
                features.write(&rows, &mut kept[rows.start * design.columns..rows.end * design.columns]);
            }
            features.kept = Some(kept);
        }
        features
    }

    pub(crate) fn columns(&self) -> usize {
        self.design.columns
    }

    /// Returns the chunks of all rows.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let rows = self.times.len();
        (0..rows)
            .step_by(CHUNK)
            .map(move |start| start..(start + CHUNK).min(rows))
    }

    /// Returns the columns of one chunk, in `buffer` where they are not kept.
    ///
    /// # Shapes
    /// `[columns, rows]`.
    pub(crate) fn block<'b>(&'b self, rows: &Range<usize>, buffer: &'b mut Vec<f64>) -> &'b [f64] {
        let columns = self.design.columns;
        if let Some(kept) = &self.kept {
            return &kept[rows.start * columns..rows.end * columns];
        }
        buffer.resize(rows.len() * columns, 0.0);
        self.write(rows, buffer);
        buffer
    }

    fn write(&self, rows: &Range<usize>, block: &mut [f64]) {
        let inputs = self
            .inputs
            .iter()
            .map(|input| input.as_ref().map(|values| &values[rows.clone()]));
        self.design
            .fill(&self.times[rows.clone()], &inputs.collect::<Vec<_>>(), block);
    }
}
