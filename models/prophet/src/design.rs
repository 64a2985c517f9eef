//! The terms beside the trend: waves, days and columns, each with coefficients of its own.

use forecast::{Condition, Mode, Standardize};
use series::Time;

use crate::Error;

const DAY: i64 = 86_400;

/// All terms beside the trend.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Design {
    pub(crate) terms: Vec<Term>,
    /// How many coefficients all terms have.
    pub(crate) columns: usize,
    /// The days of holidays with the coefficient of each, sorted.
    days: Vec<(i64, usize)>,
}

/// One term: a season, a holiday or a regressor.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Term {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) prior_scale: f64,
    /// Its first coefficient.
    pub(crate) first: usize,
    pub(crate) kind: TermKind,
}

/// The kind of a term: how its columns are computed.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum TermKind {
    /// Sine and cosine of `order` waves.
    Waves {
        /// The period in days.
        period: f64,
        order: usize,
        condition: Option<Condition>,
    },
    /// A column of ones for each day of a window around dates.
    Days { dates: Vec<i64>, lower: i64, upper: i64 },
    /// A column of values, centred and divided.
    Column {
        standardize: Standardize,
        mean: f64,
        deviation: f64,
    },
}

impl TermKind {
    pub(crate) fn columns(&self) -> usize {
        match self {
            Self::Waves { order, .. } => 2 * order,
            Self::Days { lower, upper, .. } => usize::try_from(upper - lower + 1).unwrap_or(0),
            Self::Column { .. } => 1,
        }
    }
}

impl Term {
    /// Returns the name of the column of values that the term needs; `None` where it needs no column.
    pub(crate) fn input(&self) -> Option<&str> {
        match &self.kind {
            TermKind::Waves { condition, .. } => condition.as_ref()?.column.as_deref(),
            TermKind::Days { .. } => None,
            TermKind::Column { .. } => Some(&self.name),
        }
    }
}

impl Design {
    /// Assigns each term its coefficients.
    pub(crate) fn new(mut terms: Vec<Term>) -> Self {
        let (mut columns, mut days) = (0, Vec::new());
        for term in &mut terms {
            term.first = columns;
            if let TermKind::Days { dates, lower, upper } = &term.kind {
                for (offset, column) in (*lower..=*upper).zip(columns..) {
                    days.extend(dates.iter().map(|date| (date + offset, column)));
                }
            }
            columns += term.kind.columns();
        }
        days.sort_unstable();
        days.dedup();
        Self { terms, columns, days }
    }

    /// Returns for each coefficient whether its column multiplies the trend.
    pub(crate) fn multiplies(&self) -> Vec<bool> {
        let flags = |term: &Term| vec![term.mode == Mode::Multiplicative; term.kind.columns()];
        self.terms.iter().flat_map(flags).collect()
    }

    /// Returns the precision of each coefficient's prior.
    pub(crate) fn precisions(&self) -> Vec<f64> {
        let of = |term: &Term| vec![1.0 / (term.prior_scale * term.prior_scale); term.kind.columns()];
        self.terms.iter().flat_map(of).collect()
    }

    /// Checks the columns that terms need, one per term.
    pub(crate) fn check(&self, inputs: &[Option<&[f64]>]) -> Result<(), Error> {
        for (term, input) in self.terms.iter().zip(inputs) {
            let Some(values) = input else { continue };
            let column = term.input().unwrap_or_default().to_owned();
            let condition = matches!(term.kind, TermKind::Waves { .. });
            for (row, &value) in values.iter().enumerate() {
                #[expect(clippy::float_cmp, reason = "flags are written as exactly 0 and 1")]
                if condition && value != 0.0 && value != 1.0 {
                    return Err(Error::Condition { column, row, value });
                }
                if !value.is_finite() {
                    return Err(Error::NotFinite { column, row, value });
                }
            }
        }
        Ok(())
    }

    /// Writes the columns of some rows.
    ///
    /// # Shapes
    /// `block` is `[columns, rows]`; `inputs` holds the same rows, one slice per term.
    pub(crate) fn fill(&self, times: &[i64], inputs: &[Option<&[f64]>], block: &mut [f64]) {
        let rows = times.len();
        for (term, input) in self.terms.iter().zip(inputs) {
            let part = &mut block[term.first * rows..(term.first + term.kind.columns()) * rows];
            match &term.kind {
                TermKind::Waves {
                    period,
                    order,
                    condition,
                } => {
                    waves(times, *period, *order, part);
                    if let Some(condition) = condition {
                        silence(times, condition, *input, part);
                    }
                }
                TermKind::Days { .. } => part.fill(0.0),
                TermKind::Column { mean, deviation, .. } => {
                    for (value, input) in part.iter_mut().zip(input.unwrap_or_default()) {
                        *value = (input - mean) / deviation;
                    }
                }
            }
        }
        if !self.days.is_empty() {
            self.mark(times, block);
        }
    }

    fn mark(&self, times: &[i64], block: &mut [f64]) {
        for (row, time) in times.iter().enumerate() {
            let day = time.div_euclid(DAY);
            let first = self.days.partition_point(|(other, _)| *other < day);
            for (_, column) in self.days[first..].iter().take_while(|(other, _)| *other == day) {
                block[column * times.len() + row] = 1.0;
            }
        }
    }
}

/// Writes sine and cosine of each wave: the first from the time, the others by rotation from it.
///
/// The phase is taken modulo the period before it becomes an angle, because an angle of many turns loses its last digits.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "times and periods lie far below 2^52 seconds"
)]
fn waves(times: &[i64], period: f64, order: usize, part: &mut [f64]) {
    let rows = times.len();
    let seconds = period * DAY as f64;
    let whole = (libm::floor(seconds) - seconds).abs() < f64::EPSILON && seconds >= 1.0;
    for (row, &time) in times.iter().enumerate() {
        let turn = if whole {
            time.rem_euclid(seconds as i64) as f64 / seconds
        } else {
            let turns = time as f64 / seconds;
            turns - libm::floor(turns)
        };
        (part[row], part[rows + row]) = libm::sincos(std::f64::consts::TAU * turn);
    }
    for wave in 1..order {
        let (done, next) = part.split_at_mut(2 * wave * rows);
        let (sin1, cos1) = (&done[..rows], &done[rows..2 * rows]);
        let (sin, cos) = done[2 * (wave - 1) * rows..].split_at(rows);
        let (next_sin, next_cos) = next[..2 * rows].split_at_mut(rows);
        for row in 0..rows {
            next_sin[row] = sin[row] * cos1[row] + cos[row] * sin1[row];
            next_cos[row] = cos[row] * cos1[row] - sin[row] * sin1[row];
        }
    }
}

/// Sets the rows in which a season does not hold to 0.
fn silence(times: &[i64], condition: &Condition, input: Option<&[f64]>, part: &mut [f64]) {
    let within = |values: &[u8], value: i64| values.is_empty() || values.iter().any(|&one| i64::from(one) == value);
    for (row, &time) in times.iter().enumerate() {
        let time = Time(time);
        let holds = within(&condition.hours, time.hour())
            && within(&condition.weekdays, time.weekday())
            && within(&condition.months, time.month())
            && input.is_none_or(|flags| flags[row] > 0.5);
        if !holds {
            part[row..]
                .iter_mut()
                .step_by(times.len())
                .for_each(|value| *value = 0.0);
        }
    }
}
