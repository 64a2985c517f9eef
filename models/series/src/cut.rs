//! Which rows train, validate and are held out.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{Holdout, Sampling, Split, Strategy, Table, Validation, WindowShape};

/// With fewer training windows no row validates.
const VALIDATED_WINDOWS: usize = 200;

/// The rows of one table by their use, in order of time and without overlap.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Rows on which models, imputer, outlier bounds and scaler are fitted.
    pub training: Range<usize>,
    /// Rows on which choices are made: early stopping, lambda, search, ensemble weights.
    pub select: Range<usize>,
    /// Rows on which intervals are calibrated, and nothing else.
    pub calibrate: Range<usize>,
    /// Rows on which models are scored.
    pub holdout: Range<usize>,
    /// How many windows lie inside the training rows.
    pub windows: usize,
    /// The shape of the windows.
    pub window: WindowShape,
    /// How many rows were sampled: training and validation together.
    pub sampled_rows: usize,
}

/// Why a table cannot be cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CutError {
    /// No window fits into the training rows.
    #[error("{have} training rows, one window of context {context} and horizon {horizon} needs {need}")]
    Training {
        /// How many training rows there are.
        have: usize,
        /// How many rows one window has.
        need: usize,
        /// How many rows of history a window has.
        context: usize,
        /// How many rows a window forecasts.
        horizon: usize,
    },
    /// No forecast can be scored.
    #[error("{have} holdout rows, one forecast of the horizon needs {need}")]
    Holdout {
        /// How many holdout rows there are.
        have: usize,
        /// How many rows one forecast has.
        need: usize,
    },
    /// The table has no test rows.
    #[error("the holdout is the test file, but there are no test rows")]
    NoTestRows,
}

impl Cut {
    /// Cuts a table: holdout first, then a sample of the rows before it, whose last part validates.
    ///
    /// With fewer than 200 training windows, counted before validation is cut, no row validates.
    ///
    /// # Errors
    /// Where not one window fits into the training rows, not one forecast into the holdout, or test rows are missing.
    pub fn new(table: &Table, split: Split, sampling: &Sampling, window: WindowShape) -> Result<Self, CutError> {
        let holdout = holdout(table, split.holdout)?;
        if holdout.len() < window.horizon {
            return Err(CutError::Holdout {
                have: holdout.len(),
                need: window.horizon,
            });
        }
        let sampled = sample(holdout.start, sampling);
        let validation = if window.count(sampled.len()) < VALIDATED_WINDOWS {
            0
        } else {
            share(split.validation, sampled.len())
        };
        let training = sampled.start..sampled.end - validation;
        let windows = window.count(training.len());
        if windows == 0 {
            let WindowShape { context, horizon, .. } = window;
            return Err(CutError::Training {
                have: training.len(),
                need: window.rows(),
                context,
                horizon,
            });
        }
        let middle = training.end + validation.div_ceil(2);
        let (select, calibrate) = (training.end..middle, middle..sampled.end);
        Ok(Self {
            training,
            select,
            calibrate,
            holdout,
            windows,
            window,
            sampled_rows: sampled.len(),
        })
    }
}

fn holdout(table: &Table, holdout: Holdout) -> Result<Range<usize>, CutError> {
    let end = table.rows();
    let rows = match holdout {
        Holdout::Rows(rows) => rows,
        Holdout::Fraction(fraction) => part(end, fraction),
        Holdout::TestFile => return Ok(table.test_start.ok_or(CutError::NoTestRows)?..end),
    };
    Ok(end.saturating_sub(rows)..end)
}

/// Returns which of the rows before the holdout are sampled.
fn sample(end: usize, sampling: &Sampling) -> Range<usize> {
    match sampling.strategy {
        Strategy::All => 0..end,
        Strategy::Head => 0..sampling.rows.min(end),
        Strategy::Tail => end.saturating_sub(sampling.rows)..end,
    }
}

fn share(validation: Validation, rows: usize) -> usize {
    match validation {
        Validation::None => 0,
        Validation::Rows(wanted) => wanted.min(rows),
        Validation::Fraction(fraction) => part(rows, fraction),
    }
}

