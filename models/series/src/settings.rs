//! The settings of sampling and windows, and the report of a setting out of range.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One setting that is out of its range.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{path}` is {value}, must be {range}")]
pub struct Problem {
    /// The path of the setting, for example `window.horizon`.
    pub path: String,
    /// The value that was set, as text.
    pub value: String,
    /// The allowed range, as text.
    pub range: String,
}

impl Problem {
    /// Returns the report of a value out of range.
    pub fn new(path: impl Into<String>, value: impl fmt::Display, range: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            value: value.to_string(),
            range: range.into(),
        }
    }

    /// Adds a problem to `problems` unless `ok` is true.
    pub fn unless(ok: bool, path: impl Into<String>, value: impl fmt::Display, range: &str, into: &mut Vec<Self>) {
        if !ok {
            into.push(Self::new(path, value, range));
        }
    }
}

/// Which of the rows before the holdout are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// All rows.
    #[default]
    All,
    /// The first `rows` rows.
    Head,
    /// The last `rows` rows.
    Tail,
}

/// How training rows are sampled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// Which rows are sampled.
    pub strategy: Strategy,
    /// How many rows, for `head` and `tail`; a series with fewer rows is sampled whole.
    pub rows: usize,
    /// The seed of strategies that draw at random.
    pub seed: u64,
}

impl Sampling {
    /// Returns every setting that is out of range; `path` is where these settings stand.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let ok = self.strategy == Strategy::All || self.rows > 0;
        let range = "at least 1 row with `head` and `tail`";
        Problem::unless(ok, format!("{path}.rows"), self.rows, range, &mut problems);
        problems
    }
}

/// The shape of the windows that models see.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WindowShape {
    /// How many rows of history a window has.
    pub context: usize,
    /// How many rows a window forecasts.
    pub horizon: usize,
    /// How many rows lie between the origins of two training windows.
    pub stride: usize,
}

impl Default for WindowShape {
    fn default() -> Self {
        Self {
            context: 10,
            horizon: 1,
            stride: 1,
        }
    }
}

impl WindowShape {
    /// The longest context. The closed form of ridge holds its square in memory: 134 MB.
    pub const MAX_CONTEXT: usize = 4_096;
    /// The longest horizon.
    pub const MAX_HORIZON: usize = 4_096;

    /// Returns how many rows one window covers.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.context.saturating_add(self.horizon)
    }

    /// Returns how many windows fit into `rows` rows.
    #[must_use]
    pub fn count(&self, rows: usize) -> usize {
        rows.checked_sub(self.rows())
            .map_or(0, |spare| spare / self.stride.max(1) + 1)
    }

    /// Returns every setting that is out of range; `path` is where these settings stand.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, value, most) in [
            ("context", self.context, Self::MAX_CONTEXT),
            ("horizon", self.horizon, Self::MAX_HORIZON),
            ("stride", self.stride, 1_000_000),
        ] {
            let range = format!("from 1 to {most}");
            Problem::unless(
                (1..=most).contains(&value),
                format!("{path}.{name}"),
                value,
                &range,
                &mut problems,
            );
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_out_of_range_are_named_with_path_and_range() {
        let window = WindowShape {
            context: 0,
            horizon: 5000,
            stride: 1,
        };
        let problems = window.problems("window");
        assert_eq!(problems.len(), 2);
        assert_eq!(
            problems[1].to_string(),
            "`window.horizon` is 5000, must be from 1 to 4096"
        );
        let head = Sampling {
            strategy: Strategy::Head,
            ..Sampling::default()
        };
        assert_eq!(head.problems("sample")[0].path, "sample.rows");
    }

    #[test]
    fn windows_are_counted_by_stride() {
        let shape = WindowShape {
            context: 2,
            horizon: 1,
            stride: 2,
        };
        for (rows, expected) in [(0, 0), (2, 0), (3, 1), (4, 1), (5, 2), (50, 24)] {
            assert_eq!(shape.count(rows), expected, "{rows} rows");
        }
    }
}
