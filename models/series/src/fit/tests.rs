use proptest::prelude::*;

use super::*;
use crate::civil::{DAY, Date, date, days, days_in_month};

const MANY: usize = 1_000_000;

/// Monday to Friday.
const WEEK: &[i64] = &[0, 1, 2, 3, 4];

fn day(year: i64, month: i64, day: i64) -> i64 {
    days(Date { year, month, day }) * DAY
}

fn fitted(times: &[i64]) -> String {
    match TimeAxis::fit(times, MANY) {
        Ok(Fitted {
            axis,
            snapped,
            farthest,
            ..
        }) => {
            let next = axis.label(axis.len);
            let moved = if snapped == 0 {
                String::new()
            } else {
                format!(", {snapped} moved by {farthest}s")
            };
            format!("{} x {}, next {next}{moved}", axis.len, axis.frequency)
        }
        Err(error) => error.to_string(),
    }
}

fn with(times: impl IntoIterator<Item = i64>) -> String {
    fitted(&times.into_iter().collect::<Vec<_>>())
}

#[test]
fn the_most_common_difference_is_the_step_and_gaps_are_rows() {
    for (times, expected) in [
        (vec![0, 120, 240, 600], "6 x 2m, next 1970-01-01T00:12:00Z"),
        (vec![0, 3600, 7200], "3 x 1h, next 1970-01-01T03:00:00Z"),
        (
            vec![day(2024, 1, 1), day(2024, 2, 1)],
            "2 x 1mo, next 2024-03-01T00:00:00Z",
        ),
        (
            vec![day(1992, 1, 1), day(1992, 2, 1), day(1992, 3, 1), day(1992, 6, 1)],
            "6 x 1mo, next 1992-07-01T00:00:00Z",
        ),
        (
            vec![day(2023, 11, 30), day(2023, 12, 31), day(2024, 1, 31), day(2024, 2, 29)],
            "4 x 1mo-end, next 2024-03-31T00:00:00Z",
        ),
        (
            vec![day(2003, 3, 1), day(2003, 6, 1), day(2003, 9, 1)],
            "3 x 3mo, next 2003-12-01T00:00:00Z",
        ),
        (
            vec![day(2022, 1, 1), day(2023, 1, 1), day(2024, 1, 1), day(2025, 1, 1)],
            "4 x 12mo, next 2026-01-01T00:00:00Z",
        ),
        (vec![0, 28 * DAY, 56 * DAY], "3 x 4w, next 1970-03-26T00:00:00Z"),
    ] {
        assert_eq!(fitted(&times), expected);
    }
}

#[test]
fn steps_of_the_calendar_are_found_where_stamps_move() {
    let business = |day: &i64| crate::civil::day_of_week(*day) < 5;
    let months: Vec<(i64, i64)> = (0..24).map(|month| (2012 + month / 12, month % 12 + 1)).collect();
    let first = |&(year, month): &(i64, i64)| {
        (day(year, month, 1) / DAY..day(year, month, 9) / DAY)
            .find(business)
            .unwrap()
            * DAY
    };
    let last = |&(year, month): &(i64, i64)| {
        let end = day(year, month, days_in_month(year, month)) / DAY;
        (end - 3..=end).rev().find(business).unwrap() * DAY
    };
    assert_eq!(
        with(months.iter().map(first)),
        "24 x 1mo, next 2014-01-01T00:00:00Z, 8 moved by 172800s"
    );
    assert_eq!(
        with(months.iter().map(last)),
        "24 x 1mo-end, next 2014-01-31T00:00:00Z, 7 moved by 172800s"
    );
    let any = months
        .iter()
        .zip(0_i64..)
        .map(|((year, month), at)| day(*year, *month, 3 + at * 7 % 20));
    assert!(with(any).starts_with("24 x 1mo, next 2014-01-01T00:00:00Z, 24 moved"));
    let dekads = months
        .iter()
        .flat_map(|&(year, month)| [1, 11, 21].map(|begin| day(year, month, begin)));
    assert_eq!(with(dekads), "72 x 1 dekad, next 2014-01-01T00:00:00Z");
    let fridays = (0..60).map(|week| day(2010, 2, 5) + week * 7 * DAY - if week % 17 == 3 { DAY } else { 0 });
    assert!(with(fridays).starts_with("60 x 1w, next 2011-04-01T00:00:00Z, 4 moved by 86400s"));
}

