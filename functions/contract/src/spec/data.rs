//! Reads `[data]`: what the columns mean.

use std::collections::HashSet;

use series::Frequency;
use toml::Value;

use super::{
    node::{Fields, Leaf},
    problem::Problems,
    read::Section,
    resolved::{Choice, DataSection, Decimal, Mode},
};
use crate::{NameError, name::check_column};

/// The most columns that one setting names: as many as a file may have.
const MAX_COLUMNS: usize = 2_000;

pub(super) fn read(fields: &mut Fields, problems: &mut Problems) -> DataSection {
    let mut section = Section::open(fields, "data", problems);
    let targets_leaf = section.peek("targets");
    let data = DataSection {
        time: time(&mut section),
        targets: targets(&mut section),
        past: columns(&mut section, "past")
            .map(|(_, columns)| columns)
            .unwrap_or_default(),
        known: not_built_list(&mut section, "known"),
        fixed: not_built_list(&mut section, "static"),
        series_id: series_id(&mut section),
        frequency: frequency(&mut section),
        time_zone: time_zone(&mut section),
        time_format: time_format(&mut section),
        skip_rows: skip_rows(&mut section),
        header: header(&mut section),
        decimal: section.word(
            "decimal",
            &[
                ("auto", Choice::Auto),
                (".", Choice::Given(Decimal::Point)),
                (",", Choice::Given(Decimal::Comma)),
            ],
            &[],
            Choice::Auto,
        ),
        missing: missing(&mut section),
        exclude: columns(&mut section, "exclude")
            .map(|(_, columns)| columns)
            .unwrap_or_default(),
        parts: parts(&mut section),
        mode: section.word("mode", &[("replace", Mode::Replace)], &["append"], Mode::Replace),
    };
    if let Some(leaf) = targets_leaf {
        refuse_shared_columns(&mut section, &leaf, &data);
    }
    section.close();
    data
}

fn time(section: &mut Section<'_>) -> Choice<String> {
    let leaf = section.peek("time");
    let column = section.text("time", "auto");
    if let (Some(leaf), Err(error)) = (leaf, check_column(&column)) {
        section.wrong("time", &leaf, &name_bound(&error));
    }
    if column == "auto" {
        Choice::Auto
    } else {
        Choice::Given(column)
    }
}

/// Reads a list of columns, each named once. A list that is too long is read as if it were missing.
fn columns(section: &mut Section<'_>, key: &'static str) -> Option<(Leaf, Vec<String>)> {
    let (leaf, columns) = section.texts(key)?;
    if columns.len() > MAX_COLUMNS {
        let have = columns.len();
        section.wrong(
            key,
            &leaf,
            &format!("a list of at most {MAX_COLUMNS} columns, this one has {have}"),
        );
        return None;
    }
    if let Some(error) = columns.iter().find_map(|column| check_column(column).err()) {
        section.wrong(key, &leaf, &name_bound(&error));
    }
    let mut names = HashSet::new();
    if !columns.iter().all(|column| names.insert(column.as_str())) {
        section.wrong(key, &leaf, "a list that names each column once");
    }
    Some((leaf, columns))
}

fn name_bound(error: &NameError) -> String {
    format!("made of names that can be columns: {error}")
}

fn targets(section: &mut Section<'_>) -> Choice<Vec<String>> {
    let Some((leaf, columns)) = columns(section, "targets") else {
        return Choice::Auto;
    };
    if columns.is_empty() || columns.iter().any(String::is_empty) {
        section.wrong("targets", &leaf, "`auto` or a list of at least one column");
    }
    if columns == ["auto"] {
        Choice::Auto
    } else {
        Choice::Given(columns)
    }
}

/// Reads a list that must be empty in this version.
fn not_built_list(section: &mut Section<'_>, key: &'static str) -> Vec<String> {
    if let Some((leaf, columns)) = section.texts(key)
        && !columns.is_empty()
    {
        section.not_yet(key, &leaf, "[]");
    }
    Vec::new()
}

fn series_id(section: &mut Section<'_>) -> String {
    if let Some(leaf) = section.leaf("series_id")
        && leaf.as_text().as_deref() != Some("")
    {
        section.not_yet("series_id", &leaf, "\"\"");
    }
    String::new()
}

fn frequency(section: &mut Section<'_>) -> Choice<Frequency> {
    let Some(leaf) = section.leaf("frequency") else {
        return Choice::Auto;
    };
    let text = leaf.as_text().unwrap_or_default();
    if text == "auto" {
        return Choice::Auto;
    }
    text.parse().map_or_else(
        |_| {
            section.wrong(
                "frequency",
                &leaf,
                "`auto`, a number with a unit such as 90s, 2m, 1h, 1d, 1w, 1mo, 1mo-end or 1y, or one of 1 business day, \
                 1 day on mon-sat, 30m in sessions 09:30-15:30 mon-fri and 1 dekad, with other days and hours too",
            );
            Choice::Auto
        },
        Choice::Given,
    )
}

