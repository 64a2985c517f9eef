//! Reads a file into columns of cells, in the format of its content.

use crate::{
    csv::{self, Reading},
    error::PreprocessError,
    limits::Limits,
    parquet,
    raw::{File, Raw},
};

const CSV: [&str; 3] = ["csv", "tsv", "txt"];
const PARQUET: [&str; 3] = ["parquet", "pq", "parq"];
const PARQUET_MAGIC: &[u8] = b"PAR1";

/// Reads a file in the format of its content, which must be that of its name.
pub(crate) fn read<'a>(file: &'a File, limits: &Limits, reading: Reading<'_>) -> Result<Raw<'a>, PreprocessError> {
    let raw = if is_parquet(file)? {
        parquet::read(file, limits)?
    } else {
        csv::read(file, limits, reading)?
    };
    for (index, column) in raw.columns.iter().enumerate() {
        if raw.columns[..index].iter().any(|earlier| earlier.name == column.name) {
            return Err(PreprocessError::Twice {
                file: raw.file,
                column: column.name.clone(),
            });
        }
    }
    Ok(raw)
}

fn is_parquet(file: &File) -> Result<bool, PreprocessError> {
    let extension = file
        .name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase())
        .unwrap_or_default();
    let holds_parquet = file.bytes.starts_with(PARQUET_MAGIC);
    let mislabelled = |content| {
        let (file, extension) = (file.name.clone(), extension.clone());
        Err(PreprocessError::Mislabelled {
            file,
            extension,
            content,
        })
    };
    if file.bytes.is_empty() {
        return Err(PreprocessError::Empty {
            file: file.name.clone(),
        });
    }
    if holds_parquet && CSV.contains(&extension.as_str()) {
        return mislabelled("Parquet");
    }
    if !holds_parquet && PARQUET.contains(&extension.as_str()) {
        return mislabelled("no Parquet: it does not begin with PAR1");
    }
    Ok(holds_parquet)
}