#[test]
fn the_days_and_sessions_that_exist_are_those_that_go_on() {
    let days = |count: i64, open: &'static [i64]| {
        (0..count)
            .map(|more| day(2021, 1, 4) + more * DAY)
            .filter(move |t| open.contains(&crate::civil::day_of_week(t.div_euclid(DAY))))
    };
    assert_eq!(with(days(26, WEEK)), "20 x 1 business day, next 2021-02-01T00:00:00Z");
    assert_eq!(
        with(days(61, WEEK).filter(|t| *t != day(2021, 1, 18))),
        "45 x 1 business day, next 2021-03-08T00:00:00Z",
        "a holiday is a gap"
    );
    assert_eq!(
        with(days(61, &[0, 1, 2, 3, 4, 5])),
        "53 x 1 day on mon-sat, next 2021-03-06T00:00:00Z"
    );
    assert_eq!(
        with(days(61, &[0, 2, 4])),
        "27 x 1 day on mon,wed,fri, next 2021-03-08T00:00:00Z"
    );
    assert_eq!(with((0..9).map(|more| more * DAY)), "9 x 1d, next 1970-01-10T00:00:00Z");
    let sessions = days(40, WEEK).flat_map(|day| (0..13).map(move |slot| day + 34_200 + slot * 1_800));
    assert_eq!(
        with(sessions),
        "390 x 30m in sessions 09:30-15:30 mon-fri, next 2021-02-15T09:30:00Z"
    );
    let nights = (0..960)
        .filter(|hour| hour % 24 != 3 || hour % 48 == 3)
        .map(|hour| hour * 3_600);
    assert!(with(nights).starts_with("960 x 1h"), "single gaps make no sessions");
}

#[test]
fn times_beside_the_grid_are_moved_to_it() {
    let jitter = |row: i64| row * 31 % 71 - 35;
    assert_eq!(
        with((1..400).map(|row| day(2021, 2, 20) + row * 1_200 + jitter(row))),
        "399 x 20m, next 2021-02-25T13:20:00Z, 393 moved by 35s"
    );
    let steady = with((0..900).map(|row| 1_616_976_024 + row * 60 + i64::from(row == 7)));
    assert_eq!(steady, "900 x 1m, next 2021-03-29T15:00:24Z, 1 moved by 1s");
    let mut clock = day(2021, 2, 20) + 1_368;
    let wandering = (0..300_i64).map(|row| {
        clock += 1_200 + (row * 37 % 61 - 30);
        clock
    });
    assert!(with(wandering.collect::<Vec<_>>()).starts_with("300 x 20m"));
    let summer = (0..200).map(|row| day(2024, 1, 1) + row * DAY - if row > 89 { 7_200 } else { 3_600 });
    assert!(with(summer).starts_with("200 x 1d"), "midnight in a zone");
}

#[test]
fn what_is_no_grid_is_refused_with_the_times_where_it_breaks() {
    for (times, message) in [
        (vec![0], "the number of different times is 1, a time axis needs 2"),
        (
            vec![0, 60, 60],
            "row 2: time 1970-01-01T00:01:00Z is not after the row before it",
        ),
        (
            vec![0, 1, 2, 10_000_000],
            "a row every 1s from 1970-01-01T00:00:00Z to 1970-04-26T17:46:40Z makes 10000001 rows, at most 1000 are allowed; the largest gap lies between 1970-01-01T00:00:02Z and 1970-04-26T17:46:40Z",
        ),
        (
            vec![day(1, 1, 2), day(1, 1, 2) + 3_600_000 * DAY],
            "row 1: time 9857-06-21T00:00:00Z is a step of 3600000d after the row before it, a step is at most 100 years",
        ),
    ] {
        assert_eq!(fitted(&times), message);
    }
    let events = (0..200_i64).map(|row| row * 500 + (row * row * 7_919) % 487);
    assert!(with(events).starts_with("the times have no regular step"));
}

#[test]
fn a_given_step_may_be_finer_than_the_rows_and_holds_within_a_quarter() {
    let with = |times: &[i64], frequency| TimeAxis::fit_with(times, frequency, MANY);
    let fitted = with(&[0, 240], Frequency::Seconds(120)).unwrap();
    assert_eq!((fitted.axis.len, fitted.rows), (3, vec![0, 2]));
    assert!(matches!(
        with(&[0, 60], Frequency::Seconds(120)),
        Err(AxisError::OffGrid { row: 1, .. })
    ));
    let steps = with(&[1, 2, 5], Frequency::Steps).unwrap();
    assert_eq!((steps.axis.len, steps.axis.label(5)), (5, "6".to_owned()));
}

#[test]
fn many_times_beside_the_grid_are_moved_too() {
    let times = (0..5_000).map(|row| 60 * row + row % 9);
    assert!(with(times).starts_with("5000 x 1m"));
}

