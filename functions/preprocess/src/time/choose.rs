//! Chooses the format that all cells of a column have.

use contract::spec::{Choice, DataSection};
use polars::prelude::StringChunked;

use super::{
    candidates,
    column::{Column, MISSING, TYPED},
    format::Format,
    iso::Day,
    names::{self, Trust},
    problems::{settled, unreadable, wrong},
    regular::{regularity, share_of_sessions},
};
use crate::{
    raw::{Cells, Raw},
    refusal::Problem,
};

/// What stands between the ends of an interval.
const INTERVALS: [&str; 4] = [" - ", " – ", " to ", "/"];

/// The share of a grid that must have rows for a guess to be good.
const REGULAR: f64 = 0.5;

/// The ways in which a column can be read.
#[derive(Debug)]
pub(super) struct Readings {
    /// The likeliest one.
    pub(super) best: Column,
    /// Another one that is about as likely.
    pub(super) rival: Option<Column>,
}

impl Readings {
    fn one(best: Column) -> Self {
        Self { best, rival: None }
    }
}

/// Reads a column, if its cells are times. What is a time but cannot be read is a problem.
pub(super) fn understand(
    raw: &Raw,
    column: usize,
    data: &DataSection,
    trust: Trust,
) -> Result<Option<Readings>, Problem> {
    let cells = &raw.columns[column].cells;
    let Some(first) = cells.first_row() else {
        return Ok(None);
    };
    match (cells, &data.time_format) {
        (Cells::Stamps(stamps), _) => {
            let mut read = Column::read(cells, &Format::Iso);
            TYPED.clone_into(&mut read.format);
            read.finer = stamps.finer;
            settled(raw, column, read).map(Readings::one).map(Some)
        }
        (_, Choice::Given(format)) => {
            let read = Column::read(cells, &Format::from(format.as_str()));
            // Every number is an epoch.
            let is_number = trust == Trust::None && matches!(cells, Cells::Numbers(_));
            let unlikely = is_number && !read.is_plausible(&raw.columns[column].name, Trust::Weak);
            if read.seconds[first] == MISSING || unlikely {
                return Ok(None);
            }
            settled(raw, column, read).map(Readings::one).map(Some)
        }
        (Cells::Text(text), Choice::Auto) => texts(raw, column, text, &cells.text(first), trust),
        (_, Choice::Auto) => numbers(raw, column, cells, trust),
    }
}

/// Reads texts as times in the formats that the first of them could have.
fn texts(
    raw: &Raw,
    column: usize,
    text: &StringChunked,
    first: &str,
    trust: Trust,
) -> Result<Option<Readings>, Problem> {
    if let Some((starts, from)) = starts(text, first) {
        let mut read = texts(raw, column, &starts, &from, trust)?;
        for read in read
            .iter_mut()
            .flat_map(|read| read.rival.iter_mut().chain([&mut read.best]))
        {
            read.interval = true;
        }
        return Ok(read);
    }
    let formats = candidates::of(first);
    if formats.is_empty() {
        return numbers(raw, column, &as_numbers(text), trust);
    }
    let sure = trust > Trust::None || candidates::is_unmistakable(first);
    if !sure && column > 0 {
        return Ok(None);
    }
    let cells = Cells::Text(text.clone());
    let all = |formats: Vec<Format>| -> Vec<Column> {
        let formats = likely(text, formats);
        formats.iter().map(|format| Column::read(&cells, format)).collect()
    };
    let only_iso = formats == [Format::Iso];
    let mut read = all(formats);
    // The hour of another row may have one digit.
    if only_iso && read.iter().all(|read| read.wrong().is_some()) {
        read.extend(all(candidates::written(first)));
    }
    read.retain(|read| sure || read.wrong().is_none() && score(read) >= REGULAR);
    if read.is_empty() {
        return Ok(None);
    }
    let mut read = chosen(raw, column, read)?;
    for read in read
        .rival
        .iter_mut()
        .chain([&mut read.best])
        .filter(|read| read.finer == 0)
    {
        read.format = without_fraction(std::mem::take(&mut read.format), first);
    }
    Ok(Some(read))
}

