//! The constants and types on which reader and writer agree.

use serde::{Deserialize, Serialize};
use series::{Role, TimeAxis};

/// The key of the footer entry that describes the columns.
pub(crate) const METADATA: &str = "flits";

/// The name of the time column, in UTC seconds.
pub const TIME: &str = "time";

/// The largest number of values (rows times columns) that is read, so that a damaged footer cannot claim all memory.
pub const MAX_VALUES: u64 = 1 << 27;

/// The footer entry, which describes the columns.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct FooterEntry {
    /// The time grid of all rows.
    pub(crate) axis: TimeAxis,
    /// The columns other than [`TIME`], in the order of the table.
    pub(crate) columns: Vec<ColumnEntry>,
    /// The first row that came from a test file; `None` without a test file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) test_start: Option<usize>,
    /// The name of the series; empty when there is only one.
    #[serde(default)]
    pub(crate) series: String,
}

/// The description of one column in the footer entry.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct ColumnEntry {
    pub(crate) name: String,
    /// What a forecast may use the column for.
    pub(crate) role: Role,
}
