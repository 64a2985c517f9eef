//! The forecasts of a member for the `select` rows, by which an ensemble weights it. Pure.

use contract::{CutDocument, Digest, MemberName, SelectDocument};
use forecast::Forecast;
use series::{Matrix, Scaled, Table};

use crate::error::EvalError;

/// The largest number of values that are kept. With more, the origins are thinned out evenly.
pub const MAX_VALUES: usize = 1 << 16;

/// Returns the forecasts from the origins of the `select` rows; `None` when there are no such rows, or a forecast is
/// not finite.
///
/// # Errors
/// When the model cannot forecast.
pub fn select(
    cut: &CutDocument,
    named: Digest,
    scaled: &Scaled,
    model: &dyn Forecast,
    (member, artifact): (&MemberName, Digest),
) -> Result<Option<SelectDocument>, EvalError> {
    let (origins, targets) = (origins(cut), cut.transform.target_names().len());
    if origins.is_empty() {
        return Ok(None);
    }
    let steps = cut.cut.window.horizon;
    let mut values = vec![0.0; origins.len() * steps * targets];
    model.forecast_origins(scaled, &origins, steps, &mut |index, forecast| {
        values[index * forecast.len()..][..forecast.len()].copy_from_slice(forecast);
    })?;
    Ok(values.iter().all(|value| value.is_finite()).then(|| SelectDocument {
        member: member.clone(),
        artifact,
        cut: named,
        origins,
        values,
    }))
}

/// Returns the origins of the forecasts that select. They are the same for every member of a round.
fn origins(cut: &CutDocument) -> Vec<usize> {
    let origins = cut.cut.select_origins();
    let cells = cut.cut.window.horizon * cut.transform.target_names().len();
    let most = (MAX_VALUES / cells.max(1)).max(1);
    let stride = origins.len().div_ceil(most).max(1);
    origins.step_by(stride).collect()
}

/// Returns the observed values at the rows of the forecasts from these origins, on the axis of the models; NaN where a
/// value is missing, and after the rows that select.
///
/// # Shapes
/// The result is `[origins * steps, targets]`.
#[must_use]
pub fn observed(cut: &CutDocument, table: &Table, origins: &[usize]) -> Matrix {
    let (names, steps) = (cut.transform.target_names(), cut.cut.window.horizon);
    let mut observed = Matrix::filled(origins.len() * steps, names.len(), f64::NAN);
    for (target, name) in names.iter().enumerate() {
        let values = table.column(name).map_or(&[][..], |column| &column.values);
        for (index, origin) in origins.iter().enumerate() {
            for step in 0..steps {
                let row = origin + step;
                if let Some(value) = values.get(row).filter(|_| row < cut.cut.select.end) {
                    *observed.at_mut(index * steps + step, target) = cut.transform.rescale(target, *value);
                }
            }
        }
    }
    observed
}
