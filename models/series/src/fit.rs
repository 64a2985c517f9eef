//! Finds the grid on which times lie, also where they lie a little beside it.

use crate::{
    Anchor, AxisError, Frequency, TimeAxis,
    civil::{DAY, Date, date, days_in_month, rfc3339},
    frequency::MAX_SECONDS,
    months::{month_later, month_number, monthly},
    sessions::{Sessions, Weekdays},
    statistics::most_common,
};

/// A grid, and the place of each time on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fitted {
    /// The grid.
    pub axis: TimeAxis,
    /// The grid row of each time, never falling. Two times may lie nearest to one row.
    pub rows: Vec<usize>,
    /// How many times do not lie exactly on the grid.
    pub snapped: usize,
    /// The largest distance of a time from its grid row, in seconds.
    pub farthest: i64,
}

/// Far beyond any calendar; sums of such times do not overflow.
const FARTHEST: i64 = 1 << 56;

/// With more grid rows than this per time, some time is taken for an outlier.
const SPARSEST: usize = 20;

/// A number of grid rows that is always allowed.
const FEW: usize = 1_000;

/// Times may lie within this part of a step around the grid: a quarter before and a quarter behind.
const JITTER: i64 = 2;

/// One in this many times may lie farther off.
const STRAY: usize = 100;

/// A day of the week, or a time of the day, is open when it has at least one in this many of the times that others have.
const OPEN: usize = 5;

/// Open days and sessions are believed when at least this share of their steps exists, in percent.
const FILLED: usize = 70;

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

    /// Returns the grid between two of `count` times, if it is not too long.
    fn between(ends: [i64; 2], frequency: Frequency, count: usize, max_rows: usize) -> Option<Self> {
        let axis = Self::new(ends[0], frequency, usize::MAX);
        let len = usize::try_from(axis.number(ends[1])?).ok()?.checked_add(1)?;
        (len <= most_rows(count, max_rows)).then_some(Self { len, ..axis })
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

    /// Places times on the nearest of its rows.
    fn nearest(self, times: &[i64]) -> Fitted {
        let place = |&t: &i64| {
            let before = usize::try_from(self.number(t).unwrap_or(0).max(0))
                .unwrap_or(0)
                .min(self.len - 1);
            let after = (before + 1).min(self.len - 1);
            let off = |row: usize| t.saturating_sub(self.at(row)).saturating_abs();
            if off(after) < off(before) { after } else { before }
        };
        let rows = times.iter().map(place).collect();
        Fitted::of(self, rows, times)
    }
}

impl Fitted {
    /// Returns the grid with the distances of the times from their rows.
    fn of(axis: TimeAxis, rows: Vec<usize>, times: &[i64]) -> Self {
        let off = || {
            rows.iter()
                .zip(times)
                .map(|(row, t)| t.saturating_sub(axis.at(*row)).saturating_abs())
        };
        let (snapped, farthest) = (off().filter(|off| *off > 0).count(), off().max().unwrap_or(0));
        Self {
            axis,
            rows,
            snapped,
            farthest,
        }
    }
}

/// Returns how many rows a grid over some times may have.
fn most_rows(times: usize, max_rows: usize) -> usize {
    max_rows.min(FEW.max(times.saturating_mul(SPARSEST)))
}

fn differences(times: &[i64]) -> impl Iterator<Item = i64> {
    times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]))
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

/// Returns calendar months when the times fall on one day of the month, or on its last day.
fn by_months(times: &[i64]) -> Option<Frequency> {
    let sparse = differences(times).all(|difference| difference >= 28 * DAY);
    sparse.then(|| monthly(times))?
}

fn by_dekads(times: &[i64]) -> Option<Frequency> {
    const LEAST: usize = 4;
    let close = || {
        differences(times)
            .min()
            .is_some_and(|least| (8 * DAY..=11 * DAY).contains(&least))
    };
    let begins = |t: &i64| matches!(date(t.div_euclid(DAY)).day, 1 | 11 | 21);
    (times.len() >= LEAST && same_clock(times) && times.iter().all(begins) && close()).then_some(Frequency::Dekads)
}

