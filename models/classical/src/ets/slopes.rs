//! How everything changes with each estimated number, carried along with the recursion.

use super::smooth::Smooth;

/// How the state and the expected value change with each estimated number, while rows pass.
#[derive(Default)]
pub(crate) struct Slopes {
    /// The season's numbers themselves.
    pub(super) season: Vec<f64>,
    level: Vec<f64>,
    slope: Vec<f64>,
    /// By place, then by number.
    seasons: Vec<f64>,
    base: Vec<f64>,
    expected: Vec<f64>,
    /// Of the errors that the likelihood judges.
    pub(super) judged: Vec<f64>,
    /// Sums of the relative slopes of expected values.
    pub(super) growth: Vec<f64>,
}

impl Slopes {
    /// Starts a part of the state with a slope of 1 by one number: 0 is the level, 1 the slope, then the season's places.
    pub(super) fn start(&mut self, part: usize, number: usize) {
        let count = self.level.len();
        match part {
            0 => self.level[number] = 1.0,
            1 => self.slope[number] = 1.0,
            _ => self.seasons[(part - 2) * count + number] = 1.0,
        }
    }

    pub(super) fn reset(&mut self, count: usize, season: usize) {
        for (list, len) in [
            (&mut self.level, count),
            (&mut self.slope, count),
            (&mut self.seasons, count * season),
            (&mut self.base, count),
            (&mut self.expected, count),
            (&mut self.judged, count),
            (&mut self.growth, count),
        ] {
            list.clear();
            list.resize(len, 0.0);
        }
    }

    /// Moves to the next row: its level and slope before it is seen, and its expected value.
    pub(super) fn expect(&mut self, by: Smooth, by_share: &[[f64; 4]], slope: f64, base: f64, s: f64, place: usize) {
        let count = self.level.len();
        for (((b, base), level), share) in self.slope.iter_mut().zip(&mut self.base).zip(&mut self.level).zip(0..) {
            *b *= by.phi;
            if let Some(change) = by_share.get(share) {
                *b += slope * change[3];
            }
            *base = *level + *b;
            *level = *base;
        }
        let seasons = &self.seasons[place * count..(place + 1) * count];
        for ((expected, of_base), of_season) in self.expected.iter_mut().zip(&self.base).zip(seasons) {
            *expected = if by.product {
                s * of_base + base * of_season
            } else {
                of_base + of_season
            };
        }
    }

    /// Adds one row to the sums and returns its squared error.
    pub(super) fn judge(&mut self, relative: bool, y: f64, expected: f64, right: &mut [f64]) -> f64 {
        let (error, by) = if relative {
            (y / expected - 1.0, -y / (expected * expected))
        } else {
            (y - expected, -1.0)
        };
        for ((judged, slope), right) in self.judged.iter_mut().zip(&self.expected).zip(right) {
            *judged = by * slope;
            *right += error * *judged;
        }
        if relative {
            let share = 1.0 / expected;
            for (sum, slope) in self.growth.iter_mut().zip(&self.expected) {
                *sum += slope * share;
            }
        }
        error * error
    }

    /// Moves over a row that was seen; `errors` are those of level and season, `at` is the row, its base and its season.
    pub(super) fn update(&mut self, by: Smooth, by_share: &[[f64; 4]], errors: [f64; 2], at: [f64; 3], place: usize) {
        let count = self.level.len();
        let seasons = &mut self.seasons[place * count..(place + 1) * count];
        let [y, base, s] = at;
        let (by_s, by_base) = (y / (s * s), y / (base * base));
        for ((((level, slope), of_season), expected), of_base) in self
            .level
            .iter_mut()
            .zip(&mut self.slope)
            .zip(seasons)
            .zip(&self.expected)
            .zip(&self.base)
        {
            let (a, b) = if by.product {
                (-by_s * *of_season - of_base, -by_base * of_base - *of_season)
            } else {
                (-expected, -expected)
            };
            *level += by.alpha * a;
            *slope += by.beta * a;
            *of_season += by.gamma * b;
        }
        for (share, change) in by_share.iter().enumerate() {
            self.level[share] += errors[0] * change[0];
            self.slope[share] += errors[0] * change[1];
            self.seasons[place * count + share] += errors[1] * change[2];
        }
    }
}
