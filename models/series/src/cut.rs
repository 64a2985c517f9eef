//! Which rows train, validate and are held out.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{Holdout, Sampling, Split, Strategy, Table, Validation, WindowShape};

/// How many horizons each half of the validation rows must hold, so that choices and intervals rest on more than chance.
const HORIZONS: usize = 2;
/// With fewer training windows no separate rows validate.
const VALIDATED_WINDOWS: usize = 200;
/// How many fits a short series has at most, the first one included.
const FITS: usize = 8;

/// The rows of one table by their use, in order of time.
///
/// A long series is divided: rows that train, select, calibrate and are held out. A short one has too few rows for that: its
/// forecasts are made from *expanding* training rows. The first fit ends at `training.end`, and models that are cheap to fit
/// are fitted again at each of `refits`; a forecast from an origin comes from the last fit before it. Its rows before the
/// holdout both select and calibrate, because halves of them would hold too few origins.
///
/// # Source
/// Expanding training rows: Tashman 2000, "Out-of-sample tests of forecasting accuracy: an analysis and review".
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Rows on which imputer, outlier bounds, scaler and the first fit of every model are fitted.
    pub training: Range<usize>,
    /// Rows on which choices are made: early stopping, lambda, search, ensemble weights.
    pub select: Range<usize>,
    /// Rows on which intervals are calibrated.
    pub calibrate: Range<usize>,
    /// Rows on which models are scored; empty where a series is too short for any score.
    pub holdout: Range<usize>,
    /// Where the training rows of later fits end, ascending and after `training`; empty for a long series.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refits: Vec<usize>,
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
    /// There is nothing to learn from.
    #[error("the split leaves no training row of {rows} rows, at least 1 is needed")]
    NoTraining {
        /// How many rows there are up to the last observed one.
        rows: usize,
    },
    /// The table has no test rows.
    #[error("the holdout is the test file, but there are no test rows")]
    NoTestRows,
}

/// Which of the rows before the holdout train first and which validate.
struct Parts {
    training: Range<usize>,
    select: Range<usize>,
    calibrate: Range<usize>,
    refits: Vec<usize>,
}

impl Cut {
    /// Cuts a table: holdout first, then a sample of the rows before it, whose last part validates.
    ///
    /// `cycle` is the season that the frequency suggests, in steps: expanding training rows begin with two of them where there
    /// are enough.
    ///
    /// # Errors
    /// Where no row is left to train on, or test rows are missing.
    pub fn new(
        table: &Table,
        split: Split,
        sampling: &Sampling,
        window: WindowShape,
        cycle: usize,
    ) -> Result<Self, CutError> {
        let holdout = holdout(table, split.holdout, window.horizon)?;
        let sampled = sample(holdout.start, sampling);
        if sampled.is_empty() {
            return Err(CutError::NoTraining { rows: holdout.end });
        }
        let validation = share(split.validation, sampled.len());
        let parts = if sampled.end < holdout.start || validation >= 2 * HORIZONS * window.horizon {
            divided(&sampled, validation, window)
        } else {
            expanding(&sampled, &holdout, split.validation, window.horizon, cycle)
        };
        if parts.training.is_empty() {
            return Err(CutError::NoTraining { rows: holdout.end });
        }
        Ok(Self {
            windows: window.count(parts.training.len()),
            training: parts.training,
            select: parts.select,
            calibrate: parts.calibrate,
            refits: parts.refits,
            holdout,
            window,
            sampled_rows: sampled.len(),
        })
    }

    /// Returns the first forecast rows of the holdout's forecasts, one at every row: those of the whole horizon, or else the
    /// single one that reaches as far as there are rows; none without a holdout.
    #[must_use]
    pub fn scored_origins(&self) -> Range<usize> {
        origins(&self.holdout, self.window.horizon)
    }

    /// Returns the first forecast rows of the forecasts that select, as [`Self::scored_origins`] does.
    #[must_use]
    pub fn select_origins(&self) -> Range<usize> {
        origins(&self.select, self.window.horizon)
    }

    /// Returns the rows from which everything but the score is learned: those before the holdout where the training rows expand,
    /// else the training rows.
    #[must_use]
    pub fn learned(&self) -> Range<usize> {
        let end = if self.refits.is_empty() {
            self.training.end
        } else {
            self.holdout.start
        };
        self.training.start..end
    }

    /// Sets the context of the windows, and counts them again.
    pub fn set_context(&mut self, context: usize) {
        self.window.context = context;
        self.windows = self.window.count(self.training.len());
    }

