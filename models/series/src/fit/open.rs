//! Steps on which all times lie: months, dekads, open days of the week, and sessions within a day.

use super::fitted::{differences, same_clock, strays};
use crate::{
    Frequency, TimeAxis,
    civil::{DAY, date, day_of_week},
    months::monthly,
    sessions::{Sessions, Weekdays},
    statistics::most_common,
};

/// A day of the week, or a time of the day, is open when it has at least one in this many of the times that others have.
const OPEN: usize = 5;

/// Open days and sessions are believed when at least this share of their steps exists, in percent.
const FILLED: usize = 70;

/// Returns calendar months when the times fall on one day of the month, or on its last day.
pub(super) fn by_months(times: &[i64]) -> Option<Frequency> {
    let sparse = differences(times).all(|difference| difference >= 28 * DAY);
    sparse.then(|| monthly(times))?
}

pub(super) fn by_dekads(times: &[i64]) -> Option<Frequency> {
    const LEAST: usize = 4;
    let close = || {
        differences(times)
            .min()
            .is_some_and(|least| (8 * DAY..=11 * DAY).contains(&least))
    };
    let begins = |t: &i64| matches!(date(t.div_euclid(DAY)).day, 1 | 11 | 21);
    (times.len() >= LEAST && same_clock(times) && times.iter().all(begins) && close()).then_some(Frequency::Dekads)
}

/// Returns the days of the week on which there are times, when others have none for at least three weeks, or two where these
/// are Saturday and Sunday.
pub(super) fn by_days(times: &[i64]) -> Option<Frequency> {
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

/// Returns sessions when the times fill one window of the day, on some days of the week or all.
pub(super) fn by_sessions(times: &[i64]) -> Option<Frequency> {
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

fn weekdays(times: &[i64]) -> Weekdays {
    let mut counts = [0_usize; 7];
    for t in times {
        counts[usize::try_from(day_of_week(t.div_euclid(DAY))).unwrap_or(0)] += 1;
    }
    let open = open(&counts);
    Weekdays((0..7).filter(|day| open[*day]).fold(0, |days, day| days | 1 << day))
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

fn is_filled(times: &[i64], frequency: Frequency) -> bool {
    let axis = TimeAxis::new(times[0], frequency, usize::MAX);
    let steps = times.last().and_then(|last| axis.number(*last)).unwrap_or(i64::MAX);
    let steps = usize::try_from(steps).unwrap_or(usize::MAX);
    times.len().saturating_mul(100) >= steps.saturating_mul(FILLED)
}
