//! Which contexts a fit may choose from.

use forecast::{SeriesData, Training};
use series::{WindowShape, Windows};

use crate::candidate;

/// The longest context: the equations have as many unknowns, and the time to solve them grows with their cube.
const LONGEST: usize = 512;
/// Contexts that do not follow from the series. The longer ones are those of the published linear models and of `PatchTST`.
const USUAL: [usize; 4] = [16, 64, 336, 512];
/// The most candidates.
const MOST: usize = 5;
/// Without rows that select, a context needs so many training windows for each of its rows.
const WINDOWS_PER_ROW: usize = 4;

/// Returns the contexts worth trying, ascending: one to five.
///
/// Candidates are the seasons and twice the seasons, the horizon and twice the horizon, and 16, 64, 336 and 512, all up to
/// 512. Of these the longest are kept with which a window takes at most half of the training rows; one that is nearly as
/// long as the next is left out. Where none is left, the context is half of what the horizon leaves, so that there are windows.
///
/// # Example
/// ```
/// assert_eq!(linear::contexts(96, &[24], 8_640), [64, 96, 192, 336, 512]);
/// assert_eq!(linear::contexts(12, &[12], 100), [12, 16, 24]);
/// assert_eq!(linear::contexts(12, &[], 30), [9]);
/// ```
#[must_use]
pub fn contexts(horizon: usize, seasons: &[usize], rows: usize) -> Vec<usize> {
    let own = seasons
        .iter()
        .chain([&horizon])
        .flat_map(|&steps| [steps, steps.saturating_mul(2)]);
    let mut contexts: Vec<usize> = own.chain(USUAL).collect();
    contexts.retain(|&context| (2..=LONGEST).contains(&context) && context.saturating_add(horizon) <= rows / 2);
    contexts.sort_unstable();
    contexts.dedup();
    // Two contexts that differ by less than a tenth say the same.
    let tenth = |longer: &usize| longer - longer / 10;
    let near = |index: usize| {
        contexts
            .get(index + 1)
            .is_some_and(|longer| contexts[index] > tenth(longer))
    };
    let apart: Vec<usize> = (0..contexts.len())
        .filter(|&index| !near(index))
        .map(|index| contexts[index])
        .collect();
    if apart.is_empty() {
        return vec![(rows.saturating_sub(horizon) / 2).clamp(1, LONGEST)];
    }
    apart[apart.len().saturating_sub(MOST)..].to_vec()
}

/// Returns some data with windows of another context.
pub(crate) fn with_context<'a>(data: &Training<'a>, context: usize) -> Training<'a> {
    let window = WindowShape { context, ..data.window };
    Training { window, ..*data }
}

/// Returns the contexts that leave training windows and need no more memory than a fit may take; at least one.
pub(crate) fn possible(data: &Training<'_>) -> Vec<usize> {
    let given = if data.contexts.is_empty() {
        &[data.window.context]
    } else {
        data.contexts
    };
    let possible = |context: &usize| {
        let data = with_context(data, *context);
        windows(&data) > 0 && candidate::fits_memory(&data)
    };
    let possible: Vec<usize> = given.iter().copied().filter(possible).collect();
    if possible.is_empty() { vec![given[0]] } else { possible }
}

/// Returns the longest context with enough training windows, else the shortest.
pub(crate) fn unselected(data: &Training<'_>, contexts: &[usize]) -> usize {
    let enough = |context: &&usize| windows(&with_context(data, **context)) >= WINDOWS_PER_ROW * **context;
    contexts.iter().rfind(enough).copied().unwrap_or(contexts[0])
}

/// Returns how many windows train.
fn windows(data: &Training<'_>) -> usize {
    let windows =
        |series: &SeriesData<'_>| Windows::inside(series.cut.training.clone(), data.window, series.scaled.mask()).len();
    data.series.iter().map(windows).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn contexts_follow_from_season_horizon_and_rows() {
        for (horizon, seasons, rows, expected) in [
            (720, &[24][..], 8_640, &[24, 48, 64, 336, 512][..]),
            (10, &[720], 14_334, &[16, 20, 64, 336, 512]),
            (28, &[7, 365], 2_614, &[28, 56, 64, 365, 512]),
            (8, &[4], 60, &[4, 8, 16]),
            (1, &[], 10, &[2]),
        ] {
            assert_eq!(
                contexts(horizon, seasons, rows),
                expected,
                "{horizon}, {seasons:?}, {rows}"
            );
        }
    }

    proptest! {
        #[test]
        fn there_are_few_contexts_and_windows_for_each(horizon in 1_usize..900, season in 1_usize..9_000, rows in 2_usize..20_000) {
            let contexts = contexts(horizon, &[season], rows);
            prop_assert!((1..=MOST).contains(&contexts.len()) && contexts.is_sorted());
            for context in contexts {
                prop_assert!((1..=LONGEST).contains(&context));
                prop_assert!(context + horizon <= rows || horizon >= rows);
            }
        }
    }
}
