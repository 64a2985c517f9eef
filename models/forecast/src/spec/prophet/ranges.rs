//! The ranges of the additive model's settings.

use std::collections::HashSet;

use series::Problem;

use super::{Growth, Holiday, Order, ProphetSpec, Seasonality};

impl ProphetSpec {
    /// The most changepoints. A fit holds the square of all coefficients in memory.
    const MAX_CHANGEPOINTS: usize = 1_000;
    /// The most coefficients of seasons, holidays and regressors.
    pub const MAX_COLUMNS: usize = 2_000;
    /// The farthest day from its date that a holiday's window may reach.
    const MAX_WINDOW: i32 = 366;

    /// Returns every setting that is out of range; `path` is where these settings stand.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let bad = &mut problems;
        if self.growth == Growth::Logistic {
            let floor = self.floor.unwrap_or(0.0);
            let cap = self.cap.filter(|cap| cap.is_finite());
            let text = self.cap.map_or_else(|| "missing".to_owned(), |cap| cap.to_string());
            let range = format!("above the floor {floor} with logistic growth");
            Problem::unless(
                cap.is_some_and(|cap| cap > floor),
                format!("{path}.cap"),
                text,
                &range,
                bad,
            );
        }
        if let Some(floor) = self.floor {
            Problem::unless(floor.is_finite(), format!("{path}.floor"), floor, "a number", bad);
        }
        self.changepoint_problems(path, bad);
        scale(path, "seasonality_prior_scale", self.seasonality_prior_scale, bad);
        scale(path, "holidays_prior_scale", self.holidays_prior_scale, bad);
        for (name, order) in [("yearly", self.yearly), ("weekly", self.weekly), ("daily", self.daily)] {
            if let Order::Waves(waves) = order {
                count(path, name, waves, 0, Self::MAX_COLUMNS / 2, bad);
            }
        }
        for (index, season) in self.seasonalities.iter().enumerate() {
            season.problems(&format!("{path}.seasonalities[{index}]"), bad);
        }
        for (index, holiday) in self.holidays.iter().enumerate() {
            holiday.problems(&format!("{path}.holidays[{index}]"), bad);
        }
        for (index, regressor) in self.regressors.iter().enumerate() {
            if let Some(prior) = regressor.prior_scale {
                scale(&format!("{path}.regressors[{index}]"), "prior_scale", prior, bad);
            }
        }
        self.name_problems(path, bad);
        let columns = self.columns();
        let range = format!("at most {} coefficients", Self::MAX_COLUMNS);
        Problem::unless(columns <= Self::MAX_COLUMNS, path, columns, &range, bad);
        problems
    }

    /// Returns the most coefficients that seasons, holidays and regressors may have.
    #[must_use]
    pub fn columns(&self) -> usize {
        let calendar = [(self.yearly, 10), (self.weekly, 3), (self.daily, 4)];
        let calendar = calendar.map(|(order, usual)| match order {
            Order::Auto | Order::On => usual,
            Order::Off => 0,
            Order::Waves(waves) => waves,
        });
        let own = self.seasonalities.iter().map(|season| season.fourier_order);
        let waves = calendar.into_iter().chain(own).fold(0_usize, usize::saturating_add);
        let days =
            |holiday: &Holiday| holiday.upper_window.saturating_sub(holiday.lower_window).unsigned_abs() as usize + 1;
        let holidays = self.holidays.iter().map(days).fold(0_usize, usize::saturating_add);
        waves
            .saturating_mul(2)
            .saturating_add(holidays)
            .saturating_add(self.regressors.len())
    }

    fn changepoint_problems(&self, path: &str, bad: &mut Vec<Problem>) {
        let given = self.changepoints.as_ref().map_or(0, Vec::len);
        count(path, "changepoints", given, 0, Self::MAX_CHANGEPOINTS, bad);
        count(
            path,
            "n_changepoints",
            self.n_changepoints,
            0,
            Self::MAX_CHANGEPOINTS,
            bad,
        );
        let ok = (0.0..=1.0).contains(&self.changepoint_range);
        Problem::unless(
            ok,
            format!("{path}.changepoint_range"),
            self.changepoint_range,
            "from 0 to 1",
            bad,
        );
        scale(path, "changepoint_prior_scale", self.changepoint_prior_scale, bad);
    }

    /// Checks that the names of seasons, holidays and regressors differ.
    fn name_problems(&self, path: &str, bad: &mut Vec<Problem>) {
        let seasons = (0..)
            .zip(&self.seasonalities)
            .map(|(i, s)| (format!("seasonalities[{i}]"), &s.name));
        let holidays = (0..)
            .zip(&self.holidays)
            .map(|(i, h)| (format!("holidays[{i}]"), &h.name));
        let regressors = (0..)
            .zip(&self.regressors)
            .map(|(i, r)| (format!("regressors[{i}]"), &r.name));
        let mut seen: HashSet<&String> = HashSet::new();
        for (place, name) in seasons.chain(holidays).chain(regressors) {
            let calendar =
                ["yearly", "weekly", "daily"].contains(&name.as_str()) && !place.starts_with("seasonalities");
            let reserved = ["trend", "holidays", "additive_terms", "multiplicative_terms", "yhat"];
            let ok = !name.is_empty() && !calendar && !reserved.contains(&name.as_str()) && !seen.contains(&name);
            Problem::unless(
                ok,
                format!("{path}.{place}.name"),
                name,
                "a name of its own, not one of the forecast's",
                bad,
            );
            seen.insert(name);
        }
    }
}

