//! Finds the table in a file and reads its cells.

mod csv;
mod header;
mod layout;
mod parquet;
mod records;

use contract::spec::DataSection;

use crate::{
    decode::{Content, Decoded, decode},
    limits::Limits,
    raw::{File, Raw},
    refusal::Refusal,
};

/// Reads a file in the format of its content.
///
/// # Errors
/// When it cannot be decoded, holds no table, or is larger than the limits.
pub(crate) fn read(file: File, data: &DataSection, limits: &Limits) -> Result<Raw, Refusal> {
    let Decoded {
        file,
        content,
        compression,
        mut notices,
    } = decode(file, limits)?;
    let mut raw = match content {
        Content::Parquet => parquet::read(&file, limits)?,
        Content::Text { encoding } => {
            let mut raw = csv::read(&file.name, file.bytes, data, limits)?;
            encoding.clone_into(&mut raw.layout.encoding);
            raw
        }
    };
    compression.clone_into(&mut raw.layout.compression);
    notices.append(&mut raw.notices);
    raw.notices = notices;
    Ok(raw)
}
