//! Windows of all series as one numbered set. Nothing is copied before a batch asks for it.

use std::ops::Range;

use forecast::SeriesData;
use series::{Scaled, WindowShape, Windows};

use crate::kernel::{PANEL, Row};

/// The windows of all series, in the order of the series and then of time.
pub(crate) struct Samples<'a> {
    series: Vec<SeriesWindows<'a>>,
    len: usize,
    shape: WindowShape,
}

/// The windows of one series.
struct SeriesWindows<'a> {
    /// The number of the first one in the set.
    first: usize,
    scaled: &'a Scaled,
    windows: Windows,
}

impl<'a> Samples<'a> {
    /// Finds the windows that lie inside one range of each series.
    pub(crate) fn inside(
        series: &[SeriesData<'a>],
        shape: WindowShape,
        range: impl Fn(&SeriesData<'a>) -> Range<usize>,
    ) -> Self {
        let mut len = 0;
        let numbered = series.iter().map(|one| {
            let windows = Windows::inside(range(one), shape, one.scaled.mask());
            let first = len;
            len += windows.len();
            SeriesWindows {
                first,
                scaled: one.scaled,
                windows,
            }
        });
        let series = numbered.collect();
        Self { series, len, shape }
    }

    /// Returns how many windows there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the shape of its windows.
    pub(crate) fn shape(&self) -> WindowShape {
        self.shape
    }

    /// Returns the series of a window and its first forecast row there.
    pub(crate) fn window(&self, number: usize) -> (&'a Scaled, usize) {
        let one = &self.series[self.series.partition_point(|one| one.first <= number) - 1];
        (one.scaled, one.windows.origin(number - one.first))
    }

    /// Copies some windows: `inputs` in panels of `[context, windows]` rows, `targets` as `[windows, horizon · targets]`.
    pub(crate) fn gather(&self, numbers: &[usize], inputs: &mut [Row], targets: &mut [f32]) {
        let wide = targets.len() / numbers.len().max(1);
        for ((place, &number), targets) in numbers.iter().enumerate().zip(targets.chunks_exact_mut(wide)) {
            let (scaled, origin) = self.window(number);
            copy_context(scaled, origin, self.shape.context, (place, numbers.len()), inputs);
            let per_step = wide / self.shape.horizon;
            for (step, targets) in targets.chunks_exact_mut(per_step).enumerate() {
                let row = scaled.values.row(origin + step);
                for (into, &target) in targets.iter_mut().zip(&scaled.targets) {
                    *into = single(row[target]);
                }
            }
        }
    }
}

/// Copies the rows before an origin to a place among some windows, in panels of `[context, windows]` rows.
pub(crate) fn copy_context(
    scaled: &Scaled,
    origin: usize,
    context: usize,
    (place, windows): (usize, usize),
    inputs: &mut [Row],
) {
    for step in 0..context {
        copy_row(
            scaled.values.row(origin - context + step),
            (step * windows + place, context * windows),
            inputs,
        );
    }
}

/// Copies a row to its place in panels of `rows` rows.
pub(crate) fn copy_row(row: &[f64], (place, rows): (usize, usize), inputs: &mut [Row]) {
    for (row, panel) in row.chunks(PANEL).zip(inputs.chunks_exact_mut(rows)) {
        for (into, &value) in panel[place].0.iter_mut().zip(row) {
            *into = single(value);
        }
    }
}

/// Rounds a number to the precision of nets.
#[expect(clippy::cast_possible_truncation, reason = "nets compute in single precision")]
pub(crate) fn single(value: f64) -> f32 {
    value as f32
}
