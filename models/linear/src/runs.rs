//! Windows of one series as runs of neighbouring origins, and sums over the rows of all of them.

use std::ops::Range;

use series::{Matrix, WindowShape};

use crate::kernel;

/// How many origins are read from the table at a time, so that memory does not grow with the table.
const BLOCK: usize = 4_096;

/// Windows of one series.
#[derive(Clone, Debug)]
pub(crate) struct Runs<'a> {
    /// The inputs, `[rows, inputs]`.
    pub(crate) values: &'a Matrix,
    /// The inputs that are summed. Windows of several runs are summed channel by channel in this order.
    pub(crate) channels: Vec<Channel>,
    /// The calendar inputs that are summed beside them.
    pub(crate) calendar: Vec<Channel>,
    /// Ranges of neighbouring origins; no range is empty, and all contexts and horizons are inside the values.
    pub(crate) origins: Vec<Range<usize>>,
}

/// One normalised input: relative to a level and in a unit, so that sums keep their digits and inputs are comparable.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Channel {
    pub(crate) input: usize,
    pub(crate) level: f64,
    /// 1 divided by the unit; 0 for an input that does not vary.
    pub(crate) factor: f64,
}

impl Runs<'_> {
    /// Returns the normalised value of a channel at a row.
    pub(crate) fn value(&self, channel: usize, row: usize) -> f64 {
        self.scaled(self.channels[channel], row)
    }

    /// Returns the normalised values of a channel at some rows.
    pub(crate) fn values(&self, channel: usize, rows: Range<usize>) -> impl Iterator<Item = f64> {
        rows.map(move |row| self.value(channel, row))
    }

    /// Returns the normalised value of an input at a row.
    pub(crate) fn scaled(&self, channel: Channel, row: usize) -> f64 {
        (self.values.data[row * self.values.cols + channel.input] - channel.level) * channel.factor
    }

    /// Returns the sums of `a(i) b(j)` over the windows of all runs with more than `longer` windows, for neighbouring `j`.
    pub(crate) fn row(
        &self,
        (a, i): (Channel, usize),
        (b, js): (Channel, Range<usize>),
        shape: WindowShape,
        longer: usize,
    ) -> Vec<f64> {
        let mut sums = vec![0.0; js.len()];
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for run in self.origins.iter().filter(|run| run.len() > longer) {
            for start in run.clone().step_by(BLOCK) {
                let end = run.end.min(start + BLOCK);
                let (first, after) = (start - shape.context, end - shape.context);
                left.clear();
                left.extend((first + i..after + i).map(|row| self.scaled(a, row)));
                right.clear();
                right.extend((first + js.start..after + js.end - 1).map(|row| self.scaled(b, row)));
                kernel::add_lagged(&left, &right, &mut sums);
            }
        }
        sums
    }
}

/// Returns the runs of all series, each with its series.
pub(crate) fn runs<'a, 'b>(series: &'a [Runs<'b>]) -> impl Iterator<Item = (&'a Runs<'b>, Range<usize>)> {
    series
        .iter()
        .flat_map(|series| series.origins.iter().map(move |run| (series, run.clone())))
}

/// Returns the sum of lists, place by place.
pub(crate) fn total(each: &[Vec<f64>]) -> Vec<f64> {
    let mut total = vec![0.0; each.first().map_or(0, Vec::len)];
    for each in each {
        add(&mut total, each);
    }
    total
}

/// Adds numbers to `to`, place by place.
pub(crate) fn add(to: &mut [f64], numbers: &[f64]) {
    for (to, number) in to.iter_mut().zip(numbers) {
        *to += number;
    }
}
