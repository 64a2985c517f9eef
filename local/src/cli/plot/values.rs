//! The axis of values: a range of any finite numbers with a few round ticks, which are found in a few steps.

use super::scene::Point;

/// The most ticks of an axis.
const MAX_TICKS: usize = 8;
/// How many ticks an axis has at most, but for those at its ends.
const WISHED_TICKS: f64 = 7.0;
/// Units of large numbers; below the last, numbers are written out.
const UNITS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
/// The smallest number that is written in thousands.
const THOUSANDS: f64 = 1e4;
/// The most decimals before numbers are written with exponents.
const MAX_DECIMALS: i32 = 5;

/// A range of finite numbers with positive width, and its ticks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ValueAxis {
    low: f64,
    high: f64,
    step: f64,
    ticks: Vec<f64>,
    format: Format,
}

/// How the numbers of one axis are written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    /// In a unit, with a number of decimals.
    Plain {
        unit: f64,
        name: &'static str,
        decimals: usize,
    },
    /// With a number of decimals and an exponent.
    Exponent(usize),
}

impl ValueAxis {
    /// Makes the axis of a range of finite numbers, with a margin on both sides. Zero ends the axis where no value is below
    /// it and the range begins near it.
    pub(super) fn new(low: f64, high: f64) -> Self {
        // Halves, because the distance of two large numbers may overflow.
        let half = high / 2.0 - low / 2.0;
        let size = low.abs().max(high.abs());
        // A constant lies in the middle of numbers like it; ranges below a billionth of the numbers look constant.
        let pad = if half > 0.0 { half * 0.12 } else { size * 0.1 };
        let pad = pad.max(size * 1e-9).max(f64::MIN_POSITIVE);
        let bottom = if low >= 0.0 && low / 2.0 <= half * 0.25 {
            0.0
        } else {
            (low - pad).max(f64::MIN)
        };
        let top = if high <= 0.0 && high / 2.0 >= half * -0.25 {
            0.0
        } else {
            (high + pad).min(f64::MAX)
        };
        // A constant zero has both ends at zero.
        let (low, high) = if bottom < top {
            (bottom, top)
        } else {
            (bottom - 1.0, top + 1.0)
        };
        let wish = (high / WISHED_TICKS - low / WISHED_TICKS).max(f64::MIN_POSITIVE);
        let step = round_step(wish);
        let ticks = ticks(low, high, step);
        let largest = ticks.iter().fold(0.0, |most, tick| f64::max(most, tick.abs()));
        let format = Format::of(largest, step, 2);
        Self {
            low,
            high,
            step,
            ticks,
            format,
        }
    }

    /// Returns the ticks with their labels, from the lowest; labels differ.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let mut ticks: Vec<(f64, String)> = Vec::new();
        for &tick in &self.ticks {
            let label = self.format.write(tick);
            if ticks.last().is_none_or(|(_, last)| *last != label) {
                ticks.push((tick, label));
            }
        }
        ticks
    }

    /// Writes a value in its own unit, to a tenth of the distance of two ticks.
    pub(super) fn precisely(&self, value: f64) -> String {
        let format = Format::of(value.abs(), self.step / 10.0, 3);
        format.write(value)
    }

    /// Returns the height of a value between two ends in pixels. Values beyond the axis are at its ends.
    pub(super) fn pixel(&self, value: f64, bottom: f64, top: f64) -> f64 {
        let share = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        bottom + (top - bottom) * share.clamp(0.0, 1.0)
    }

    /// Returns whether a value is on the axis.
    pub(super) fn has(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

impl Format {
    /// Finds how numbers up to the largest are written with as few characters as tell multiples of a step apart, in a
    /// unit that needs at most some decimals.
    fn of(largest: f64, step: f64, most_decimals: i32) -> Self {
        let exponent = || Self::Exponent(decimals(step / power(largest)).clamp(0, 17).unsigned_abs() as usize);
        if largest >= 1e15 || step <= 0.0 || !step.is_finite() {
            return exponent();
        }
        let units = UNITS.into_iter().filter(|(unit, _)| largest >= unit.max(THOUSANDS));
        let (unit, name, needed) = units
            .chain([(1.0, "")])
            .map(|(unit, name)| (unit, name, decimals(step / unit)))
            .find(|(unit, _, needed)| *needed <= most_decimals || *unit <= 1.0)
            .unwrap_or((1.0, "", decimals(step)));
        if needed > MAX_DECIMALS {
            return exponent();
        }
        Self::Plain {
            unit,
            name,
            decimals: needed.max(0).unsigned_abs() as usize,
        }
    }

    fn write(self, value: f64) -> String {
        if value == 0.0 {
            return "0".to_owned();
        }
        match self {
            Self::Plain { unit, name, decimals } => {
                let text = format!("{:.decimals$}{name}", value / unit);
                // A number too small for the decimals has no sign.
                match text.strip_prefix('-') {
                    Some(rest) if !rest.contains(|c: char| ('1'..='9').contains(&c)) => rest.to_owned(),
                    _ => text,
                }
            }
            Self::Exponent(decimals) => format!("{value:.decimals$e}"),
        }
    }
}

/// Writes a number with three digits: `2.00M`, `35.2k`, `0.512`, `1.80e308`.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !(1e-3..1e15).contains(&size) {
        return if size == 0.0 {
            "0".to_owned()
        } else {
            format!("{value:.2e}")
        };
    }
    let unit = UNITS.into_iter().find(|(unit, _)| size >= unit.max(THOUSANDS));
    let (unit, name) = unit.unwrap_or((1.0, ""));
    let decimals = (2 + decimals(power(size / unit))).clamp(0, 5).unsigned_abs() as usize;
    format!("{:.decimals$}{name}", value / unit)
}

