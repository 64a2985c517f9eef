//! Uploads that are refused, and the texts of the refusals.

use std::fmt::Write as _;

use part::write;
use platform::Classify as _;

use crate::{LIMITS, chain, csv, describe, file, run};

/// The file name, the bytes and the settings of each upload that cannot be cleaned.
const BAD: &[(&str, &[u8], &[&str])] = &[
    ("empty file", b"", &[]),
    ("blank file", b"\n\n\n", &[]),
    ("header only", b"time,a\n", &[]),
    (
        "short row",
        b"time,a,b\n2018-01-01,1,2\n2018-01-02,3\n2018-01-03,5,6\n",
        &[],
    ),
    ("long row", b"time,a\n2018-01-01,1\n2018-01-02,3,4\n", &[]),
    (
        "short and long rows that add up",
        b"time,a,b\n2018-01-01,1\n2018-01-02,3,4,5\n",
        &[],
    ),
    ("not UTF-8", b"time,a\n2018-01-01,1\n2018-01-02,\xe9\n", &[]),
    ("no header", b"2018-01-01,1,NaN\n2018-01-02,3,4\n2018-01-03,5,6\n", &[]),
    ("a name twice", b"time,a,a\n2018-01-01,1,2\n", &[]),
    (
        "wrong target",
        b"time,a,b\n2018-01-01,1,2\n2018-01-02,3,4\n",
        &["data.targets=down"],
    ),
    ("wrong time column", b"time,a\n2018-01-01,1\n", &["data.time=when"]),
    ("wrong input", b"time,a\n2018-01-01,1\n2018-01-02,2\n", &["data.past=b"]),
    ("no time column", b"a,b\n1,2\n3,4\n", &[]),
    (
        "a time column of something else",
        b"date,b\n05/02/2018,2\n06/02/2018,4\n",
        &[],
    ),
    ("text among times", b"time,a\n2018-01-01,1\nyesterday,2\n", &[]),
    ("a missing time", b"time,a\n2018-01-01,1\n,2\n", &[]),
    ("no such day", b"time,a\n2018-02-28,1\n2018-02-29,2\n", &[]),
    (
        "mixed time formats",
        b"time,a\n2018-01-01 00:00,1\n2018-01-02T00:00:00Z,2\n",
        &[],
    ),
    (
        "seconds and milliseconds",
        b"time,a\n1517874000,1\n1517874120000,2\n",
        &[],
    ),
    ("parts of a second", b"time,a\n2018-01-01 00:00:00.5,1\n", &[]),
    (
        "text among numbers",
        b"time,a,b\n2018-01-01,1,2\n2018-01-02,four,4\n",
        &[],
    ),
    (
        "text behind a quoted line break",
        b"time,note,b\n2018-01-01,\"two\nlines\",2\n2018-01-02,x,four\n",
        &[],
    ),
    ("infinity", b"time,a\n2018-01-01,1\n2018-01-02,-inf\n", &[]),
    (
        "a target of text",
        b"time,a,b\n2018-01-01,1,x\n2018-01-02,2,y\n",
        &["data.targets=b"],
    ),
    ("no column but the time", b"time\n2018-01-01\n2018-01-02\n", &[]),
    (
        "no usable target",
        b"time,a,b,c\n2018-01-01,1,,x\n2018-01-02,1,,y\n",
        &[],
    ),
    ("decimal commas", b"date;a;b\n2018-01-01;1,5;\n2018-01-02;2,5;\n", &[]),
    ("another calendar", b"day,b\n05.02.2018,2\n06.02.2018,4\n", &[]),
    (
        "a constant target",
        b"time,a,b\n2018-01-01,1,2\n2018-01-02,1,3\n",
        &["data.targets=a"],
    ),
    ("one row", b"time,a,b\n2018-01-01,1,2\n", &["data.targets=a"]),
    ("two rows of one time", b"time,a\n2018-01-01,1\n2018-01-01,2\n", &[]),
    (
        "off the grid",
        b"time,a\n2018-01-03,9\n2018-01-01,1\n2018-01-02,2\n2018-01-03 ,3\n2018-01-04,4\n",
        &["data.frequency=2d"],
    ),
    (
        "a stray year",
        b"time,a\n2018-01-01 00:00,1\n2018-01-01 00:02,2\n2200-01-01 00:00,3\n",
        &[],
    ),
    (
        "a step of 3.6 million days",
        b"time,a\n0001-01-02,1\n9857-06-21,2\n",
        &[],
    ),
    (
        "a long step behind others",
        b"time,a\n2020-01-01,1\n1800-01-01,2\n1500-01-01,2\n1650-01-01,3\n",
        &[],
    ),
    (
        "epoch seconds beyond the calendar",
        b"time,a\n1517874000,1\n1517874060,2\n-62135596801,3\n",
        &[],
    ),
    (
        "epoch milliseconds beyond the calendar",
        b"time,a\n1517874000000,1\n253402300800000,2\n",
        &[],
    ),
    (
        "the smallest number as a time",
        b"time,a\n2018-01-01,1\n-9223372036854775808,2\n",
        &[],
    ),
    (
        "a year that no calendar has",
        b"time,a\n0000-12-31,1\n0001-01-01,2\n",
        &[],
    ),
    (
        "a calendar name",
        b"time,day_of_week_sin\n2018-01-01,1\n2018-01-02,2\n",
        &[],
    ),
];

