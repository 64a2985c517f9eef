//! The windows of a series: from which rows forecasts start.

use std::ops::Range;

use crate::WindowShape;

/// The origins of windows: the first forecast row of each. No values are copied.
///
/// # Example
/// ```
/// use series::{WindowShape, Windows};
///
/// let shape = WindowShape { context: 3, horizon: 2, stride: 1 };
/// let training = Windows::inside(0..7, shape, None);
/// assert_eq!(training.iter().collect::<Vec<_>>(), [3, 4, 5]);
///
/// // Forecasts of held-out rows may read contexts before them.
/// let holdout = Windows::holdout(7..10, shape);
/// assert_eq!(holdout.iter().collect::<Vec<_>>(), [7, 8]);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Windows {
    shape: WindowShape,
    origins: Origins,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Origins {
    Regular { first: usize, stride: usize, len: usize },
    Picked(Vec<usize>),
}

impl Windows {
    /// Returns the windows that lie wholly inside a range, history included.
    ///
    /// With `complete`, one flag per row of the table, windows that touch an incomplete row are left out.
    #[must_use]
    pub fn inside(range: Range<usize>, shape: WindowShape, complete: Option<&[bool]>) -> Self {
        let len = shape.count(range.len());
        let regular = Origins::Regular {
            first: range.start + shape.context,
            stride: shape.stride.max(1),
            len,
        };
        let windows = Self {
            shape,
            origins: regular,
        };
        match complete {
            Some(complete) => windows.complete_only(complete, range.end),
            None => windows,
        }
    }

    /// Returns the windows whose forecast rows lie in a range, one at every row; contexts may reach back before it.
    ///
    /// Origins without a whole context before them are left out.
    #[must_use]
    pub fn holdout(range: Range<usize>, shape: WindowShape) -> Self {
        let first = range.start.max(shape.context);
        let len = (range.end + 1).saturating_sub(first + shape.horizon);
        Self {
            shape,
            origins: Origins::Regular { first, stride: 1, len },
        }
    }

    /// Returns the shape of the windows.
    #[must_use]
    pub fn shape(&self) -> WindowShape {
        self.shape
    }

    /// Returns the number of windows.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.origins {
            Origins::Regular { len, .. } => *len,
            Origins::Picked(picked) => picked.len(),
        }
    }

    /// Returns whether there is no window.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the first forecast row of a window.
    ///
    /// # Panics
    /// Beyond the last window.
    #[must_use]
    pub fn origin(&self, window: usize) -> usize {
        match &self.origins {
            Origins::Regular { first, stride, len } => {
                assert!(window < *len, "window {window} of {len}");
                first + window * stride
            }
            Origins::Picked(picked) => picked[window],
        }
    }

    /// Returns all origins in order of time.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        (0..self.len()).map(|window| self.origin(window))
    }

    /// Returns the origins as ranges of neighbouring rows, in order of time.
    #[must_use]
    pub fn runs(&self) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for origin in self.iter() {
            match runs.last_mut() {
                Some(run) if run.end == origin => run.end += 1,
                _ => runs.push(origin..origin + 1),
            }
        }
        runs
    }

    fn complete_only(self, complete: &[bool], end: usize) -> Self {
        // The last incomplete row before each row tells in one step whether a window touches one.
        let mut last_gap = Vec::with_capacity(end);
        let mut last = None;
        for row in 0..end {
            if !complete.get(row).copied().unwrap_or(false) {
                last = Some(row);
            }
            last_gap.push(last);
        }
        let picked = self
            .iter()
            .filter(|&origin| {
                last_gap[origin + self.shape.horizon - 1].is_none_or(|gap| gap < origin - self.shape.context)
            })
            .collect();
        Self {
            shape: self.shape,
            origins: Origins::Picked(picked),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHAPE: WindowShape = WindowShape {
        context: 3,
        horizon: 2,
        stride: 1,
    };

    #[test]
    fn windows_inside_a_range_keep_context_and_horizon_in_it() {
        let windows = Windows::inside(10..16, SHAPE, None);
        assert_eq!(windows.iter().collect::<Vec<_>>(), [13, 14]);
        assert!(Windows::inside(10..14, SHAPE, None).is_empty());
    }

    #[test]
    fn holdout_windows_start_at_every_row_and_reach_back() {
        assert_eq!(Windows::holdout(10..13, SHAPE).iter().collect::<Vec<_>>(), [10, 11]);
        assert!(Windows::holdout(10..11, SHAPE).is_empty());
        assert_eq!(
            Windows::holdout(0..6, SHAPE).iter().collect::<Vec<_>>(),
            [3, 4],
            "whole contexts only"
        );
    }

    #[test]
    fn windows_that_touch_an_incomplete_row_are_left_out() {
        let mut complete = [true; 12];
        complete[5] = false;
        let windows = Windows::inside(0..12, SHAPE, Some(&complete));
        assert_eq!(windows.iter().collect::<Vec<_>>(), [3, 9, 10]);
        assert_eq!(windows.runs(), [3..4, 9..11]);
    }

    proptest! {
        #[test]
        fn no_window_leaves_its_range(
            start in 0_usize..50, len in 0_usize..80, context in 1_usize..9, horizon in 1_usize..9,
            stride in 1_usize..5, gaps in proptest::collection::vec(any::<bool>(), 130),
        ) {
            let shape = WindowShape { context, horizon, stride };
            let range = start..start + len;
            for windows in [Windows::inside(range.clone(), shape, None), Windows::inside(range.clone(), shape, Some(&gaps))] {
                for origin in windows.iter() {
                    prop_assert!(origin - context >= range.start && origin + horizon <= range.end);
                }
                prop_assert_eq!(windows.runs().iter().map(std::iter::ExactSizeIterator::len).sum::<usize>(), windows.len());
            }
            for origin in Windows::inside(range.clone(), shape, Some(&gaps)).iter() {
                prop_assert!(gaps[origin - context..origin + horizon].iter().all(|&ok| ok));
            }
            for origin in Windows::holdout(range.clone(), shape).iter() {
                prop_assert!(origin >= context && origin >= range.start && origin + horizon <= range.end);
            }
        }
    }
}
