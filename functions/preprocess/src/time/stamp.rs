//! One time, and what it says about its zone.

use jiff::civil::{Date, date};

/// One time as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    /// Seconds since 1970, rounded down: UTC if the kind is an offset, else as the clock on the wall shows them.
    pub(super) seconds: i64,
    pub(super) kind: Kind,
    /// Whether it has a fraction of a second.
    pub(super) finer: bool,
}

/// What a time says about its zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A day, month, quarter or year, which has no zone.
    Date,
    /// A date and time in no stated zone.
    Naive,
    /// A moment, with the seconds that its clock is ahead of UTC.
    Offset(i32),
}

impl Stamp {
    pub(super) fn new(seconds: i64, kind: Kind) -> Self {
        Self {
            seconds,
            kind,
            finer: false,
        }
    }
}

/// Returns the seconds from 1970 to a day's midnight.
pub(super) fn midnight(day: Date) -> i64 {
    day.duration_since(date(1970, 1, 1)).as_secs()
}
