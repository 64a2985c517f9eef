//! One champion, ready to forecast.

use contract::{CutDocument, Dataset, Digest, Entry, PartId, Spec, keys, spec::Choice};
use forecast::{Calibration, Forecast};
use platform::{
    Platform, Store, StoreError, bucket,
    documents::{read_blob, read_named},
    threads::run_blocking,
    walk,
};
use series::{Role, Table};

use crate::{
    InferError,
    predict::{Ahead, predict},
};

/// A champion's entry with everything that a forecast needs. Never changes; a newer one is another value.
pub(super) struct Champion {
    pub(super) dataset: Dataset,
    pub(super) entry: Entry,
    pub(super) cut: CutDocument,
    spec: Spec,
    model: Box<dyn Forecast>,
    calibration: Option<Calibration>,
}

impl Champion {
    /// Reads the champion of an entry.
    ///
    /// # Errors
    /// When the store does not answer, or one of its objects is missing or damaged.
    pub(super) async fn load(dataset: &Dataset, entry: Entry, platform: &Platform) -> Result<Self, InferError> {
        let (store, part) = (platform.store.as_ref(), PartId::WHOLE);
        let cut_key = keys::cut(dataset, part, entry.sample);
        let artifact_key = keys::artifact(dataset, part, entry.artifact);
        let (cut, spec, bytes) = tokio::join!(
            read_named::<CutDocument>(store, &cut_key, entry.sample),
            walk::spec(store, dataset, entry.spec),
            read_blob(store, &artifact_key, entry.artifact, platform.host.max_packed()),
        );
        let (cut, spec, bytes) = (cut?, spec?, bytes?);
        let sample = entry.sample;
        let (model, calibration) = run_blocking(move || {
            let artifact = crate::fitted_on(sample, &bytes)?;
            Ok::<_, InferError>((families::forecaster(&artifact)?, Calibration::read(&artifact)?))
        })
        .await?;
        Ok(Self {
            dataset: dataset.clone(),
            entry,
            cut,
            spec,
            model,
            calibration,
        })
    }

    /// Forecasts from the last observed row of a table in original units.
    ///
    /// # Errors
    /// When a column is missing, the history is too short, or a forecast is not finite.
    pub(super) fn forecast(&self, table: &Table, steps: usize) -> Result<Ahead, InferError> {
        let mut asked = self.spec.forecast.clone();
        asked.horizon = Choice::Given(steps);
        predict(&asked, &self.cut, table, &*self.model, self.calibration.as_ref())
    }

    /// Returns the steps that are forecast where a request does not say.
    pub(super) fn horizon(&self) -> usize {
        let chosen = self.cut.served.max(self.cut.cut.window.horizon);
        *self.spec.forecast.horizon.given().unwrap_or(&chosen)
    }

    /// Returns the rows that the model reads before a forecast.
    pub(super) fn history_rows(&self) -> usize {
        self.model.history_rows()
    }

    /// Returns the steps up to which the model was scored; 0 when it was never scored.
    pub(super) fn scored(&self) -> usize {
        self.entry.score.map_or(0, |_| self.cut.cut.scored_steps())
    }

    /// Returns the columns that a request brings, targets first, each with whether it is a target.
    pub(super) fn columns(&self) -> Vec<(&str, Role)> {
        let of = |role: Role| {
            let columns = self.cut.transform.columns().iter();
            columns
                .filter(move |column| column.role == role)
                .map(move |column| (column.name.as_str(), role))
        };
        of(Role::Target).chain(of(Role::Past)).collect()
    }

    /// Returns whether the calendar is an input.
    pub(super) fn uses_calendar(&self) -> bool {
        self.cut
            .transform
            .columns()
            .iter()
            .any(|column| column.role == Role::Calendar)
    }

    /// Returns the name of this very version.
    pub(super) fn name(&self) -> String {
        format!("{}@{}", self.dataset, self.entry.generation)
    }

    /// Returns the lowest and the highest quantile that was measured; `None` without intervals.
    pub(super) fn levels(&self) -> Option<(f64, f64)> {
        let levels = self.calibration.as_ref()?.levels();
        Some((*levels.first()?, *levels.last()?))
    }
}

/// Reads an entry of the champion log; `None` when there is none of this number.
pub(super) async fn entry(store: &dyn Store, dataset: &Dataset, generation: u64) -> Result<Option<Entry>, StoreError> {
    let key = keys::champion_entry(dataset, PartId::WHOLE, generation);
    bucket::read(store, &key).await
}

/// Reads a clean part.
pub(super) async fn clean(dataset: &Dataset, clean: Digest, platform: &Platform) -> Result<Table, InferError> {
    let key = keys::clean(dataset, PartId::WHOLE, clean);
    let bytes = read_blob(platform.store.as_ref(), &key, clean, platform.host.max_packed()).await?;
    Ok(run_blocking(move || part::read(bytes)).await?)
}
