//! A forecast as CSV.

use std::borrow::Cow;

use contract::{ForecastDocument, text};

/// The ends of the interval that is written: 80 %.
pub const INTERVAL: [&str; 2] = ["0.1", "0.9"];

/// Writes a forecast as `time,{target},…` with the ends of the 80 % interval. Names are written unchanged if `faithful`,
/// else with control characters escaped.
///
/// # Errors
/// When the writer fails.
pub fn write_csv(document: &ForecastDocument, faithful: bool, out: impl std::io::Write) -> ::csv::Result<()> {
    let mut table = ::csv::Writer::from_writer(out);
    let columns = columns(document);
    table.write_field("time")?;
    for (name, _) in &columns {
        let name = if faithful { name.into() } else { text::plain(name) };
        table.write_field(cell(&name).as_bytes())?;
    }
    table.write_record(None::<&[u8]>)?;
    for (step, time) in document.times.iter().enumerate() {
        table.write_field(cell(time).as_bytes())?;
        for (_, values) in &columns {
            table.write_field(values.get(step).map_or(String::new(), f64::to_string))?;
        }
        table.write_record(None::<&[u8]>)?;
    }
    Ok(table.flush()?)
}

/// Returns a text as a cell that no spreadsheet takes for a formula: a text that begins like one gets an apostrophe in
/// front, which spreadsheets hide. Numbers are not passed through this function.
fn cell(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        return Cow::Owned(format!("'{text}"));
    }
    Cow::Borrowed(text)
}

/// Returns the columns of a forecast as a table: the means of all targets, then the ends of their 80 % intervals.
fn columns(document: &ForecastDocument) -> Vec<(String, &[f64])> {
    let mut columns = Vec::new();
    for (name, mean) in document.targets.iter().zip(&document.mean) {
        columns.push((name.clone(), mean.as_slice()));
    }
    for (target, name) in document.targets.iter().enumerate() {
        for level in INTERVAL {
            if let Some(values) = document.quantiles.get(level).and_then(|rows| rows.get(target)) {
                columns.push((format!("{name}_{level}"), values.as_slice()));
            }
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use contract::{Digest, ForecastKind, PartId};

    use super::*;

    fn forecast(names: &[&str]) -> ForecastDocument {
        ForecastDocument {
            kind: ForecastKind::Future,
            dataset: "cell".parse().unwrap(),
            part: PartId::WHOLE,
            member: "naive".to_owned().try_into().unwrap(),
            artifact: Digest::of(b"artifact"),
            generation: Some(1),
            clean: Digest::of(b"clean"),
            origin: 0,
            frequency: series::Frequency::Seconds(60),
            targets: names.iter().map(|name| (*name).to_owned()).collect(),
            times: vec!["1970-01-01T00:01:00Z".to_owned()],
            mean: vec![vec![-1.5]; names.len()],
            quantiles: BTreeMap::from([("0.1".to_owned(), vec![vec![-2e-7]; names.len()])]),
            calibrated: None,
            actual: None,
            steps: None,
            scored: None,
            extrapolates_from: None,
        }
    }

    fn written(names: &[&str], faithful: bool) -> String {
        let mut out = Vec::new();
        write_csv(&forecast(names), faithful, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_cell_of_a_csv_is_a_formula_and_numbers_stay_numbers() {
        let names = [
            "=cmd|' /C calc'!A0",
            "+1",
            "-1",
            "@sum",
            "\tx",
            "\rx",
            "a,\"b\"\nc",
            "down",
        ];
        let text = written(&names, true);
        let mut table = ::csv::Reader::from_reader(text.as_bytes());
        let header = table.headers().unwrap().clone();
        for name in &header {
            assert!(!name.starts_with(['=', '+', '-', '@', '\t', '\r']), "{name:?}");
        }
        assert_eq!(&header[1], "'=cmd|' /C calc'!A0");
        assert_eq!(
            (&header[7], &header[8], &header[9]),
            ("a,\"b\"\nc", "down", "'=cmd|' /C calc'!A0_0.1")
        );
        let row = table.records().next().unwrap().unwrap();
        assert_eq!((row[1].parse(), row[9].parse()), (Ok(-1.5), Ok(-2e-7)));
    }

    #[test]
    fn a_terminal_is_shown_names_that_command_nothing() {
        let text = written(&["a\u{1b}[31m\nb"], false);
        assert_eq!(text.lines().next(), Some("time,a\\u{1b}[31m\\nb,a\\u{1b}[31m\\nb_0.1"));
        assert!(
            written(&["a\u{1b}[31m"], true).contains('\u{1b}'),
            "programs get what was uploaded"
        );
    }
}