/// Returns the beginnings of intervals, such as `01.01.2024 00:00 - 01.01.2024 01:00`, and the first of them.
fn starts(text: &StringChunked, first: &str) -> Option<(StringChunked, String)> {
    let is_time = |text: &str| !candidates::of(text).is_empty();
    let separator = INTERVALS.into_iter().find(|separator| {
        let halves = first.split_once(*separator);
        halves.is_some_and(|(from, to)| is_time(from) && is_time(to))
    })?;
    let start = |cell: &str| {
        cell.split_once(separator)
            .map_or(cell, |(from, _)| from.trim())
            .to_owned()
    };
    let starts = text.iter().map(|cell| cell.map(start)).collect();
    Some((starts, start(first)))
}

/// Returns a format without the fraction of a second that a text does not have.
fn without_fraction(format: String, text: &str) -> String {
    let shorter = format.replace("%.f", "");
    let fits = Format::Text(shorter.clone()).read(text, &mut Day::default()).is_some();
    if fits { shorter } else { format }
}

/// Returns the formats that most cells of a sample have.
fn likely(text: &StringChunked, formats: Vec<Format>) -> Vec<Format> {
    const SAMPLE: usize = 500;
    if formats.len() < 2 {
        return formats;
    }
    let fits = |format: &Format| {
        let rows = (0..text.len()).step_by(text.len() / SAMPLE + 1);
        let mut day = Day::default();
        rows.filter(|row| text.get(*row).is_some_and(|cell| format.read(cell, &mut day).is_some()))
            .count()
    };
    let counts: Vec<_> = formats.iter().map(fits).collect();
    let most = counts.iter().copied().max().unwrap_or_default();
    let all = formats.into_iter().zip(counts);
    all.filter(|(_, count)| *count == most)
        .map(|(format, _)| format)
        .collect()
}

/// Returns a column of numbers that is text because some cells, such as the last one, are no numbers.
fn as_numbers(text: &StringChunked) -> Cells {
    let number = |cell: Option<&str>| cell.and_then(|cell| cell.trim().parse().ok()).unwrap_or(f64::NAN);
    Cells::Numbers(text.iter().map(number).collect())
}

/// Reads numbers as times, if they are likely times and not a measurement.
fn numbers(raw: &Raw, column: usize, cells: &Cells, trust: Trust) -> Result<Option<Readings>, Problem> {
    if trust == Trust::None && column > 0 {
        return Ok(None);
    }
    let first = cells.first_row().unwrap_or_default();
    let number = cells.text(first).parse().unwrap_or(f64::NAN);
    let formats = Format::of_numbers().filter(|format| format.read_number(number).is_some());
    // A column that is no time by its name is read as a whole only if a sample of it could be one.
    let formats = formats.filter(|format| trust == Trust::Named || sample_is_likely(cells, format));
    let read = formats.map(|format| Column::read(cells, &format));
    let name = &raw.columns[column].name;
    let (good, mut bad): (Vec<_>, Vec<_>) =
        read.partition(|read| read.wrong().is_none() && read.is_plausible(name, trust));
    if !good.is_empty() {
        return chosen(raw, column, good).map(Some);
    }
    // Epochs in two units, or a day that does not exist.
    bad.retain_mut(|read| {
        let era = era(&read.format);
        for second in read.seconds.iter_mut().filter(|second| !era.contains(second)) {
            *second = MISSING;
        }
        let long = read.format.starts_with("epoch") || read.format.starts_with("%Y%m");
        long && read.seconds[first] != MISSING && read.present().count() * 2 >= read.seconds.len()
    });
    let bad = bad.into_iter().find(|_| trust == Trust::Named);
    let at = bad.and_then(|read| Some((read.seconds.iter().position(|second| *second == MISSING)?, read)));
    match at {
        Some((row, read)) => Err(wrong(raw, column, &read, row)),
        None => Ok(None),
    }
}