fn time_zone(section: &mut Section<'_>) -> String {
    let Some(leaf) = section.leaf("time_zone") else {
        return "UTC".to_owned();
    };
    let name = leaf.as_text().unwrap_or_default();
    // The table comes with the code, so every host and every test agrees on what a zone means.
    if jiff::tz::TimeZoneDatabase::bundled().get(&name).is_err() {
        section.wrong("time_zone", &leaf, "an IANA time zone such as UTC or Europe/Madrid");
    }
    name
}

/// The words that `data.time_format` takes beside formats: how a bare number is a time.
const NUMBERS_AS_TIMES: [&str; 6] = ["epoch-s", "epoch-ms", "epoch-us", "epoch-ns", "excel", "step"];

fn time_format(section: &mut Section<'_>) -> Choice<String> {
    let Some(leaf) = section.leaf("time_format") else {
        return Choice::Auto;
    };
    let text = leaf.as_text().unwrap_or_default();
    if text == "auto" {
        return Choice::Auto;
    }
    let moment = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
    let is_format = || text.contains('%') && jiff::fmt::strtime::format(&text, &moment).is_ok();
    if NUMBERS_AS_TIMES.contains(&text.as_str()) || is_format() {
        return Choice::Given(text);
    }
    let bound = format!(
        "`auto`, a format such as %d/%m/%Y %H:%M, or one of {}",
        NUMBERS_AS_TIMES.join(", ")
    );
    section.wrong("time_format", &leaf, &bound);
    Choice::Auto
}

fn skip_rows(section: &mut Section<'_>) -> Choice<usize> {
    const MOST: u64 = 10_000;
    let Some(leaf) = section.leaf("skip_rows") else {
        return Choice::Auto;
    };
    if leaf.as_str() == Some("auto") {
        return Choice::Auto;
    }
    let rows = leaf.as_whole().filter(|rows| *rows <= MOST);
    if let Some(rows) = rows.and_then(|rows| usize::try_from(rows).ok()) {
        return Choice::Given(rows);
    }
    let bound = format!("`auto` or a number of lines from 0 to {MOST}");
    section.wrong("skip_rows", &leaf, &bound);
    Choice::Auto
}

fn header(section: &mut Section<'_>) -> Choice<bool> {
    let Some(leaf) = section.leaf("header") else {
        return Choice::Auto;
    };
    match (leaf.as_str(), leaf.value.as_bool()) {
        (_, Some(header)) => Choice::Given(header),
        (Some("auto"), None) => Choice::Auto,
        _ => {
            section.wrong("header", &leaf, "`auto`, true or false");
            Choice::Auto
        }
    }
}

/// Reads the numbers that mean a missing value; a single number counts as a list of one.
fn missing(section: &mut Section<'_>) -> Vec<f64> {
    const MOST: usize = 100;
    let Some(leaf) = section.leaf("missing") else {
        return Vec::new();
    };
    let number = |value: &Value| match value {
        #[expect(clippy::cast_precision_loss, reason = "codes for a missing value are small")]
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number).filter(|number| number.is_finite()),
        _ => None,
    };
    let numbers = match &leaf.value {
        Value::Array(items) if items.len() <= MOST => items.iter().map(number).collect(),
        one => number(one).map(|one| vec![one]),
    };
    numbers.unwrap_or_else(|| {
        section.wrong("missing", &leaf, &format!("a list of at most {MOST} finite numbers"));
        Vec::new()
    })
}

fn parts(section: &mut Section<'_>) -> u32 {
    if let Some(leaf) = section.leaf("parts") {
        match leaf.as_whole() {
            Some(1) => {}
            Some(2..) => section.not_yet("parts", &leaf, "1"),
            _ => section.wrong("parts", &leaf, "1"),
        }
    }
    1
}

/// Refuses targets that have another role too.
fn refuse_shared_columns(section: &mut Section<'_>, leaf: &Leaf, data: &DataSection) {
    let others: HashSet<&String> = data.past.iter().chain(data.time.given()).collect();
    let targets = data.targets.given().map_or(&[][..], Vec::as_slice);
    if targets.iter().any(|target| others.contains(target)) {
        section.wrong(
            "targets",
            leaf,
            "columns that are neither `data.time` nor in `data.past`",
        );
    }
}
