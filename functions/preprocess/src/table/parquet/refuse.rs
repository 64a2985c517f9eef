//! The refusals of a file that cannot be read as Parquet.

use crate::{
    raw::File,
    refusal::{Problem, Refusal},
};

pub(super) fn unreadable(file: &File, source: impl std::fmt::Display) -> Refusal {
    Problem::new(format!("{} cannot be read as Parquet: {source}", file.name)).into()
}

pub(super) fn damaged(file: &File, why: impl Into<String>) -> Refusal {
    unreadable(file, why.into())
}

/// Returns the refusal of a column that has another number of rows than the file.
pub(super) fn height(file: &File, column: &str, have: impl std::fmt::Display, need: impl std::fmt::Display) -> Refusal {
    let message = format!(
        "{}: column `{column}` has {have} rows, the file declares {need}",
        file.name
    );
    let problem = Problem::new(message).column(column).value(format!("{have} rows"));
    problem.bound(format!("{need} rows")).into()
}
