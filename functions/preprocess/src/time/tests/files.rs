//! The example files, where they are there.

use std::path::PathBuf;

use super::*;

/// Reads a file of plain cells, without quoted delimiters.
#[expect(
    clippy::disallowed_methods,
    reason = "FLITS_DATA names the directory of the example files"
)]
fn load(name: &str) -> Option<Raw> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = std::env::var_os("FLITS_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let bytes = std::fs::read(files.join("files").join(name)).ok()?;
    let text = String::from_utf8_lossy(&bytes)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let text = text.trim_start_matches('\u{feff}');
    let sign = if text.lines().next()?.contains(';') { ';' } else { ',' };
    let cells = |line: &str| -> Vec<String> {
        line.split(sign)
            .map(|cell| cell.trim().trim_matches('"').to_owned())
            .collect()
    };
    let mut lines = text
        .lines()
        .filter(|line| !line.trim_matches([sign, ' ']).is_empty())
        .map(cells);
    let header = lines.next()?;
    let rows: Vec<Vec<String>> = lines.collect();
    let column = |index: usize| {
        rows.iter()
            .map(|row| row.get(index).cloned().unwrap_or_default())
            .collect()
    };
    let columns = header.iter().enumerate().map(|(index, name)| {
        let name = if name.is_empty() { "column_1" } else { name };
        (name, column(index))
    });
    Some(table(columns.collect()))
}

#[test]
fn the_example_files_are_read() {
    for (name, format, rows, last) in [
        (
            "01_airquality_semicolon_decimalcomma.csv",
            "%d/%m/%Y + %H.%M.%S",
            900,
            "2004-04-17T05:00:00Z",
        ),
        (
            "02_ld2011_unnamed_index_decimalcomma.txt",
            "ISO 8601",
            1200,
            "2011-01-13T12:00:00Z",
        ),
        ("08_mdy_slash.csv", "%m/%d/%Y", 500, "2015-05-15T00:00:00Z"),
        ("09_quarter_label.csv", "YYYYQn", 60, "2019-10-01T00:00:00Z"),
        ("12_yyyymm.csv", "%Y%m", 84, "2018-12-01T00:00:00Z"),
        ("14_year_month.csv", "%Y-%m", 84, "2018-12-01T00:00:00Z"),
        ("15_year_only.csv", "%Y", 79, "1963-01-01T00:00:00Z"),
        ("18_dst_wallclock_hourly.csv", "ISO 8601", 4800, "2024-04-02T00:00:00Z"),
        ("19_mixed_offsets.csv", "ISO 8601", 600, "2024-04-13T23:00:00Z"),
        ("20_epoch_seconds_float.csv", "epoch-s", 800, "2023-05-24T02:30:00Z"),
        ("21_epoch_ms_jitter.csv", "epoch-ms", 900, "2021-03-29T14:59:24Z"),
        ("22_epoch_ns_influx.csv", "epoch-ns", 600, "2021-04-17T08:00:00Z"),
        (
            "53_ymd_slash_unpadded.csv",
            "%Y/%m/%d %H:%M",
            800,
            "2024-02-03T07:00:00Z",
        ),
        (
            "56_year_month_day_hour_columns.csv",
            "year + month + day + hour",
            900,
            "2010-02-07T11:00:00Z",
        ),
        ("60_us_ampm.csv", "%m/%d/%Y %I:%M:%S %p", 700, "2019-01-30T03:00:00Z"),
        ("64_integer_step_index.csv", "step", 300, "300"),
        ("65_value_only.csv", "step", 500, "499"),
        ("69_monthly_slash_dayfirst.csv", "%d/%m/%Y", 72, "2020-12-01T00:00:00Z"),
        ("70_ragged_last_row.csv", "ISO 8601", 400, "2023-02-04T00:00:00Z"),
        ("72_yyyymmdd.csv", "%Y%m%d", 400, "2023-02-04T00:00:00Z"),
        (
            "83_iso_date_and_time_columns.csv",
            "ISO 8601 + %H:%M:%S",
            1200,
            "2004-04-29T17:00:00Z",
        ),
        (
            "89_python_isoformat_micros.csv",
            "ISO 8601",
            900,
            "2024-05-04T02:55:00Z",
        ),
    ] {
        let Some(raw) = load(name) else {
            println!("skipped: no {name} (set FLITS_DATA)");
            continue;
        };
        let times = read(&raw, &data("")).unwrap();
        let end = times.seconds.last().copied().unwrap();
        let end = if times.steps {
            end.to_string()
        } else {
            series::rfc3339(end)
        };
        assert_eq!(
            (times.reading.format.as_str(), times.seconds.len(), end.as_str()),
            (format, rows, last),
            "{name}"
        );
    }
}

#[test]
fn a_wall_clock_loses_and_doubles_no_hour() {
    let Some(raw) = load("18_dst_wallclock_hourly.csv") else {
        return;
    };
    let seconds = read(&raw, &data("time_zone = \"America/New_York\"")).unwrap().seconds;
    assert!(seconds.len() == 4800 && seconds.windows(2).all(|pair| pair[1] - pair[0] == 3600));
    assert_eq!(series::rfc3339(seconds[4799]), "2024-04-02T04:00:00Z");
}
