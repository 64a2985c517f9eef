//! The documents that stages leave in the bucket, other than those of a round.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use series::{Cut, Frequency, Scores, TimeAxis, Transform};

use crate::{Dataset, Digest, MemberName, PartId, WorkId, identity::Recipe, keys};

/// `uploads/{h}.json`: the receipt of one object version.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// The bucket.
    pub bucket: String,
    /// The decoded key.
    pub key: String,
    /// The version id, or the `ETag` where the bucket has no versions.
    pub version: String,
    /// The `ETag`, for conditional reads.
    pub etag: String,
    /// The size in bytes.
    pub size: u64,
    /// The digest of the content.
    pub digest: Digest,
    /// The last event that was walked for these bytes. A later one is a new upload of them, an equal one a redelivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<EventId>,
}

/// What tells one event about a key from the next.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct EventId {
    /// The store's counter, hexadecimal digits that rise from event to event of one key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<String>,
    /// When it happened, RFC 3339 UTC, where the store counts nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

impl EventId {
    /// Returns whether this event came after another one about the same key. `false` where nothing tells them apart.
    ///
    /// # Source
    /// Amazon S3 User Guide, "Event message structure": of two sequencers the shorter one is filled up with zeros on its
    /// right, then they are compared as text.
    #[must_use]
    pub fn is_after(&self, other: &Self) -> bool {
        match (&self.sequencer, &other.sequencer, &self.time, &other.time) {
            (Some(own), Some(others), ..) => {
                let length = own.len().max(others.len());
                let filled = |text: &str| format!("{:0<length$}", text.to_ascii_uppercase());
                filled(own) > filled(others)
            }
            (_, _, Some(own), Some(others)) => own > others,
            _ => false,
        }
    }

    /// Returns whether nothing is known that could tell this event from another.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.sequencer.is_none() && self.time.is_none()
    }
}

impl Produced {
    /// Returns the keys of the objects that it names: without them it is as good as not made.
    #[must_use]
    pub fn objects(&self, dataset: &Dataset, part: PartId) -> Vec<String> {
        match self {
            Self::Preprocess(made) => vec![keys::clean(dataset, PartId::WHOLE, made.clean)],
            Self::Sample(made) => vec![keys::cut(dataset, part, made.cut)],
            Self::Train(made) => vec![keys::artifact(dataset, part, made.artifact)],
            Self::Eval(made) => {
                let named = made.holdout.into_iter().chain(made.select);
                named.map(|forecast| keys::forecast(dataset, part, forecast)).collect()
            }
            Self::Infer(made) => vec![keys::forecast(dataset, part, made.forecast)],
        }
    }
}

/// `work/{aa}/{work}.json`: finished work.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The work.
    pub work: WorkId,
    /// What it was digested from: stage, recipe, sections, inputs (the parents) and salt.
    #[serde(flatten)]
    pub recipe: Recipe,
    /// What it left.
    pub outputs: Produced,
}

/// What a stage left, with the facts that people look for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Produced {
    /// A clean part.
    Preprocess(CleanFacts),
    /// A cut.
    Sample(SampleFacts),
    /// A model.
    Train(TrainFacts),
    /// Scores, or nothing where there was nothing to score.
    Eval(EvalFacts),
    /// A forecast.
    Infer(InferFacts),
}

/// What `preprocess` left.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CleanFacts {
    /// The clean part's digest.
    pub clean: Digest,
    /// Rows on the grid, test rows included.
    pub rows: usize,
    /// Columns: measured and calendar.
    pub columns: usize,
    /// The first test row, where a test file was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_start: Option<usize>,
    /// The time axis.
    pub axis: TimeAxis,
    /// What was counted on the way.
    pub report: Report,
}

/// The quality report: everything that was handled and counted, not refused.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Data rows in the files.
    pub rows_read: usize,
    /// Rows that stood out of time order.
    pub out_of_order: usize,
    /// Rows whose time another row had too; the last one won.
    pub duplicates: usize,
    /// Grid rows that no data row filled.
    pub gaps: usize,
    /// Missing values by column, gap rows included.
    pub missing: BTreeMap<String, usize>,
    /// Columns without variation: kept as input, no target.
    pub constant: Vec<String>,
    /// Columns without any value: kept out, named.
    pub empty: Vec<String>,
    /// Columns without any number: ignored, named.
    pub not_numeric: Vec<String>,
    /// Targets that were excluded because they are constant or empty.
    pub excluded_targets: Vec<String>,
    /// Objects that were ignored, for example a test file that the spec does not ask for.
    pub ignored_objects: Vec<String>,
}

