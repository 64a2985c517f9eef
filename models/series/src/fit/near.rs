//! Steps beside which times lie: months and weeks with moved days, and any step with a jitter.

use super::fitted::{Fitted, STRAY, differences, same_clock};
use crate::{
    Anchor, Frequency, TimeAxis,
    civil::{DAY, Date, date, days_in_month},
    frequency::MAX_SECONDS,
    months::{month_later, month_number},
    statistics::most_common,
};

/// Times may lie within this part of a step around the grid: a quarter before and a quarter behind.
const JITTER: i64 = 2;

/// Fits months, quarters or years whose stamps fall on other days in some of them: a first or last business day, or any.
pub(super) fn by_moved_months(times: &[i64], max_rows: usize) -> Option<Fitted> {
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
pub(super) fn by_moved_weeks(times: &[i64], max_rows: usize) -> Option<Fitted> {
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
pub(super) fn by_jitter(times: &[i64], max_rows: usize) -> Option<Fitted> {
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
pub(super) fn around(times: &[i64], step: i64, max_rows: usize) -> Option<Fitted> {
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
