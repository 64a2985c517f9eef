//! The history that a request brings: columns with times, laid on the champion's time axis.

use std::collections::BTreeMap;

use platform::http::Refusal;
use series::{Column, Frequency, LARGEST, Role, Table, Time, TimeAxis, calendar};

use super::champion::Champion;

/// The longest history, in rows, gaps included.
const MAX_ROWS: usize = 200_000;

/// One column of a request.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Given {
    /// Where it stands in the request, such as `inputs[0]`.
    pub(super) field: String,
    /// The name of the column.
    pub(super) name: String,
    pub(super) times: Times,
    /// NaN where missing.
    pub(super) values: Vec<f64>,
}

/// When the rows of a column are.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Times {
    /// A time for each row, UTC seconds.
    Each(Vec<i64>),
    /// The time of the first row, UTC seconds.
    Start(i64),
    /// Not said: the last row is the newest one that the champion knows.
    Unsaid,
}

/// Returns the table of a request.
///
/// # Errors
/// When a column is missing, unknown or there twice, or its times are not on the champion's axis.
pub(super) fn table(champion: &Champion, given: Vec<Given>) -> Result<Table, Refusal> {
    let columns = champion.columns();
    check_names(&columns, &given)?;
    let frequency = champion.cut.axis.frequency;
    let mut rows = Vec::with_capacity(given.len());
    let mut first = i64::MAX;
    let mut last = i64::MIN;
    for one in &given {
        let times = times(one, champion)?;
        if let (Some(start), Some(end)) = (times.first(), times.last()) {
            (first, last) = (first.min(*start), last.max(*end));
        }
        rows.push(times);
    }
    if first > last {
        return Err(Refusal::bad("no input has a value")
            .at("inputs", 0)
            .bound("at least 1 row"));
    }
    let axis = axis(first, last, frequency)?;
    let mut found: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (one, times) in given.into_iter().zip(rows) {
        let mut values = vec![f64::NAN; axis.len];
        for (row, (time, value)) in times.iter().zip(&one.values).enumerate() {
            if value.abs() > LARGEST {
                return Err(Refusal::bad(format!("{value:e} of column `{}` is too large", one.name))
                    .at(format!("{}.series[{row}]", one.field), format!("{value:e}"))
                    .bound(format!("between -{LARGEST:e} and {LARGEST:e}")));
            }
            let place = axis
                .index_of(*time)
                .ok_or_else(|| off_grid(&one.field, row, *time, &axis))?;
            values[place] = *value;
        }
        found.insert(one.name, values);
    }
    let mut all = Vec::with_capacity(columns.len() + 6);
    for (name, role) in columns {
        let values = found.remove(name).unwrap_or_default();
        all.push(Column {
            name: name.to_owned(),
            role,
            values,
        });
    }
    if champion.uses_calendar() {
        let waves = calendar(&axis, 0..axis.len).into_iter();
        all.extend(waves.map(|(name, values)| Column {
            name: name.to_owned(),
            role: Role::Calendar,
            values,
        }));
    }
    Table::new(String::new(), axis, all, None).map_err(|error| Refusal::bad(error.to_string()).missing("inputs"))
}

