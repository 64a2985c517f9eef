//! Texts that are times, and texts that are not.

use super::*;

#[test]
fn times_are_read_in_the_formats_that_the_documents_name() {
    for (text, format, seconds) in [
        ("1970-01-02T00:00:00Z", Format::Rfc3339, 86_400),
        ("1970-01-01T01:00:00+01:00", Format::Rfc3339, 0),
        ("1970-01-01 00:00:00-0130", Format::Rfc3339, 5_400),
        ("1970-01-01 00:00:00.000 +00", Format::Rfc3339, 0),
        ("2018-02-05 23:40:00", Format::DateTime, 1_517_874_000),
        ("2018-02-05T23:40", Format::DateTime, 1_517_874_000),
        (" 2018-02-05 23:40:00.000 ", Format::DateTime, 1_517_874_000),
        ("2018-02-05", Format::Date, 1_517_788_800),
        ("0001-01-01", Format::Date, -62_135_596_800),
        ("1517874000", Format::Seconds, 1_517_874_000),
        ("1517874000.0", Format::Seconds, 1_517_874_000),
        ("-5", Format::Seconds, -5),
        ("1517874000000", Format::Milliseconds, 1_517_874_000),
    ] {
        assert_eq!(
            parse(text),
            Some(Stamp {
                format,
                seconds,
                whole: true
            }),
            "{text}"
        );
    }
    for text in ["2018-02-05 23:40:00.5", "1517874000001", "1970-01-01T00:00:00.001Z"] {
        assert_eq!(parse(text).map(|stamp| stamp.whole), Some(false), "{text}");
    }
}

#[test]
fn what_is_no_time_is_not_read_as_one() {
    for text in [
        "",
        "-",
        "now",
        "2018-02-30",
        "2018-13-01",
        "2018-2-5",
        "05/02/2018",
        "2018-02-05 24:00:00",
        "2018-02-05 23:60",
        "2018-02-05 23:40:60",
        "2018-02-05 23",
        "2018-02-05T23:40:00.Z",
        "2018-02-05T23:40+25:00",
        "2018-02-05T23:40 CET",
        "2018-02-05_23:40",
        "1.5",
        "1e9",
        "99999999999999999999",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn a_naive_time_is_one_of_the_zone_and_a_date_is_not() {
    let zone = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Madrid").unwrap();
    for (text, expected) in [
        ("2018-01-01 01:00:00", "2018-01-01T00:00:00Z"),
        ("2018-07-01 02:00:00", "2018-07-01T00:00:00Z"),
        ("2018-03-25 02:30:00", "2018-03-25T01:30:00Z"),
        ("2018-10-28 02:30:00", "2018-10-28T00:30:00Z"),
        ("2018-07-01", "2018-07-01T00:00:00Z"),
        ("2018-07-01T00:00:00Z", "2018-07-01T00:00:00Z"),
        ("1530403200", "2018-07-01T00:00:00Z"),
    ] {
        let utc = parse(text).unwrap().utc(&zone).unwrap();
        assert_eq!(series::rfc3339(utc), expected, "{text}");
    }
}
