//! The limits of an upload, and of the process that reads it.

use std::time::Duration;

use contract::MAX_COLUMN_NAME;
use part::MAX_VALUES;
use platform::{Host, child::Bounds};
use serde::{Deserialize, Serialize};

use crate::refusal::{Problem, Refusal};

/// The limits of an upload, checked before anything is allocated for it. Its size in bytes is limited by
/// `host.max_upload`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// The length of one line of a CSV file, in bytes.
    pub line: usize,
    /// The number of columns.
    pub columns: usize,
    /// The number of values on the regular grid, rows times columns.
    pub values: usize,
    /// The size of a file after it is unpacked, in bytes.
    pub unpacked: u64,
}

/// Memory that one value needs at the worst moment, in bytes: as text, as number, on the grid and in the written part.
const BYTES_OF_A_VALUE: u64 = 64;

/// The length of all column names together, in bytes. They stand in messages, reports and ledgers, some of them several
/// times, and a ledger has at most 1 MiB.
const NAMES: usize = 128 << 10;

/// How many characters of a name an error shows.
const SHOWN: usize = 60;

/// CPU seconds for any upload, and for each MiB of it: a hundred times what reading usually takes.
const CPU_S: u64 = 60;
const CPU_S_PER_MIB: u64 = 1;

impl Limits {
    /// Returns the limits that follow from the host's memory.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        let values = usize::try_from(host.memory / BYTES_OF_A_VALUE).unwrap_or(usize::MAX);
        Self {
            line: 1024 * 1024,
            columns: 2_000,
            values,
            unpacked: host.max_upload.min(host.memory / 2),
        }
    }

    /// Returns the largest number of rows of a grid with this many columns, including those of the calendar and the
    /// time. Never more than later stages read.
    #[must_use]
    pub fn rows(&self, columns: usize) -> usize {
        let readable = usize::try_from(MAX_VALUES).unwrap_or(usize::MAX);
        self.values.min(readable) / columns.max(1)
    }

    /// Checks the number of values.
    pub(crate) fn check_values(&self, file: &str, rows: usize, columns: usize) -> Result<(), Refusal> {
        let have = rows.saturating_mul(columns);
        check(file, have as u64, "values", self.values as u64)
    }

    /// Checks that messages and documents can hold the names of the columns.
    pub(crate) fn check_names<'n>(file: &str, names: impl Iterator<Item = &'n str>) -> Result<(), Refusal> {
        let mut all = 0_u64;
        for (index, name) in names.enumerate() {
            all = all.saturating_add(name.len() as u64);
            if name.len() > MAX_COLUMN_NAME {
                let (number, have) = (index + 1, name.len());
                let begins = contract::text::shortened(name, SHOWN);
                let message = format!(
                    "{file}: the name of column {number}, `{begins}`, has {have} bytes, at most {MAX_COLUMN_NAME} are read"
                );
                let problem = Problem::new(message).column(begins).value(format!("{have} bytes"));
                return Err(problem.bound(format!("at most {MAX_COLUMN_NAME} bytes")).into());
            }
        }
        check(file, all, "bytes of column names", NAMES as u64)
    }

    /// Returns the memory that all values may take, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        (self.values as u64).saturating_mul(BYTES_OF_A_VALUE)
    }
}

/// Checks that a file has no more of something than is read.
pub(crate) fn check(file: &str, have: u64, what: &str, bound: u64) -> Result<(), Refusal> {
    if have <= bound {
        return Ok(());
    }
    let message = format!("{file} has {have} {what}, at most {bound} are read");
    let problem = Problem::new(message).value(format!("{have} {what}"));
    Err(problem.bound(format!("at most {bound}")).into())
}

/// Returns the limits of the process that reads an upload of `bytes`.
pub(crate) fn bounds(host: &Host, bytes: u64) -> Bounds {
    let mib = bytes >> 20;
    Bounds {
        memory: host.memory,
        cpu: Duration::from_secs(CPU_S + CPU_S_PER_MIB * mib),
        threads: host.threads,
    }
}
