//! `flits forecast`: a dataset's newest forecast, as a table, CSV or JSON.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Context as _;
use contract::{Dataset, ForecastDocument, text};
use infer::csv::write_csv;
use platform::{Store, bucket};

use super::{
    lengths::{self, comma},
    print::print_json,
};

/// Prints a dataset's newest forecast.
///
/// # Errors
/// When the store does not answer, or the dataset has no forecast.
pub(super) async fn forecast(store: &dyn Store, dataset: &Dataset, csv: bool, json: bool) -> anyhow::Result<()> {
    let latest = bucket::latest(store, dataset).await?;
    let latest = latest.with_context(|| format!("dataset `{dataset}` has no forecast here"))?;
    let document: ForecastDocument = bucket::read(store, &latest.key)
        .await?
        .with_context(|| format!("`{}` is gone", latest.key))?;
    if json {
        print_json(&document);
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    if csv {
        // Programs read the names as they are; a terminal could be controlled by them.
        let faithful = !out.is_terminal();
        return gone(write_csv(&document, faithful, &mut out));
    }
    let served = document.times.len();
    let about = format!(
        "{} by {}, generation {}, {served} steps{}",
        text::plain(&latest.key),
        document.member,
        latest.generation,
        comma(document.scored.and_then(|scored| lengths::apart(scored, served)))
    );
    let written = writeln!(out, "{about}").map_err(csv::Error::from);
    gone(written.and_then(|()| write_csv(&document, false, &mut out)))
}

/// Ignores the error of a reader that went away.
fn gone(written: csv::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if !error.is_io_error() => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
