//! Forecasts beyond the trained horizon: a windowed model continues from its own forecasts.

use series::Matrix;

use crate::{ForecastError, History};

/// Forecasts any number of steps with a model that forecasts `trained` steps from `context` rows.
///
/// `block` gets the context `[context, inputs]` and returns `[trained, targets]`. After each block the context moves on:
/// targets and their lags come from the forecasts, `past` inputs are held at their last value, calendar inputs come from
/// the history's future.
///
/// # Shapes
/// The result is `[steps, targets]`, scaled values.
///
/// # Errors
/// Where the history is shorter than the context, a calendar input is missing, a forecast is not finite, or `block` fails.
pub fn forecast(
    history: &History<'_>,
    context: usize,
    trained: usize,
    steps: usize,
    block: &mut dyn FnMut(&Matrix) -> Result<Matrix, ForecastError>,
) -> Result<Matrix, ForecastError> {
    history.check(context)?;
    let targets = history.scaled.targets.len();
    let mut result = Matrix::zeros(0, targets);
    let mut window = known(history, context);
    while result.rows < steps {
        let forecast = block(&window)?;
        check(&forecast, trained, targets, result.rows)?;
        let fresh = trained.min(steps - result.rows);
        result.data.extend_from_slice(&forecast.data[..fresh * targets]);
        result.rows += fresh;
        if result.rows < steps {
            advance(&mut window, history, &result, fresh)?;
        }
    }
    Ok(result)
}

/// Returns the last rows before the origin.
fn known(history: &History<'_>, context: usize) -> Matrix {
    let cols = history.scaled.values.cols;
    let data = &history.scaled.values.data[(history.origin - context) * cols..history.origin * cols];
    Matrix {
        rows: context,
        cols,
        data: data.to_vec(),
    }
}

fn check(forecast: &Matrix, trained: usize, targets: usize, done: usize) -> Result<(), ForecastError> {
    if forecast.rows != trained || forecast.cols != targets || trained == 0 {
        return Err(ForecastError::Shape {
            what: "forecast steps",
            have: forecast.rows,
            need: trained.max(1),
        });
    }
    match forecast.data.iter().position(|value| !value.is_finite()) {
        Some(cell) => {
            let (target, step) = (cell % targets, done + cell / targets + 1);
            Err(ForecastError::NotFinite {
                target,
                step,
                value: forecast.data[cell],
            })
        }
        None => Ok(()),
    }
}

/// Moves the context on by the last `fresh` forecast steps.
fn advance(window: &mut Matrix, history: &History<'_>, result: &Matrix, fresh: usize) -> Result<(), ForecastError> {
    let held = window.row(window.rows - 1).to_vec();
    for step in result.rows - fresh..result.rows {
        let row = next_row(history, result, step, &held)?;
        window.data.drain(..window.cols);
        window.data.extend_from_slice(&row);
    }
    Ok(())
}

fn next_row(history: &History<'_>, result: &Matrix, step: usize, held: &[f64]) -> Result<Vec<f64>, ForecastError> {
    let scaled = history.scaled;
    let mut row = held.to_vec();
    for (target, &input) in scaled.targets.iter().enumerate() {
        row[input] = result.at(step, target);
    }
    for &(input, target, lag) in &scaled.lags {
        row[input] = match step.checked_sub(lag) {
            Some(earlier) => result.at(earlier, target),
            None => scaled
                .values
                .at((history.origin + step).saturating_sub(lag), scaled.targets[target]),
        };
    }
    for &input in &scaled.calendar {
        let known = (step < history.future.rows).then(|| history.future.at(step, input));
        row[input] = known
            .filter(|value| !value.is_nan())
            .ok_or(ForecastError::FutureMissing { input, step: step + 1 })?;
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use series::{Frequency, Scaled, TimeAxis};

    use super::*;

    /// Two targets, a lag of the first, a past input and a calendar input; row `r` holds `r` of each kind.
    fn scaled(rows: u32) -> Scaled {
        let row = |row: u32| {
            let r = f64::from(row);
            [r, 10.0 * r, r - 2.0, 100.0 + r, 0.5 * r]
        };
        Scaled {
            values: Matrix {
                rows: rows as usize,
                cols: 5,
                data: (0..rows).flat_map(row).collect(),
            },
            axis: TimeAxis::new(0, Frequency::Seconds(60), rows as usize),
            observed: vec![vec![true; rows as usize]; 2],
            targets: vec![0, 1],
            past: vec![3],
            calendar: vec![4],
            lags: vec![(2, 0, 2)],
            complete: vec![true; rows as usize],
            drops_incomplete: false,
            units: Vec::new(),
        }
    }

    /// Continues the rows: the next rows of both targets.
    fn next(window: &Matrix) -> Matrix {
        let last = window.row(window.rows - 1);
        Matrix {
            rows: 2,
            cols: 2,
            data: vec![last[0] + 1.0, last[1] + 10.0, last[0] + 2.0, last[1] + 20.0],
        }
    }

    #[test]
    fn contexts_move_over_own_forecasts_lags_held_inputs_and_the_calendar() {
        let scaled = scaled(12);
        let future = crate::known_future(&scaled, 6, 5);
        let mut contexts = Vec::new();
        let result = forecast(
            &History {
                scaled: &scaled,
                origin: 6,
                future: &future,
            },
            3,
            2,
            5,
            &mut |window| {
                contexts.push(window.clone());
                Ok(next(window))
            },
        );
        let steps = [6.0, 60.0, 7.0, 70.0, 8.0, 80.0, 9.0, 90.0, 10.0, 100.0];
        assert_eq!(
            result.unwrap(),
            Matrix {
                rows: 5,
                cols: 2,
                data: steps.to_vec()
            }
        );
        assert_eq!(contexts.len(), 3);
        assert_eq!(contexts[0].data, scaled.values.data[15..30]);
        assert_eq!(contexts[1].row(0), scaled.values.row(5));
        // The past input is held at row 5, everything else continues as the rows do.
        assert_eq!(contexts[1].row(2), [7.0, 70.0, 5.0, 105.0, 3.5]);
        assert_eq!(contexts[2].row(2), [9.0, 90.0, 7.0, 105.0, 4.5]);
    }

    #[test]
    fn what_is_missing_or_no_number_ends_the_forecast_by_name() {
        let scaled = scaled(8);
        let run = |origin: usize, known: usize, value: f64| {
            let future = crate::known_future(&scaled, origin, known);
            let block = Matrix::filled(1, 2, value);
            forecast(
                &History {
                    scaled: &scaled,
                    origin,
                    future: &future,
                },
                4,
                1,
                3,
                &mut |_| Ok(block.clone()),
            )
        };
        assert_eq!(run(3, 3, 1.0), Err(ForecastError::HistoryTooShort { have: 3, need: 4 }));
        assert_eq!(run(9, 3, 1.0), Err(ForecastError::Origin { have: 9, bound: 8 }));
        assert_eq!(run(5, 1, 1.0), Err(ForecastError::FutureMissing { input: 4, step: 2 }));
        assert_eq!(
            run(7, 3, 1.0),
            Err(ForecastError::FutureMissing { input: 4, step: 2 }),
            "after the last row"
        );
        let infinite = run(5, 3, f64::INFINITY).unwrap_err();
        assert_eq!(
            infinite,
            ForecastError::NotFinite {
                target: 0,
                step: 1,
                value: f64::INFINITY
            }
        );
    }
}