/// Returns whether some of the numbers are all likely times.
fn sample_is_likely(cells: &Cells, format: &Format) -> bool {
    const SAMPLE: usize = 500;
    let Cells::Numbers(numbers) = cells else { return true };
    let era = era(&format.to_string());
    let sample = numbers
        .iter()
        .step_by(numbers.len() / SAMPLE + 1)
        .filter(|number| !number.is_nan());
    let time = |number: &f64| {
        format
            .read_number(*number)
            .is_some_and(|stamp| era.contains(&stamp.seconds))
    };
    sample.clone().filter(|number| time(number)).count() * 10 >= sample.count() * 9
}

/// Returns the one of several readings that is right, and another one if it is as likely.
fn chosen(raw: &Raw, column: usize, read: Vec<Column>) -> Result<Readings, Problem> {
    let (good, bad): (Vec<_>, Vec<_>) = read.into_iter().partition(|read| read.wrong().is_none());
    if good.is_empty() {
        let best = bad.into_iter().max_by_key(|read| read.present().count());
        return match best {
            Some(best) => settled(raw, column, best).map(Readings::one),
            None => Err(unreadable(raw, column, 0)),
        };
    }
    let mut scored: Vec<(f64, Column)> = Vec::new();
    for read in good {
        if scored.iter().all(|(_, other)| other.seconds != read.seconds) {
            scored.push((score(&read), read));
        }
    }
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut scored = scored.into_iter();
    let (Some((likely, best)), second) = (scored.next(), scored.next()) else {
        return Err(unreadable(raw, column, 0));
    };
    let rival = second
        .filter(|(score, _)| is_as_likely(*score, likely))
        .map(|(_, read)| read);
    // Nobody who writes points puts the month first.
    let (best, rival) = match rival {
        Some(rival) if rival.format.starts_with("%d.%m") => (rival, None),
        Some(_) if best.format.starts_with("%d.%m") => (best, None),
        rival => (best, rival),
    };
    let best = settled(raw, column, best)?;
    Ok(Readings { best, rival })
}

/// Returns whether a reading is about as likely as the likeliest one, by their scores.
pub(super) fn is_as_likely(score: f64, likely: f64) -> bool {
    score > likely / 3.0
}

/// Returns how likely a reading is: the share of its grid that has rows, and less if the times go to and fro.
pub(super) fn score(read: &Column) -> f64 {
    let times: Vec<_> = read.present().collect();
    let monotone = times.is_sorted() || times.is_sorted_by(|a, b| a >= b);
    regularity(times.into_iter()) * if monotone { 1.0 } else { 0.1 }
}

/// Returns the seconds in which numbers in a format are likely times and not measurements.
fn era(format: &str) -> std::ops::RangeInclusive<i64> {
    const YEAR: i64 = 31_556_952;
    match format {
        format if format.starts_with("epoch") => 10 * YEAR..=130 * YEAR,
        "excel" => -16 * YEAR..=95 * YEAR,
        _ => -470 * YEAR..=230 * YEAR,
    }
}

impl Column {
    /// Returns whether numbers are likely these times and not a measurement.
    fn is_plausible(&self, name: &str, trust: Trust) -> bool {
        let era = era(&self.format);
        let enough = match self.format.as_str() {
            "%Y%m%d" | "%Y%m%d%H%M%S" if trust == Trust::Named => true,
            format if format.starts_with("epoch") && trust == Trust::Named => true,
            // 44197, 44198 are as well the numbers of items.
            "excel" => trust == Trust::Named && regularity(self.present()) >= REGULAR,
            // 1950, 1951 can be measured, but hardly as a year or one after the other.
            "%Y" if trust == Trust::None => {
                let score = score(self);
                score >= REGULAR && (names::is_unnamed(name) || score > 0.9 && self.present().count() >= 10)
            }
            // Numbers of orders can be as large, and follow one another.
            format if format.starts_with("epoch") && trust == Trust::None && !names::is_unnamed(name) => false,
            "decimal year" | "%m.%Y" | "%Y.%m" if trust == Trust::None => false,
            "%Y" | "decimal year" | "%m.%Y" | "%Y.%m" if trust < Trust::Named && !names::is_year(name) => {
                score(self) >= REGULAR
            }
            _ => regularity(self.present()).max(share_of_sessions(self.present())) >= REGULAR,
        };
        enough && self.present().all(|second| era.contains(&second))
    }
}
