//! Which columns are the time, what fits all their cells, and what is refused.

use super::*;

/// Returns texts in a format, one for each day or month from a date on.
fn every(unit: &str, from: &str, rows: i64, format: &str) -> Vec<String> {
    let start: jiff::civil::DateTime = from.parse().unwrap();
    let span = |row| match unit {
        "minute" => jiff::Span::new().minutes(row),
        "hour" => jiff::Span::new().hours(row),
        "day" => jiff::Span::new().days(row),
        _ => jiff::Span::new().months(row),
    };
    (0..rows)
        .map(|row| (start + span(row)).strftime(format).to_string())
        .collect()
}

fn measured(rows: usize) -> Vec<String> {
    (0..rows).map(|row| format!("{}.5", row * row % 11)).collect()
}

fn refs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// Reads one column, and returns its format and its first and last time.
fn understood(name: &str, texts: &[String]) -> Result<(String, String, String), String> {
    let raw = one(name, &refs(texts));
    let times = read(&raw, &data("")).map_err(|refusal| refusal.to_string())?;
    let show = |second: Option<&i64>| series::rfc3339(*second.unwrap())[..10].to_owned();
    Ok((
        times.reading.format,
        show(times.seconds.first()),
        show(times.seconds.last()),
    ))
}

#[test]
fn the_whole_column_decides_between_day_and_month() {
    for (unit, rows, format) in [
        ("day", 40, "%d/%m/%Y"),
        ("day", 40, "%m/%d/%Y"),
        ("day", 40, "%d/%m/%y"),
        ("day", 40, "%m/%d/%y"),
        ("day", 40, "%y-%m-%d"),
        ("day", 40, "%d.%m.%y"),
        ("month", 72, "%d/%m/%Y"),
        ("month", 72, "%m/%d/%Y"),
        ("month", 30, "%d.%m.%Y"),
        ("hour", 40, "%d/%m/%Y %H:%M"),
        ("hour", 40, "%m/%d/%Y %H:%M"),
    ] {
        let texts = every(unit, "2014-01-01T00:00", rows, format);
        let last = every(unit, "2014-01-01T00:00", rows, "%Y-%m-%d").pop().unwrap();
        let expected = (format.to_owned(), "2014-01-01".to_owned(), last);
        assert_eq!(understood("date", &texts), Ok(expected), "each {unit} as {format}");
    }
}

#[test]
fn two_readings_that_both_fit_are_refused_with_the_setting() {
    for (unit, from, rows, format) in [
        ("day", "2015-01-01T00:00", 12, "%d/%m/%Y"),
        ("month", "2015-01-01T00:00", 12, "%d/%m/%Y"),
        ("hour", "2015-01-02T00:00", 24, "%d/%m/%Y %H:%M"),
        ("day", "2005-03-01T00:00", 4, "%d-%m-%y"),
    ] {
        let texts = every(unit, from, rows, format);
        let message = understood("date", &texts).unwrap_err();
        assert!(
            message.contains("both fit all rows; set `data.time_format`") && message.contains(format),
            "{message}"
        );
        let raw = one("date", &refs(&texts));
        let given = shown(&raw, &format!("time_format = \"{format}\"")).unwrap();
        let expected = every(unit, from, rows, "%Y-%m-%dT%H:%M:%SZ");
        assert_eq!(given, expected, "given {format}");
    }
    // Equal in both readings.
    let texts = every("hour", "2015-05-05T00:00", 24, "%d/%m/%Y %H:%M");
    assert!(understood("date", &texts).is_ok());
}