    /// Returns how many steps of the horizon the holdout can score.
    #[must_use]
    pub fn scored_steps(&self) -> usize {
        self.window.horizon.min(self.holdout.len())
    }

    /// Returns the cut of a fit on all rows up to an end, for which nothing is held out.
    #[must_use]
    pub fn up_to(&self, end: usize) -> Self {
        let training = self.training.start..end;
        Self {
            windows: self.window.count(training.len()),
            training,
            select: end..end,
            calibrate: end..end,
            holdout: end..end,
            refits: Vec::new(),
            ..self.clone()
        }
    }
}

fn origins(rows: &Range<usize>, horizon: usize) -> Range<usize> {
    if rows.is_empty() {
        return rows.clone();
    }
    let whole = (rows.len() + 1).saturating_sub(horizon);
    rows.start..rows.start + whole.max(1)
}

/// Cuts validation rows from the end of a sample, one half that selects and one that calibrates.
fn divided(sampled: &Range<usize>, validation: usize, window: WindowShape) -> Parts {
    let enough = window.count(sampled.len()) >= VALIDATED_WINDOWS;
    let validation = if enough { validation } else { 0 };
    let training = sampled.start..sampled.end - validation;
    let middle = training.end + validation.div_ceil(2);
    Parts {
        select: training.end..middle,
        calibrate: middle..sampled.end,
        refits: Vec::new(),
        training,
    }
}

/// Lets the training rows of a short series expand, a fit for each horizon.
///
/// The first fit ends before the rows that validate: four horizons but at most a quarter of the rows, or else two, which leave
/// half of the rows and two cycles where there are as many.
fn expanding(
    sampled: &Range<usize>,
    holdout: &Range<usize>,
    validation: Validation,
    horizon: usize,
    cycle: usize,
) -> Parts {
    let rows = sampled.len();
    let validated = match validation {
        Validation::None => 0,
        Validation::Rows(rows) => rows,
        Validation::Fraction(_) => (rows / 4).clamp(HORIZONS * horizon, 2 * HORIZONS * horizon),
    };
    let least = rows.div_ceil(2).max(2 * cycle + 1);
    let first = sampled.start + rows.saturating_sub(validated).max(least).min(rows);
    let step = (holdout.end - first).div_ceil(FITS).max(horizon).max(1);
    Parts {
        training: sampled.start..first,
        select: first..sampled.end,
        calibrate: first..sampled.end,
        refits: (first..holdout.end).step_by(step).skip(1).collect(),
    }
}