/// Returns a fraction of some rows, to the nearest row.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the fraction is clamped to 0..=1 and row counts lie far below 2^52"
)]
fn part(rows: usize, fraction: f64) -> usize {
    libm::round(rows as f64 * fraction.clamp(0.0, 1.0)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::{Column, Frequency, Role, TimeAxis};

    fn table(rows: usize, test_start: Option<usize>) -> Table {
        let axis = TimeAxis {
            start: 0,
            frequency: Frequency::Seconds(120),
            len: rows,
        };
        let column = Column {
            name: "down".into(),
            role: Role::Target,
            values: vec![1.0; rows],
        };
        Table::new(String::new(), axis, vec![column], test_start).unwrap()
    }

    const TEST_FILE: Split = Split {
        holdout: Holdout::TestFile,
        validation: Validation::Fraction(0.1),
    };

    #[test]
    fn the_first_fifty_rows_give_forty_windows_of_ten() {
        let head = Sampling {
            strategy: Strategy::Head,
            rows: 50,
            seed: 0,
        };
        let cut = Cut::new(&table(19_909, Some(15_927)), TEST_FILE, &head, WindowShape::default()).unwrap();
        assert_eq!(cut.training, 0..50);
        assert_eq!((cut.select.len(), cut.calibrate.len()), (0, 0));
        assert_eq!(cut.holdout, 15_927..19_909);
        assert_eq!((cut.windows, cut.sampled_rows), (40, 50));
    }

    #[test]
    fn validation_is_the_end_of_the_sample_cut_in_half_by_time() {
        let all = Cut::new(
            &table(1_250, None),
            Split::default(),
            &Sampling::default(),
            WindowShape::default(),
        )
        .unwrap();
        assert_eq!(
            (all.training, all.select, all.calibrate),
            (0..900, 900..950, 950..1_000)
        );
        assert_eq!(all.holdout, 1_000..1_250);
        let tail = Sampling {
            strategy: Strategy::Tail,
            rows: 301,
            seed: 0,
        };
        let tail = Cut::new(&table(1_250, None), Split::default(), &tail, WindowShape::default()).unwrap();
        assert_eq!(
            (tail.training, tail.select, tail.calibrate),
            (699..970, 970..985, 985..1_000)
        );
    }

    #[test]
    fn nothing_validates_below_two_hundred_windows() {
        let split = Split {
            holdout: Holdout::Rows(10),
            validation: Validation::Rows(20),
        };
        for (rows, expected) in [(219, 0), (220, 20)] {
            let cut = Cut::new(&table(rows, None), split, &Sampling::default(), WindowShape::default()).unwrap();
            assert_eq!(cut.select.len() + cut.calibrate.len(), expected, "{rows} rows");
        }
    }

    #[test]
    fn too_few_rows_are_refused_with_what_is_there_and_what_is_needed() {
        let rows = |holdout, validation| Split {
            holdout: Holdout::Rows(holdout),
            validation,
        };
        let wide = WindowShape {
            horizon: 5,
            ..WindowShape::default()
        };
        for (split, message) in [
            (
                rows(6, Validation::None),
                "14 training rows, one window of context 10 and horizon 5 needs 15",
            ),
            (
                rows(4, Validation::None),
                "4 holdout rows, one forecast of the horizon needs 5",
            ),
            (TEST_FILE, "the holdout is the test file, but there are no test rows"),
        ] {
            let error = Cut::new(&table(20, None), split, &Sampling::default(), wide).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        let all = rows(10, Validation::Rows(300));
        let error = Cut::new(&table(310, None), all, &Sampling::default(), wide).unwrap_err();
        assert!(error.to_string().starts_with("0 training rows"), "{error}");
    }

    proptest! {
        #[test]
        fn ranges_are_ordered_disjoint_and_cover_the_sample(
            rows in 1_usize..3_000, holdout in 0.01_f64..0.99, validation in 0.01_f64..0.99, head in 0_usize..2,
            sampled in 1_usize..3_000, context in 1_usize..20, horizon in 1_usize..20,
        ) {
            let split = Split { holdout: Holdout::Fraction(holdout), validation: Validation::Fraction(validation) };
            let strategy = if head == 0 { Strategy::Tail } else { Strategy::Head };
            let window = WindowShape { context, horizon, stride: 1 };
            if let Ok(cut) = Cut::new(&table(rows, None), split, &Sampling { strategy, rows: sampled, seed: 0 }, window) {
                prop_assert!(cut.training.start <= cut.training.end && cut.training.end == cut.select.start);
                prop_assert!(cut.select.start <= cut.select.end && cut.select.end == cut.calibrate.start);
                prop_assert!(cut.calibrate.start <= cut.calibrate.end && cut.calibrate.end <= cut.holdout.start);
                prop_assert!(cut.holdout.start < cut.holdout.end && cut.holdout.end == rows);
                prop_assert_eq!(cut.calibrate.end - cut.training.start, cut.sampled_rows);
                prop_assert!(cut.windows >= 1 && cut.holdout.len() >= horizon);
            }
        }
    }
}
