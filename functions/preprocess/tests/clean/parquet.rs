//! Uploads that are Parquet.

use part::write;
use polars::prelude::{
    DataFrame, DataType, IntoColumn as _, NamedFrom as _, ParquetWriter, Series, TimeUnit, TimeZone,
};

use crate::{csv, file, names, run, typed::typed};

#[test]
fn parquet_is_read_with_its_types() {
    let (table, _) = run(
        &csv("time,a,b\n2018-01-01,1,\n2018-01-02,2,5\n2018-01-04,3,6\n"),
        None,
        &[],
    )
    .unwrap();
    let parquet = file("cell.parquet", write(&table).unwrap().0);
    let (again, report) = run(&parquet, None, &["clean.calendar=false"]).unwrap();
    assert_eq!(again.axis, table.axis);
    assert_eq!(
        format!("{:?}", again.columns[..2].to_vec()),
        format!("{:?}", table.columns[..2].to_vec())
    );
    assert_eq!(report.gaps, 0, "a clean part has no gap left");
}

#[test]
fn typed_times_of_parquet_are_read_in_their_zone() {
    let hours = |unit: i64| {
        (0..3)
            .map(|hour| (1_530_403_200 + hour * 3_600) * unit)
            .collect::<Vec<i64>>()
    };
    let utc = Some(TimeZone::UTC);
    for (dtype, counts, start) in [
        (
            DataType::Datetime(TimeUnit::Microseconds, utc),
            hours(1_000_000),
            "2018-07-01T00:00:00Z",
        ),
        (
            DataType::Datetime(TimeUnit::Nanoseconds, None),
            hours(1_000_000_000),
            "2018-06-30T22:00:00Z",
        ),
        (
            DataType::Datetime(TimeUnit::Milliseconds, None),
            hours(1_000),
            "2018-06-30T22:00:00Z",
        ),
        (DataType::Date, vec![17_713, 17_714, 17_715], "2018-07-01T00:00:00Z"),
        (DataType::Int64, hours(1), "2018-07-01T00:00:00Z"),
        (DataType::Int64, hours(1_000), "2018-07-01T00:00:00Z"),
    ] {
        let time = Series::new("time".into(), counts).cast(&dtype).unwrap().into_column();
        let load = Series::new("load".into(), [1_i32, 2, 3]).into_column();
        let mark = Series::new("mark".into(), [true, false, true]).into_column();
        let mut bytes = Vec::new();
        let mut frame = DataFrame::new(3, vec![load, mark, time]).unwrap();
        ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
        let (table, report) = run(&file("cell.pq", &bytes), None, &["data.time_zone=Europe/Madrid"]).unwrap();
        assert_eq!(series::rfc3339(table.axis.start), start, "{dtype:?}");
        assert_eq!(
            (table.columns[0].values.as_slice(), table.columns.len()),
            (&[1.0, 2.0, 3.0][..], 8),
            "{dtype:?}"
        );
        assert_eq!(table.columns[1].values, [1.0, 0.0, 1.0], "{dtype:?}");
        assert_eq!(report.understood.inputs, names(&["mark"]));
    }
}

#[test]
fn numbers_of_all_widths_are_numbers_and_what_is_nested_is_left_out_and_named() {
    let (table, report) = run(&file("cell.parquet", typed()), None, &["clean.calendar=false"]).unwrap();
    let columns: Vec<_> = table
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.values.clone()))
        .collect();
    assert_eq!(
        columns,
        [
            ("small", vec![1.0, 2.0, 3.0, 4.0]),
            ("unsigned", vec![2.0, 3.0, 4.0, 5.0]),
            ("large", vec![3.0, 4.0, 5.0, 6.0]),
            ("single", vec![4.0, 5.0, 6.0, 7.0]),
            ("half", vec![1.0, 1.25, 1.5, 1.75]),
            ("cents", vec![0.06, 0.07, 0.08, 0.09]),
            ("mills", vec![0.007, 0.008, 0.009, 0.01]),
            ("wide", vec![0.8, 0.9, 1.0, 1.1]),
            ("last", vec![16.0, 17.0, 18.0, 19.0]),
        ]
    );
    assert_eq!(report.not_numeric, names(&["struct", "list", "map", "blob", "clock"]));
}
