//! Round dates: steps of the clock and of the calendar, their multiples and their short names.

use jiff::{Timestamp, civil, tz::TimeZone};
use series::{Anchor, Frequency};

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;
/// Steps of the clock, in seconds; those of whole weeks begin on Mondays.
const CLOCK: [i64; 21] = [
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1_800,
    3_600,
    2 * 3_600,
    3 * 3_600,
    6 * 3_600,
    12 * 3_600,
    DAY,
    2 * DAY,
    WEEK,
    2 * WEEK,
];
/// Steps of the calendar, in months.
const MONTHS: [i64; 16] = [
    1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 2_400, 6_000, 12_000, 24_000, 60_000,
];
/// 1970-01-05, a Monday.
const MONDAY: i64 = 4 * DAY;
/// The most multiples that are looked at. Sessions use few of them.
const MAX_MULTIPLES: usize = 128;

/// A distance of ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Seconds, counted from a time.
    Clock { seconds: i64, from: i64 },
    /// Months, counted from year 0; `end` counts on the last days of months.
    Months { months: i64, end: bool },
    /// A number of steps without a calendar.
    Count(i64),
}

/// Returns the steps that ticks may have, the shortest first. None is shorter than the distance of two rows. Weekly rows
/// have ticks on their own days of the week.
pub(super) fn steps(frequency: Frequency, first: i64) -> impl Iterator<Item = Step> {
    let (seconds, months, end) = match frequency {
        Frequency::Seconds(seconds) => (i64::try_from(seconds).unwrap_or(i64::MAX), 1, false),
        Frequency::Months { months, anchor } => (i64::MAX, i64::from(months), anchor == Anchor::End),
        Frequency::Sessions(sessions) if sessions.per_day > 1 => (i64::from(sessions.step), 1, false),
        Frequency::Sessions(_) | Frequency::Dekads => (DAY, 1, false),
        Frequency::Steps => (i64::MAX, i64::MAX, false),
    };
    // Every second day would sometimes be one of a weekend.
    let closed = if matches!(frequency, Frequency::Sessions(_)) {
        2 * DAY
    } else {
        0
    };
    let from = move |step: i64| match step {
        step if step % WEEK != 0 => 0,
        step if seconds % WEEK == 0 => first.rem_euclid(step),
        _ => MONDAY,
    };
    let clock = CLOCK
        .into_iter()
        .filter(move |step| *step >= seconds && *step != closed);
    let clock = clock.map(move |seconds| Step::Clock {
        seconds,
        from: from(seconds),
    });
    let months = MONTHS.into_iter().filter(move |step| *step >= months);
    let powers = (0..18).map(|power| 10_i64.pow(power));
    let counts = powers.flat_map(|power| [1, 2, 5].map(|times| Step::Count(times * power)));
    clock
        .chain(months.map(move |months| Step::Months { months, end }))
        .chain(counts)
}

impl Step {
    /// Returns the multiples between two times, `None` where they are too many or beyond the calendar.
    pub(super) fn multiples(self, first: i64, last: i64) -> Option<Vec<i64>> {
        match self {
            Self::Clock { seconds, from } => multiples(seconds, from, first, last),
            Self::Count(step) => multiples(step, 0, first, last),
            Self::Months { months, end } => {
                let (start, until) = (month(first)?, month(last)?);
                let shift = i64::from(end);
                let numbers = multiples(months, months - shift, start, until)?;
                let times = numbers.into_iter().map(|number| day_of_month(number, end));
                let times: Vec<_> = times.collect::<Option<_>>()?;
                Some(times.into_iter().filter(|time| (first..=last).contains(time)).collect())
            }
        }
    }

    /// Returns whether it counts seconds.
    pub(super) fn is_clock(self) -> bool {
        matches!(self, Self::Clock { .. })
    }

