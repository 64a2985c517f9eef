//! Finds the table in a file and reads its cells.

use contract::spec::DataSection;

use crate::{
    limits::Limits,
    raw::{File, Raw},
    refusal::Refusal,
};

/// Reads a file in the format of its content.
pub(crate) fn read(_file: File, _data: &DataSection, _limits: &Limits) -> Result<Raw, Refusal> {
    todo!()
}