#[test]
fn times_beyond_any_calendar_are_off_every_given_grid() {
    for frequency in ["1h", "1mo", "1mo-end", "1 business day", "1 dekad", "1 step"] {
        let frequency: Frequency = frequency.parse().unwrap();
        for times in [
            &[i64::MAX - 90_001, i64::MAX][..],
            &[i64::MIN, 5, i64::MAX],
            &[i64::MAX],
        ] {
            assert!(
                TimeAxis::fit_with(times, frequency, 1_000).is_err(),
                "{frequency} {times:?}"
            );
        }
    }
}

proptest! {
    #[test]
    fn no_times_make_it_panic(times in proptest::collection::vec(any::<i64>(), 0..6)) {
        let mut times = times;
        times.sort_unstable();
        if let Ok(fitted) = TimeAxis::fit(&times, 100) {
            let written = serde_json::to_string(&fitted.axis).unwrap();
            prop_assert_eq!(serde_json::from_str::<TimeAxis>(&written).unwrap(), fitted.axis, "what is written can be read");
        }
    }

    #[test]
    fn a_grid_is_found_again_with_gaps(
        start in 0_i64..2_000_000_000, kind in 0_usize..6, kept in proptest::collection::vec(proptest::bool::weighted(0.9), 60..200),
    ) {
        let frequency: Frequency = ["1h", "1d", "1mo", "15m", "1 dekad", "1 business day"][kind].parse().unwrap();
        let monday = start / (7 * DAY) * 7 * DAY + 4 * DAY;
        let start = match kind {
            4 => crate::months::dekads_later(start / DAY * DAY, 0),
            5 => monday,
            _ => start / DAY * DAY,
        };
        let axis = TimeAxis::new(if kind == 2 { start.min(day(2000, 1, 28)) / DAY * DAY } else { start }, frequency, kept.len());
        prop_assume!(kind != 2 || date(axis.start / DAY).day <= 28);
        let mut times: Vec<i64> = (0..kept.len()).filter(|row| kept[*row] || *row < 12).map(|row| axis.at(row)).collect();
        times.dedup();
        let fitted = TimeAxis::fit(&times, MANY).unwrap();
        prop_assert_eq!(fitted.axis.frequency, frequency);
        prop_assert_eq!(fitted.axis.start, axis.start);
        prop_assert_eq!(fitted.snapped, 0);
    }
}

#[test]
fn a_few_strays_open_no_day_and_no_hour() {
    let monday = day(2024, 1, 1);
    let weekdays = || (0..140).filter(|day| day % 7 < 5).map(|day| monday + day * DAY);
    let with_saturday = |at: i64| {
        let mut times: Vec<i64> = weekdays().chain([monday + at * DAY]).collect();
        times.sort_unstable();
        times
    };
    let expected = "100 x 1 business day, next 2024-05-20T00:00:00Z";
    assert_eq!(with(weekdays()), expected);
    assert_eq!(fitted(&with_saturday(33)), format!("{expected}, 1 moved by 86400s"));
    assert_eq!(
        fitted(&with_saturday(-2)),
        format!("{expected}, 1 moved by 172800s"),
        "before the first"
    );
    let sixth = (0..140)
        .filter(|day| day % 7 < 5 || day % 28 == 5)
        .map(|day| monday + day * DAY);
    assert_eq!(
        with(sixth),
        "119 x 1 day on mon-sat, next 2024-05-18T00:00:00Z",
        "one Saturday in four"
    );
    let hours = (0..40)
        .filter(|day| day % 7 < 5)
        .flat_map(|day| (9..17).map(move |hour| monday + day * DAY + hour * 3600));
    let expected = "240 x 1h in sessions 09:00-16:00 mon-fri, next 2024-02-12T09:00:00Z";
    assert_eq!(with(hours.clone()), expected);
    let mut night: Vec<i64> = hours.chain([monday + 10 * DAY + 3 * 3600]).collect();
    night.sort_unstable();
    assert_eq!(fitted(&night), format!("{expected}, 1 moved by 21600s"));
}

#[test]
fn weeks_with_moved_days_are_weeks() {
    let friday = day(2022, 1, 7);
    let moved = |week: i64| match week {
        5 | 17 | 30 | 44 => -DAY,
        50 => 2 * DAY,
        _ => 0,
    };
    let times = (0..80).map(|week| friday + week * 7 * DAY + moved(week));
    assert_eq!(with(times), "80 x 1w, next 2023-07-21T00:00:00Z, 5 moved by 172800s");
}