    /// Returns the short name of a multiple, `None` beyond the calendar.
    pub(super) fn label(self, time: i64) -> Option<String> {
        Some(match self {
            Self::Count(_) => time.to_string(),
            Self::Clock { seconds, .. } if seconds < 60 => civil(time)?.strftime("%H:%M:%S").to_string(),
            Self::Clock { seconds, .. } if seconds < DAY => civil(time)?.strftime("%H:%M").to_string(),
            Self::Clock { .. } => civil(time)?.strftime("%b %-d").to_string(),
            Self::Months { months, .. } if months < 12 => civil(time)?.strftime("%b").to_string(),
            Self::Months { .. } => civil(time)?.strftime("%Y").to_string(),
        })
    }

    /// Returns what the label leaves out where it is not that of the tick before: a day or a year.
    pub(super) fn context(self, before: Option<i64>, time: i64) -> Option<String> {
        let now = civil(time)?;
        let before = before.and_then(civil);
        let new_year = before.is_none_or(|before| before.year() != now.year());
        match self {
            Self::Clock { seconds, .. } if seconds < DAY => {
                let new_day = before.is_none_or(|before| before.date() != now.date());
                let format = if new_year { "%b %-d, %Y" } else { "%b %-d" };
                new_day.then(|| now.strftime(format).to_string())
            }
            Self::Clock { .. } => new_year.then(|| now.strftime("%Y").to_string()),
            Self::Months { months, .. } if months < 12 => new_year.then(|| now.strftime("%Y").to_string()),
            Self::Months { .. } | Self::Count(_) => None,
        }
    }
}

/// Returns a time as text that needs no other: `Mar 4, 2024 06:00`, `Mar 4, 2024`, `Mar 2024`, `2024` or `step 7`.
pub(super) fn moment(frequency: Frequency, time: i64) -> String {
    let now = match (frequency, civil(time)) {
        (Frequency::Steps, _) => return format!("step {time}"),
        (_, None) => return time.to_string(),
        (_, Some(now)) => now,
    };
    let whole_days = time.rem_euclid(DAY) == 0;
    let format = match frequency {
        Frequency::Months { months, .. } if months % 12 == 0 => "%Y",
        Frequency::Months { .. } => "%b %Y",
        Frequency::Seconds(seconds) if seconds % 60 != 0 => "%b %-d, %Y %H:%M:%S",
        Frequency::Seconds(seconds) if !whole_days || seconds % DAY.unsigned_abs() != 0 => "%b %-d, %Y %H:%M",
        Frequency::Sessions(sessions) if sessions.per_day > 1 => "%b %-d, %Y %H:%M",
        _ => "%b %-d, %Y",
    };
    now.strftime(format).to_string()
}

/// Returns the multiples of a step from a number on, `None` where they are too many.
fn multiples(step: i64, from: i64, first: i64, last: i64) -> Option<Vec<i64>> {
    let count = last.checked_sub(first)? / step;
    if usize::try_from(count).ok()? > MAX_MULTIPLES {
        return None;
    }
    let start = first.checked_add(from.checked_sub(first.rem_euclid(step))?.rem_euclid(step))?;
    let numbers = std::iter::successors(Some(start), |number| number.checked_add(step));
    Some(numbers.take_while(|number| *number <= last).collect())
}

fn civil(time: i64) -> Option<civil::DateTime> {
    Some(TimeZone::UTC.to_datetime(Timestamp::from_second(time).ok()?))
}

/// Returns the number of a time's month, from year 0.
fn month(time: i64) -> Option<i64> {
    let now = civil(time)?;
    Some(i64::from(now.year()) * 12 + i64::from(now.month()) - 1)
}

/// Returns the start of the first or the last day of a month.
fn day_of_month(number: i64, end: bool) -> Option<i64> {
    let year = i16::try_from(number.div_euclid(12)).ok()?;
    let month = i8::try_from(number.rem_euclid(12) + 1).ok()?;
    let first = civil::Date::new(year, month, 1).ok()?;
    let day = if end { first.last_of_month() } else { first };
    Some(
        TimeZone::UTC
            .to_timestamp(day.to_datetime(civil::Time::midnight()))
            .ok()?
            .as_second(),
    )
}
