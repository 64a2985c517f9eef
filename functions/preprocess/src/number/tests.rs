#![expect(clippy::float_cmp, reason = "values are compared as they were read")]

use polars::prelude::NewChunkedArray as _;
use proptest::prelude::*;

use super::*;

fn read(cells: &[&str], decimal: Decimal) -> Numbers {
    let cells = StringChunked::from_slice("cells".into(), cells);
    read_text(&cells, cells.len(), decimal)
}

fn signs(cells: &[&str]) -> (Option<Decimal>, Option<usize>) {
    let cells = Cells::Text(StringChunked::from_slice("cells".into(), cells));
    let signs = Signs::of(&cells, usize::MAX);
    (signs.decided(), signs.doubtful)
}

#[test]
fn a_cell_is_a_number_as_a_person_reads_it() {
    use Decimal::{Comma, Point};
    for (cell, decimal, expected) in [
        ("12.5", Point, Some(12.5)),
        (" -3 ", Point, Some(-3.0)),
        ("+1e-3", Point, Some(0.001)),
        ("1,5E+03", Comma, Some(1_500.0)),
        ("19,413", Point, Some(19_413.0)),
        ("19,413", Comma, Some(19.413)),
        ("1.234.567,89", Comma, Some(1_234_567.89)),
        ("12,34,567.5", Point, Some(1_234_567.5)),
        ("1 234,5", Comma, Some(1_234.5)),
        ("1\u{a0}234", Point, Some(1_234.0)),
        ("1'234.50", Point, Some(1_234.5)),
        ("$2,001.50", Point, Some(2_001.5)),
        ("-$5", Point, Some(-5.0)),
        ("$-5", Point, Some(-5.0)),
        ("(1,234)", Point, Some(-1_234.0)),
        ("−7", Point, Some(-7.0)),
        ("20%", Point, Some(20.0)),
        ("20 %", Point, Some(20.0)),
        ("3.5 kWh", Point, Some(3.5)),
        ("EUR 12,50", Comma, Some(12.5)),
        ("1.25M", Point, Some(1_250_000.0)),
        (".5", Point, Some(0.5)),
        ("5.", Point, Some(5.0)),
        ("12,3", Point, None),
        ("1,2345", Point, None),
        ("0,123", Point, None),
        ("client_12", Point, None),
        ("12b", Point, None),
        ("MAC000002", Point, None),
        ("CHF5", Point, Some(5.0)),
        ("1-2", Point, None),
        ("2020-01-01", Point, None),
        ("1.2.3", Point, None),
        ("10:30", Point, None),
        ("four", Point, None),
    ] {
        let read = read(&[cell], decimal);
        let value = read.text.is_none().then(|| read.values[0]);
        assert_eq!(value, expected, "{cell}");
    }
}

#[test]
fn the_whole_column_decides_the_decimal_sign() {
    use Decimal::{Comma, Point};
    for (cells, expected) in [
        (&["1,5", "2"][..], (Some(Comma), None)),
        (&["1.5", "2"], (Some(Point), None)),
        (&["1,234", "999"], (None, Some(0))),
        (&["1,234", "1,234.5"], (Some(Point), Some(0))),
        (&["1.234", "1,5"], (Some(Comma), Some(0))),
        (&["1,5", "1.5"], (None, None)),
        (&["1", "x"], (None, None)),
    ] {
        assert_eq!(signs(cells), expected, "{cells:?}");
    }
}

#[test]
fn words_of_one_pair_are_flags_and_units_are_one_unit() {
    assert_eq!(read(&["True", "", "FALSE"], Decimal::Point).count(), 2);
    assert!(read(&["yes", "no", "n/a"], Decimal::Point).flags);
    assert_eq!(read(&["yes", "false"], Decimal::Point).text, Some(0));
    assert!(read(&["y", "N"], Decimal::Point).flags);
    assert_eq!(
        read(&["y", "y"], Decimal::Point).text,
        Some(0),
        "a letter that stands alone is a code"
    );
    assert_eq!(read(&["$5", "6"], Decimal::Point).text, None);
    assert_eq!(read(&["$5", "€6"], Decimal::Point).text, Some(1));
    assert_eq!(read(&["5 kWh", "6 kWh"], Decimal::Point).affix.to_string(), "kWh");
}

#[test]
fn infinities_and_codes_are_missing_and_counted() {
    let mut numbers = Numbers {
        values: vec![1.0, f64::INFINITY, -999.0, f64::NAN],
        ..Numbers::default()
    };
    numbers.drop_codes(&[-999.0]);
    assert_eq!((numbers.count(), numbers.infinite, numbers.coded), (1, 1, 1));
}

proptest! {
    #[test]
    fn a_number_is_read_back_with_either_sign(value in -1e12_f64..1e12, places in 0_usize..6) {
        let plain = format!("{value:.places$}");
        let expected: f64 = plain.parse().unwrap();
        prop_assert_eq!(read(&[&plain], Decimal::Point).values[0], expected);
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
        let mut grouped = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) { grouped.push('.'); }
            grouped.push(digit);
        }
        let comma = if fraction.is_empty() { format!("{sign}{grouped}") } else { format!("{sign}{grouped},{fraction}") };
        prop_assert_eq!(read(&[&comma], Decimal::Comma).values[0], expected, "{}", comma);
    }

    #[test]
    fn no_text_panics(cell in ".{0,40}") {
        read(&[&cell], Decimal::Point);
        signs(&[&cell]);
    }
}