impl Report {
    /// Says in words what a person would not expect of the data; gaps and missing values are counted elsewhere.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let Self {
            rows_read,
            out_of_order,
            duplicates,
            ..
        } = self;
        let rows = [
            (*duplicates, "have the time of a later row, which counts"),
            (*out_of_order, "stand out of time order and were sorted"),
        ];
        let rows = rows.into_iter().filter(|(count, _)| *count > 0);
        let rows = rows.map(|(count, what)| format!("{count} of {rows_read} rows {what}"));
        let names = [
            (&self.not_numeric, "left out, without any number"),
            (&self.empty, "left out, without any value"),
            (&self.constant, "constant, so no target"),
            (&self.ignored_objects, "not used, the spec asks for no test file"),
        ];
        let names = names.into_iter().filter(|(names, _)| !names.is_empty());
        let names = names.map(|(names, what)| format!("{what}: {}", names.join(", ")));
        rows.chain(names).collect()
    }
}

/// What `sample` left.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SampleFacts {
    /// The digest of the cut document.
    pub cut: Digest,
    /// Rows of the clean part.
    pub rows: usize,
    /// Columns of the clean part.
    pub columns: usize,
    /// Rows that train and validate.
    pub sampled_rows: usize,
    /// Rows that are held out.
    pub holdout_rows: usize,
}

/// `samples/…/{digest}.json`: which rows do what, and the transform that was fitted on the training rows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CutDocument {
    /// The clean part.
    pub clean: Digest,
    /// The row ranges.
    pub cut: Cut,
    /// How a model sees the rows.
    pub transform: Transform,
    /// The season in steps.
    pub season: usize,
    /// The time axis of the clean part.
    pub axis: TimeAxis,
    /// The last training row, UTC seconds.
    pub train_end: i64,
    /// The last row with an observed target, UTC seconds.
    pub observed_end: i64,
}

/// What `train` left.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TrainFacts {
    /// The artifact.
    pub artifact: Digest,
    /// Windows, rows and inputs of the training data.
    pub x: [usize; 3],
    /// Windows, steps and targets of the training data.
    pub y: [usize; 3],
    /// Losses by epoch, on scaled values; empty for closed forms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub epochs: Vec<forecast::EpochLoss>,
    /// What the fit did other than asked, or what its data are like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// What `eval` left.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EvalFacts {
    /// The scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// The member's forecasts of the holdout, under `forecasts/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout: Option<Digest>,
    /// Its forecasts of the rows that select, under `forecasts/`: what an ensemble is weighted by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Digest>,
}

/// `forecasts/…/{digest}.json` of the rows that select, in scaled units.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SelectDocument {
    /// Who forecast.
    pub member: MemberName,
    /// With which artifact.
    pub artifact: Digest,
    /// The cut whose rows these are.
    pub cut: Digest,
    /// The first forecast row of each forecast.
    pub origins: Vec<usize>,
    /// The forecasts.
    ///
    /// # Shapes
    /// `[origins, steps, targets]`, row-major.
    pub values: Vec<f64>,
}

/// What `infer` left.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InferFacts {
    /// The forecast.
    pub forecast: Digest,
    /// The champion's generation.
    pub generation: u64,
    /// The last observed row, UTC seconds.
    pub origin: i64,
    /// How many steps were forecast.
    pub steps: usize,
}

/// Whether a forecast looks ahead or is one of a holdout.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForecastKind {
    /// From the last observed row onwards.
    Future,
    /// One step ahead at each of the last holdout origins, for people and plots.
    Holdout,
}

/// `forecasts/…/{digest}.json`, in original units.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ForecastDocument {
    /// What kind.
    pub kind: ForecastKind,
    /// The dataset.
    pub dataset: Dataset,
    /// The part.
    pub part: PartId,
    /// Who forecast.
    pub member: MemberName,
    /// With which artifact.
    pub artifact: Digest,
    /// The champion's generation; none for a holdout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// The clean part.
    pub clean: Digest,
    /// The last observed row, UTC seconds.
    pub origin: i64,
    /// The grid.
    pub frequency: Frequency,
    /// The target columns, in the order of `mean`.
    pub targets: Vec<String>,
    /// The time of each step, RFC 3339 UTC.
    pub times: Vec<String>,
    /// One row per target, one number per step.
    pub mean: Vec<Vec<f64>>,
    /// Quantiles by their level, each as `mean`; none where the model has no intervals.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quantiles: BTreeMap<String, Vec<Vec<f64>>>,
    /// Whether rows that the model did not learn from calibrated the quantiles; else they come from training residuals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<bool>,
    /// The actuals of a holdout, `null` where missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<Vec<Vec<Option<f64>>>>,
    /// The step (from 1) from which a windowed model forecasts from its own forecasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extrapolates_from: Option<usize>,
}

/// `forecasts/…/latest.json`: moves only forward by generation, then origin.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Latest {
    /// The champion's generation.
    pub generation: u64,
    /// The last observed row, UTC seconds.
    pub origin: i64,
    /// The forecast.
    pub forecast: Digest,
    /// Its key.
    pub key: String,
}