/// Returns the largest power of ten that a positive number reaches.
fn power(number: f64) -> f64 {
    libm::exp10(libm::floor(libm::log10(number)))
}

/// Returns how many decimals the multiples of a step of 1, 2 or 5 times a power of ten have, negative for tens.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the logarithm of a finite number is less than 400"
)]
fn decimals(step: f64) -> i32 {
    // A step like 1e-3 may be a little less than that.
    -libm::floor(libm::log10(step) + 1e-9) as i32
}

/// Returns the next larger step of 1, 2 or 5 times a power of ten.
fn round_step(wish: f64) -> f64 {
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power(wish));
    step.into_iter().find(|step| *step >= wish).unwrap_or(wish)
}

/// Returns the multiples of a step between two ends, at most [`MAX_TICKS`]. Returns the ends where the step is too small to
/// change them.
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

/// Returns the smallest and the largest of the finite values.
pub(super) fn bounds(values: impl Iterator<Item = f64>) -> Option<Point> {
    values.filter(|v| v.is_finite()).fold(None, |bounds, v| match bounds {
        None => Some((v, v)),
        Some((low, high)) => Some((f64::min(low, v), f64::max(high, v))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_as_few_decimals_as_tell_the_ticks_apart() {
        for (low, high, labels) in [
            (0.0, 10.0, "0 2 4 6 8 10"),
            (-3.0, 4.0, "-2 0 2 4"),
            (0.1, 2.4, "0 0.5 1.0 1.5 2.0 2.5"),
            (20_000.0, 36_000.0, "20k 25k 30k 35k"),
            (1_100_000.0, 1_700_000.0, "1.1M 1.2M 1.3M 1.4M 1.5M 1.6M 1.7M"),
            (
                1_000_000.0,
                1_000_002.0,
                "1000000.0 1000000.5 1000001.0 1000001.5 1000002.0",
            ),
            (4_000.0, 9_000.0, "4000 5000 6000 7000 8000 9000"),
            (-2.5e-8, 1e-8, "-2e-8 -1e-8 0 1e-8"),
            (5.0, 5.0, "4.6 4.8 5.0 5.2 5.4"),
            (0.0, 0.0, "-1.0 -0.5 0 0.5 1.0"),
            (1e300, 3e300, "1.0e300 1.5e300 2.0e300 2.5e300 3.0e300"),
        ] {
            let axis = ValueAxis::new(low, high);
            let found: Vec<_> = axis.ticks().into_iter().map(|(_, label)| label).collect();
            assert_eq!(found.join(" "), labels, "{low} to {high}");
        }
    }

    #[test]
    fn a_value_beside_the_axis_has_a_tenth_of_its_steps() {
        for (low, high, value, text) in [
            (960_000.0, 1_060_000.0, 1_016_123.0, "1.016M"),
            (0.0, 1.1e9, 117_400_000.0, "117M"),
            (3.0, 6.0, 5.05, "5.05"),
            (0.0, 60.0, 41.3, "41"),
            (-1e-7, 1e-7, 9.61e-8, "9.6e-8"),
        ] {
            assert_eq!(ValueAxis::new(low, high).precisely(value), text);
        }
    }

    #[test]
    fn single_numbers_have_three_digits() {
        for (value, text) in [
            (0.0, "0"),
            (1_234_567.0, "1.23M"),
            (35_000.0, "35.0k"),
            (-4_321.0, "-4321"),
            (0.5, "0.500"),
            (0.00512, "0.00512"),
            (-2.5e-8, "-2.50e-8"),
            (f64::MAX, "1.80e308"),
        ] {
            assert_eq!(short(value), text);
        }
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
            let (low, high) = bounds([a, b].into_iter()).unwrap();
            let axis = ValueAxis::new(low, high);
            let ticks = axis.ticks();
            assert!((1..=MAX_TICKS).contains(&ticks.len()), "{a:e} {b:e}: {axis:?}");
            assert!(
                ticks.iter().all(|(_, label)| label.len() < 30),
                "{a:e} {b:e}: {ticks:?}"
            );
            assert!(axis.has(a) && axis.has(b), "{a:e} {b:e}: {axis:?}");
            for value in [a, b, f64::MIN, f64::MAX] {
                let pixel = axis.pixel(value, 1_000.0, 0.0);
                assert!((0.0..=1_000.0).contains(&pixel), "{a:e} {b:e}: {pixel}");
            }
        }
        assert!(bounds([f64::NAN, f64::INFINITY].into_iter()).is_none());
    }
}
