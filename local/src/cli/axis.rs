//! The axes of a plot: ranges of any finite numbers, with a few ticks that are found in a few steps.
//!
//! `plotters` finds ticks by adding up steps, which never ends where a step is too small to change a number.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// The most ticks of an axis.
const MAX_TICKS: usize = 8;

/// Steps of a time axis, in seconds: from one second to a day.
const TIMES: [f64; 15] = [
    1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 21_600.0, 43_200.0, 86_400.0,
    172_800.0,
];
const DAY: f64 = 86_400.0;

/// A range of finite numbers with positive width, and its ticks.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Axis {
    /// Makes the axis of values, with a margin on both sides. Returns `None` where none of them is finite.
    pub(super) fn of_values(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = bounds(values)?;
        // Halves, because the distance of two large numbers may overflow.
        let pad = ((high / 2.0 - low / 2.0) * 0.12).max(low.abs().max(high.abs()) * 1e-6);
        let pad = pad.max(f64::MIN_POSITIVE);
        let (low, high) = ((low - pad).max(f64::MIN), (high + pad).min(f64::MAX));
        let step = round_step((high / 4.0 - low / 4.0).max(f64::MIN_POSITIVE));
        Some(Self::new(low, high, step))
    }

    /// Makes the axis of times in seconds. Returns `None` where there are no times.
    pub(super) fn of_times(times: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = bounds(times)?;
        let high = if high > low { high } else { low + 1.0 };
        let wish = high / 6.0 - low / 6.0;
        let step = TIMES.into_iter().find(|step| *step >= wish);
        Some(Self::new(
            low,
            high,
            step.unwrap_or_else(|| DAY * round_step(wish / DAY)),
        ))
    }

    fn new(low: f64, high: f64, step: f64) -> Self {
        let ticks = ticks(low, high, step);
        Self { low, high, ticks }
    }

    /// Returns where a value is between the ends, from 0 to 1.
    fn position(&self, value: f64) -> f64 {
        ((value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0)).clamp(0.0, 1.0)
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a share of the pixels between two that are given"
    )]
    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let pixels = f64::from(last) - f64::from(first);
        first + libm::round(pixels * self.position(*value)) as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let most = hint.max_num_points();
        self.ticks.iter().copied().take(most).collect()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

/// Returns the next larger step of 1, 2 or 5 times a power of ten.
fn round_step(wish: f64) -> f64 {
    let power = libm::exp10(libm::floor(libm::log10(wish)));
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power);
    step.into_iter().find(|step| *step >= wish).unwrap_or(wish)
}

/// Returns the multiples of a step between two ends, at most [`MAX_TICKS`]. Returns the ends where the step is
/// too small to change them.
fn ticks(low: f64, high: f64, step: f64) -> Vec<f64> {
    let first = libm::ceil(low / step);
    let tick = |n: u8| (first + f64::from(n)) * step;
    let mut ticks: Vec<f64> = Vec::new();
    for value in (0..=u8::MAX).map(tick).take(MAX_TICKS) {
        let follows = ticks.last().is_none_or(|last| value > *last);
        if !value.is_finite() || value > high || !follows {
            break;
        }
        if value >= low {
            ticks.push(value);
        }
    }
    if ticks.is_empty() { vec![low, high] } else { ticks }
}

fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| v.is_finite()).fold(None, |bounds, v| match bounds {
        None => Some((v, v)),
        Some((low, high)) => Some((f64::min(low, v), f64::max(high, v))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let of = |values: &[f64]| Axis::of_values(values.iter().copied()).unwrap().ticks;
        assert_eq!(of(&[0.0, 10.0]), [0.0, 5.0, 10.0]);
        assert_eq!(of(&[-3.0, 4.0]), [-2.0, 0.0, 2.0, 4.0]);
        let hours = Axis::of_times([0.0, 86_400.0].into_iter()).unwrap().ticks;
        assert_eq!(hours, [0.0, 14_400.0, 28_800.0, 43_200.0, 57_600.0, 72_000.0, 86_400.0]);
    }

    #[test]
    fn any_two_values_have_an_axis_with_both_on_it() {
        let ends = [
            f64::MIN,
            -1.7e308,
            -1e300,
            -1.0,
            -5e-324,
            0.0,
            5e-324,
            1.0,
            1.0 + f64::EPSILON,
            1e300,
            1.7e308,
            f64::MAX,
        ];
        for (a, b) in ends.iter().flat_map(|a| ends.iter().map(move |b| (*a, *b))) {
            for axis in [Axis::of_values([a, b].into_iter()), Axis::of_times([a, b].into_iter())] {
                let axis = axis.unwrap();
                assert!((1..=MAX_TICKS).contains(&axis.ticks.len()), "{a:e} {b:e}: {axis:?}");
                let pixels = [a, b].map(|value| axis.map(&value, (0, 1_000)));
                assert!(
                    pixels.iter().all(|pixel| (0..=1_000).contains(pixel)),
                    "{a:e} {b:e}: {pixels:?}"
                );
            }
        }
        assert!(Axis::of_values([f64::NAN, f64::INFINITY].into_iter()).is_none());
    }
}
