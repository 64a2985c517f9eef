//! Times that stand in several columns: a date and a time of the day, or a year with a month, a day and an hour.

use jiff::civil::{Date, ISOWeekDate, Weekday};

use super::{
    candidates,
    column::{Column, MISSING},
    names::{compact, words},
    problems::{settled, wrong_clock},
    stamp::{Kind, Stamp, midnight},
};
use crate::{
    raw::{Cells, Raw, RawColumn},
    refusal::Problem,
};

/// What stands between the formats of several columns.
pub(super) const AND: &str = " + ";

/// The columns of a time, and how they are read together.
pub(super) type Joined = (Vec<usize>, Column);

/// The parts of a time: the names of their columns, the first of which is theirs in a report, and their bounds.
const PARTS: [(&[&str], i64, i64); 8] = [
    (&["year", "yr", "yyyy", "years"], 1500, 2200),
    (&["month", "mo", "mon", "mnth", "mth", "mm", "months"], 1, 12),
    (&["day", "dd", "dy", "mday", "dayofmonth", "days"], 1, 31),
    (&["hour", "hr", "hh", "hours", "hourofday"], 0, 24),
    (&["minute", "mi", "minutes"], 0, 59),
    (&["quarter", "qtr", "q"], 1, 4),
    (&["week", "wk", "weekofyear", "isoweek", "weeknumber"], 1, 53),
    (&["doy", "dayofyear", "yday", "julianday"], 1, 366),
];

/// The places in [`PARTS`] of a year, a month, a day and an hour.
const BY_PLACE: [usize; 4] = [0, 1, 2, 3];

/// A part of the time: its column and the numbers in it.
type Part = (usize, Vec<i64>);

/// Returns the time that a year makes with its parts in other columns, by their names. Without names, the first columns are
/// year, month, day and hour as far as they are needed to tell the rows apart.
pub(super) fn group(raw: &Raw) -> Result<Option<Joined>, Problem> {
    let parts = if raw.layout.format == "CSV" && raw.layout.header_rows == 0 {
        by_place(raw)
    } else {
        by_name(raw)
    };
    let Some((used, found)) = parts else { return Ok(None) };
    let columns: Vec<usize> = found.iter().map(|(column, _)| *column).collect();
    let format = used.iter().map(|part| PARTS[*part].0[0]).collect::<Vec<_>>().join(AND);
    let column = Column::collect(format, stamps(&used, &found), false);
    settled(raw, columns[columns.len().min(3) - 1], column).map(|column| Some((columns, column)))
}

/// Reads the stamps of parts; `used` are their places in [`PARTS`].
fn stamps<'a>(used: &'a [usize], found: &'a [Part]) -> impl Iterator<Item = Option<Stamp>> + 'a {
    let kind = if used.contains(&3) { Kind::Naive } else { Kind::Date };
    let rows = found.first().map_or(0, |(_, values)| values.len());
    (0..rows).map(move |row| {
        let mut parts = [None; 8];
        for (part, (_, values)) in used.iter().zip(found) {
            parts[*part] = Some(Some(values[row]).filter(|value| *value != MISSING)?);
        }
        Some(Stamp::new(moment(parts)?, kind))
    })
}

fn by_name(raw: &Raw) -> Option<(Vec<usize>, Vec<Part>)> {
    let mut found = PARTS.map(|(names, least, most)| {
        let named = |column: &RawColumn| names.contains(&compact(&column.name).as_str());
        let column = raw.columns.iter().position(named)?;
        Some((column, part(&raw.columns[column].cells, least, most)?))
    });
    if is_weekday(&found) {
        found[2] = None;
    }
    let has = |part: usize| found[part].is_some();
    let used: &[usize] = match (has(1), has(5), has(6), has(7)) {
        _ if !has(0) => return None,
        (true, ..) if has(2) && has(3) => &[0, 1, 2, 3, 4],
        (true, ..) => &[0, 1, 2],
        (_, true, ..) => &[0, 5],
        (_, _, true, _) => &[0, 6],
        (.., true) if has(3) => &[0, 7, 3, 4],
        (.., true) => &[0, 7],
        _ => return None,
    };
    let used: Vec<usize> = used.iter().copied().filter(|part| has(*part)).collect();
    let found = used.iter().filter_map(|part| found[*part].take()).collect();
    Some((used, found))
}

