//! The axis of times: where a time is, and ticks at round dates with short labels.

use series::Frequency;

use super::{
    calendar::{self, Step},
    font,
};

/// The size of the labels, in pixels.
pub(super) const LABEL: f64 = 12.0;
/// The most ticks of an axis.
const MAX_TICKS: usize = 12;
/// The least distance of two labels, in pixels.
const GAP: f64 = 12.0;

/// A mark on the axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// Where it is, from 0 to 1.
    pub share: f64,
    /// The first line, for example `06:00`.
    pub label: String,
    /// The second line: what the first leaves out, where it changes; for example `Mar 4`.
    pub context: Option<String>,
}

/// A range of times and its ticks.
#[derive(Debug, Clone)]
pub(super) struct TimeAxis {
    scale: Scale,
    /// From the first to the last; labels do not touch.
    pub ticks: Vec<Tick>,
}

/// How times become positions.
#[derive(Debug, Clone)]
enum Scale {
    /// In proportion, from the first to the last time.
    Even { first: i64, last: i64 },
    /// Rows at equal distances: nights and weekends between sessions take no width.
    Rows(Vec<i64>),
}

impl TimeAxis {
    /// Makes the axis of ascending times, at least one, for a width in pixels.
    pub(super) fn new(frequency: Frequency, times: &[i64], width: f64) -> Self {
        let (first, last) = (times.first().copied().unwrap_or(0), times.last().copied().unwrap_or(0));
        let scale = match frequency {
            Frequency::Sessions(_) => Scale::Rows(times.to_vec()),
            _ => Scale::Even { first, last },
        };
        let step = calendar::steps(frequency, first);
        let ticks = step.filter_map(|step| scale.ticks(step, first, last));
        let ticks = ticks.into_iter().find(|ticks| fit(ticks, width));
        let ticks = ticks.unwrap_or_else(|| scale.ends(frequency, first, last, width));
        Self { scale, ticks }
    }

    /// Returns where a time is, from 0 to 1. Times beyond the axis are at its ends.
    pub(super) fn share(&self, time: i64) -> f64 {
        self.scale.share(time)
    }
}

impl Scale {
    #[expect(
        clippy::cast_precision_loss,
        reason = "shares of a width in pixels; seconds lie far below 2^52"
    )]
    fn share(&self, time: i64) -> f64 {
        match self {
            Self::Even { first, last } => {
                let width = *last as f64 - *first as f64;
                if width > 0.0 {
                    ((time as f64 - *first as f64) / width).clamp(0.0, 1.0)
                } else {
                    0.5
                }
            }
            Self::Rows(rows) if rows.len() < 2 => 0.5,
            Self::Rows(rows) => {
                let row = rows.partition_point(|row| *row < time);
                (row as f64 / (rows.len() - 1) as f64).min(1.0)
            }
        }
    }

    /// Returns the ticks at the multiples of a step, `None` where there is none or they are too many.
    fn ticks(&self, step: Step, first: i64, last: i64) -> Option<Vec<Tick>> {
        let mut ticks: Vec<Tick> = Vec::new();
        let mut before = None;
        for time in step.multiples(first, last)? {
            // A date without rows is that of the next row.
            let time = match self {
                Self::Rows(rows) if step.is_clock() => rows.iter().copied().find(|row| *row >= time).unwrap_or(time),
                _ => time,
            };
            let share = self.share(time);
            if ticks.last().is_some_and(|last| last.share >= share) {
                continue;
            }
            let label = step.label(time)?;
            let context = step.context(before, time);
            before = Some(time);
            ticks.push(Tick { share, label, context });
        }
        (1..=MAX_TICKS).contains(&ticks.len()).then_some(ticks)
    }

    /// Returns ticks at both ends, or only at the first where they are the same or their labels touch.
    fn ends(&self, frequency: Frequency, first: i64, last: i64, width: f64) -> Vec<Tick> {
        let tick = |time| Tick {
            share: self.share(time),
            label: calendar::moment(frequency, time),
            context: None,
        };
        let both = vec![tick(first), tick(last)];
        if first < last && fit(&both, width) {
            both
        } else {
            vec![tick(first)]
        }
    }
}