/// Returns the rows that are held out.
///
/// A fraction is raised to one and a half horizons, so that whole horizons can be scored, where that leaves half of the rows.
fn holdout(table: &Table, holdout: Holdout, horizon: usize) -> Result<Range<usize>, CutError> {
    let end = table.last_observed().map_or(table.rows(), |row| row + 1);
    let rows = match holdout {
        Holdout::Rows(rows) => rows,
        Holdout::Fraction(fraction) => part(end, fraction).max((horizon + horizon / 2).min(end / 2)),
        Holdout::TestFile => {
            let start = table.test_start.ok_or(CutError::NoTestRows)?;
            return Ok(start.min(end)..end);
        }
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
    const ALL: Sampling = Sampling {
        strategy: Strategy::All,
        rows: 0,
        seed: 0,
    };

    fn window(horizon: usize) -> WindowShape {
        WindowShape {
            horizon,
            ..WindowShape::default()
        }
    }

    #[test]
    fn the_first_fifty_rows_give_forty_windows_of_ten() {
        let head = Sampling {
            strategy: Strategy::Head,
            rows: 50,
            seed: 0,
        };
        let cut = Cut::new(&table(19_909, Some(15_927)), TEST_FILE, &head, window(1), 720).unwrap();
        assert_eq!(cut.training, 0..50);
        assert_eq!((cut.select.len(), cut.calibrate.len(), cut.refits.len()), (0, 0, 0));
        assert_eq!(cut.holdout, 15_927..19_909);
        assert_eq!((cut.windows, cut.sampled_rows), (40, 50));
    }

    #[test]
    fn validation_of_a_long_series_is_the_end_of_the_sample_cut_in_half_by_time() {
        let all = Cut::new(&table(1_250, None), Split::default(), &ALL, window(24), 24).unwrap();
        assert_eq!(
            (all.training, all.select, all.calibrate, all.refits),
            (0..900, 900..950, 950..1_000, Vec::new())
        );
        assert_eq!(all.holdout, 1_000..1_250);
        let tail = Sampling {
            strategy: Strategy::Tail,
            rows: 301,
            seed: 0,
        };
        let tail = Cut::new(&table(1_250, None), Split::default(), &tail, window(1), 24).unwrap();
        assert_eq!(
            (tail.training, tail.select, tail.calibrate),
            (699..970, 970..985, 985..1_000)
        );
    }

    #[test]
    fn training_rows_of_a_short_series_expand() {
        // Monthly rows of ten years, a horizon of a year and a half.
        let cut = Cut::new(&table(120, None), Split::default(), &ALL, window(18), 12).unwrap();
        assert_eq!((cut.training.clone(), cut.holdout.clone()), (0..57, 93..120));
        assert_eq!((cut.select.clone(), cut.calibrate.clone()), (57..93, 57..93));
        assert_eq!(cut.refits, [75, 93, 111]);
        assert_eq!((cut.scored_origins(), cut.select_origins()), (93..103, 57..76));
        assert_eq!(cut.scored_steps(), 18);
        // Fewer rows than two horizons: one forecast of as many steps as there are.
        let cut = Cut::new(&table(20, None), Split::default(), &ALL, window(18), 12).unwrap();
        assert_eq!((cut.training.clone(), cut.holdout.clone()), (0..10, 10..20));
        assert_eq!((cut.scored_origins(), cut.scored_steps()), (10..11, 10));
        assert!(
            cut.refits.is_empty(),
            "the first fit ends where the holdout begins: {:?}",
            cut.refits
        );
    }

    #[test]
    fn two_rows_are_scored_and_one_is_not() {
        let two = Cut::new(&table(2, None), Split::default(), &ALL, window(1), 1).unwrap();
        assert_eq!((two.training.clone(), two.scored_origins()), (0..1, 1..2));
        let one = Cut::new(&table(1, None), Split::default(), &ALL, window(1), 1).unwrap();
        assert_eq!(
            (one.training.clone(), one.scored_origins(), one.scored_steps()),
            (0..1, 1..1, 0)
        );
    }

    #[test]
    fn a_split_without_training_rows_is_refused() {
        let rows = |holdout| Split {
            holdout: Holdout::Rows(holdout),
            validation: Validation::None,
        };
        for (split, message) in [
            (
                rows(20),
                "the split leaves no training row of 20 rows, at least 1 is needed",
            ),
            (TEST_FILE, "the holdout is the test file, but there are no test rows"),
        ] {
            let error = Cut::new(&table(20, None), split, &ALL, window(5), 1).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn ranges_are_ordered_and_cover_the_sample(
            rows in 1_usize..3_000, holdout in 0.01_f64..0.99, validation in 0.01_f64..0.99, strategy in 0_usize..3,
            sampled in 1_usize..3_000, context in 1_usize..20, horizon in 1_usize..60, cycle in 1_usize..30,
        ) {
            let split = Split { holdout: Holdout::Fraction(holdout), validation: Validation::Fraction(validation) };
            let strategy = [Strategy::Tail, Strategy::Head, Strategy::All][strategy];
            let sampling = Sampling { strategy, rows: if strategy == Strategy::All { 0 } else { sampled }, seed: 0 };
            let window = WindowShape { context, horizon, stride: 1 };
            let Ok(cut) = Cut::new(&table(rows, None), split, &sampling, window, cycle) else {
                prop_assert!(holdout > 0.8 || rows < 3);
                return Ok(());
            };
            prop_assert!(cut.training.start < cut.training.end && cut.training.end == cut.select.start);
            prop_assert!(cut.calibrate.start <= cut.calibrate.end && cut.calibrate.end <= cut.holdout.start);
            prop_assert!(cut.holdout.end == rows);
            prop_assert_eq!(cut.calibrate.end - cut.training.start, cut.sampled_rows);
            // Rows of a long series have one use each; those of a short one validate for both.
            prop_assert!(cut.select == cut.calibrate || cut.select.end == cut.calibrate.start);
            prop_assert!(cut.refits.len() < FITS && cut.refits.is_sorted());
            prop_assert!(cut.refits.iter().all(|end| (cut.training.end + 1..rows).contains(end)));
            let origins = cut.scored_origins();
            prop_assert_eq!(origins.is_empty(), cut.holdout.is_empty());
            prop_assert!(origins.start >= cut.training.end && origins.end <= rows);
        }
    }
}
