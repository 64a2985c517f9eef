//! The formats that one text could have.

use std::sync::LazyLock;

use jiff::fmt::strtime::BrokenDownTime;

use super::{
    format::{Format, read_period},
    iso::Day,
    stamp::Kind,
};

/// Dates whose parts stand in this order, with one of `SIGNS` between them.
const SIGNED: [&str; 15] = [
    "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d/%b/%Y", "%d/%b/%y", "%b/%d/%Y",
    "%Y/%b/%d", "%b/%Y", "%Y/%b", "%b/%y", "%Y/%m", "%m/%Y",
];
const SIGNS: [&str; 4] = ["/", "-", ".", " "];

/// Other dates.
const WRITTEN: [&str; 9] = [
    "%b %d, %Y",
    "%b. %d, %Y",
    "%d %b, %Y",
    "%d. %b %Y",
    "%b, %Y",
    "%d%b%Y",
    "%d%b%y",
    "%b%Y",
    "%Y%b",
];

/// Before the date.
const WEEKDAYS: [&str; 5] = ["", "%a, ", "%A, ", "%a ", "%A "];
/// Between the date and the clock.
const JOINTS: [&str; 5] = [" ", "T", ", ", ":", "_"];
pub(super) const CLOCKS: [&str; 13] = [
    "%H:%M:%S%.f",
    "%H:%M:%S,%f",
    "%H:%M",
    "%I:%M:%S%.f %p",
    "%I:%M %p",
    "%I %p",
    "%H.%M.%S",
    "%H.%M",
    "%H%M%S",
    "%H%M",
    "%Hh%M",
    "%Hh",
    "%H",
];
/// After the clock.
const ZONES: [&str; 6] = ["", " UTC", " GMT", "Z", " %z", " %:z"];

/// A date that is a bare number if no clock follows.
const COMPACT: &str = "%Y%m%d";

/// All formats of dates.
static DATES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let signed = SIGNED
        .iter()
        .flat_map(|format| SIGNS.map(|sign| format.replace('/', sign)));
    // `Mar 19` is rather a day than a year.
    let signed = signed.filter(|format| format != "%b %y");
    let dates = signed.chain(WRITTEN.map(str::to_owned));
    let mut dates: Vec<String> = dates.collect();
    let full: Vec<_> = dates
        .iter()
        .filter(|format| format.contains("%b"))
        .map(|format| format.replace("%b", "%B"))
        .collect();
    dates.extend(full);
    dates.push(COMPACT.to_owned());
    dates
});

/// Returns the formats that a text can have. A bare number has none here.
pub(super) fn of(text: &str) -> Vec<Format> {
    const LONGEST: usize = 64;
    let text = text.trim();
    if text.len() < 5
        || text.len() > LONGEST
        || !text.bytes().any(|byte| byte.is_ascii_digit())
        || text.parse::<f64>().is_ok()
    {
        return Vec::new();
    }
    if Format::Iso.read(text, &mut Day::default()).is_some() {
        return vec![Format::Iso];
    }
    if let Some((part, _)) = read_period(text) {
        return vec![Format::Period(part)];
    }
    written(text)
}

/// Returns the texts of strftime that a text can have.
pub(super) fn written(text: &str) -> Vec<Format> {
    let text = text.trim();
    let mut formats = Vec::new();
    for weekday in WEEKDAYS {
        let Some(rest) = after(weekday, text) else { continue };
        for date in DATES.iter() {
            let Some(after_date) = after(date, rest).filter(|left| is_written(date, &rest[..rest.len() - left.len()]))
            else {
                continue;
            };
            formats.extend(with_clock(&format!("{weekday}{date}"), text, after_date));
        }
    }
    let formats = formats.into_iter().map(Format::Text);
    formats
        .filter(|format| format.read(text, &mut Day::default()).is_some())
        .collect()
}

/// Returns whether a text is a time, or has only the characters of one, such as a day that does not exist.
pub(super) fn is_like_a_time(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let only = || text.chars().all(|c| c.is_ascii_digit() || "-/.,:+TZ ".contains(c));
    // Such as `2005Q3 (p)`.
    let begins = text.trim().split(['(', '*', '[']).next().unwrap_or_default();
    !of(text).is_empty() || !of(begins).is_empty() || digits >= 6 && only()
}

/// Returns what follows after the part of a text that is written in a format.
fn after<'t>(format: &str, text: &'t str) -> Option<&'t str> {
    let (_, used) = BrokenDownTime::parse_prefix(format, text).ok()?;
    text.get(used..)
}

/// Checks what strftime lets differ: blanks that are not there, and years of one to three digits.
fn is_written(format: &str, text: &str) -> bool {
    let is_letter = |c: char| !c.is_ascii_digit();
    let first = text.split(is_letter).next().map_or(0, str::len);
    let last = text.rsplit(is_letter).next().map_or(0, str::len);
    if format == COMPACT {
        return first == 8;
    }
    let fits = |part: &str, digits: usize| match part {
        "%Y" => digits == 4,
        "%y" => digits == 2,
        _ => digits <= 2,
    };
    let blanks = |text: &str| text.split_whitespace().count();
    fits(&format[..2], first) && fits(&format[format.len() - 2..], last) && blanks(format) == blanks(text)
}

/// Returns the format of a date with the clock that follows it, if it is one.
fn with_clock(date: &str, text: &str, rest: &str) -> Option<String> {
    if rest.is_empty() {
        return (date != COMPACT).then(|| date.to_owned());
    }
    // The hour of a month says nothing, and digits that follow at once belong to the year.
    if !date.contains("%d") || rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let formats = JOINTS
        .iter()
        .flat_map(|joint| CLOCKS.map(|clock| format!("{date}{joint}{clock}")));
    let mut formats = formats.flat_map(|format| ZONES.map(|zone| format!("{format}{zone}")));
    formats.find(|format| Format::Text(format.clone()).read(text, &mut Day::default()).is_some())
}

/// Returns the formats that a time of the day can have.
pub(super) fn of_clock(text: &str) -> impl Iterator<Item = &'static str> {
    CLOCKS
        .into_iter()
        .filter(move |format| read_clock(format, text).is_some())
}

/// Reads a time of the day as seconds from midnight. 24:00 is the next midnight.
pub(super) fn read_clock(format: &str, text: &str) -> Option<i64> {
    let format = Format::Text(format!("%Y-%m-%d {format}"));
    let stamp = format.read(&format!("1970-01-01 {}", text.trim()), &mut Day::default())?;
    (stamp.kind == Kind::Naive).then_some(stamp.seconds)
}

/// Returns whether a text is a time and not a bare number, nor a text that could as well be something else.
pub(crate) fn is_unmistakable(text: &str) -> bool {
    let sure = |format: &Format| match format {
        // `01.02.13` can be the version of something, `05-12-34` a number of something.
        Format::Text(format) => {
            !format.contains("%y") || format.contains('/') || format.contains("%b") || format.contains("%H")
        }
        _ => true,
    };
    of(text).iter().any(sure)
}
