//! Finds the grid on which times lie, also where they lie a little beside it.

mod fitted;
mod near;
mod open;

pub use self::fitted::Fitted;
use self::{
    fitted::{differences, most_rows, strays},
    near::{around, by_jitter, by_moved_months, by_moved_weeks},
    open::{by_days, by_dekads, by_months, by_sessions},
};
use crate::{AxisError, Frequency, TimeAxis, civil::rfc3339, frequency::MAX_SECONDS, statistics::most_common};

/// Far beyond any calendar; sums of such times do not overflow.
const FARTHEST: i64 = 1 << 56;

impl TimeAxis {
    /// Finds the grid of sorted times without duplicates.
    ///
    /// Tried in this order: calendar months, dekads, days or sessions of a week, the most common difference if it divides
    /// all others, months and weeks with moved days, and a step from which the times, or their distances, are off by a quarter at
    /// most.
    ///
    /// # Errors
    /// With fewer than two times, times out of order, times without a regular step, a step longer than [`Frequency`]
    /// allows, or a grid of more than `max_rows` rows, or of more than 20 rows per time and 1,000.
    pub fn fit(times: &[i64], max_rows: usize) -> Result<Fitted, AxisError> {
        if times.len() < 2 {
            return Err(AxisError::TooFewRows {
                have: times.len(),
                need: 2,
            });
        }
        check_order(times)?;
        if times.iter().any(|t| t.saturating_abs() > FARTHEST) {
            return Err(irregular(times, Frequency::Seconds(1)));
        }
        let common = Frequency::Seconds(most_common(differences(times)));
        let exact = [
            by_months(times),
            by_dekads(times),
            by_days(times),
            by_sessions(times),
            Some(common),
        ];
        let mut refused = None;
        for frequency in exact.into_iter().flatten().filter(|frequency| !frequency.is_too_long()) {
            let fitted = match frequency {
                Frequency::Sessions(_) => Self::fit_open(times, frequency, max_rows),
                _ => Self::fit_exactly(times, frequency, max_rows),
            };
            match fitted {
                Err(error @ AxisError::TooManyRows { .. }) => refused = Some(error),
                Err(_) => {}
                fitted => return fitted,
            }
        }
        if common.is_too_long() {
            return Err(too_long(times, common));
        }
        by_moved_months(times, max_rows)
            .or_else(|| by_moved_weeks(times, max_rows))
            .or_else(|| by_jitter(times, max_rows))
            .ok_or_else(|| refused.unwrap_or_else(|| irregular(times, common)))
    }

    /// Lays a given grid over sorted times without duplicates, which may lie a quarter of a step beside it.
    ///
    /// # Errors
    /// Without any time, with times out of order, a time off the grid, or a grid that is too long, as in [`Self::fit`].
    pub fn fit_with(times: &[i64], frequency: Frequency, max_rows: usize) -> Result<Fitted, AxisError> {
        check_order(times)?;
        if let Some(row) = times.iter().position(|t| t.saturating_abs() > FARTHEST) {
            return Err(off_grid(times, row, frequency));
        }
        Self::fit_exactly(times, frequency, max_rows).or_else(|error| match (error, frequency) {
            (error @ AxisError::OffGrid { .. }, Frequency::Seconds(step)) => {
                around(times, step.cast_signed(), max_rows).ok_or(error)
            }
            (error @ AxisError::OffGrid { .. }, Frequency::Months { .. }) => by_moved_months(times, max_rows)
                .filter(|fitted| fitted.axis.frequency == frequency)
                .ok_or(error),
            (error, _) => Err(error),
        })
    }

    fn fit_exactly(times: &[i64], frequency: Frequency, max_rows: usize) -> Result<Fitted, AxisError> {
        let axis = Self::over(times, frequency, max_rows)?;
        let mut rows = Vec::with_capacity(times.len());
        for (row, place) in axis.indices_of(times.iter().copied()).enumerate() {
            rows.push(place.ok_or_else(|| off_grid(times, row, frequency))?);
        }
        Ok(Fitted {
            axis,
            rows,
            snapped: 0,
            farthest: 0,
        })
    }

    /// Lays a grid of open days or sessions, beside which a few times may lie.
    fn fit_open(times: &[i64], frequency: Frequency, max_rows: usize) -> Result<Fitted, AxisError> {
        let on_grid = |t: i64| Self::new(t, frequency, 1).at(0) == t;
        let first = times.iter().position(|t| on_grid(*t)).unwrap_or(0);
        let axis = Self::over(&times[first..], frequency, max_rows)?;
        let mut off = (0..times.len()).filter(|row| axis.index_of(times[*row]).is_none());
        match off.nth(strays(times.len())) {
            Some(row) => Err(off_grid(times, row, frequency)),
            None => Ok(axis.nearest(times)),
        }
    }

    /// Returns the grid from the first to the last time, if it is not too long.
    fn over(times: &[i64], frequency: Frequency, max_rows: usize) -> Result<Self, AxisError> {
        let (Some(&start), Some(&end)) = (times.first(), times.last()) else {
            return Err(AxisError::TooFewRows { have: 0, need: 1 });
        };
        let axis = Self::new(start, frequency, usize::MAX);
        let bound = most_rows(times.len(), max_rows);
        let have = axis.number(end).unwrap_or(i64::MAX).unsigned_abs().saturating_add(1);
        if have <= bound as u64 {
            let len = usize::try_from(have).unwrap_or(bound);
            return Ok(Self { len, ..axis });
        }
        let gap = times.windows(2).max_by_key(|pair| pair[1].saturating_sub(pair[0]));
        let (gap_start, gap_end) = gap.map_or((start, end), |pair| (pair[0], pair[1]));
        let label = |t| frequency.label(t);
        Err(AxisError::TooManyRows {
            frequency,
            start: label(start),
            end: label(end),
            have,
            bound,
            gap: Box::new((label(gap_start), label(gap_end))),
        })
    }
}

fn check_order(times: &[i64]) -> Result<(), AxisError> {
    match times.windows(2).position(|pair| pair[1] <= pair[0]) {
        Some(before) => Err(AxisError::NotSorted {
            row: before + 1,
            time: rfc3339(times[before + 1]),
        }),
        None => Ok(()),
    }
}

fn off_grid(times: &[i64], row: usize, frequency: Frequency) -> AxisError {
    AxisError::OffGrid {
        row,
        time: frequency.label(times[row]),
        frequency,
        start: frequency.label(times[0]),
    }
}

fn too_long(times: &[i64], step: Frequency) -> AxisError {
    let row = 1 + differences(times)
        .position(|step| step.unsigned_abs() > MAX_SECONDS)
        .unwrap_or_default();
    AxisError::StepTooLong {
        row,
        time: rfc3339(times[row]),
        step,
    }
}

fn irregular(times: &[i64], frequency: Frequency) -> AxisError {
    let step = most_common(differences(times));
    AxisError::Irregular {
        frequency,
        have: differences(times)
            .filter(|difference| difference.unsigned_abs() == step)
            .count(),
        all: times.len() - 1,
    }
}

#[cfg(test)]
mod tests;
