//! Clean tables of good uploads, and the errors of bad ones.

mod bad;
mod parquet;
mod typed;

use std::fmt::Write as _;

use contract::{
    Digest, Report, Spec,
    spec::{Layer, parse_set, resolve},
};
use part::write;
use preprocess::{File, Limits, PreprocessError, Recipe, clean};
use proptest::prelude::*;
use series::{Role, Table};

const LIMITS: Limits = Limits {
    line: 1 << 16,
    columns: 50,
    values: 1_000_000,
    unpacked: 1 << 24,
};

fn file(name: &str, text: impl AsRef<[u8]>) -> File {
    File {
        name: name.to_owned(),
        bytes: bytes::Bytes::copy_from_slice(text.as_ref()),
    }
}

fn csv(text: impl AsRef<[u8]>) -> File {
    file("cell.csv", text)
}

fn spec(pairs: &[&str]) -> Spec {
    let pairs = pairs.iter().map(|pair| parse_set(pair).expect("a pair of the test"));
    resolve(&[Layer::set(pairs)]).expect("a spec of the test")
}

fn run(data: &File, test: Option<&File>, pairs: &[&str]) -> Result<(Table, Report), PreprocessError> {
    let spec = spec(pairs);
    let recipe = Recipe {
        data: &spec.data,
        calendar: spec.clean.calendar,
        limits: LIMITS,
        threads: 2,
    };
    clean(data.clone(), test.cloned(), &recipe)
}

fn without_calendar(data: &File) -> (Table, Report) {
    run(data, None, &["clean.calendar=false"]).unwrap_or_else(|error| panic!("{error}"))
}

fn describe(table: &Table) -> String {
    let mut text = format!(
        "{} rows every {} from {}\n",
        table.axis.len,
        table.axis.frequency,
        series::rfc3339(table.axis.start)
    );
    for column in &table.columns {
        let _ = writeln!(text, "{} {:?} {:?}", column.name, column.role, column.values);
    }
    text
}

/// Returns the chain of causes, as in `failed/{job}.json`.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