#[test]
fn numbers_are_times_by_their_size_and_all_of_them() {
    let epoch = |unit: i64| {
        (0..30)
            .map(|row| ((1_600_000_000 + row * 3600) * unit).to_string())
            .collect::<Vec<_>>()
    };
    let excel = (0..30).map(|row| (44_562 + row).to_string()).collect::<Vec<_>>();
    let decimal = (0..30)
        .map(|row| format!("{:.4}", 1949.0 + f64::from(row) / 12.0))
        .collect::<Vec<_>>();
    for (name, texts, format) in [
        ("period", every("month", "2012-01-01T00:00", 40, "%Y%m"), "%Y%m"),
        ("date", every("month", "2012-01-01T00:00", 12, "%Y%m"), "%Y%m"),
        ("date", every("day", "2012-01-01T00:00", 40, "%Y%m%d"), "%Y%m%d"),
        ("column_1", every("day", "2012-01-01T00:00", 40, "%Y%m%d"), "%Y%m%d"),
        ("date", every("hour", "2022-01-01T00:00", 60, "%Y%m%d%H"), "%Y%m%d%H"),
        (
            "date",
            every("hour", "2022-01-01T00:00", 60, "%Y%m%d%H%M"),
            "%Y%m%d%H%M",
        ),
        ("date", every("month", "2012-01-01T00:00", 40, "%m.%Y"), "%m.%Y"),
        (
            "year",
            every("month", "1949-01-01T00:00", 300, "%Y")
                .into_iter()
                .step_by(12)
                .collect(),
            "%Y",
        ),
        ("time", epoch(1), "epoch-s"),
        ("timestamp", epoch(1_000), "epoch-ms"),
        ("ts", epoch(1_000_000), "epoch-us"),
        ("time", epoch(1_000_000_000), "epoch-ns"),
        ("unix_time", epoch(1), "epoch-s"),
        ("date", excel.clone(), "excel"),
        ("time", decimal, "decimal year"),
    ] {
        let found = understood(name, &texts).map(|(format, ..)| format);
        assert_eq!(found.as_deref(), Ok(format), "{name}: {}", texts[0]);
    }
    let message = understood("time", &excel).unwrap_err();
    assert!(message.contains("1 January 2022 or a number of a step"), "{message}");
    let mut mixed = epoch(1);
    mixed.extend(epoch(1_000));
    let message = understood("time", &mixed).unwrap_err();
    assert!(
        message.contains("row 32") && message.contains("1600000000000"),
        "{message}"
    );
}

#[test]
fn measurements_are_no_times() {
    let ids: Vec<String> = (0..50).map(|row| (1_000_000_000 + row).to_string()).collect();
    let times = read(&table(vec![("order_id", ids), ("y", measured(50))]), &data("")).unwrap();
    assert!(times.columns.is_empty());
    for name in ["price", "response_time", "index", "value_date_diff", "year_total"] {
        let texts: Vec<String> = (0..50_u64).map(|row| (1900 + row * row % 97).to_string()).collect();
        let raw = table(vec![(name, texts), ("y", measured(50))]);
        let times = read(&raw, &data("")).unwrap();
        assert!(times.steps && times.columns.is_empty(), "{name}: {:?}", times.reading);
    }
}

#[test]
fn the_column_is_found_by_name_and_values() {
    let days = every("day", "2022-01-01T00:00", 40, "%Y-%m-%d");
    let counts: Vec<String> = (0..40).map(|row| row.to_string()).collect();
    for (columns, expected) in [
        (vec![("column_1", counts.clone()), ("date", days.clone())], vec!["date"]),
        (
            vec![("y", measured(40)), ("Datetime (UTC)", days.clone())],
            vec!["Datetime (UTC)"],
        ),
        (vec![("y", measured(40)), ("when", days.clone())], vec!["when"]),
        (vec![("saleDate", days.clone()), ("Date", days.clone())], vec!["Date"]),
        (vec![("time", counts.clone()), ("date", days.clone())], vec!["date"]),
        (vec![("column_1", days.clone()), ("y", measured(40))], vec!["column_1"]),
        (vec![("column_1", counts.clone()), ("y", measured(40))], vec![]),
        (vec![("step", counts.clone()), ("y", measured(40))], vec!["step"]),
        (vec![("y", measured(40))], vec![]),
        (
            vec![("year", vec!["2020".to_owned(); 40]), ("date", days.clone())],
            vec!["date"],
        ),
    ] {
        let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
        let found = read(&table(columns.clone()), &data("")).map(|times| times.reading.columns);
        assert_eq!(
            found.map_err(|refusal| refusal.to_string()),
            Ok(expected.iter().map(|name| (*name).to_owned()).collect()),
            "{names:?}"
        );
    }
    let raw = table(vec![("a", days.clone()), ("b", days)]);
    assert_eq!(read(&raw, &data("time = \"b\"")).unwrap().columns, [1]);
    let refusal = read(&raw, &data("time = \"c\"")).unwrap_err().to_string();
    assert!(
        refusal.contains("no column `c`") && refusal.contains("`a`"),
        "{refusal}"
    );
}

