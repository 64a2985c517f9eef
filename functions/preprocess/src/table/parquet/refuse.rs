//! The errors of a file that cannot be read as Parquet.

use crate::{error::PreprocessError, raw::File};

pub(super) fn unreadable(file: &File, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PreprocessError {
    PreprocessError::Unreadable {
        file: file.name.clone(),
        format: "Parquet",
        source: source.into(),
    }
}

pub(super) fn damaged(file: &File, why: impl Into<String>) -> PreprocessError {
    unreadable(file, why.into())
}