/// Returns whether what is called a day is one of the week: up to 7, and with it some rows still have one time.
fn is_weekday(found: &[Option<Part>; 8]) -> bool {
    const LAST: i64 = 7;
    let used: Vec<usize> = (0..5).filter(|part| found[*part].is_some()).collect();
    let parts: Vec<Part> = used.iter().filter_map(|part| found[*part].clone()).collect();
    found[2]
        .as_ref()
        .is_some_and(|(_, days)| days.iter().all(|day| *day <= LAST))
        && used.starts_with(&[0, 1])
        && repeats(&seconds(&used, &parts))
}

fn seconds(used: &[usize], parts: &[Part]) -> Vec<i64> {
    stamps(used, parts)
        .map(|stamp| stamp.map_or(MISSING, |stamp| stamp.seconds))
        .collect()
}

fn by_place(raw: &Raw) -> Option<(Vec<usize>, Vec<Part>)> {
    let (mut used, mut found) = (Vec::new(), Vec::new());
    for (place, (_, least, most)) in BY_PLACE.into_iter().map(|place| (place, PARTS[place])) {
        found.push((place, part(&raw.columns.get(place)?.cells, least, most)?));
        used.push(place);
        // A year alone is a time of its own.
        let alone = place == 0 && !repeats(&found[0].1);
        if alone || place > 0 && !repeats(&seconds(&used, &found)) {
            return (!alone).then_some((used, found));
        }
    }
    None
}

/// Returns the seconds of a time in parts: year, month, day, hour, minute, quarter, week, day of the year.
fn moment(parts: [Option<i64>; 8]) -> Option<i64> {
    let [year, month, day, hour, minute, quarter, week, of_year] = parts;
    let year = i16::try_from(year?).ok()?;
    let small = |number: i64| i8::try_from(number).ok();
    let day = match (month, quarter, week, of_year) {
        (Some(month), ..) => Date::new(year, small(month)?, small(day.unwrap_or(1))?).ok()?,
        (_, Some(quarter), ..) => Date::new(year, small(quarter * 3 - 2)?, 1).ok()?,
        (_, _, Some(week), _) => ISOWeekDate::new(year, small(week)?, Weekday::Monday).ok()?.date(),
        (.., days) => Date::new(year, 1, 1)
            .ok()?
            .with()
            .day_of_year(i16::try_from(days?).ok()?)
            .build()
            .ok()?,
    };
    Some(midnight(day) + hour.unwrap_or(0) * 3600 + minute.unwrap_or(0) * 60)
}

/// Reads the numbers of a part of the time. `None` if one is out of bounds or most cells have none.
fn part(cells: &Cells, least: i64, most: i64) -> Option<Vec<i64>> {
    let values: Vec<i64> = match cells {
        Cells::Numbers(numbers) => numbers.iter().map(|number| whole(*number)).collect(),
        Cells::Text(text) => text.iter().map(|cell| cell.map_or(MISSING, part_of_text)).collect(),
        Cells::Stamps(_) | Cells::Other { .. } => return None,
    };
    let mut present = 0;
    for value in values.iter().filter(|value| **value != MISSING) {
        if !(least..=most).contains(value) {
            return None;
        }
        present += 1;
    }
    (present * 2 > values.len()).then_some(values)
}

/// Reads `3`, `Q3`, `M03`, `March` or `Mar`.
fn part_of_text(text: &str) -> i64 {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let text = text.trim().to_ascii_lowercase();
    let number = text.strip_prefix(['q', 'm', 'w']).unwrap_or(&text);
    let month = || {
        MONTHS
            .iter()
            .zip(1..)
            .find(|(name, _)| **name == text || name[..3] == text)
    };
    let number = number
        .parse()
        .ok()
        .map(whole)
        .or_else(|| month().map(|(_, number)| number));
    number.unwrap_or(MISSING)
}