fn same_clock(times: &[i64]) -> bool {
    times.iter().all(|t| t.rem_euclid(DAY) == times[0].rem_euclid(DAY))
}

/// Returns how many times may lie beside the open days or hours: one, or one in a hundred.
fn strays(times: usize) -> usize {
    (times / STRAY).max(1)
}

/// Returns which of the counted places are open: those with times, or all but those with a few when only strays lie there.
fn open(counts: &[usize]) -> Vec<bool> {
    let most = counts.iter().copied().max().unwrap_or(0);
    let is_often = |count: &usize| count * OPEN >= most;
    let outside: usize = counts.iter().filter(|count| !is_often(count)).sum();
    let few = outside <= strays(counts.iter().sum());
    counts
        .iter()
        .map(|count| *count > 0 && (!few || is_often(count)))
        .collect()
}

fn weekdays(times: &[i64]) -> Weekdays {
    let mut counts = [0_usize; 7];
    for t in times {
        counts[usize::try_from(crate::civil::day_of_week(t.div_euclid(DAY))).unwrap_or(0)] += 1;
    }
    let open = open(&counts);
    Weekdays((0..7).filter(|day| open[*day]).fold(0, |days, day| days | 1 << day))
}

/// Returns the days of the week on which there are times, when others have none for at least three weeks, or two where these
/// are Saturday and Sunday.
fn by_days(times: &[i64]) -> Option<Frequency> {
    let (first, last) = (times.first()?, times.last()?);
    let days = weekdays(times);
    let weeks = if days == Weekdays::BUSINESS { 2 } else { 3 };
    // Some weeks more than one day tell open days from weeks with a moved day.
    let several = (2..7).contains(&days.len()) && last - first >= (weeks * 7 - 3) * DAY;
    if !several || !same_clock(times) {
        return None;
    }
    let frequency = Frequency::Sessions(Sessions::daily(days));
    is_filled(times, frequency).then_some(frequency)
}

fn is_filled(times: &[i64], frequency: Frequency) -> bool {
    let axis = TimeAxis::new(times[0], frequency, usize::MAX);
    let steps = times.last().and_then(|last| axis.number(*last)).unwrap_or(i64::MAX);
    let steps = usize::try_from(steps).unwrap_or(usize::MAX);
    times.len().saturating_mul(100) >= steps.saturating_mul(FILLED)
}

/// Returns sessions when the times fill one window of the day, on some days of the week or all.
fn by_sessions(times: &[i64]) -> Option<Frequency> {
    const LEAST_DAYS: usize = 5;
    /// A plain grid with few gaps is no session.
    const GAPS: usize = 115;
    let step = i64::try_from(most_common(differences(times))).ok()?;
    let span = times.last()? - times.first()?;
    let dense = usize::try_from(span / step).ok()?.saturating_mul(100) < times.len().saturating_mul(GAPS);
    if step >= DAY || DAY % step != 0 || dense {
        return None;
    }
    let open_days = 1 + times
        .windows(2)
        .filter(|pair| pair[0].div_euclid(DAY) != pair[1].div_euclid(DAY))
        .count();
    let phase = times[0].rem_euclid(step);
    let slots = usize::try_from(DAY / step).ok()?;
    let mut counts = vec![0_usize; slots];
    for t in times {
        if t.rem_euclid(step) != phase {
            return None;
        }
        counts[usize::try_from(t.rem_euclid(DAY) / step).ok()?] += 1;
    }
    let open = open(&counts);
    let (first, last) = (
        open.iter().position(|open| *open)?,
        open.iter().rposition(|open| *open)?,
    );
    let per_day = u32::try_from(last - first + 1).ok()?;
    let days = weekdays(times);
    let whole_week = per_day as usize == slots && days.len() == 7;
    if open_days < LEAST_DAYS || span < 7 * DAY || per_day < 2 || whole_week {
        return None;
    }
    let sessions = Sessions {
        days,
        open: u32::try_from(phase).ok()? + u32::try_from(first).ok()? * u32::try_from(step).ok()?,
        step: u32::try_from(step).ok()?,
        per_day,
    };
    is_filled(times, Frequency::Sessions(sessions)).then_some(Frequency::Sessions(sessions))
}