/// Returns whether neighbouring labels keep their distance.
fn fit(ticks: &[Tick], width: f64) -> bool {
    let half = |text: &str| font::width(text, LABEL) / 2.0;
    let line = |text: fn(&Tick) -> Option<&str>| {
        let texts: Vec<_> = ticks
            .iter()
            .filter_map(|tick| Some((tick.share * width, text(tick)?)))
            .collect();
        texts
            .windows(2)
            .all(|pair| matches!(pair, [(a, left), (b, right)] if b - a >= half(left) + half(right) + GAP))
    };
    line(|tick| Some(&tick.label)) && line(|tick| tick.context.as_deref())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WIDTH: f64 = 960.0;

    fn seconds(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    /// Writes the ticks of `rows` rows as `label` or `label|context`.
    fn ticks(frequency: &str, times: impl Iterator<Item = i64>) -> String {
        let times: Vec<_> = times.collect();
        let axis = TimeAxis::new(frequency.parse().unwrap(), &times, WIDTH);
        let text = |tick: &Tick| match &tick.context {
            Some(context) => format!("{}|{context}", tick.label),
            None => tick.label.clone(),
        };
        axis.ticks.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    fn every(step: i64, rows: i64, start: &str) -> impl Iterator<Item = i64> {
        let start = seconds(start);
        (0..rows).map(move |row| start + row * step)
    }

    #[test]
    fn ticks_are_at_round_times_of_the_clock() {
        for (frequency, step, rows, start, expected) in [
            (
                "1s",
                1,
                40,
                "2024-03-04T05:59:50Z",
                "05:59:50|Mar 4, 2024 05:59:55 06:00:00 06:00:05 06:00:10 06:00:15 06:00:20 06:00:25",
            ),
            (
                "2m",
                120,
                384,
                "2018-02-27T17:40:00Z",
                "18:00|Feb 27, 2018 20:00 22:00 00:00|Feb 28 02:00 04:00 06:00",
            ),
            (
                "1h",
                3_600,
                72,
                "2023-12-30T13:00:00Z",
                "18:00|Dec 30, 2023 00:00|Dec 31 06:00 12:00 18:00 00:00|Jan 1, 2024 06:00 12:00 18:00 00:00|Jan 2 06:00 12:00",
            ),
            (
                "1d",
                86_400,
                9,
                "2023-12-28T00:00:00Z",
                "Dec 28|2023 Dec 29 Dec 30 Dec 31 Jan 1|2024 Jan 2 Jan 3 Jan 4 Jan 5",
            ),
            (
                // From Wednesday on; the ticks are Mondays.
                "1d",
                86_400,
                40,
                "2024-02-28T00:00:00Z",
                "Mar 4|2024 Mar 11 Mar 18 Mar 25 Apr 1",
            ),
            // Weeks that begin on Sundays keep their days.
            (
                "1w",
                604_800,
                5,
                "2024-03-03T00:00:00Z",
                "Mar 3|2024 Mar 10 Mar 17 Mar 24 Mar 31",
            ),
            (
                "1w",
                604_800,
                40,
                "2024-02-28T00:00:00Z",
                "Mar|2024 Apr May Jun Jul Aug Sep Oct Nov",
            ),
        ] {
            assert_eq!(ticks(frequency, every(step, rows, start)), expected, "{frequency}");
        }
    }

    #[test]
    fn ticks_are_at_round_months_years_and_steps() {
        let months = |first: &str, months: i32, rows: i32| {
            let first: jiff::civil::Date = first.parse().unwrap();
            let date = move |row: i32| first + jiff::Span::new().months(months * row);
            let times = (0..rows).map(move |row| seconds(&format!("{}T00:00:00Z", date(row))));
            times.collect::<Vec<_>>().into_iter()
        };
        for (frequency, times, expected) in [
            ("1mo", months("2015-11-01", 1, 5), "Nov|2015 Dec Jan|2016 Feb Mar"),
            (
                "1mo",
                months("2014-11-01", 1, 30),
                "Jan|2015 Apr Jul Oct Jan|2016 Apr Jul Oct Jan|2017 Apr",
            ),
            // The last days of months belong to their months.
            ("1mo-end", months("2015-10-31", 1, 4), "Oct|2015 Nov Dec Jan|2016"),
            ("3mo", months("2015-01-01", 3, 6), "Jan|2015 Apr Jul Oct Jan|2016 Apr"),
            ("3mo-end", months("2015-03-31", 3, 4), "Mar|2015 Jun Sep Dec"),
            (
                "1y",
                months("2015-01-01", 12, 8),
                "2015 2016 2017 2018 2019 2020 2021 2022",
            ),
            (
                "1y",
                months("1901-07-01", 12, 100),
                "1910 1920 1930 1940 1950 1960 1970 1980 1990 2000",
            ),
            (
                "1 step",
                (1..60).collect::<Vec<_>>().into_iter(),
                "5 10 15 20 25 30 35 40 45 50 55",
            ),
            ("1 step", (-1..3).collect::<Vec<_>>().into_iter(), "-1 0 1 2"),
        ] {
            assert_eq!(ticks(frequency, times), expected, "{frequency}");
        }
    }

    #[test]
    fn nights_and_weekends_between_sessions_take_no_width() {
        // Thursday to Tuesday.
        let days = [7, 8, 11, 12].map(|day| seconds(&format!("2024-03-{day:02}T09:30:00Z")));
        let rows = days
            .into_iter()
            .flat_map(|open| (0..13).map(move |row| open + row * 1_800));
        let found = ticks("30m in sessions 09:30-15:30 mon-fri", rows);
        assert_eq!(
            found,
            "12:00|Mar 7, 2024 09:30|Mar 8 12:00 09:30|Mar 11 12:00 09:30|Mar 12 12:00"
        );
        let business = every(86_400, 26, "2024-03-04T00:00:00Z").filter(|t| (t / 86_400 + 3) % 7 < 5);
        assert_eq!(ticks("1 business day", business), "Mar 4|2024 Mar 11 Mar 18 Mar 25");
    }

    proptest! {
        #[test]
        fn any_times_have_a_few_ticks_whose_labels_do_not_touch(
            first in prop_oneof![any::<i64>(), -400_000_000_000..400_000_000_000_i64, Just(i64::MAX), Just(i64::MIN)],
            step in prop_oneof![0..100_000_000_i64, any::<i64>().prop_map(i64::saturating_abs)],
            rows in 1..50_i64,
            frequency in prop::sample::select(vec![
                "1s", "7s", "2m", "1h", "1d", "1w", "3w", "1mo", "1mo-end", "5mo", "1y", "1 dekad", "1 step", "1 business day",
                "30m in sessions 09:30-15:30 mon-fri",
            ]),
        ) {
            let mut times: Vec<_> = (0..rows).map(|row| first.saturating_add(step.saturating_mul(row))).collect();
            times.dedup();
            let axis = TimeAxis::new(frequency.parse().unwrap(), &times, WIDTH);
            prop_assert!((1..=MAX_TICKS).contains(&axis.ticks.len()), "{axis:?}");
            prop_assert!(fit(&axis.ticks, WIDTH), "{axis:?}");
            prop_assert!(axis.ticks.iter().all(|tick| (0.0..=1.0).contains(&tick.share)), "{axis:?}");
            prop_assert!(times.iter().all(|time| (0.0..=1.0).contains(&axis.share(*time))), "{axis:?}");
        }
    }
}
