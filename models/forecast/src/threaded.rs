//! Forecasts from many origins on several threads.

use std::thread;

use series::{Matrix, Scaled};

use crate::{Forecast, ForecastError, History};

/// The fewest origins for which a thread is started.
const ORIGINS: usize = 64;

/// The most numbers of finished forecasts that one thread keeps until they are handed out; at least one forecast.
const WAITING: usize = 1 << 18;

/// A model that forecasts from many origins on several threads. Forecasts and their order are the same as on one thread.
#[derive(Clone, Copy)]
pub struct Threaded<'a> {
    model: &'a dyn Forecast,
    threads: usize,
}

impl<'a> Threaded<'a> {
    /// Wraps a model so that it forecasts on up to `threads` threads.
    #[must_use]
    pub fn new(model: &'a dyn Forecast, threads: usize) -> Self {
        Self { model, threads }
    }
}

impl Forecast for Threaded<'_> {
    fn history_rows(&self) -> usize {
        self.model.history_rows()
    }

    fn trained_horizon(&self) -> Option<usize> {
        self.model.trained_horizon()
    }

    fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError> {
        self.model.forecast(history, steps)
    }

    fn forecast_origins(
        &self,
        scaled: &Scaled,
        origins: &[usize],
        steps: usize,
        out: &mut dyn FnMut(usize, &[f64]),
    ) -> Result<(), ForecastError> {
        let wide = steps * scaled.targets.len();
        let threads = self.threads.min(origins.len() / ORIGINS);
        if threads < 2 || wide == 0 {
            return self.model.forecast_origins(scaled, origins, steps, out);
        }
        let share = origins.len().div_ceil(threads).min((WAITING / wide).max(1));
        for (round, origins) in origins.chunks(threads * share).enumerate() {
            let parts = thread::scope(|scope| {
                let part = |origins: &'_ [usize]| {
                    let mut values = Vec::with_capacity(origins.len() * wide);
                    let mut keep = |_: usize, forecast: &[f64]| values.extend_from_slice(forecast);
                    let told = self.model.forecast_origins(scaled, origins, steps, &mut keep);
                    told.map(|()| values)
                };
                let mut shares = origins.chunks(share);
                let own = shares.next().unwrap_or_default();
                let others: Vec<_> = shares.map(|origins| scope.spawn(move || part(origins))).collect();
                let own = part(own);
                let others = others.into_iter().map(|other| match other.join() {
                    Ok(part) => part,
                    Err(panic) => std::panic::resume_unwind(panic),
                });
                std::iter::once(own).chain(others).collect::<Result<Vec<_>, _>>()
            })?;
            let values = parts.iter().flat_map(|values| values.chunks_exact(wide));
            for (place, forecast) in values.enumerate() {
                out(round * threads * share + place, forecast);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use series::{Frequency, TimeAxis};

    use super::*;

    /// Forecasts the number of the origin and records the calling thread.
    struct Numbers(Mutex<Vec<thread::ThreadId>>);

    impl Forecast for Numbers {
        fn history_rows(&self) -> usize {
            1
        }

        fn trained_horizon(&self) -> Option<usize> {
            None
        }

        fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError> {
            history.check(1)?;
            let mut asked = self.0.lock().expect("nobody panics with it");
            if !asked.contains(&thread::current().id()) {
                asked.push(thread::current().id());
            }
            let value = f64::from(u32::try_from(history.origin).expect("a small one"));
            Ok(Matrix::filled(steps, 1, value))
        }
    }

    fn scaled(rows: usize) -> Scaled {
        Scaled {
            values: Matrix::zeros(rows, 1),
            axis: TimeAxis::new(0, Frequency::Seconds(60), rows),
            observed: vec![vec![true; rows]],
            targets: vec![0],
            past: Vec::new(),
            calendar: Vec::new(),
            lags: Vec::new(),
            complete: vec![true; rows],
            drops_incomplete: false,
            units: Vec::new(),
        }
    }

    #[test]
    fn forecasts_come_in_order_from_as_many_threads_as_are_worth_it() {
        // The last case has more numbers than one thread keeps at once.
        for (origins, steps, threads, used) in [(127, 1, 4, 1), (128, 1, 4, 2), (1_000, 3, 4, 4), (300, 9_000, 2, 2)] {
            let (model, scaled) = (Numbers(Mutex::default()), scaled(1_001));
            let origins: Vec<_> = (1..=origins).rev().collect();
            let mut next = 0;
            let told =
                Threaded::new(&model, threads).forecast_origins(&scaled, &origins, steps, &mut |index, values| {
                    assert_eq!(index, next);
                    next += 1;
                    assert_eq!(values.len(), steps);
                    let origin = u32::try_from(origins[index]).map(f64::from);
                    assert!(values.iter().all(|value| origin == Ok(*value)));
                });
            assert_eq!((told, next), (Ok(()), origins.len()));
            let asked = model.0.into_inner().expect("nobody panicked with it").len();
            assert!(asked >= used, "{asked} threads, expected {used}");
            assert!(asked == 1 || used > 1, "{asked} threads for {} origins", origins.len());
        }
    }

    #[test]
    fn an_error_on_any_thread_is_the_error() {
        let (model, scaled) = (Numbers(Mutex::default()), scaled(1_001));
        let origins: Vec<_> = (0..1_000).rev().collect();
        let told = Threaded::new(&model, 4).forecast_origins(&scaled, &origins, 1, &mut |_, _| ());
        assert!(matches!(told, Err(ForecastError::HistoryTooShort { .. })), "{told:?}");
    }
}
