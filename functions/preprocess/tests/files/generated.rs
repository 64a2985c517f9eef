//! One known series, written in thousands of the ways in which people write a file: each comes back equal, or is refused
//! with both readings and read with the setting that the refusal names.

use std::io::Write as _;

use contract::{Report, Spec};
use jiff::{Span, Timestamp, civil::DateTime, tz::TimeZone};
use preprocess::{File, PreprocessError, clean};
use proptest::prelude::*;
use series::{Column, Role, Table};

use crate::{recipe, spec};

/// How many files are written.
const FILES: u32 = 3_000;

const DAY: i64 = 86_400;

/// How the characters become bytes.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Bytes {
    Utf8,
    Marked,
    Utf16Little,
    Utf16Big,
    Utf16Unmarked,
    Windows,
    Gzip,
    Zstd,
    Zip,
}

const BYTES: [Bytes; 9] = [
    Bytes::Utf8,
    Bytes::Marked,
    Bytes::Utf16Little,
    Bytes::Utf16Big,
    Bytes::Utf16Unmarked,
    Bytes::Windows,
    Bytes::Gzip,
    Bytes::Zstd,
    Bytes::Zip,
];

/// What stands above the rows.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Header {
    Names,
    None,
    Title,
    Comment,
    Units,
    Quoted,
    UnnamedTime,
}

const HEADERS: [Header; 7] = [
    Header::Names,
    Header::None,
    Header::Title,
    Header::Comment,
    Header::Units,
    Header::Quoted,
    Header::UnnamedTime,
];

/// How a number is written.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Number {
    Point,
    Comma,
    PointGrouped,
    CommaGrouped,
    Currency,
    Whole,
}

const NUMBERS: [Number; 6] = [
    Number::Point,
    Number::Comma,
    Number::PointGrouped,
    Number::CommaGrouped,
    Number::Currency,
    Number::Whole,
];

/// The distance of two rows.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Step {
    Seconds(i64),
    Months(i32),
    BusinessDays,
    Sessions,
}

const STEPS: [Step; 11] = [
    Step::Seconds(60),
    Step::Seconds(900),
    Step::Seconds(3_600),
    Step::Seconds(6 * 3_600),
    Step::Seconds(DAY),
    Step::Seconds(7 * DAY),
    Step::Months(1),
    Step::Months(3),
    Step::Months(12),
    Step::BusinessDays,
    Step::Sessions,
];

/// How a time is written.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Written {
    /// How jiff writes it, or the name of a way that jiff does not know.
    how: &'static str,
    /// The setting that names it where it has two readings.
    setting: &'static str,
    /// The shortest step that it can tell apart.
    finest: Finest,
}

/// The shortest step that a text of a time tells apart.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
enum Finest {
    Minute,
    Day,
    Month,
    Quarter,
    Year,
}

const fn written(how: &'static str, finest: Finest) -> Written {
    Written {
        how,
        setting: how,
        finest,
    }
}

const TIMES: [Written; 34] = [
    written("%Y-%m-%d %H:%M:%S", Finest::Minute),
    written("%Y-%m-%d %H:%M", Finest::Minute),
    written("%Y-%m-%dT%H:%M:%SZ", Finest::Minute),
    written("%Y-%m-%dT%H:%M:%S.000000", Finest::Minute),
    written("%Y-%m-%dT%H:%M:%S+00:00", Finest::Minute),
    written("%Y/%m/%d %H:%M", Finest::Minute),
    written("%d/%m/%Y %H:%M", Finest::Minute),
    written("%m/%d/%Y %H:%M", Finest::Minute),
    written("%m/%d/%Y %I:%M %p", Finest::Minute),
    written("%m/%d/%Y %I:%M:%S %p", Finest::Minute),
    written("%d.%m.%Y %H:%M", Finest::Minute),
    written("%d-%b-%Y %H:%M", Finest::Minute),
    written("%Y%m%d%H%M%S", Finest::Minute),
    written("date and time", Finest::Minute),
    written("epoch s", Finest::Minute),
    written("epoch ms", Finest::Minute),
    written("epoch us", Finest::Minute),
    written("epoch ns", Finest::Minute),
    written("epoch s.0", Finest::Minute),
    written("%Y-%m-%d", Finest::Day),
    written("%d/%m/%Y", Finest::Day),
    written("%m/%d/%Y", Finest::Day),
    Written {
        how: "%-m/%-d/%Y",
        setting: "%m/%d/%Y",
        finest: Finest::Day,
    },
    written("%d.%m.%Y", Finest::Day),
    written("%d %b %Y", Finest::Day),
    written("%b %d, %Y", Finest::Day),
    written("%d-%m-%Y", Finest::Day),
    written("%Y%m%d", Finest::Day),
    written("excel", Finest::Day),
    written("%Y-%m", Finest::Month),
    written("%Y%m", Finest::Month),
    written("%b %Y", Finest::Month),
    written("quarter", Finest::Quarter),
    written("%Y", Finest::Year),
];

