//! The class of each error of an upload: whether to try again, its kind, and its place.

use contract::FailureKind;
use platform::{Class, Classify, Place};
use series::AxisError;

use crate::error::{CALENDAR, FileCell, NUMBERS, PreprocessError, STEP, TIMES};

impl Classify for PreprocessError {
    fn class(&self) -> Class {
        let data = Class::never(FailureKind::Data);
        match self {
            Self::Store(source) => source.class(),
            Self::Refused(refusal) => Class::never(refusal.kind).at(refusal.place.clone()),
            Self::Child(_) => Class::later(FailureKind::Exhausted),
            Self::Gone { .. } | Self::Message { .. } => Class::never(FailureKind::Event),
            Self::Died { death, .. } => data.at(Place {
                bound: death.bound(),
                ..Place::default()
            }),
            Self::Unreadable { .. } | Self::Table(_) | Self::Write(_) => data,
            Self::Empty { .. } | Self::HeaderOnly { .. } => data.value("0 data rows").bound("at least 1 data row"),
            Self::Encoding { row, byte, .. } => data.row(*row).value(format!("0x{byte:02x}")).bound("UTF-8"),
            Self::Mislabelled { extension, content, .. } => {
                data.value(*content).bound(format!("what .{extension} stands for"))
            }
            Self::LongLine { row, have, bound, .. } => data
                .row(*row)
                .value(format!("{have} bytes"))
                .bound(format!("at most {bound} bytes")),
            Self::TooManyColumns { have, bound, .. } | Self::TooManyValues { have, bound, .. } => {
                data.value(have.to_string()).bound(format!("at most {bound}"))
            }
            Self::Declares { what, have, bound, .. } => {
                data.value(format!("{have} {what}")).bound(format!("at most {bound}"))
            }
            Self::Height { column, have, need, .. } => data
                .column(column)
                .value(format!("{have} rows"))
                .bound(format!("{need} rows")),
            Self::LongName {
                begins, have, bound, ..
            } => data
                .column(begins)
                .value(format!("{have} bytes"))
                .bound(format!("at most {bound} bytes")),
            Self::NoHeader { time, .. } => data.row(1).value(time).bound("names"),
            Self::Twice { column, .. } => in_header(column, "each name once"),
            Self::Reserved { column, taken, .. } => in_header(column, format!("not the name of {taken}")),
            Self::Ragged { row, have, need, .. } => data
                .row(*row)
                .value(format!("{have} fields"))
                .bound(format!("{need} fields")),
            Self::NoColumn { column, columns, .. } => in_header(column, format!("one of {columns}")),
            Self::NoTime { columns, .. } => data.value(columns).bound(format!("one column of times: {TIMES}")),
            Self::Time(cell) => at(cell, TIMES),
            Self::OutOfCalendar(cell) => at(cell, CALENDAR),
            Self::SubSecond(cell) => at(cell, "whole seconds"),
            Self::MixedTimes { cell, need, .. } => at(cell, *need),
            Self::Text(cell) => at(cell, NUMBERS),
            Self::Infinite(cell) => at(cell, "a finite number"),
            Self::NotNumeric { column, .. } => in_header(column, "at least 1 number"),
            Self::NoTarget { why, .. } => data
                .value(why)
                .bound("at least 1 column of varying numbers with decimal points"),
            Self::OffGrid { cell, frequency, start } => at(cell, format!("one row every {frequency} from {start}")),
            Self::Step { cell, .. } => at(cell, format!("at most {STEP} after the row before it")),
            Self::Axis { source, .. } => of_axis(source),
            Self::TestTooEarly { start, end, .. } => data.value(start).bound(format!("after {end}")),
            Self::TestColumns { column, .. } => in_header(column, "the same columns in both files"),
        }
    }
}

fn at(cell: &FileCell, bound: impl Into<String>) -> Class {
    Class::never(FailureKind::Data)
        .row(cell.row)
        .column(&cell.column)
        .value(&cell.value)
        .bound(bound)
}

fn in_header(column: &str, bound: impl Into<String>) -> Class {
    Class::never(FailureKind::Data)
        .row(1)
        .column(column)
        .value(column)
        .bound(bound)
}

fn of_axis(error: &AxisError) -> Class {
    let data = Class::never(FailureKind::Data);
    match error {
        AxisError::TooFewRows { have, need } => data
            .value(format!("{have} rows with different times"))
            .bound(format!("at least {need}")),
        AxisError::TooManyRows { have, bound, .. } => {
            data.value(format!("{have} rows")).bound(format!("at most {bound}"))
        }
        AxisError::NotSorted { time, .. } | AxisError::OffGrid { time, .. } | AxisError::StepTooLong { time, .. } => {
            data.value(time).bound("rising times on one grid")
        }
    }
}
