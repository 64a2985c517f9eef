//! The clean part: the only format in which `preprocess` passes a series on to later stages.
//!
//! A clean part is a Parquet file in original units on a regular time grid. It has a column [`TIME`] (UTC seconds,
//! required) and one column of 64-bit floats for each column of the table, with null for a missing value. The footer
//! describes the columns as JSON under the key `flits`: the time axis, the role of each column, the first test row
//! and the name of the series.
//!
//! The crate promises that [`read`] returns the table that [`write()`] was given, and that equal tables give equal
//! bytes. It refuses to know where parts are stored and which stage reads them.
//!
//! # Example
//! ```
//! use series::{Column, Frequency, Role, Table, TimeAxis};
//!
//! let axis = TimeAxis { start: 1_700_000_000, frequency: Frequency::Seconds(3_600), len: 3 };
//! let load = Column { name: "load".to_owned(), role: Role::Target, values: vec![1.5, f64::NAN, 2.5] };
//! let table = Table::new(String::new(), axis, vec![load], None)?;
//!
//! let (bytes, digest) = part::write(&table)?;
//! let read = part::read(bytes.into())?;
//! assert_eq!(read.axis, table.axis);
//! assert_eq!(read.columns[0].values[2], 2.5);
//! assert!(read.columns[0].values[1].is_nan(), "a missing value stays missing");
//! assert_eq!(part::write(&read)?.1, digest, "equal tables have equal digests");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod format;
mod read;
mod write;

pub use format::{MAX_VALUES, TIME};
pub use read::{PartError, read};
pub use write::{WriteError, write};
