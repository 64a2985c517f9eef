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
    ("a name twice", b"time,a,a\n2018-01-01,1,2\n", &[]),
    (
        "wrong target",
        b"time,a,b\n2018-01-01,1,2\n2018-01-02,3,4\n",
        &["data.targets=down"],
    ),
    ("wrong time column", b"time,a\n2018-01-01,1\n", &["data.time=when"]),
    ("wrong input", b"time,a\n2018-01-01,1\n2018-01-02,2\n", &["data.past=b"]),
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
    (
        "text behind a quoted line break",
        b"time,note,b\n2018-01-01,\"two\nlines\",2\n2018-01-02,x,four\n",
        &[],
    ),
    (
        "a target of text",
        b"time,a,b\n2018-01-01,1,x\n2018-01-02,2,y\n",
        &["data.targets=b"],
    ),
    ("no column but the time", b"time\n2018-01-01\n2018-01-02\n", &[]),
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
    (
        "decimal commas between commas",
        b"date,y\n2024-01-01,13,7\n2024-01-02,14,1\n",
        &[],
    ),
    ("a short header", b"Y\n10,7\n11,8\n", &[]),
    ("a header of counted numbers", b"0,1\n10,7\n11,8\n", &[]),
    (
        "a quote that is not closed",
        b"time,a\n2018-01-01,\"1\n2018-01-02,2\n",
        &[],
    ),
    ("two days as names", b"page,2024-01-01,2024-01-02\nA,1,2\nB,3,4\n", &[]),
    (
        "months as names",
        b"Year,Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec\n2022,1,2,3,4,5,6,7,8,9,10,11,12\n2023,2,3,4,5,6,7,8,9,1,2,3,4\n",
        &[],
    ),
    (
        "rows that are series",
        b"id,item,d_1,d_2,d_3\nX1,I1,4,0,2\nX2,I2,1,0,3\nX3,I3,1,1,0\n",
        &[],
    ),
    (
        "a second table",
        b"time,a\n2018-01-01,1\n2018-01-02,2\nx,y,z\n1,2,3\n4,5,6\n7,8,9\n1,2,3\n",
        &[],
    ),
    (
        "a long last row",
        b"time,a\n2018-01-01,1\n2018-01-02,2\n2018-01-03,3,4\n",
        &[],
    ),
];

