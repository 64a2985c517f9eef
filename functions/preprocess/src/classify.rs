//! What is wrong with an upload, in the words of a failure: whether to try again, its kind, and where it lies.

use contract::{FailureKind, MAX_COLUMN_NAME, NameError};
use platform::{Classify, Place, Retry};
use series::AxisError;

use crate::error::{Cell, NUMBERS, PreprocessError, TIMES};

impl Classify for PreprocessError {
    fn retry(&self) -> Retry {
        match self {
            Self::Store(source) => source.retry(),
            Self::Gone { .. }
            | Self::Message { .. }
            | Self::Empty { .. }
            | Self::HeaderOnly { .. }
            | Self::Encoding { .. }
            | Self::Mislabelled { .. }
            | Self::LongLine { .. }
            | Self::TooManyColumns { .. }
            | Self::TooManyValues { .. }
            | Self::NoHeader { .. }
            | Self::LongName { .. }
            | Self::Twice { .. }
            | Self::Reserved { .. }
            | Self::Ragged { .. }
            | Self::Unreadable { .. }
            | Self::NoColumn { .. }
            | Self::NoTime { .. }
            | Self::Time(_)
            | Self::SubSecond(_)
            | Self::MixedTimes { .. }
            | Self::Text(_)
            | Self::Infinite(_)
            | Self::NotNumeric { .. }
            | Self::NoTarget { .. }
            | Self::OffGrid { .. }
            | Self::Axis { .. }
            | Self::TestTooEarly { .. }
            | Self::TestColumns { .. }
            | Self::Table(_)
            | Self::Write(_) => Retry::Never,
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Store(source) => source.kind(),
            Self::Gone { .. } | Self::Message { .. } => FailureKind::Event,
            Self::NoColumn { .. }
            | Self::Empty { .. }
            | Self::HeaderOnly { .. }
            | Self::Encoding { .. }
            | Self::Mislabelled { .. }
            | Self::LongLine { .. }
            | Self::TooManyColumns { .. }
            | Self::TooManyValues { .. }
            | Self::NoHeader { .. }
            | Self::LongName { .. }
            | Self::Twice { .. }
            | Self::Reserved { .. }
            | Self::Ragged { .. }
            | Self::Unreadable { .. }
            | Self::NoTime { .. }
            | Self::Time(_)
            | Self::SubSecond(_)
            | Self::MixedTimes { .. }
            | Self::Text(_)
            | Self::Infinite(_)
            | Self::NotNumeric { .. }
            | Self::NoTarget { .. }
            | Self::OffGrid { .. }
            | Self::Axis { .. }
            | Self::TestTooEarly { .. }
            | Self::TestColumns { .. }
            | Self::Table(_)
            | Self::Write(_) => FailureKind::Data,
        }
    }

    fn place(&self) -> Place {
        match self {
            Self::Store(source) => source.place(),
            Self::Gone { .. } | Self::Message { .. } | Self::Unreadable { .. } | Self::Table(_) | Self::Write(_) => {
                Place::default()
            }
            Self::Empty { .. } | Self::HeaderOnly { .. } => bounded(None, "0 data rows", "at least 1 data row"),
            Self::Encoding { row, byte, .. } => bounded(Some(*row), format!("0x{byte:02x}"), "UTF-8"),
            Self::Mislabelled { extension, content, .. } => {
                bounded(None, *content, format!("what .{extension} stands for"))
            }
            Self::LongLine { row, have, bound, .. } => {
                bounded(Some(*row), format!("{have} bytes"), format!("at most {bound} bytes"))
            }
            Self::TooManyColumns { have, bound, .. } | Self::TooManyValues { have, bound, .. } => {
                bounded(None, have.to_string(), format!("at most {bound}"))
            }
            Self::NoHeader { time, .. } => bounded(Some(1), time.clone(), "names"),
            Self::LongName {
                source: NameError::Column { start, have },
                ..
            } => Place {
                column: Some(start.clone()),
                ..bounded(
                    Some(1),
                    format!("{have} bytes"),
                    format!("at most {MAX_COLUMN_NAME} bytes"),
                )
            },
            Self::LongName { .. } => Place::default(),
            Self::Twice { column, .. } => header(column, "each name once"),
            Self::Reserved { column, taken, .. } => header(column, format!("not the name of {taken}")),
            Self::Ragged { row, have, need, .. } => {
                bounded(Some(*row), format!("{have} fields"), format!("{need} fields"))
            }
            Self::NoColumn { column, columns, .. } => header(column, format!("one of {columns}")),
            Self::NoTime { columns, .. } => bounded(None, columns.clone(), format!("one column of times: {TIMES}")),
            Self::Time(cell) => at(cell, TIMES),
            Self::SubSecond(cell) => at(cell, "whole seconds"),
            Self::MixedTimes { cell, need, .. } => at(cell, *need),
            Self::Text(cell) => at(cell, NUMBERS),
            Self::Infinite(cell) => at(cell, "a finite number"),
            Self::NotNumeric { column, .. } => header(column, "at least 1 number"),
            Self::NoTarget { why, .. } => bounded(
                None,
                why.clone(),
                "at least 1 column of varying numbers with decimal points",
            ),
            Self::OffGrid { cell, frequency, start } => at(cell, format!("one row every {frequency} from {start}")),
            Self::Axis { source, .. } => axis(source),
            Self::TestTooEarly { start, end, .. } => bounded(None, start.clone(), format!("after {end}")),
            Self::TestColumns { column, .. } => header(column, "the same columns in both files"),
        }
    }
}

fn at(cell: &Cell, bound: impl Into<String>) -> Place {
    Place {
        row: Some(cell.row),
        column: Some(cell.column.clone()),
        value: Some(cell.value.clone()),
        bound: Some(bound.into()),
    }
}

fn bounded(row: Option<u64>, value: impl Into<String>, bound: impl Into<String>) -> Place {
    Place {
        row,
        column: None,
        value: Some(value.into()),
        bound: Some(bound.into()),
    }
}

fn header(column: &str, bound: impl Into<String>) -> Place {
    let column = Some(column.to_owned());
    Place {
        row: Some(1),
        value: column.clone(),
        column,
        bound: Some(bound.into()),
    }
}

fn axis(error: &AxisError) -> Place {
    match error {
        AxisError::TooFewRows { have, need } => bounded(
            None,
            format!("{have} rows with different times"),
            format!("at least {need}"),
        ),
        AxisError::TooManyRows { have, bound, .. } => bounded(None, format!("{have} rows"), format!("at most {bound}")),
        AxisError::NotSorted { time, .. } | AxisError::OffGrid { time, .. } => {
            bounded(None, time.clone(), "rising times on one grid")
        }
    }
}
