//! Uploads that are Parquet.

use polars::prelude::{
    DataFrame, DataType, IntoColumn as _, NamedFrom as _, ParquetWriter, Series, TimeUnit, TimeZone,
};
use preprocess::write;

use crate::{csv, file, names, run};

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
            (&[1.0, 2.0, 3.0][..], 7),
            "{dtype:?}"
        );
        assert_eq!(report.not_numeric, names(&["mark"]));
    }
}