#[test]
fn a_time_in_several_columns_is_put_together() {
    let hours = |format: &str| every("hour", "2012-03-12T00:00", 60, format);
    for (columns, format) in [
        (
            vec![("Date", hours("%d/%m/%Y")), ("Time", hours("%H.%M.%S"))],
            "%d/%m/%Y + %H.%M.%S",
        ),
        (
            vec![("date", hours("%Y-%m-%d")), ("time", hours("%I:%M %p"))],
            "ISO 8601 + %I:%M %p",
        ),
        (
            vec![("date", hours("%Y-%m-%d")), ("hour", hours("%-H"))],
            "ISO 8601 + %H",
        ),
        (
            vec![("date", hours("%Y%m%d")), ("hour", hours("%-H%M"))],
            "%Y%m%d + %H%M",
        ),
        (
            vec![
                ("year", hours("%Y")),
                ("month", hours("%-m")),
                ("day", hours("%-d")),
                ("hour", hours("%-H")),
            ],
            "year + month + day + hour",
        ),
        (
            vec![
                ("YR", hours("%Y")),
                ("MO", hours("%b")),
                ("DY", hours("%d")),
                ("HR", hours("%H")),
                ("Minute", hours("%M")),
            ],
            "year + month + day + hour + minute",
        ),
        (
            vec![("year", hours("%Y")), ("doy", hours("%j")), ("hour", hours("%-H"))],
            "year + doy + hour",
        ),
    ] {
        let times = read(&table(columns), &data("")).unwrap();
        assert_eq!(times.reading.format, format);
        let shown: Vec<_> = times.seconds.iter().map(|second| series::rfc3339(*second)).collect();
        assert_eq!(shown, hours("%Y-%m-%dT%H:%M:%SZ"), "{format}");
    }
    let quarters: Vec<String> = (0..12).map(|row| format!("Q{}", row % 4 + 1)).collect();
    let years: Vec<String> = (0..12).map(|row| (2000 + row / 4).to_string()).collect();
    let raw = table(vec![("Year", years), ("Quarter", quarters), ("y", measured(12))]);
    assert_eq!(shown(&raw, "").unwrap()[11], "2002-10-01T00:00:00Z");
    let hours: Vec<String> = (0..48).map(|row| (row % 24 + 1).to_string()).collect();
    let days: Vec<String> = (0..48).map(|row| format!("2020-01-0{}", row / 24 + 1)).collect();
    let times = read(&table(vec![("Date", days), ("Hour", hours)]), &data("")).unwrap();
    assert_eq!(series::rfc3339(times.seconds[47]), "2020-01-03T00:00:00Z");
    assert!(times.notices[0].contains("hour 24"), "{:?}", times.notices);
}

#[test]
fn rows_at_the_end_without_a_time_are_left_out() {
    let mut texts = every("day", "2022-01-01T00:00", 40, "%Y-%m-%d");
    texts.extend(["Total".to_owned(), String::new(), "Source: us".to_owned()]);
    let times = read(&one("date", &refs(&texts)), &data("")).unwrap();
    assert_eq!((times.seconds.len(), times.footers), (40, vec![40, 41, 42]));
    let mut texts = every("month", "2022-01-01T00:00", 40, "%Y%m");
    texts.push("Total".to_owned());
    let times = read(&one("date", &refs(&texts)), &data("")).unwrap();
    assert_eq!((times.reading.format.as_str(), times.footers), ("%Y%m", vec![40]));
    let mut texts = every("day", "2022-01-01T00:00", 40, "%Y-%m-%d");
    for late in ["31/02/2022", "2022-02-30", "2022-02-10 (p)", "20220210"] {
        texts.push(late.to_owned());
        let message = read(&one("date", &refs(&texts)), &data("")).unwrap_err().to_string();
        assert!(message.contains("row 42"), "{message}");
        texts.pop();
    }
    texts.extend(vec!["end".to_owned(); 11]);
    assert!(
        read(&one("date", &refs(&texts)), &data(""))
            .unwrap_err()
            .to_string()
            .contains("row 42")
    );
}

