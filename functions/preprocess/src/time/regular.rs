//! How regular times are.

use jiff::civil::DateTime;

/// Returns the share of a regular grid over the times that has rows: 1 for times with one distance, in seconds or in
/// months, and nearly 0 for arbitrary ones.
pub(super) fn regularity(times: impl Iterator<Item = i64>) -> f64 {
    let mut times: Vec<i64> = times.collect();
    times.sort_unstable();
    times.dedup();
    share(&times).max(share(&months(&times)))
}

/// Returns the share of the places of a daily window that have times, over the days that have some; 0 when no day has two.
#[expect(clippy::cast_precision_loss, reason = "a share needs no exact counts")]
pub(super) fn share_of_sessions(times: impl Iterator<Item = i64>) -> f64 {
    const DAY: i64 = 86_400;
    let mut times: Vec<i64> = times.collect();
    times.sort_unstable();
    times.dedup();
    let mut clocks: Vec<i64> = times.iter().map(|time| time.rem_euclid(DAY)).collect();
    let mut days: Vec<i64> = times.iter().map(|time| time.div_euclid(DAY)).collect();
    clocks.sort_unstable();
    clocks.dedup();
    days.dedup();
    let step = clocks.windows(2).fold(0, |step, pair| gcd(step, pair[1] - pair[0]));
    let ([first, .., last], true) = (&clocks[..], step > 0) else {
        return 0.0;
    };
    let places = ((last - first) / step + 1) as f64 * days.len() as f64;
    times.len() as f64 / places
}

/// Returns the number of places over that of a grid with their greatest common distance.
#[expect(clippy::cast_precision_loss, reason = "a share needs no exact counts")]
fn share(places: &[i64]) -> f64 {
    let [first, .., last] = places else {
        return if places.is_empty() { 0.0 } else { 1.0 };
    };
    let step = places.windows(2).fold(0, |step, pair| gcd(step, pair[1] - pair[0]));
    places.len() as f64 / ((last - first) / step.max(1) + 1) as f64
}

/// Returns the numbers of the months, if all times are on the same day of the month or on its last day.
fn months(times: &[i64]) -> Vec<i64> {
    let clocks = times.iter().map(|time| civil(*time));
    let Some(clocks) = clocks.collect::<Option<Vec<_>>>() else {
        return Vec::new();
    };
    let same = |part: fn(&DateTime) -> i64| clocks.windows(2).all(|pair| part(&pair[0]) == part(&pair[1]));
    let last = |clock: &DateTime| i64::from(clock.day() == clock.date().days_in_month());
    if !same(|clock| super::format::since_midnight(clock.time()))
        || !(same(|clock| clock.day().into()) || clocks.iter().all(|clock| last(clock) == 1))
    {
        return Vec::new();
    }
    clocks
        .iter()
        .map(|clock| i64::from(clock.year()) * 12 + i64::from(clock.month()))
        .collect()
}

/// Returns what a clock in UTC shows.
pub(super) fn civil(seconds: i64) -> Option<DateTime> {
    let moment = jiff::Timestamp::from_second(seconds).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_datetime(moment))
}

pub(super) fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Returns whether the first time is later than the last one.
pub(super) fn is_newest_first(seconds: &[i64]) -> bool {
    let mut present = seconds.iter().filter(|second| **second != super::column::MISSING);
    present.next() > present.next_back()
}