fn whole(number: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
    if number.fract() == 0.0 && number.abs() < 1e6 {
        number as i64
    } else {
        MISSING
    }
}

/// Returns the time that dates make with the times of the day in another column, if there is one.
pub(super) fn with_clock(raw: &Raw, dates: usize, column: Column) -> Result<(Joined, Option<String>), Problem> {
    let alone = |column| Ok(((vec![dates], column), None));
    if !column.is_dates() || !column.has_days() {
        return alone(column);
    }
    let repeated = repeats(&column.seconds);
    for (index, other) in raw.columns.iter().enumerate() {
        let named = words(&other.name).iter().any(|word| {
            matches!(
                word.as_str(),
                "time" | "clock" | "hour" | "hr" | "he" | "hh" | "hours" | "tod"
            )
        });
        if index == dates || !(named || repeated) {
            continue;
        }
        let Some((format, clock)) = clock(&other.cells, named && repeated) else {
            continue;
        };
        let both = column.seconds.iter().zip(&clock);
        let stamps = both.map(|(day, clock)| {
            let stamp = Stamp::new(day.saturating_add(*clock), Kind::Naive);
            (*day != MISSING && *clock != MISSING).then_some(stamp)
        });
        let joined = Column::collect(format!("{}{AND}{format}", column.format), stamps, false);
        if let Some(row) = joined.wrong() {
            if named && repeated {
                return Err(wrong_clock(raw, index, row, &format));
            }
            continue;
        }
        let ending = format == HOUR && clock.contains(&(24 * 3600)) && !clock.contains(&0);
        let notice = format!(
            "hours of `{}` count from 1 to 24, so hour 24 is read as midnight of the next day",
            other.name
        );
        return Ok(((vec![dates, index], joined), ending.then_some(notice)));
    }
    alone(column)
}

const HOUR: &str = "%H";

/// Reads the times of the day of a column as seconds from midnight, if it begins with one. Whole hours only if `hours`.
fn clock(cells: &Cells, hours: bool) -> Option<(String, Vec<i64>)> {
    match cells {
        Cells::Text(text) => {
            let first = cells.text(cells.first_row()?);
            let read = |format: &str| {
                text.iter()
                    .map(|cell| {
                        cell.and_then(|cell| candidates::read_clock(format, cell))
                            .unwrap_or(MISSING)
                    })
                    .collect()
            };
            let format =
                candidates::of_clock(&first).find(|format| hours || format.len() > 2 && format.contains("%M"))?;
            let shorter = format.trim_end_matches("%.f");
            let format = if candidates::read_clock(shorter, &first).is_some() {
                shorter
            } else {
                format
            };
            Some((format.to_owned(), read(format)))
        }
        Cells::Numbers(numbers) if hours => {
            let numbers: Vec<i64> = numbers.iter().map(|number| whole(*number)).collect();
            let most = numbers.iter().copied().max()?;
            let valid = |number: &i64| *number == MISSING || (0..=2400).contains(number) && number % 100 < 60;
            let (format, seconds): (_, fn(i64) -> i64) = match most {
                0..=24 => (HOUR, |hour| hour * 3600),
                _ if numbers.iter().all(valid) => ("%H%M", |number| number / 100 * 3600 + number % 100 * 60),
                _ => return None,
            };
            if numbers.iter().any(|number| *number != MISSING && *number < 0) {
                return None;
            }
            let read = |number| if number == MISSING { MISSING } else { seconds(number) };
            Some((format.to_owned(), numbers.into_iter().map(read).collect()))
        }
        _ => None,
    }
}

/// Returns whether a time stands in more than one row.
pub(super) fn repeats(seconds: &[i64]) -> bool {
    let mut present: Vec<_> = seconds.iter().filter(|second| **second != MISSING).collect();
    present.sort_unstable();
    present.windows(2).any(|pair| pair[0] == pair[1])
}
