//! Forecasts beyond the trained horizon: a windowed model goes on from its own forecasts.

use series::Matrix;

use crate::{ForecastError, History};

/// Forecasts any number of steps with a model that gives `trained` steps from `context` rows.
///
/// `block` gets the context `[context, inputs]` and gives `[trained, targets]`. After each block the context moves on:
/// targets and their lags come from the forecasts, `past` inputs are held at their last value, calendar inputs come from
/// the history's future.
///
/// # Shapes
/// The result is `[steps, targets]`, scaled values.
///
/// # Errors
/// Where the history is shorter than the context, a calendar input is missing, a forecast is not finite, or `block` says so.
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

/// Gives the last rows before the origin.
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

/// Moves the context over the last `fresh` forecast steps.
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
