//! The normalised inputs of a fit: each relative to its level and in its own unit.

use forecast::{FitError, SeriesData, Training};
use series::{Scaled, Windows};

use crate::runs::{Channel, Runs};

/// The factor from which a wave between -1 and 1 counts as constant: it varies only by rounding.
const STILL: f64 = 1e9;

/// The inputs that a fit may use.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Channels {
    /// The inputs whose lags it may use: targets first in their order, then all others except calendar inputs.
    pub(crate) channels: Vec<Channel>,
    /// The calendar inputs; empty where the fit does not use them.
    pub(crate) calendar: Vec<Channel>,
}

impl Channels {
    /// Measures levels and units on the training rows.
    ///
    /// # Errors
    /// Where a row that trains or selects has a value that is not finite.
    pub(crate) fn measure(data: &Training<'_>, calendar: bool) -> Result<Self, FitError> {
        let channels = inputs(data).into_iter().map(|input| measure(data, input));
        let calendar = calendar_inputs(data, calendar).iter().map(|&input| {
            let Channel { factor, .. } = measure(data, input)?;
            // An input that does not vary would be an intercept.
            let varies = factor > 0.0 && factor < STILL;
            let (level, factor) = (0.0, if varies { 1.0 } else { 0.0 });
            Ok(Channel { input, level, factor })
        });
        Ok(Self {
            channels: channels.collect::<Result<_, _>>()?,
            calendar: calendar.collect::<Result<_, _>>()?,
        })
    }

    /// Returns the unit of a channel in scaled values; 0 for one that does not vary.
    pub(crate) fn unit(&self, channel: usize) -> f64 {
        match self.channels[channel].factor {
            factor if factor > 0.0 => 1.0 / factor,
            _ => 0.0,
        }
    }
}

/// Returns the inputs whose lags may be used, targets first.
pub(crate) fn channels_of(scaled: &Scaled) -> Vec<usize> {
    let others =
        (0..scaled.values.cols).filter(|input| !scaled.targets.contains(input) && !scaled.calendar.contains(input));
    scaled.targets.iter().copied().chain(others).collect()
}

/// Returns the channels of the series; all series have the same.
pub(crate) fn inputs(data: &Training<'_>) -> Vec<usize> {
    data.series
        .first()
        .map_or_else(Vec::new, |series| channels_of(series.scaled))
}

/// Returns the calendar inputs that a fit uses.
pub(crate) fn calendar_inputs<'a>(data: &Training<'a>, calendar: bool) -> &'a [usize] {
    match data.series.first() {
        Some(series) if calendar => &series.scaled.calendar,
        _ => &[],
    }
}

/// Returns the windows that train, for each group of channels.
pub(crate) fn training<'a>(data: &Training<'a>, groups: &[Vec<Channel>], calendar: &[Channel]) -> Vec<Runs<'a>> {
    runs(data, groups, calendar, |series| {
        Windows::inside(series.cut.training.clone(), data.window, series.scaled.mask())
    })
}

/// Returns the windows whose forecast rows select; their contexts reach back into the training rows.
pub(crate) fn selecting<'a>(data: &Training<'a>, groups: &[Vec<Channel>], calendar: &[Channel]) -> Vec<Runs<'a>> {
    runs(data, groups, calendar, |series| {
        Windows::holdout(series.cut.select.clone(), data.window)
    })
}

fn runs<'a>(
    data: &Training<'a>,
    groups: &[Vec<Channel>],
    calendar: &[Channel],
    windows: impl Fn(&SeriesData<'_>) -> Windows,
) -> Vec<Runs<'a>> {
    let mut runs = Vec::new();
    for series in data.series {
        let origins = windows(series).runs();
        runs.extend(groups.iter().map(|channels| Runs {
            values: &series.scaled.values,
            channels: channels.clone(),
            calendar: calendar.to_vec(),
            origins: origins.clone(),
        }));
    }
    runs
}

fn measure(data: &Training<'_>, input: usize) -> Result<Channel, FitError> {
    let (mut count, mut sum) = (0_usize, 0.0);
    for SeriesData { scaled, cut } in data.series {
        for row in cut.training.start..cut.select.end.max(cut.training.end) {
            let value = scaled.values.at(row, input);
            if !value.is_finite() {
                return Err(FitError::NotFinite {
                    input: data.input_names[input].clone(),
                    row,
                    value,
                });
            }
            if cut.training.contains(&row) {
                count += 1;
                sum += value;
            }
        }
    }
    let level = sum / size(count);
    let mut squares = 0.0;
    for SeriesData { scaled, cut } in data.series {
        for row in cut.training.clone() {
            let off = scaled.values.at(row, input) - level;
            squares += off * off;
        }
    }
    let unit = (squares / size(count)).sqrt();
    let factor = if unit.is_normal() && (1.0 / unit).is_normal() {
        1.0 / unit
    } else {
        0.0
    };
    Ok(Channel { input, level, factor })
}

#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
fn size(count: usize) -> f64 {
    count.max(1) as f64
}
