//! What an upload may hold, and what may be used to read it.

use std::time::Duration;

use contract::MAX_COLUMN_NAME;
use part::MAX_VALUES;
use platform::{Host, child::Bounds};
use serde::{Deserialize, Serialize};

use crate::error::PreprocessError;

/// What an upload may hold at most, checked before anything is allocated for it. Its size in bytes is a limit that the
/// host states itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of one line of a CSV file.
    pub line: usize,
    /// Columns.
    pub columns: usize,
    /// Values on the regular grid, rows times columns.
    pub values: usize,
}

/// Bytes that one value needs at the worst moment: as text, as number, on the grid and in the written part.
const BYTES_OF_A_VALUE: u64 = 64;

/// Bytes of the names of all columns: they stand in messages, reports and ledgers, some of them several times, and a
/// ledger has at most a MiB.
const NAMES: usize = 128 << 10;

/// Characters of a name that a refusal shows.
const SHOWN: usize = 60;

/// CPU time that any upload may take to read, and what each MiB of it adds: a hundred times what it takes as a rule.
const CPU_S: u64 = 60;
const CPU_S_PER_MIB: u64 = 1;

impl Limits {
    /// Takes the limits from the host's memory.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        let values = usize::try_from(host.memory / BYTES_OF_A_VALUE).unwrap_or(usize::MAX);
        Self {
            line: 1024 * 1024,
            columns: 2_000,
            values,
        }
    }

    /// Returns the most rows of a grid with so many columns, those of the calendar and the time among them: no more than the
    /// later stages read.
    #[must_use]
    pub fn rows(&self, columns: usize) -> usize {
        let readable = usize::try_from(MAX_VALUES).unwrap_or(usize::MAX);
        self.values.min(readable) / columns.max(1)
    }

    /// Refuses a file with more values than are read.
    pub(crate) fn check_values(&self, file: &str, rows: usize, columns: usize) -> Result<(), PreprocessError> {
        let have = rows.saturating_mul(columns);
        if have <= self.values {
            return Ok(());
        }
        Err(PreprocessError::TooManyValues {
            file: file.to_owned(),
            have,
            bound: self.values,
        })
    }

    /// Refuses names of columns that messages and documents could not hold.
    pub(crate) fn check_names<'n>(file: &str, names: impl Iterator<Item = &'n str>) -> Result<(), PreprocessError> {
        let mut all = 0_usize;
        for (index, name) in names.enumerate() {
            all = all.saturating_add(name.len());
            if name.len() > MAX_COLUMN_NAME {
                return Err(PreprocessError::LongName {
                    file: file.to_owned(),
                    number: index + 1,
                    begins: contract::text::shortened(name, SHOWN),
                    have: name.len(),
                    bound: MAX_COLUMN_NAME,
                });
            }
        }
        if all <= NAMES {
            return Ok(());
        }
        Err(PreprocessError::Declares {
            file: file.to_owned(),
            what: "bytes of column names",
            have: all as u64,
            bound: NAMES as u64,
        })
    }

    /// Returns the memory that all of it may take, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        (self.values as u64).saturating_mul(BYTES_OF_A_VALUE)
    }
}

/// What the process that reads an upload of so many bytes may use.
pub(crate) fn bounds(host: &Host, bytes: u64) -> Bounds {
    let mib = bytes >> 20;
    Bounds {
        memory: host.memory,
        cpu: Duration::from_secs(CPU_S + CPU_S_PER_MIB * mib),
        threads: host.threads,
    }
}