impl Seasonality {
    fn problems(&self, path: &str, bad: &mut Vec<Problem>) {
        let ok = self.period >= 1e-4 && self.period <= 1e6;
        Problem::unless(
            ok,
            format!("{path}.period"),
            self.period,
            "from 0.0001 to 1000000 days",
            bad,
        );
        count(
            path,
            "fourier_order",
            self.fourier_order,
            1,
            ProphetSpec::MAX_COLUMNS / 2,
            bad,
        );
        if let Some(prior) = self.prior_scale {
            scale(path, "prior_scale", prior, bad);
        }
        let Some(condition) = &self.condition else { return };
        for (name, values, first, last) in [
            ("months", &condition.months, 1, 12),
            ("weekdays", &condition.weekdays, 0, 6),
            ("hours", &condition.hours, 0, 23),
        ] {
            for value in values.iter().filter(|value| !(first..=last).contains(*value)) {
                let range = format!("from {first} to {last}");
                bad.push(Problem::new(format!("{path}.condition.{name}"), value, range));
            }
        }
    }
}

impl Holiday {
    fn problems(&self, path: &str, bad: &mut Vec<Problem>) {
        let days = ProphetSpec::MAX_WINDOW;
        for (name, value, range) in [
            ("lower_window", self.lower_window, -days..=0),
            ("upper_window", self.upper_window, 0..=days),
        ] {
            let text = format!("from {} to {} days", range.start(), range.end());
            Problem::unless(range.contains(&value), format!("{path}.{name}"), value, &text, bad);
        }
        if let Some(prior) = self.prior_scale {
            scale(path, "prior_scale", prior, bad);
        }
    }
}

fn scale(path: &str, name: &str, value: f64, bad: &mut Vec<Problem>) {
    let ok = (1e-9..=1e9).contains(&value);
    Problem::unless(ok, format!("{path}.{name}"), value, "from 1e-9 to 1e9", bad);
}

fn count(path: &str, name: &str, value: usize, least: usize, most: usize, bad: &mut Vec<Problem>) {
    let range = format!("from {least} to {most}");
    Problem::unless(
        (least..=most).contains(&value),
        format!("{path}.{name}"),
        value,
        &range,
        bad,
    );
}
