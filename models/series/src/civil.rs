//! Civil dates of UTC seconds.
//!
//! # Source
//! Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": days from and to the proleptic Gregorian calendar.
//! Implemented here because it covers all `i64` seconds in a few instructions per row; calendar crates have a smaller range.

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// A day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Date {
    pub(crate) year: i64,
    /// The month, 1 to 12.
    pub(crate) month: i64,
    /// The day of the month, 1 to 31.
    pub(crate) day: i64,
}

/// Returns the date of a number of days since 1970-01-01.
pub(crate) fn date(days: i64) -> Date {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    Date {
        year,
        month,
        day: doy - (153 * mp + 2) / 5 + 1,
    }
}

/// Returns the days from 1970-01-01 to a date.
pub(crate) fn days(date: Date) -> i64 {
    let y = date.year - i64::from(date.month <= 2);
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = (date.month + 9) % 12;
    let doy = (153 * mp + 2) / 5 + date.day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// Returns the number of days of a month.
pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    let next = if month == 12 {
        Date {
            year: year + 1,
            month: 1,
            day: 1,
        }
    } else {
        Date {
            year,
            month: month + 1,
            day: 1,
        }
    };
    days(next) - days(Date { year, month, day: 1 })
}

/// Returns the day of the year, from 1.
pub(crate) fn day_of_year(date: Date) -> i64 {
    days(date)
        - days(Date {
            month: 1,
            day: 1,
            ..date
        })
        + 1
}

/// Returns the day of the week of a number of days since 1970-01-01, Monday = 0.
pub(crate) fn day_of_week(days: i64) -> i64 {
    (days + 3).rem_euclid(7)
}

/// Writes UTC seconds as RFC 3339, for example `2018-02-05T23:40:00Z`.
#[must_use]
pub fn rfc3339(t: i64) -> String {
    let Date { year, month, day } = date(t.div_euclid(DAY));
    let s = t.rem_euclid(DAY);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        s / 3600,
        s / 60 % 60,
        s % 60
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_instants_are_written_as_rfc_3339() {
        for (t, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_517_874_000, "2018-02-05T23:40:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(t), text, "{t}");
        }
    }

    #[test]
    fn weekdays_and_days_of_the_year_follow_the_calendar() {
        let day = days(Date {
            year: 2018,
            month: 2,
            day: 5,
        });
        assert_eq!(day_of_week(day), 0, "a Monday");
        assert_eq!(
            day_of_year(Date {
                year: 2020,
                month: 12,
                day: 31
            }),
            366
        );
        assert_eq!(days_in_month(1900, 2), 28);
        assert_eq!(days_in_month(2024, 2), 29);
    }

    proptest! {
        #[test]
        fn a_date_goes_to_days_and_back(day in -1_000_000_i64..1_000_000) {
            let date = date(day);
            prop_assert_eq!(days(date), day);
            prop_assert!(date.day >= 1 && date.day <= days_in_month(date.year, date.month));
        }
    }
}