#[test]
fn rows_are_sorted_deduplicated_and_put_on_a_grid_and_everything_is_counted() {
    let text = "time,down,up,flat,void,place\n\
        2018-02-05 23:44:00,4,40,7,,north\n\
        2018-02-05 23:40:00,1,-,7,,north\n\
        2018-02-05 23:42:00,9,20,7,,north\n\
        2018-02-05 23:42:00,2,,7,,south\n\
        2018-02-05 23:50:00,6,NaN,7,,north\n";
    let (table, report) = without_calendar(&csv(text));
    assert_eq!(
        describe(&table),
        "6 rows every 2m from 2018-02-05T23:40:00Z\n\
         down Target [1.0, 2.0, 4.0, NaN, NaN, 6.0]\n\
         up Past [NaN, NaN, 40.0, NaN, NaN, NaN]\n\
         flat Past [7.0, 7.0, 7.0, NaN, NaN, 7.0]\n"
    );
    assert_eq!(report.rows_read, 5);
    assert_eq!((report.out_of_order, report.duplicates, report.gaps), (3, 1, 2));
    let missing = [("down".to_owned(), 2), ("flat".to_owned(), 2), ("up".to_owned(), 5)];
    assert_eq!(report.missing, missing.into());
    assert_eq!(
        (&report.constant, &report.excluded_targets),
        (&names(&["up", "flat"]), &names(&["up", "flat"]))
    );
    assert_eq!(
        (report.empty, report.not_numeric),
        (names(&["void"]), names(&["place"]))
    );
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn columns_get_their_roles_from_the_spec() {
    let data = csv("ds,a,b,c\n2018-01-01,1,2,3\n2018-01-02,2,3,4\n2018-01-03,3,1,5\n");
    for (pairs, expected) in [
        (&[][..], [Role::Target, Role::Target, Role::Target]),
        (&["data.targets=b"], [Role::Past, Role::Target, Role::Past]),
        (&["data.past=c"], [Role::Target, Role::Target, Role::Past]),
        (
            &["data.targets=[\"c\",\"a\"]", "data.past=b"],
            [Role::Target, Role::Past, Role::Target],
        ),
    ] {
        let (table, _) = run(&data, None, pairs).unwrap();
        let roles: Vec<_> = table.columns.iter().map(|column| column.role).collect();
        assert_eq!(roles[..3], expected, "{pairs:?}");
        assert_eq!(roles[3..], [Role::Calendar; 6], "{pairs:?}");
    }
}

#[test]
fn files_as_tools_write_them_are_the_same_table() {
    let expected = without_calendar(&csv("time,a,b\n2018-01-01 00:00:00,1,2\n2018-01-01 01:00:00,3,4\n")).0;
    for text in [
        "time,a,b\r\n2018-01-01 00:00:00,1,2\r\n2018-01-01 01:00:00,3,4\r\n",
        "time,a,b\n2018-01-01 00:00:00,1,2\n2018-01-01 01:00:00,3,4",
        "\u{feff}time,a,b\n2018-01-01 00:00:00,1,2\n2018-01-01 01:00:00,3,4\n",
        "\"time\",\"a\",\"b\"\n\"2018-01-01 00:00:00\",\"1\",\"2\"\n\"2018-01-01 01:00:00\",\"3\",\"4\"\n",
        "time;a;b\n2018-01-01 00:00:00;1;2\n2018-01-01 01:00:00;3;4\n",
        "time|a|b\n2018-01-01 00:00:00|1|2\n2018-01-01 01:00:00|3|4\n",
        "time\ta\tb\n2018-01-01T00:00\t1\t2\n2018-01-01T01:00\t3\t4\n",
        "time,a,b\n\n2018-01-01 00:00:00,1,2\n\n2018-01-01 01:00:00,3,4\n\n\n",
        " time , a,b\n2018-01-01 00:00:00 , 1,2\n2018-01-01 01:00:00,3 ,4\n",
        "a,time,b\n1,1514764800,2\n3,1514768400,4\n",
        "a,when,b\n1,2018-01-01T01:00:00+01:00,2\n3,2018-01-01T01:00:00Z,4\n",
        "time,a,b\n1514768400000,3,4\n1514764800000,1,2\n",
    ] {
        let (table, _) = without_calendar(&csv(text));
        assert_eq!(table, expected, "{text:?}");
    }
}

#[test]
fn the_time_column_is_found_by_name_or_by_what_it_holds() {
    for (header, first, second, expected) in [
        ("load,Timestamp", "5,2018-01-01", "6,2018-01-02", "load"),
        ("load,when", "5,2018-01-01", "6,2018-01-02", "load"),
        (",load", "2018-01-01,5", "2018-01-02,6", "load"),
        ("index,when,load", "0,2018-01-01,5", "1,2018-01-02,6", "load"),
    ] {
        let (table, _) = without_calendar(&csv(format!("{header}\n{first}\n{second}\n")));
        assert_eq!(
            (
                table.columns[0].name.as_str(),
                series::rfc3339(table.axis.start).as_str()
            ),
            (expected, "2018-01-01T00:00:00Z"),
            "{header}"
        );
    }
    let both = csv("day,time,load\n2018-01-01,2019-01-01,5\n2018-01-02,2019-01-02,6\n");
    let error = run(&both, None, &["data.time=day"]).unwrap_err().to_string();
    assert!(
        error.contains("column name `time` is taken by the time axis"),
        "{error}"
    );
}

#[test]
fn the_forecast_begins_where_the_first_columns_end_if_others_are_known_ahead() {
    let rows = |sales: usize, shop: usize, heat: usize| {
        let cell = |row: usize, end: usize| {
            if row < end {
                format!("{}", row * row % 7)
            } else {
                String::new()
            }
        };
        let line = |row: usize| {
            let day = 1 + row;
            format!(
                "2024-01-{day:02},{},{},{}\n",
                cell(row, sales),
                cell(row, shop),
                cell(row, heat)
            )
        };
        (0..30).map(line).collect::<String>()
    };
    for (ends, targets, known, len) in [
        ([24, 30, 30], &["sales"][..], &["shop", "heat"][..], 24),
        ([24, 24, 30], &["sales", "shop"], &["heat"], 24),
        ([30, 24, 30], &["sales", "shop", "heat"], &[], 30),
        ([28, 30, 30], &["sales", "shop", "heat"], &[], 30),
        ([10, 30, 30], &["sales", "shop", "heat"], &[], 30),
    ] {
        let text = format!("date,sales,shop,heat\n{}", rows(ends[0], ends[1], ends[2]));
        let (table, report) = without_calendar(&csv(text));
        let understood = &report.understood;
        assert_eq!(
            (&understood.targets[..], &understood.known[..]),
            (&names(targets)[..], &names(known)[..]),
            "{ends:?}"
        );
        assert_eq!(table.axis.len, len, "{ends:?}: {understood:?}");
    }
}

#[test]
fn naive_times_are_those_of_the_zone() {
    let data = csv("time,a\n2018-03-25 00:00,1\n2018-03-25 01:00,2\n2018-03-25 03:00,3\n2018-03-25 04:00,4\n");
    let (table, report) = run(&data, None, &["data.time_zone=Europe/Madrid"]).unwrap();
    assert_eq!(
        (table.axis.len, report.gaps),
        (4, 0),
        "the hour that the clock skips is no gap"
    );
    assert_eq!(series::rfc3339(table.axis.start), "2018-03-24T23:00:00Z");
}

#[test]
fn months_are_steps_and_a_given_frequency_is_taken() {
    let months = csv("ds,y\n1992-01-01,1\n1992-02-01,2\n1992-04-01,4\n1992-05-01,5\n");
    let (table, report) = run(&months, None, &[]).unwrap();
    assert_eq!(
        (table.axis.frequency.to_string().as_str(), table.axis.len, report.gaps),
        ("1mo", 5, 1)
    );
    let sparse = csv("ds,y\n2018-01-01,1\n2018-01-03,2\n");
    let (table, _) = run(&sparse, None, &["data.frequency=1d"]).unwrap();
    assert_eq!(table.axis.len, 3);
}

#[test]
fn a_test_file_follows_the_data_and_the_boundary_is_kept() {
    let data = csv("time,a,b\n2018-01-01,1,2\n2018-01-02,3,4\n");
    let test = file("cell_test.csv", "b,a,time\n8,7,2018-01-05\n6,5,2018-01-04\n");
    let (table, report) = run(&data, Some(&test), &[]).unwrap();
    assert_eq!((table.axis.len, table.test_start), (5, Some(3)));
    let values = &table.columns[0].values;
    assert_eq!((values[0], values[3], values[4]), (1.0, 5.0, 7.0));
    assert_eq!((report.rows_read, report.gaps, report.out_of_order), (4, 1, 1));
}

#[test]
fn a_clean_part_is_read_back_as_it_was() {
    let data = csv("time,a,b\n2018-01-01,1,\n2018-01-02,2,5\n2018-01-04,3,6\n");
    let test = file("cell_test.csv", "time,a,b\n2018-01-05,1,2\n");
    let (table, _) = run(&data, Some(&test), &[]).unwrap();
    let (bytes, digest) = write(&table).unwrap();
    assert_eq!(digest, Digest::of(&bytes));
    assert_eq!(write(&table).unwrap().0, bytes);
    let read = part::read(bytes.into()).unwrap();
    assert_eq!(format!("{read:?}"), format!("{table:?}"));
}

proptest! {
    #[test]
    fn the_order_of_rows_does_not_change_a_byte(
        rows in prop::collection::vec((1_i64..4, prop::option::of(-1e6_f64..1e6)), 8..60),
        seed in any::<u64>(),
    ) {
        let mut minute = 0;
        let line = |(step, value): &(i64, Option<f64>)| {
            minute += step;
            let value = value.map(|value| value.to_string()).unwrap_or_default();
            format!("{},{value},{minute}\n", 1_517_874_000 + minute * 60)
        };
        let sorted: Vec<String> = rows.iter().map(line).collect();
        let mut mixed = sorted.clone();
        let mut state = seed;
        for index in (1..mixed.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            mixed.swap(index, usize::try_from(state >> 33).unwrap() % (index + 1));
        }
        let digest = |lines: &[String]| {
            let pairs = ["data.targets=b", "data.frequency=1m"];
            let (table, _) = run(&csv(format!("time,a,b\n{}", lines.concat())), None, &pairs).unwrap();
            write(&table).unwrap().1
        };
        prop_assert_eq!(digest(&sorted), digest(&mixed));
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(prop::sample::select(b"time,a\n\"2018-01-01;\t -.e\r\xff".to_vec()), 0..120)) {
        let _ = run(&csv([b"time,a\n".as_slice(), &body].concat()), None, &[]);
        let _ = run(&file("x.parquet", [b"PAR1".as_slice(), &body, b"PAR1"].concat()), None, &[]);
    }
}
