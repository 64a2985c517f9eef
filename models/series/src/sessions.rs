//! Steps on some days of the week only: business days, and sessions within a day.

use std::fmt;

use crate::civil::{DAY, day_of_week};

/// A set of days of the week; bit 0 is Monday.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Weekdays(pub u8);

/// Steps that exist on some days of the week, and within these days in one window of time.
///
/// With one step a day its time of day is that of the first step; `open` and `step` are then 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Sessions {
    /// The days that have steps, at least one.
    pub days: Weekdays,
    /// The time of day of the first step, in seconds.
    pub open: u32,
    /// The distance of two steps of a day, in seconds.
    pub step: u32,
    /// How many steps a day has, at least 1.
    pub per_day: u32,
}

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Weekdays {
    /// Monday to Friday.
    pub(crate) const BUSINESS: Self = Self(0b1_1111);

    /// Returns how many days are in the set.
    #[must_use]
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Returns whether no day is in the set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether a number of days since 1970-01-01 falls on a day of the set.
    #[must_use]
    pub fn has(self, day: i64) -> bool {
        self.0 >> day_of_week(day) & 1 == 1
    }

    /// Counts the days of the set before a day, from a Monday around 1970.
    fn before(self, day: i64) -> i64 {
        let (week, weekday) = ((day + 3).div_euclid(7), day_of_week(day));
        let earlier = self.0 & ((1 << weekday) - 1);
        week * i64::from(self.len()) + i64::from(earlier.count_ones())
    }

    /// Returns the day with a number of [`Self::before`].
    fn day(self, number: i64) -> i64 {
        let count = i64::from(self.len()).max(1);
        let (week, place) = (number.div_euclid(count), number.rem_euclid(count));
        let open = (0..7).filter(|weekday| self.0 >> weekday & 1 == 1);
        let weekday = open
            .zip(0..)
            .find(|(_, at)| *at == place)
            .map_or(0, |(weekday, _)| weekday);
        week * 7 + weekday - 3
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let place = |name: &str| NAMES.iter().position(|known| *known == name);
        let mut days = 0_u8;
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (place(first)?, place(last)?);
            // A range may go over the end of the week.
            (0..=(last + 7 - first) % 7).for_each(|more| days |= 1 << ((first + more) % 7));
        }
        Some(Self(days))
    }
}

impl fmt::Display for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = |weekday: usize| self.0 >> (weekday % 7) & 1 == 1;
        let starts: Vec<usize> = (0..7).filter(|&day| has(day) && !has(day + 6)).collect();
        if let ([start], 3..) = (&starts[..], self.len()) {
            let last = start + self.len() as usize - 1;
            return write!(f, "{}-{}", NAMES[*start], NAMES[last % 7]);
        }
        let names: Vec<_> = (0..7).filter(|&day| has(day)).map(|day| NAMES[day]).collect();
        f.write_str(&names.join(","))
    }
}

impl Sessions {
    /// Returns steps of one day each.
    #[must_use]
    pub fn daily(days: Weekdays) -> Self {
        Self {
            days,
            open: 0,
            step: 0,
            per_day: 1,
        }
    }

    fn window(self, start: i64) -> (i64, i64, i64) {
        if self.per_day <= 1 {
            return (start.rem_euclid(DAY), DAY, 1);
        }
        (
            i64::from(self.open),
            i64::from(self.step).max(1),
            i64::from(self.per_day),
        )
    }

    /// Returns the time of the step that lies `steps` after the one at `start`.
    pub(crate) fn later(self, start: i64, steps: i64) -> i64 {
        let (open, step, per_day) = self.window(start);
        // Beyond a billion steps there is no forecast; the clamp keeps the sums from overflow.
        let number = self.number(start, start) + steps.clamp(-10_000_000_000, 10_000_000_000);
        let (day, place) = (self.days.day(number.div_euclid(per_day)), number.rem_euclid(per_day));
        day.saturating_mul(DAY).saturating_add(open + place * step)
    }

    /// Counts the steps at or before a time, on the grid of `start`.
    pub(crate) fn number(self, start: i64, t: i64) -> i64 {
        let (open, step, per_day) = self.window(start);
        let (day, second) = (t.div_euclid(DAY), t.rem_euclid(DAY));
        let before = self.days.before(day) * per_day;
        if !self.days.has(day) {
            return before - 1;
        }
        before + (second - open).div_euclid(step).clamp(-1, per_day - 1)
    }
}

fn clock(seconds: u32) -> String {
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if second == 0 {
        format!("{hour:02}:{minute:02}")
    } else {
        format!("{hour:02}:{minute:02}:{second:02}")
    }
}

fn parse_clock(text: &str) -> Option<u32> {
    let mut parts = text
        .split(':')
        .map(|part| part.parse::<u32>().ok().filter(|part| *part < 60));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    (hour < 24 && parts.next().is_none()).then_some(hour * 3_600 + minute * 60 + second)
}

impl fmt::Display for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.per_day, self.days) {
            (0 | 1, Weekdays::BUSINESS) => f.write_str("1 business day"),
            (0 | 1, days) => write!(f, "1 day on {days}"),
            (per_day, days) => {
                let step = crate::Frequency::Seconds(u64::from(self.step));
                let close = self.open + (per_day - 1) * self.step;
                write!(f, "{step} in sessions {}-{} {days}", clock(self.open), clock(close))
            }
        }
    }
}

/// Reads the texts that [`Sessions`] writes.
pub(crate) fn parse(text: &str) -> Option<Sessions> {
    if text == "1 business day" {
        return Some(Sessions::daily(Weekdays::BUSINESS));
    }
    if let Some(days) = text.strip_prefix("1 day on ") {
        return Weekdays::parse(days).map(Sessions::daily);
    }
    let (step, rest) = text.split_once(" in sessions ")?;
    let (window, days) = rest.split_once(' ')?;
    let (open, close) = window.split_once('-')?;
    let crate::Frequency::Seconds(step) = step.parse().ok()? else {
        return None;
    };
    let (step, open, close) = (u32::try_from(step).ok()?, parse_clock(open)?, parse_clock(close)?);
    let length = close
        .checked_sub(open)
        .filter(|length| *length > 0 && length.is_multiple_of(step))?;
    Some(Sessions {
        days: Weekdays::parse(days)?,
        open,
        step,
        per_day: length / step + 1,
    })
}