#[test]
fn bad_input_is_refused_with_file_row_column_value_and_bound() {
    let mut report = String::new();
    for (name, text, pairs) in BAD {
        let error = run(&csv(text), None, pairs)
            .map(|(table, _)| describe(&table))
            .expect_err(name);
        let _ = writeln!(report, "{name}:\n  {}\n  {:?}", chain(&error), error.class().place);
    }
    insta::assert_snapshot!(report);
}

#[test]
fn what_would_take_too_much_memory_is_refused_before_it_is_read() {
    let long = "x".repeat(LIMITS.line + 1);
    let wide = (0..=LIMITS.columns)
        .map(|n| format!("c{n}"))
        .collect::<Vec<_>>()
        .join(",");
    let lines = format!("time,a,b\n{}", "2018-01-01,1,\n".repeat(LIMITS.values / 3 + 1));
    let quoted = format!("time,a,b\n{}", "\"2018-01-01\",1,\n".repeat(LIMITS.values / 3 + 1));
    let name = "n".repeat(257);
    let names: Vec<_> = (0..40).map(|n| format!("{n:03}{}", "n".repeat(253))).collect();
    for (text, expected) in [
        (long, "cell.csv, row 1 has 65537 bytes, at most 65536 are read"),
        (wide, "cell.csv has 51 columns, at most 50 are read"),
        (lines, "cell.csv declares 1000002 values, at most 1000000 are read"),
        (quoted, "cell.csv declares 1000002 values, at most 1000000 are read"),
        (
            format!("time,{name}\n2018-01-01,1\n"),
            &format!(
                "cell.csv: the name of column 2, `{}…`, has 257 bytes, at most 256 are read",
                &name[..60]
            ),
        ),
        (
            format!("time,\"a\n{}", "1,2\n".repeat(20_000)),
            "cell.csv, row 1 has 65537 bytes, at most 65536 are read",
        ),
        (
            format!("{}\n2018-01-01,1\n", names.join(",")),
            "cell.csv, row 2 has 2 fields, the header has 40",
        ),
    ] {
        assert_eq!(run(&csv(text), None, &[]).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_test_file_that_does_not_fit_is_refused() {
    let data = csv("time,a,b\n2018-01-01,1,2\n2018-01-02,3,4\n");
    let mut report = String::new();
    for (name, text) in [
        ("overlaps", "time,a,b\n2018-01-02,5,6\n2018-01-03,7,8\n"),
        ("lacks a column", "time,a\n2018-01-03,5\n"),
        ("has one more", "time,a,b,c\n2018-01-03,5,6,7\n"),
        ("has no time", "when,a,b\n2018-01-03,5,6\n"),
        ("has another step", "time,a,b\n2018-01-03 12:00:00,5,6\n"),
        ("has text", "time,a,b\n2018-01-03,5,six\n"),
        ("is empty", ""),
    ] {
        let error = run(&data, Some(&file("cell_test.csv", text)), &[]).expect_err(name);
        let _ = writeln!(report, "{name}: {}", chain(&error));
    }
    insta::assert_snapshot!(report);
}

#[test]
fn a_file_must_be_what_its_name_says() {
    let (table, _) = run(&csv("time,a\n2018-01-01,1\n2018-01-02,2\n"), None, &[]).unwrap();
    let (parquet, _) = write(&table).unwrap();
    for (name, bytes, expected) in [
        (
            "cell.csv",
            parquet.as_slice(),
            "cell.csv is named .csv but holds Parquet",
        ),
        (
            "cell.parquet",
            b"time,a\n2018-01-01,1\n",
            "cell.parquet is named .parquet but holds no Parquet: it does not begin with PAR1",
        ),
        (
            "cell.parquet",
            &parquet[..parquet.len() / 2],
            "cell.parquet cannot be read as Parquet",
        ),
        (
            "cell.parquet",
            &parquet[..parquet.len() - 5],
            "cell.parquet cannot be read as Parquet",
        ),
    ] {
        let error = run(&file(name, bytes), None, &[]).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