/// Fits months, quarters or years whose stamps fall on other days in some of them: a first or last business day, or any.
fn by_moved_months(times: &[i64], max_rows: usize) -> Option<Fitted> {
    const LEAST: usize = 3;
    let count = i64::try_from(times.len()).ok()?;
    if times.len() < LEAST || times.last()? - times.first()? < 26 * DAY * (count - 1) {
        return None;
    }
    let months = || {
        times
            .windows(2)
            .map(|pair| month_number(pair[1]) - month_number(pair[0]))
    };
    let common = u32::try_from(most_common(months())).ok()?;
    if months().any(|months| months <= 0 || months % i64::from(common) != 0) {
        return None;
    }
    let day = |t: &i64| date(t.div_euclid(DAY));
    let to_end = |t: &i64| {
        let Date { year, month, day } = day(t);
        days_in_month(year, month) - day
    };
    // The last business day lies at most three days before the end of its month.
    let anchor = if times.iter().all(|t| to_end(t) <= 3) {
        Anchor::End
    } else {
        Anchor::Start
    };
    let usual = i64::try_from(most_common(times.iter().map(|t| day(t).day))).ok()?;
    let usual = if times.iter().filter(|t| day(t).day == usual).count() * 2 > times.len() {
        usual
    } else {
        1
    };
    let month = month_later(times[0].div_euclid(DAY) * DAY, 0, Anchor::End);
    let start = match anchor {
        Anchor::End => month,
        Anchor::Start => month - (date(month / DAY).day - usual.min(date(month / DAY).day)) * DAY,
    };
    let frequency = Frequency::Months { months: common, anchor };
    let axis = TimeAxis::between([start, *times.last()?], frequency, times.len(), max_rows)?;
    let rows: Vec<usize> = times
        .iter()
        .map(|t| usize::try_from(axis.number(*t)?).ok())
        .collect::<Option<_>>()?;
    Some(Fitted::of(axis, rows, times))
}

/// Fits weeks of which a few stamps fall on a day before or after the usual one.
fn by_moved_weeks(times: &[i64], max_rows: usize) -> Option<Fitted> {
    const WEEK: i64 = 7 * DAY;
    /// A holiday moves a stamp by so many days at most.
    const MOVED: i64 = 3 * DAY;
    if times.len() < 3 || !same_clock(times) || i64::try_from(most_common(differences(times))).ok()? != WEEK {
        return None;
    }
    let phase = i64::try_from(most_common(times.iter().map(|t| t.rem_euclid(WEEK)))).ok()?;
    let usual = times.iter().filter(|t| t.rem_euclid(WEEK) == phase).count();
    let place = |t: i64| (t - phase + MOVED).div_euclid(WEEK) * WEEK + phase;
    let close = times.iter().all(|t| (t - place(*t)).abs() <= MOVED);
    if usual * 4 < times.len() * 3 || !close {
        return None;
    }
    let ends = [place(*times.first()?), place(*times.last()?)];
    let axis = TimeAxis::between(ends, Frequency::Seconds(WEEK.unsigned_abs()), times.len(), max_rows)?;
    let fitted = axis.nearest(times);
    let apart = fitted.rows.windows(2).all(|pair| pair[0] < pair[1]);
    apart.then_some(fitted)
}

/// The steps that people choose, in seconds.
const USUAL: [i64; 31] = [
    1,
    2,
    3,
    4,
    5,
    6,
    10,
    12,
    15,
    20,
    30,
    60,
    120,
    180,
    240,
    300,
    360,
    600,
    720,
    900,
    1_200,
    1_800,
    3_600,
    7_200,
    10_800,
    14_400,
    21_600,
    28_800,
    43_200,
    DAY,
    7 * DAY,
];

