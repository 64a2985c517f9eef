//! A grid with the place of each time, and what the searches for one share.

use crate::{Frequency, TimeAxis, civil::DAY};

/// A grid, and the place of each time on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fitted {
    /// The grid.
    pub axis: TimeAxis,
    /// The grid row of each time, never falling. Two times may lie nearest to one row.
    pub rows: Vec<usize>,
    /// How many times do not lie exactly on the grid.
    pub snapped: usize,
    /// The largest distance of a time from its grid row, in seconds.
    pub farthest: i64,
}

/// With more grid rows than this per time, some time is taken for an outlier.
const SPARSEST: usize = 20;

/// A number of grid rows that is always allowed.
const FEW: usize = 1_000;

/// One in this many times may lie farther off.
pub(super) const STRAY: usize = 100;

impl TimeAxis {
    /// Returns the grid between two of `count` times, if it is not too long.
    pub(super) fn between(ends: [i64; 2], frequency: Frequency, count: usize, max_rows: usize) -> Option<Self> {
        let axis = Self::new(ends[0], frequency, usize::MAX);
        let len = usize::try_from(axis.number(ends[1])?).ok()?.checked_add(1)?;
        (len <= most_rows(count, max_rows)).then_some(Self { len, ..axis })
    }

    /// Places times on the nearest of its rows.
    pub(super) fn nearest(self, times: &[i64]) -> Fitted {
        let place = |&t: &i64| {
            let before = usize::try_from(self.number(t).unwrap_or(0).max(0))
                .unwrap_or(0)
                .min(self.len - 1);
            let after = (before + 1).min(self.len - 1);
            let off = |row: usize| t.saturating_sub(self.at(row)).saturating_abs();
            if off(after) < off(before) { after } else { before }
        };
        let rows = times.iter().map(place).collect();
        Fitted::of(self, rows, times)
    }
}

impl Fitted {
    /// Returns the grid with the distances of the times from their rows.
    pub(super) fn of(axis: TimeAxis, rows: Vec<usize>, times: &[i64]) -> Self {
        let off = || {
            rows.iter()
                .zip(times)
                .map(|(row, t)| t.saturating_sub(axis.at(*row)).saturating_abs())
        };
        let (snapped, farthest) = (off().filter(|off| *off > 0).count(), off().max().unwrap_or(0));
        Self {
            axis,
            rows,
            snapped,
            farthest,
        }
    }
}

/// Returns how many rows a grid over some times may have.
pub(super) fn most_rows(times: usize, max_rows: usize) -> usize {
    max_rows.min(FEW.max(times.saturating_mul(SPARSEST)))
}

pub(super) fn differences(times: &[i64]) -> impl Iterator<Item = i64> {
    times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]))
}

pub(super) fn same_clock(times: &[i64]) -> bool {
    times.iter().all(|t| t.rem_euclid(DAY) == times[0].rem_euclid(DAY))
}

/// Returns how many times may lie beside the open days or hours: one, or one in a hundred.
pub(super) fn strays(times: usize) -> usize {
    (times / STRAY).max(1)
}
