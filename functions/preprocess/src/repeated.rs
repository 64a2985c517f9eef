//! Sorts the rows of a file by time, and decides what repeated times mean: equal rows, corrections, or several series.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use contract::Report;

use crate::{
    number::Numbers,
    raw::{Cells, Raw},
    refusal::{Problem, Refusal},
    time::Times,
};

/// With more rows than one, or one in this many, that share a time with another one and differ from it, nobody knows which
/// counts.
const FEW: usize = 10;

/// One series of a long table has at least this many rows on average.
const ROWS_OF_A_SERIES: usize = 3;

/// How many columns are tried as a pair that tells series apart.
const TRIED: usize = 6;

/// Returns the rows in the order of their times. Of rows with one time the last one in the file counts.
///
/// # Errors
/// When a column tells the rows of one time apart, because they are several series, or too many times are repeated.
pub(crate) fn sort(
    raw: &Raw,
    times: &Times,
    columns: &[Option<&Numbers>],
    report: &mut Report,
) -> Result<Vec<usize>, Refusal> {
    let seconds = &times.seconds;
    let mut latest = i64::MIN;
    for &time in seconds {
        report.out_of_order += usize::from(time < latest);
        latest = latest.max(time);
    }
    let mut rows: Vec<usize> = (0..seconds.len()).collect();
    if seconds.is_sorted_by(|earlier, later| earlier < later) {
        return Ok(rows);
    }
    rows.sort_by_key(|&row| seconds[row]);
    let repeated = |pair: &&[usize]| seconds[pair[0]] == seconds[pair[1]];
    let pairs: Vec<&[usize]> = rows.windows(2).filter(repeated).collect();
    let equal = pairs
        .iter()
        .filter(|pair| are_equal(raw, columns, pair[0], pair[1]))
        .count();
    let others = pairs.len() - equal;
    if others > 0 {
        let example = pairs.iter().find(|pair| !are_equal(raw, columns, pair[0], pair[1]));
        let Some(&[first, second]) = example.copied() else {
            return Ok(rows);
        };
        if let Some((names, series)) = telling_apart(raw, columns, &rows, times, others) {
            return Err(several_series(raw, times, second, &names, series).into());
        }
        if others > (rows.len() / FEW).max(1) {
            return Err(unexplained(raw, times, (first, second), others).into());
        }
    }
    report.duplicates += pairs.len();
    report.equal_rows += equal;
    // The sort is stable, so the last of equal times is the last in the file.
    rows.reverse();
    rows.dedup_by_key(|row| seconds[*row]);
    rows.reverse();
    Ok(rows)
}

fn are_equal(raw: &Raw, columns: &[Option<&Numbers>], first: usize, second: usize) -> bool {
    raw.columns.iter().zip(columns).all(|(column, numbers)| {
        let numbers = numbers.filter(|numbers| numbers.text.is_none());
        match (numbers, &column.cells) {
            (Some(numbers), _) => numbers.values[first].to_bits() == numbers.values[second].to_bits(),
            (None, Cells::Text(text)) => text.get(first) == text.get(second),
            (None, _) => true,
        }
    })
}

/// Returns the column, or two, whose values tell the rows of one time apart, and how many series they name.
fn telling_apart(
    raw: &Raw,
    columns: &[Option<&Numbers>],
    rows: &[usize],
    times: &Times,
    repeated: usize,
) -> Option<(Vec<String>, usize)> {
    let hasher = RandomState::new();
    let keys = |column: usize| -> Option<Vec<u64>> {
        match (&columns[column], &raw.columns[column].cells) {
            (Some(numbers), _) if numbers.text.is_none() && numbers.values.iter().all(|value| value.fract() == 0.0) => {
                Some(numbers.values.iter().map(|value| value.to_bits()).collect())
            }
            (Some(_), Cells::Text(text)) => {
                let keys = text.iter().take(times.seconds.len());
                Some(
                    keys.map(|cell| hasher.hash_one(cell.unwrap_or_default().trim()))
                        .collect(),
                )
            }
            _ => None,
        }
    };
    let explains = |keys: &[u64]| {
        let series = keys.iter().collect::<HashSet<_>>().len();
        let few = (2..=rows.len() / ROWS_OF_A_SERIES).contains(&series);
        let apart = || {
            rows.iter()
                .map(|&row| (times.seconds[row], keys[row]))
                .collect::<HashSet<_>>()
                .len()
        };
        // Some rows may be there twice in a long table too.
        (few && (rows.len() - apart()) * FEW <= repeated).then_some(series)
    };
    let is_text = |column: &usize| matches!(raw.columns[*column].cells, Cells::Text(_));
    let (text, numbers): (Vec<usize>, Vec<usize>) = (0..raw.columns.len()).partition(is_text);
    let candidates: Vec<(usize, Vec<u64>)> = text
        .into_iter()
        .chain(numbers)
        .filter_map(|column| Some((column, keys(column)?)))
        .collect();
    let name = |column: usize| raw.columns[column].name.clone();
    for (column, keys) in &candidates {
        if let Some(series) = explains(keys) {
            return Some((vec![name(*column)], series));
        }
    }
    let tried = &candidates[..candidates.len().min(TRIED)];
    for (at, (first, first_keys)) in tried.iter().enumerate() {
        for (second, second_keys) in &tried[at + 1..] {
            let both: Vec<u64> = first_keys
                .iter()
                .zip(second_keys)
                .map(|pair| hasher.hash_one(pair))
                .collect();
            if let Some(series) = explains(&both) {
                return Some((vec![name(*first), name(*second)], series));
            }
        }
    }
    None
}

fn several_series(raw: &Raw, times: &Times, row: usize, names: &[String], series: usize) -> Problem {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    let which = quoted.join(" and ");
    let tell = if names.len() > 1 { "tell" } else { "tells" };
    let line = raw.line(row);
    let message = format!(
        "{}, row {line}: the time `{}` was there before; {which} {tell} {series} series apart, and long tables are not \
         supported yet: upload one file per series",
        raw.file,
        time_text(raw, times, row)
    );
    Problem::new(message)
        .row(line)
        .column(names.join(" and "))
        .value(format!("{series} series"))
        .bound("one series per file")
}

fn unexplained(raw: &Raw, times: &Times, (first, second): (usize, usize), others: usize) -> Problem {
    let (line, rows) = (raw.line(second), times.seconds.len());
    let time = time_text(raw, times, second);
    let message = format!(
        "{}, row {line}: the time `{time}` stands in row {} too, with other values; so do {others} of {rows} rows, and no \
         column tells them apart: keep one row per time",
        raw.file,
        raw.line(first)
    );
    let column = times.columns.first().map(|&column| raw.columns[column].name.clone());
    Problem::new(message)
        .row(line)
        .column(column.unwrap_or_default())
        .value(time)
        .bound(format!("at most 1 in {FEW} rows with a repeated time"))
}

fn time_text(raw: &Raw, times: &Times, row: usize) -> String {
    let cells: Vec<_> = times
        .columns
        .iter()
        .map(|&column| raw.cell(column, row).value)
        .collect();
    cells.join(" ")
}
