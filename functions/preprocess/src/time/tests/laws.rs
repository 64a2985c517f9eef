//! What holds for all columns.

use jiff::{ToSpan, civil::date, fmt::strtime};
use proptest::prelude::*;

use super::*;

/// Formats of a date with the clock that may follow it.
const DATES: [&str; 18] = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%-m/%-d/%Y",
    "%-d.%-m.%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%B %d, %Y",
    "%d %B %Y",
    "%a, %d %b %Y",
    "%d%b%Y",
    "%Y%m%d",
    "%Y-%b-%d",
];
const CLOCKS: [&str; 8] = [
    "",
    " %H:%M",
    " %H:%M:%S",
    " %-H:%M",
    " %I:%M %p",
    " %I:%M:%S %p",
    "T%H%M",
    " %H:%M:%S.250",
];
const MONTHS: [&str; 10] = [
    "%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%y", "%Y %b", "%YM%m", "%Y%m", "%Y-%b",
];

/// Returns the times of a series that begins somewhere, with a name for a column and a format that shows all of them.
fn series_of() -> impl Strategy<Value = (String, Vec<jiff::civil::DateTime>)> {
    let start = (1971_i16..2060, 1_i8..=12, 1_i8..=28, 0_i8..24);
    let daily = (0..DATES.len(), prop::sample::select(vec![1_i64, 7]), 20_usize..120);
    let hourly = (
        0..DATES.len(),
        1..CLOCKS.len(),
        prop::sample::select(vec![5_i64, 15, 30, 60]),
        20_usize..400,
    );
    let monthly = (0..MONTHS.len(), 15_usize..100);
    let days = (start.clone(), daily).prop_map(|((y, m, d, _), (format, step, rows))| {
        let times = (0..rows).map(|row| date(y, m, d).at(0, 0, 0, 0) + (step * i64::try_from(row).unwrap()).days());
        (DATES[format].to_owned(), times.collect())
    });
    let minutes = (start.clone(), hourly).prop_map(|((y, m, d, h), (format, clock, step, rows))| {
        let times = (0..rows).map(|row| date(y, m, d).at(h, 0, 0, 0) + (step * i64::try_from(row).unwrap()).minutes());
        (format!("{}{}", DATES[format], CLOCKS[clock]), times.collect())
    });
    let months = (start, monthly).prop_map(|((y, m, ..), (format, rows))| {
        let times = (0..rows).map(|row| date(y, m, 1).at(0, 0, 0, 0) + i64::try_from(row).unwrap().months());
        (MONTHS[format].to_owned(), times.collect())
    });
    prop_oneof![days, minutes, months]
}

proptest! {
    #[test]
    fn a_regular_series_comes_back_or_is_refused_as_ambiguous((format, times) in series_of(), newest_first: bool) {
        let mut times = times;
        if newest_first {
            times.reverse();
        }
        let texts: Vec<String> = times.iter().map(|time| strtime::format(&format, *time).unwrap()).collect();
        let epoch = date(1970, 1, 1).at(0, 0, 0, 0);
        let expected: Vec<i64> = times.iter().map(|time| time.duration_since(epoch).as_secs()).collect();
        let raw = table(vec![("date", texts.clone()), ("y", vec!["1.5".to_owned(); texts.len()])]);
        match read(&raw, &data("")) {
            Ok(read) => {
                prop_assert!(!read.steps);
                prop_assert!(read.seconds == expected, "{format}: {:?} read as {:?}", &texts[..2], read.reading);
            }
            Err(refusal) => prop_assert!(refusal.to_string().contains("both fit all rows"), "{format}: {refusal}"),
        }
    }

    #[test]
    fn no_text_panics(texts in prop::collection::vec("[0-9QWMTZ:/. +-]{0,14}|\\PC{0,20}", 1..20), name in "date|t|year|\\PC{0,8}") {
        let raw = table(vec![(name.as_str(), texts.clone()), ("time", texts)]);
        let _ = read(&raw, &data(""));
    }

    #[test]
    fn no_number_panics(numbers in prop::collection::vec(any::<f64>(), 1..20), format in 0..8_usize) {
        let formats = ["auto", "epoch-s", "epoch-ns", "excel", "step", "%Y", "%d%m%Y", "%s"];
        let texts: Vec<String> = numbers.iter().map(f64::to_string).collect();
        let raw = table(vec![("date", texts.clone()), ("hour", texts.clone()), ("year", texts.clone()), ("month", texts)]);
        let _ = read(&raw, &data(&format!("time_format = \"{}\"", formats[format])));
    }
}