/// Fits a fixed step to times that lie around it.
fn by_jitter(times: &[i64], max_rows: usize) -> Option<Fitted> {
    let mut sorted: Vec<i64> = differences(times).collect();
    let middle = sorted.len() / 2;
    let median = *sorted.select_nth_unstable(middle).1;
    let usual = USUAL.into_iter().min_by_key(|step| (step - median).abs())?;
    let common = i64::try_from(most_common(differences(times))).ok()?;
    // Five percent beside a usual step, it is that step.
    let near = ((usual - median).abs() * 20 <= usual).then_some(usual);
    let steps = || near.into_iter().chain([common, median]);
    let fitted = steps().find_map(|step| around(times, step, max_rows));
    fitted.or_else(|| near.and_then(|step| one_after_another(times, step, max_rows)))
}

/// Fits a step that holds between neighbours while the phase wanders, as of a device that waits after each measurement: all
/// differences are whole steps within a quarter, and the phase wanders by two steps at most.
fn one_after_another(times: &[i64], step: i64, max_rows: usize) -> Option<Fitted> {
    let mut places = vec![0_i64];
    for difference in differences(times) {
        let steps = (2 * difference + step).div_euclid(2 * step).max(1);
        if (difference - steps * step).abs() > step / 4 {
            return None;
        }
        places.push(places.last()? + steps);
    }
    let phases = || times.iter().zip(&places).map(|(t, place)| t - place * step);
    let (low, high, last) = (phases().min()?, phases().max()?, phases().next_back()?);
    if high - low > 2 * step {
        return None;
    }
    // The forecast goes on from the last time, so its row is the nearest one.
    let start = (2 * last + step).div_euclid(2 * step) * step;
    let ends = [start, start + places.last()? * step];
    let axis = TimeAxis::between(ends, Frequency::Seconds(step.unsigned_abs()), times.len(), max_rows)?;
    let rows: Vec<usize> = places
        .iter()
        .map(|place| usize::try_from(*place).ok())
        .collect::<Option<_>>()?;
    Some(Fitted::of(axis, rows, times))
}

/// Fits a step whose grid lies in the middle of the times: all but one in a hundred are off by a quarter of it at most.
fn around(times: &[i64], step: i64, max_rows: usize) -> Option<Fitted> {
    if step < 2 || step.unsigned_abs() > MAX_SECONDS {
        return None;
    }
    let mut residuals: Vec<i64> = times.iter().map(|t| t.rem_euclid(step)).collect();
    residuals.sort_unstable();
    // The shortest stretch of a circle that holds enough of them.
    let count = residuals.len();
    let inside = count - count / STRAY;
    let at = |index: usize| residuals[index % count] + if index >= count { step } else { 0 };
    let start = (0..count).min_by_key(|&first| at(first + inside - 1) - at(first))?;
    let (low, high, middle) = (at(start), at(start + inside - 1), at(start + (inside - 1) / 2));
    if high - low > step / JITTER {
        return None;
    }
    // Where most times lie, else a round phase, which is what was meant: a multiple of the step or a whole minute.
    let round = |unit: i64| (high.div_euclid(unit) * unit >= low).then(|| high.div_euclid(unit) * unit);
    let most = residuals
        .iter()
        .filter(|residual| **residual == middle.rem_euclid(step))
        .count()
        * 2
        > count;
    let rounded = || round(step).or_else(|| round(60).filter(|_| step > 60));
    let phase = if most { middle } else { rounded().unwrap_or(middle) };
    let reach = step / JITTER / 2;
    if low < phase - reach || high > phase + reach {
        return None;
    }
    let place = |t: i64| (2 * (t - phase) + step).div_euclid(2 * step) * step + phase;
    let ends = [place(*times.first()?), place(*times.last()?)];
    let axis = TimeAxis::between(ends, Frequency::Seconds(step.unsigned_abs()), count, max_rows)?;
    let fitted = axis.nearest(times);
    let mut distinct = fitted.rows.clone();
    distinct.dedup();
    // A step that puts many times on one row is too long for them.
    (distinct.len() * 10 >= count * 9).then_some(fitted)
}

#[cfg(test)]
mod tests;