/// How a file is written.
#[derive(Clone, Debug)]
struct Way {
    bytes: Bytes,
    header: Header,
    number: Number,
    step: Step,
    time: Written,
    delimiter: char,
    line_end: &'static str,
    missing: &'static str,
    newest_first: bool,
    total: bool,
    rows: usize,
    /// Days from the first day that any file begins with to that of this one.
    start: i64,
    seed: u64,
}

fn ways() -> impl Strategy<Value = Way> {
    let table = (
        prop::sample::select(BYTES.to_vec()),
        prop::sample::select(HEADERS.to_vec()),
        prop::sample::select(NUMBERS.to_vec()),
        prop::sample::select(vec![',', ';', '\t', '|']),
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
        prop::sample::select(vec!["", "NA", "-", "NaN", "?"]),
    );
    let rows = (
        prop::sample::select(STEPS.to_vec()),
        prop::sample::select(TIMES.to_vec()),
        40_usize..90,
        0_i64..12_000,
        any::<u64>(),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    let way = (table, rows).prop_map(
        |(
            (bytes, header, number, delimiter, line_end, missing),
            (step, time, rows, start, seed, newest_first, total),
        )| Way {
            bytes,
            header,
            number,
            step,
            time,
            delimiter,
            line_end,
            missing,
            newest_first,
            total,
            rows,
            start,
            seed,
        },
    );
    way.prop_filter("the time tells the steps apart", Way::tells_apart)
}

impl Way {
    fn tells_apart(&self) -> bool {
        match (self.time.finest, self.step) {
            // Numbers of so early days are rather measured than times.
            (_, Step::Months(12)) if self.time.how.starts_with("epoch") || self.time.how == "excel" => false,
            // Five days say nothing about the weekend.
            (_, Step::Sessions) if self.rows < 48 => false,
            // Numbers of days are as well a count of anything where no name says that they are dates.
            _ if self.time.how == "excel" && matches!(self.header, Header::None | Header::UnnamedTime) => false,
            (Finest::Day, Step::Seconds(step)) => step >= DAY,
            (Finest::Day, step) => step != Step::Sessions,
            (Finest::Minute, _)
            | (Finest::Month, Step::Months(_))
            | (Finest::Quarter, Step::Months(3))
            | (Finest::Year, Step::Months(12)) => true,
            _ => false,
        }
    }

    /// Returns the times of the rows and of the step after them.
    fn times(&self) -> Vec<DateTime> {
        // A series of years begins earlier, so that it ends in this century.
        let year = if self.step == Step::Months(12) { 1930 } else { 1990 };
        let first = DateTime::constant(year, 1, 1, 0, 0, 0, 0);
        let start = first + Span::new().days(self.start);
        let (mut times, mut at) = (Vec::new(), 0);
        while times.len() <= self.rows {
            let time = match self.step {
                Step::Seconds(step) => start + Span::new().seconds(at * step),
                Step::Months(months) => {
                    let months = i32::try_from(at).expect("few rows") * months;
                    start.with().day(1).build().expect("a day") + Span::new().months(months)
                }
                Step::BusinessDays => start + Span::new().days(at),
                Step::Sessions => start + Span::new().days(at / 8).hours(9 + at % 8),
            };
            let month = match self.time.finest {
                Finest::Quarter => time
                    .with()
                    .month((time.month() - 1) / 3 * 3 + 1)
                    .build()
                    .expect("a month"),
                Finest::Year => time.with().month(1).build().expect("a month"),
                _ => time,
            };
            at += 1;
            let open = time.weekday().to_monday_zero_offset() < 5;
            if open || !matches!(self.step, Step::BusinessDays | Step::Sessions) {
                times.push(month);
            }
        }
        times
    }

    /// Returns the values of the rows; NaN for a missing one. The first and the last are there.
    fn values(&self) -> Vec<f64> {
        let mut state = self.seed;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            u32::try_from(state >> 40).expect("24 bits")
        };
        let large = matches!(
            self.number,
            Number::PointGrouped | Number::CommaGrouped | Number::Currency
        );
        let value = |row: usize| {
            let number = random();
            if number % 17 == 0 && row > 0 && row + 1 < self.rows {
                return f64::NAN;
            }
            let hundredths = if large {
                number % 90_000_000 + 100_000
            } else {
                number % 9_000 + 100
            };
            // One that cannot be read with another decimal sign, and no whole hundreds of small numbers.
            let hundredths = hundredths / 100 * 100 + 1 + hundredths % 99;
            let whole = self.number == Number::Whole;
            f64::from(if whole { hundredths / 100 } else { hundredths }) / if whole { 1.0 } else { 100.0 }
        };
        (0..self.rows).map(value).collect()
    }

    fn number(&self, value: f64) -> String {
        if value.is_nan() {
            return self.missing.to_owned();
        }
        let grouped = |sign: char, decimal: &str| {
            let text = format!("{value:.2}");
            let (whole, fraction) = text.split_once('.').expect("a fraction");
            let digits: Vec<char> = whole.chars().rev().collect();
            let groups: Vec<String> = digits.chunks(3).map(|group| group.iter().rev().collect()).collect();
            let whole: Vec<String> = groups.into_iter().rev().collect();
            format!("{}{decimal}{fraction}", whole.join(&sign.to_string()))
        };
        match self.number {
            Number::Whole => format!("{value}"),
            Number::Point => format!("{value:.2}"),
            Number::Comma => format!("{value:.2}").replace('.', ","),
            Number::PointGrouped => grouped(',', "."),
            Number::CommaGrouped => grouped('.', ","),
            Number::Currency => format!("${}", grouped(',', ".")),
        }
    }

    /// Returns the cells of a time.
    fn time(&self, time: DateTime) -> Vec<String> {
        let seconds = seconds(time);
        let text = match self.time.how {
            "date and time" => {
                return vec![
                    time.strftime("%Y-%m-%d").to_string(),
                    time.strftime("%H:%M:%S").to_string(),
                ];
            }
            "epoch s" => seconds.to_string(),
            "epoch ms" => (seconds * 1_000).to_string(),
            "epoch us" => (seconds * 1_000_000).to_string(),
            "epoch ns" => (seconds * 1_000_000_000).to_string(),
            "epoch s.0" => format!("{seconds}.0"),
            "excel" => (seconds / DAY + 25_569).to_string(),
            "quarter" => format!("{}Q{}", time.year(), (time.month() + 2) / 3),
            how => time.strftime(how).to_string(),
        };
        vec![text]
    }

    fn cell(&self, text: &str) -> String {
        if text.contains(self.delimiter) || self.header == Header::Quoted {
            format!("\"{text}\"")
        } else {
            text.to_owned()
        }
    }

    /// Returns the text of the file.
    fn text(&self) -> String {
        let line = |cells: &[&str]| {
            let cells: Vec<String> = cells.iter().map(|cell| self.cell(cell)).collect();
            cells.join(&self.delimiter.to_string())
        };
        let two = self.time.how == "date and time";
        let names = |time: &'static str, load: &'static str| {
            if two {
                vec![time, "time", "note", load]
            } else {
                vec![time, "note", load]
            }
        };
        let mut lines = Vec::new();
        let name = if self.time.how.starts_with("epoch") {
            "timestamp"
        } else {
            "date"
        };
        match self.header {
            Header::None => {}
            Header::Title => lines.extend([
                "Measured by station 7".to_owned(),
                String::new(),
                line(&names(name, "load")),
            ]),
            Header::Comment => lines.extend(["# station 7".to_owned(), line(&names(name, "load"))]),
            Header::Units => {
                let units = if two {
                    vec!["", "", "", "[kWh]"]
                } else {
                    vec!["", "", "[kWh]"]
                };
                lines.extend([line(&names(name, "load")), line(&units)]);
            }
            Header::UnnamedTime => lines.push(line(&names("", "load"))),
            Header::Names | Header::Quoted => lines.push(line(&names(name, "load"))),
        }
        let mut rows: Vec<String> = self
            .times()
            .into_iter()
            .zip(self.values())
            .map(|(time, value)| {
                let mut cells = self.time(time);
                cells.extend(["ok".to_owned(), self.number(value)]);
                line(&cells.iter().map(String::as_str).collect::<Vec<_>>())
            })
            .collect();
        if self.newest_first {
            rows.reverse();
        }
        lines.append(&mut rows);
        if self.total {
            lines.push(line(&if two {
                vec!["Total", "", "", "77"]
            } else {
                vec!["Total", "", "77"]
            }));
        }
        lines.join(self.line_end) + self.line_end
    }

    fn file(&self) -> File {
        let text = self.text();
        let wide = |order: fn(u16) -> [u8; 2], mark: &[u8]| {
            let units = text.encode_utf16().flat_map(order);
            mark.iter().copied().chain(units).collect::<Vec<u8>>()
        };
        let (name, bytes) = match self.bytes {
            Bytes::Utf8 => ("a.csv", text.into_bytes()),
            Bytes::Marked => ("a.csv", format!("\u{feff}{text}").into_bytes()),
            Bytes::Utf16Little => ("a.txt", wide(u16::to_le_bytes, b"\xff\xfe")),
            Bytes::Utf16Big => ("a.txt", wide(u16::to_be_bytes, b"\xfe\xff")),
            Bytes::Utf16Unmarked => ("a.txt", wide(u16::to_le_bytes, b"")),
            Bytes::Windows => (
                "a.csv",
                encoding_rs::WINDOWS_1252
                    .encode(&text.replace("note", "né"))
                    .0
                    .into_owned(),
            ),
            Bytes::Gzip => ("a.csv.gz", {
                let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                packer.write_all(text.as_bytes()).expect("memory");
                packer.finish().expect("memory")
            }),
            Bytes::Zstd => ("a.csv.zst", zstd::encode_all(text.as_bytes(), 1).expect("memory")),
            Bytes::Zip => ("a.zip", {
                let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
                archive
                    .start_file("a.csv", zip::write::SimpleFileOptions::default())
                    .expect("memory");
                archive.write_all(text.as_bytes()).expect("memory");
                archive.finish().expect("memory").into_inner()
            }),
        };
        File {
            name: name.to_owned(),
            bytes: bytes.into(),
        }
    }

    /// Checks that a table is the series that was written.
    fn check(&self, table: &Table, report: &Report) -> Result<(), TestCaseError> {
        let times: Vec<i64> = self.times().into_iter().map(seconds).collect();
        let (next, times) = times.split_last().expect("at least one row");
        let targets: Vec<&Column> = table
            .columns
            .iter()
            .filter(|column| column.role == Role::Target)
            .collect();
        prop_assert_eq!(targets.len(), 1, "{:?}", &report.understood);
        prop_assert_eq!(table.axis.len, times.len(), "{:?}", &report.understood);
        prop_assert_eq!(table.axis.at(table.axis.len), *next, "{:?}", &report.understood);
        for ((row, time), value) in times.iter().enumerate().zip(self.values()) {
            prop_assert_eq!(table.axis.at(row), *time, "row {}", row);
            prop_assert_eq!(
                targets[0].values[row].to_bits(),
                value.to_bits(),
                "row {}: {}",
                row,
                value
            );
        }
        Ok(())
    }
}

fn seconds(time: DateTime) -> i64 {
    time.to_zoned(TimeZone::UTC)
        .map_or(0, |time| Timestamp::from(time).as_second())
}

fn read(file: File, spec: &Spec) -> Result<(Table, Report), PreprocessError> {
    clean(file, None, &recipe(spec))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: FILES, ..ProptestConfig::default() })]

    #[test]
    fn one_series_comes_back_from_every_way_to_write_it(way in ways()) {
        match read(way.file(), &spec(&[])) {
            Ok((table, report)) => way.check(&table, &report)?,
            Err(error) => {
                let error = error.to_string();
                prop_assert!(error.contains("both fit all rows"), "{}\n{}", error, way.text());
                prop_assert!(error.contains(&format!("`{}`", way.time.setting)), "{}", error);
                let setting = format!("data.time_format={}", way.time.setting);
                let (table, report) = read(way.file(), &spec(&[&setting])).expect("the setting that is offered");
                way.check(&table, &report)?;
            }
        }
    }
}
