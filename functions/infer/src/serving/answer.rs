//! What every way to ask has in common: computing, and refusing in words.

use contract::FailureKind;
use platform::{Classify as _, error::chain, http::Refusal, threads::run_blocking};
use series::Table;

use super::{
    champion::{Champion, clean},
    champions::{Champions, Served},
    history::{self, Given},
};
use crate::{InferError, predict::Ahead};

/// The longest horizon that is answered, in steps.
pub(super) const MAX_HORIZON: usize = 10_000;
/// A forecast of more cells than these runs on a thread of its own, so that others are not kept waiting.
const INLINE: usize = 20_000;

/// Returns the horizon of a request; the champion's where it does not say.
///
/// # Errors
/// When it is out of bounds.
pub(super) fn horizon(field: &str, asked: Option<i64>, champion: &Champion) -> Result<usize, Refusal> {
    let Some(asked) = asked else {
        return Ok(champion.horizon());
    };
    let steps = usize::try_from(asked)
        .ok()
        .filter(|steps| (1..=MAX_HORIZON).contains(steps));
    steps.ok_or_else(|| {
        Refusal::bad(format!("`{field}` is {asked}"))
            .at(field, asked)
            .bound(format!("1 to {MAX_HORIZON} steps"))
    })
}

/// Forecasts after the last observed row of a history; without one, after the newest row that is known.
///
/// # Errors
/// When the champion cannot forecast from these rows.
pub(super) async fn ahead(
    champions: &Champions,
    served: &Served,
    history: Option<Vec<Given>>,
    steps: usize,
) -> Result<Ahead, Refusal> {
    let table = match history {
        Some(given) => history::table(&served.champion, given)?,
        None => newest(champions, &served.champion).await?,
    };
    let cells = (table.rows() + steps) * table.columns.len();
    let made = if cells <= INLINE {
        served.champion.forecast(&table, steps)
    } else {
        let champion = served.champion.clone();
        run_blocking(move || champion.forecast(&table, steps)).await
    };
    made.map_err(|error| refusal(&error, "inputs"))
}

/// Returns the rows from which the newest stored forecast was made.
///
/// # Errors
/// When there is none, or the store does not answer.
async fn newest(champions: &Champions, champion: &Champion) -> Result<Table, Refusal> {
    let platform = &champions.platform;
    let stored = super::stored::newest(&champion.dataset, platform).await?;
    let rows = stored.map_or(champion.entry.clean, |forecast| forecast.clean);
    let table = clean(&champion.dataset, rows, platform).await;
    table.map_err(|error| refusal(&error, "inputs"))
}

/// Returns what is wrong with a request that the champion cannot forecast from.
fn refusal(error: &InferError, field: &str) -> Refusal {
    let class = error.class();
    let message = chain(error);
    if class.kind != FailureKind::Data && class.kind != FailureKind::Diverged {
        tracing::warn!(error = message, "a request cannot be answered");
        return Refusal::unavailable(message);
    }
    let mut refused = Refusal::bad(message);
    let field = class
        .place
        .column
        .map_or_else(|| field.to_owned(), |column| format!("{field}: {column}"));
    refused = match class.place.value {
        Some(value) => refused.at(field, value),
        None => refused.missing(field),
    };
    match class.place.bound {
        Some(bound) => refused.bound(bound),
        None => refused,
    }
}
