//! What reader and writer agree on.

use serde::{Deserialize, Serialize};
use series::{Role, TimeAxis};

/// The key of the footer entry that says what the columns mean.
pub(crate) const METADATA: &str = "flits";

/// The column of times, UTC seconds.
pub const TIME: &str = "time";

/// The most values (rows times columns) that are read, so that a damaged footer cannot claim all memory.
pub const MAX_VALUES: u64 = 1 << 27;

/// The footer entry: what the columns mean.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Meaning {
    /// The time grid that all rows lie on.
    pub(crate) axis: TimeAxis,
    /// The columns other than [`TIME`], in the order of the table.
    pub(crate) columns: Vec<Described>,
    /// The first row that came from a test file; `None` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) test_start: Option<usize>,
    /// The name of the series; empty where there is only one.
    #[serde(default)]
    pub(crate) series: String,
}

/// One column in the footer entry.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Described {
    pub(crate) name: String,
    /// What a forecast may use the column for.
    pub(crate) role: Role,
}