/// The file name, the bytes and the settings of each upload that a person would read.
const ODD: &[(&str, &[u8], &[&str])] = &[
    ("one row", b"time,a,b\n2018-01-01,1,2\n", &["data.targets=a"]),
    ("parts of a second", b"time,a\n2018-01-01 00:00:00.5,1\n", &[]),
    ("no header", b"2018-01-01,1,NaN\n2018-01-02,3,4\n2018-01-03,5,6\n", &[]),
    ("no time column", b"a,b\n1,2\n3,4\n", &[]),
    (
        "text among numbers",
        b"time,a,b\n2018-01-01,1,2\n2018-01-02,four,4\n",
        &[],
    ),
    ("infinity", b"time,a\n2018-01-01,1\n2018-01-02,-inf\n", &[]),
    (
        "no usable target",
        b"time,a,b,c\n2018-01-01,1,,x\n2018-01-02,1,,y\n",
        &[],
    ),
    ("decimal commas", b"date;a;b\n2018-01-01;1,5;\n2018-01-02;2,5;\n", &[]),
    (
        "three digits behind a comma, between semicolons",
        b"date;a\n2018-01-01;1,500\n2018-01-02;2,500\n2018-01-03;2,250\n",
        &[],
    ),
    (
        "a constant target",
        b"time,a,b\n2018-01-01,1,2\n2018-01-02,1,3\n",
        &["data.targets=a"],
    ),
    ("empty lines between values", b"load\n5\n\n7\n\n\n8\n9\n6\n\n", &[]),
    (
        "lines of words above the header",
        b"Location,Madrid\nUnits,kWh\nts,load\n2024-01-01,5\n2024-01-02,6\n2024-01-03,5\n",
        &[],
    ),
    (
        "units below the names",
        b"time,load,temp\nUTC,MW,degC\n2024-01-01,5,1\n2024-01-02,6,2\n2024-01-03,5,3\n",
        &[],
    ),
    (
        "a first row with an empty value",
        b"month,load\nJan 2024,\nFeb 2024,5\nMar 2024,7\n",
        &[],
    ),
    ("no header and no time", b"Jan,5\nFeb,7\nMar,6\n", &[]),
    (
        "names that are numbers",
        b",1001,1002\n2024-01-01,5,1\n2024-01-02,6,2\n2024-01-03,5,3\n",
        &[],
    ),
    (
        "year and month without names",
        b"2023;11;2023.873; 77.1;4\n2023;12;2023.958;114.2;5\n2024;01;2024.042;126.0;5\n2024;02;2024.123;123.1;6\n",
        &[],
    ),
    (
        "blanks between cells, and comments",
        b"# year month ppm, monthly means\n  2023  11   420.46\n  2023  12   421.86\n  2024   1   422.80\n",
        &[],
    ),
    (
        "days that are few, in parts",
        b"year,month,day,hour,load\n2024,1,1,22,5\n2024,1,1,23,6\n2024,1,2,0,5\n2024,1,2,1,7\n",
        &[],
    ),
    (
        "dates whose order the times of the day decide",
        b"Date;Time;load\n01/02/2024;00:00;5\n01/02/2024;12:00;6\n02/02/2024;00:00;5\n02/02/2024;12:00;7\n03/02/2024;00:00;5\n03/02/2024;12:00;7\n",
        &[],
    ),
    ("points, day first", b"day,b\n05.02.2018,2\n06.02.2018,4\n", &[]),
    (
        "intervals",
        b"MTU (UTC),price\n01.11.2023 00:00 - 01.11.2023 01:00,5\n01.11.2023 01:00 - 01.11.2023 02:00,6\n01.11.2023 02:00 - 01.11.2023 03:00,4\n",
        &[],
    ),
    (
        "an hour without a date",
        b"hour,load\n22,5\n23,6\n0,5\n1,7\n",
        &[],
    ),
    (
        "comments between rows",
        b"# station 7\ntime,load\n2024-01-01,5\n# changed, again\n2024-01-02,6\n2024-01-03,5\n",
        &[],
    ),
    (
        "an index of R without a name",
        b"time,load\n1,2024-01-01,5\n2,2024-01-02,6\n3,2024-01-03,5\n",
        &[],
    ),
    (
        "old line ends below a new header",
        b"time,load\r\n2024-01-01,5\r2024-01-02,6\r2024-01-03,5\r",
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
fn odd_input_that_has_one_reading_is_read_and_said() {
    let mut report = String::new();
    for (name, text, pairs) in ODD {
        let pairs = [pairs, &["clean.calendar=false"][..]].concat();
        let (table, told) = run(&csv(text), None, &pairs).unwrap_or_else(|error| panic!("{name}: {error}"));
        let _ = writeln!(report, "{name}:\n  {}\n{}", told.lines().join("\n  "), describe(&table));
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
        (lines, "cell.csv has 1000002 values, at most 1000000 are read"),
        (quoted, "cell.csv has 1000002 values, at most 1000000 are read"),
        (
            format!("time,{name}\n2018-01-01,1\n"),
            &format!(
                "cell.csv: the name of column 2, `{}…`, has 257 bytes, at most 256 are read",
                &name[..60]
            ),
        ),
        (
            format!("time,\"a\n{}", "1,2\n".repeat(20_000)),
            "cell.csv, row 1 has 80008 bytes, at most 65536 are read; a quote may not be closed",
        ),
        (
            format!("{}\n2018-01-01,1\n", names.join(",")),
            &format!(
                "cell.csv, row 1: `{}…` may be the header of the rows below it, which have 2 fields, or a title: write one name \
                 per column, or leave the row out with `data.skip_rows = 1`",
                &names[0][..40]
            ),
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
        ("has text only", "time,a,b\n2018-01-03,five,six\n"),
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
            "cell.csv holds Parquet; rename it to .parquet",
        ),
        (
            "cell.parquet",
            b"time,a\n2018-01-01,1\n",
            "cell.parquet holds no Parquet: it does not begin with PAR1",
        ),
        (
            "cell.parquet",
            &parquet[..parquet.len() / 2],
            "cell.parquet cannot be read as Parquet: its footer is cut or damaged",
        ),
        (
            "cell.parquet",
            &parquet[..parquet.len() - 5],
            "cell.parquet cannot be read as Parquet: its footer is cut or damaged",
        ),
    ] {
        let error = run(&file(name, bytes), None, &[]).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