fn check_names(columns: &[(&str, Role)], given: &[Given]) -> Result<(), Refusal> {
    for (at, one) in given.iter().enumerate() {
        let field = format!("{}.name", one.field);
        if given[..at].iter().any(|other| other.name == one.name) {
            return Err(Refusal::bad(format!("column `{}` is there twice", one.name)).at(field, &one.name));
        }
        if !columns.iter().any(|(name, _)| *name == one.name) {
            let known: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            return Err(Refusal::bad(format!("the champion has no column `{}`", one.name))
                .at(field, &one.name)
                .bound(format!("one of `{}`", known.join("`, `"))));
        }
    }
    let missing: Vec<&str> = columns
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !given.iter().any(|one| one.name == *name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = format!("`{}`", missing.join("`, `"));
    Err(Refusal::bad(format!(
        "the champion needs the columns {names}, which the request does not bring"
    ))
    .at("inputs", missing.join(", "))
    .bound("every column of the champion"))
}

/// Returns the time of each row of a column, checked to rise.
fn times(one: &Given, champion: &Champion) -> Result<Vec<i64>, Refusal> {
    let (len, frequency) = (one.values.len(), champion.cut.axis.frequency);
    let from = |start: i64| {
        let axis = TimeAxis::new(start, frequency, len);
        (0..len).map(|row| axis.at(row)).collect()
    };
    match &one.times {
        Times::Start(start) => Ok(from(*start)),
        Times::Unsaid => Ok(from(start_before_the_end(one, champion)?)),
        Times::Each(times) => {
            if times.len() != len {
                return Err(Refusal::bad(format!("{} times for {len} values", times.len()))
                    .at(format!("{}.times", one.field), times.len())
                    .bound(format!("{len} times")));
            }
            let wrong = times.windows(2).position(|pair| pair[1] <= pair[0]);
            if let Some(row) = wrong.map(|row| row + 1) {
                let what = if times[row] == times[row - 1] {
                    "is there twice"
                } else {
                    "is before the one in front of it"
                };
                let time = frequency.label(times[row]);
                return Err(Refusal::bad(format!("time {time} {what}"))
                    .at(format!("{}.times[{row}]", one.field), time)
                    .bound(format!("after {}", frequency.label(times[row - 1]))));
            }
            Ok(times.clone())
        }
    }
}

/// Returns the start of a column whose last row is the newest one that the champion knows.
fn start_before_the_end(one: &Given, champion: &Champion) -> Result<i64, Refusal> {
    let cut = &champion.cut;
    let rows = cut.axis.index_of(cut.observed_end).map_or(cut.axis.len, |row| row + 1);
    match rows.checked_sub(one.values.len()) {
        Some(row) => Ok(cut.axis.at(row)),
        None => Err(
            Refusal::bad("the values have no time, and they are more than the champion knows")
                .at(format!("{}.start_timestamp", one.field), "none")
                .bound(format!("at most {rows} values without a start")),
        ),
    }
}

/// Returns the axis from a first to a last time.
fn axis(first: i64, last: i64, frequency: Frequency) -> Result<TimeAxis, Refusal> {
    let longest = TimeAxis::new(first, frequency, MAX_ROWS);
    // The row at or after the last time.
    let (mut low, mut high) = (0, MAX_ROWS);
    while low < high {
        let middle = low + (high - low) / 2;
        if longest.at(middle) < last {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if low == MAX_ROWS {
        let message = format!(
            "a row every {frequency} from {} to {} is too long a history",
            frequency.label(first),
            frequency.label(last)
        );
        return Err(Refusal::bad(message)
            .at("inputs", frequency.label(first))
            .bound(format!("at most {MAX_ROWS} rows")));
    }
    Ok(TimeAxis::new(first, frequency, low + 1))
}

fn off_grid(field: &str, row: usize, time: i64, axis: &TimeAxis) -> Refusal {
    let (time, frequency) = (axis.frequency.label(time), axis.frequency);
    Refusal::bad(format!("time {time} is between two rows of the champion's time axis"))
        .at(format!("{field}.times[{row}]"), time)
        .bound(format!("a row every {frequency} from {}", axis.label(0)))
}

/// Reads a time: RFC 3339, a local time as UTC, or the number of a step where there is no calendar.
///
/// # Errors
/// With the field and the text.
pub(super) fn time(field: &str, text: &str, frequency: Frequency) -> Result<i64, Refusal> {
    if frequency == Frequency::Steps {
        let bound = "the number of a step";
        return text.parse().map_err(|_| {
            Refusal::bad(format!("`{text}` is not {bound}"))
                .at(field, text)
                .bound(bound)
        });
    }
    let exact = || {
        text.parse::<jiff::Timestamp>()
            .ok()
            .map(|time| (time.as_second(), time.subsec_nanosecond()))
    };
    let plain = text.parse::<Time>().ok().map(|time| (time.0, 0));
    match plain.or_else(exact) {
        Some((seconds, 0)) => Ok(seconds),
        _ => Err(Refusal::bad(format!("`{text}` is not a time in whole seconds"))
            .at(field, text)
            .bound("RFC 3339, such as 2018-02-05T23:40:00Z")),
    }
}

/// The names that KServe has for frequencies, and ours.
const NAMES: [(&str, &str, &str); 8] = [
    ("S", "second", "1s"),
    ("T", "minute", "1m"),
    ("H", "hour", "1h"),
    ("D", "day", "1d"),
    ("W", "week", "1w"),
    ("M", "month", "1mo"),
    ("Q", "quarter", "3mo"),
    ("Y", "year", "12mo"),
];

/// Checks that a frequency of a request is the champion's.
///
/// # Errors
/// With the field, the text and the champion's frequency.
pub(super) fn check_frequency(field: &str, text: &str, want: Frequency) -> Result<(), Refusal> {
    let ours = NAMES
        .iter()
        .find(|(short, long, _)| [*short, *long].contains(&text))
        .map_or(text, |(_, _, ours)| ours);
    let is_same = match (ours.parse::<Frequency>(), want) {
        // KServe's names do not say where in a month a row lies.
        (Ok(Frequency::Months { months, .. }), Frequency::Months { months: want, .. }) => months == want,
        (Ok(have), want) => have == want,
        (Err(_), _) => false,
    };
    if is_same {
        return Ok(());
    }
    Err(
        Refusal::bad(format!("the champion forecasts at {want}, not at `{text}`"))
            .at(field, text)
            .bound(frequency_name(want)),
    )
}

/// Returns KServe's short name of a frequency where it has one, else ours.
pub(super) fn frequency_name(frequency: Frequency) -> String {
    let ours = frequency.to_string();
    let plain = ours.strip_suffix("-end").unwrap_or(&ours);
    NAMES
        .iter()
        .find(|(_, _, name)| *name == plain)
        .map_or_else(|| ours.clone(), |(short, ..)| (*short).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_have_kserves_names_and_ours() {
        let of = |text: &str| text.parse::<Frequency>().unwrap();
        for (text, want) in [
            ("H", "1h"),
            ("hour", "1h"),
            ("60m", "1h"),
            ("M", "1mo"),
            ("month", "1mo-end"),
            ("2m", "2m"),
        ] {
            assert!(check_frequency("f", text, of(want)).is_ok(), "{text}");
        }
        for (text, want) in [("D", "1h"), ("M", "3mo"), ("x", "1h"), ("", "1h")] {
            assert!(check_frequency("f", text, of(want)).is_err(), "{text}");
        }
        assert_eq!(frequency_name(of("1mo-end")), "M");
        assert_eq!(frequency_name(of("90s")), "90s");
    }

    #[test]
    fn times_are_read_with_and_without_a_zone() {
        let hourly = Frequency::Seconds(3_600);
        for text in [
            "1970-01-02",
            "1970-01-02T00:00:00Z",
            "1970-01-02T02:00:00+02:00",
            "1970-01-02 00:00",
        ] {
            assert_eq!(time("t", text, hourly), Ok(86_400), "{text}");
        }
        assert_eq!(time("t", "7", Frequency::Steps), Ok(7));
        for text in ["", "yesterday", "1970-01-02T00:00:00.5Z", "86400"] {
            assert!(time("t", text, hourly).is_err(), "{text}");
        }
    }

    #[test]
    fn an_axis_ends_at_the_row_of_its_last_time_and_is_bounded() {
        let axis_of = |last| axis(0, last, Frequency::Seconds(60)).map(|axis| axis.len);
        assert_eq!(axis_of(0), Ok(1));
        assert_eq!(axis_of(120), Ok(3));
        assert!(axis_of(i64::MAX / 2).is_err());
    }
}