#[test]
fn what_does_not_fit_is_refused_with_its_cell() {
    for (texts, expected) in [
        (
            ["2022-01-01", "soon", "2022-01-03"],
            "row 3, column `date`: `soon` is not written as the other times, such as `2022-01-01` in row 2",
        ),
        (
            ["2022-01-01", "", "2022-01-03"],
            "row 3, column `date`: the time is missing",
        ),
        (
            ["2022-01-01", "02/01/2022", "2022-01-03"],
            "`02/01/2022` is written in another format than `2022-01-01` in row 2",
        ),
        (
            ["2022-01-01", "2022-01-02 00:00Z", "2022-01-03"],
            "another format than `2022-01-01` in row 2",
        ),
        (
            ["13/01/2022", "01/14/2022", "15/01/2022"],
            "row 3, column `date`: `01/14/2022` is written in another format than `13/01/2022` in row 2",
        ),
        (
            ["0000-01-01", "2022-01-02", "2022-01-03"],
            "outside the years 1 to 9999",
        ),
        (
            ["soon", "later", "never"],
            "row 2, column `date`: `soon` is not a time that can be read",
        ),
        (["NaN", "inf", "NaN"], "is not a time that can be read"),
        (["10:00", "11:00", "12:00"], "is not a time that can be read"),
        (
            [
                "2022-01-01 00:00:00.1",
                "2022-01-01 00:00:00.2",
                "2022-01-01 00:00:00.3",
            ],
            "in the same second",
        ),
    ] {
        let message = shown(&one("date", &texts), "").unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
    let message = shown(&one("Monat", &["janv. 2015", "f\u{e9}vr. 2015", "mars 2015"]), "").unwrap_err();
    assert!(message.contains("`janv. 2015` is not a time"), "{message}");
    let message = shown(&one("date", &["2022-01-01", "x"]), "time_format = \"%d/%m/%Y\"").unwrap_err();
    assert!(
        message.contains("no column is written as") && message.contains("`2022-01-01`"),
        "{message}"
    );
    let message = shown(
        &one("date", &["01/02/2022", "x", "01/03/2022"]),
        "time_format = \"%d/%m/%Y\"",
    )
    .unwrap_err();
    assert!(
        message.contains("row 3, column `date`: `x` is not written as the other times"),
        "{message}"
    );
    let ids = table(vec![
        ("id", vec!["1", "2", "3"]),
        ("stamp", vec!["1600000000", "1600000060", "1600000120"]),
    ]);
    assert_eq!(
        shown(&ids, "time_format = \"epoch-s\"").unwrap()[0],
        "2020-09-13T12:26:40Z"
    );
}

#[test]
fn dates_and_times_without_a_zone_may_stand_in_one_column() {
    // R writes midnights so.
    let raw = one("time", &["2022-01-01", "2022-01-01 12:00:00", "2022-01-02"]);
    assert_eq!(shown(&raw, "").unwrap()[2], "2022-01-02T00:00:00Z");
    let raw = one(
        "time",
        &["2022-01-01T00:00:00.5", "2022-01-01T00:01:00", "2022-01-01T00:02:00.5"],
    );
    assert_eq!(shown(&raw, "").unwrap()[2], "2022-01-01T00:02:00Z");
}

#[test]
fn steps_have_one_distance() {
    for (name, texts, expected) in [
        ("t", ["1", "2", "3", "4"], ["1", "2", "3", "4"]),
        ("time", ["0", "300", "600", "900"], ["0", "1", "2", "3"]),
        ("time", ["0.0", "0.1", "0.2", "0.3"], ["0", "1", "2", "3"]),
        ("step", ["4", "3", "2", "1"], ["4", "3", "2", "1"]),
        ("t", ["1", "1", "2", "2"], ["1", "1", "2", "2"]),
        ("month", ["1", "2", "3", "5"], ["1", "2", "3", "5"]),
    ] {
        assert_eq!(
            shown(&one(name, &texts), "").as_deref(),
            Ok(&expected.map(str::to_owned)[..]),
            "{name}: {texts:?}"
        );
    }
    let raw = one("date", &["2022", "2023", "2024"]);
    assert_eq!(shown(&raw, "time_format = \"step\"").unwrap(), ["2022", "2023", "2024"]);
}

#[test]
fn a_second_file_is_read_as_the_first_one() {
    let days = |format: &str| {
        table(vec![
            ("date", every("day", "2022-01-01T00:00", 40, format)),
            ("y", measured(40)),
        ])
    };
    let first = read(&days("%m/%d/%Y"), &data("")).unwrap();
    let short = one("date", &["01/02/2022", "01/03/2022"]);
    let second = read_like(&first, &short, &data("")).unwrap();
    assert_eq!(series::rfc3339(second.seconds[0]), "2022-01-02T00:00:00Z");
    assert!(read_like(&first, &days("%Y-%m-%d"), &data("")).is_err());
    for columns in [
        vec![
            ("Date", every("hour", "2012-03-12T00:00", 60, "%d/%m/%Y")),
            ("Time", every("hour", "2012-03-12T00:00", 60, "%H:%M")),
        ],
        vec![
            ("year", every("month", "2012-03-12T00:00", 60, "%Y")),
            ("month", every("month", "2012-03-12T00:00", 60, "%m")),
        ],
        vec![("Quarter", vec!["2005Q1".to_owned(), "2005Q2".to_owned()])],
        vec![("t", vec!["1".to_owned(), "2".to_owned()])],
        vec![("y", measured(5))],
    ] {
        let raw = table(columns);
        let first = read(&raw, &data("")).unwrap();
        let second = read_like(&first, &raw, &data("")).unwrap();
        assert_eq!((first.seconds, first.reading), (second.seconds, second.reading));
    }
}
