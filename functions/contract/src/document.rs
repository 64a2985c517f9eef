//! The JSON documents that stages leave in the bucket, other than those of a round.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use series::{Cut, Frequency, Scores, TimeAxis, Transform};

use crate::{Dataset, Digest, MemberName, PartId, WorkId, identity::Recipe, keys, report::Report};

/// `dead/{digest}.json`: an event that can never be accepted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Dead {
    /// Why it cannot be accepted.
    pub reason: String,
    /// The data of the event as they came.
    pub body: String,
    /// When it came, RFC 3339 UTC.
    pub at: String,
}

/// `uploads/{digest}.json`: the receipt of one version of an uploaded object.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// The bucket that holds the object.
    pub bucket: String,
    /// The object's key, URL-decoded: `raw/{dataset}/{file}`.
    pub key: String,
    /// The object's version id, or its `ETag` if the bucket has no versioning.
    pub version: String,
    /// The object's `ETag`, for conditional reads.
    pub etag: String,
    /// The object's size in bytes.
    pub size: u64,
    /// The digest of the object's bytes.
    pub digest: Digest,
    /// The last event that was handled for these bytes. A later event is a new upload of them, an equal or earlier one a
    /// redelivery. `None` if the store's events carry neither a sequencer nor a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<EventId>,
}

/// What tells two events about the same key apart.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct EventId {
    /// The store's sequencer: hexadecimal digits that rise from one event of a key to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<String>,
    /// The time of the event, RFC 3339 UTC; used where there is no sequencer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

impl EventId {
    /// Returns whether this event came after another event about the same key; `false` if nothing tells them apart.
    ///
    /// # Source
    /// Amazon S3 User Guide, "Event message structure": the shorter sequencer is padded with zeros on the right, then both are
    /// compared as text.
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

    /// Returns whether neither a sequencer nor a time is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.sequencer.is_none() && self.time.is_none()
    }
}

impl Produced {
    /// Returns the keys of the objects that these outputs name. If one of them is gone, the work has to be done again.
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

/// `work/{aa}/{work}.json`: the manifest of finished work.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The work's id, which is also the name of the document.
    pub work: WorkId,
    /// What the id was digested from: stage, recipe number, spec sections, inputs and salt.
    #[serde(flatten)]
    pub recipe: Recipe,
    /// The outputs of the work.
    pub outputs: Produced,
}

/// The outputs of a stage: digests of the objects it wrote, and the facts that people look for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "one per job, and the report is the largest")]
pub enum Produced {
    /// See [`CleanFacts`].
    Preprocess(CleanFacts),
    /// See [`SampleFacts`].
    Sample(SampleFacts),
    /// See [`TrainFacts`].
    Train(TrainFacts),
    /// See [`EvalFacts`].
    Eval(EvalFacts),
    /// See [`InferFacts`].
    Infer(InferFacts),
}

/// The outputs of `preprocess`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CleanFacts {
    /// The digest of the clean part.
    pub clean: Digest,
    /// The rows of the clean part: all steps of the time axis, those of the test file included.
    pub rows: usize,
    /// The columns of the clean part, measured and calendar, without the time.
    pub columns: usize,
    /// The first row of the test file, counted from 0; `None` without a test file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_start: Option<usize>,
    /// The time axis of the rows.
    pub axis: TimeAxis,
    /// The quality report.
    pub report: Report,
}

/// The outputs of `sample`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SampleFacts {
    /// The digest of the cut document.
    pub cut: Digest,
    /// The rows of the clean part.
    pub rows: usize,
    /// The columns of the clean part.
    pub columns: usize,
    /// The rows that train and validate.
    pub sampled_rows: usize,
    /// The rows that are held out.
    pub holdout_rows: usize,
    /// The lengths that were chosen; `None` in manifests of earlier code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lengths: Option<Lengths>,
}

/// The lengths that follow from the spec, the frequency and the rows, in steps.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lengths {
    /// The distance of two steps.
    pub frequency: Frequency,
    /// The seasons that the training rows show, ascending; empty if they show none.
    pub seasons: Vec<usize>,
    /// The steps that are trained, selected and scored.
    pub horizon: usize,
    /// The steps of history that a windowed model sees.
    #[serde(default)]
    pub context: usize,
    /// Whether models that can choose another context do.
    #[serde(default)]
    pub contexts_vary: bool,
    /// The steps that are forecast.
    pub served: usize,
    /// The steps that can be scored: fewer than `horizon` where the holdout is shorter, 0 where nothing can be scored.
    pub scored: usize,
    /// The number of forecasts that are scored.
    pub origins: usize,
    /// How often models that are cheap to fit are fitted while their training rows expand; 1 for a long series.
    pub fits: usize,
}

/// `samples/…/{digest}.json`: the use of each row, and the transform that was fitted on the training rows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CutDocument {
    /// The digest of the clean part that was cut.
    pub clean: Digest,
    /// The ranges of rows that train, validate and are held out.
    pub cut: Cut,
    /// Imputation, clipping and scaling, as models see the rows.
    pub transform: Transform,
    /// The season in steps; 1 if the series has none.
    pub season: usize,
    /// All seasons that the training rows show, in steps, ascending; empty if they show none.
    #[serde(default)]
    pub seasons: Vec<usize>,
    /// The steps that `infer` forecasts; 0 in cuts of earlier code, which forecast the window's horizon.
    #[serde(default)]
    pub served: usize,
    /// The time axis of the clean part.
    pub axis: TimeAxis,
    /// The time of the last training row, UTC seconds.
    pub train_end: i64,
    /// The time of the last row with an observed target, UTC seconds.
    pub observed_end: i64,
}

/// The outputs of `train`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TrainFacts {
    /// The digest of the artifact.
    pub artifact: Digest,
    /// The shape of the training inputs: windows, steps of the context, columns.
    pub x: [usize; 3],
    /// The shape of the training targets: windows, steps of the horizon, targets.
    pub y: [usize; 3],
    /// The losses of each epoch, on scaled values; empty for models that are not fitted in epochs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub epochs: Vec<forecast::EpochLoss>,
    /// Sentences for people: where the fit differs from what was asked, or what is unusual about its data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// The outputs of `eval`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EvalFacts {
    /// The scores on the holdout; `None` if there was nothing to score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// The digest of the member's [`ForecastDocument`] of the holdout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout: Option<Digest>,
    /// The digest of the member's [`SelectDocument`], by which an ensemble is weighted; `None` if no rows select.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Digest>,
}

/// `forecasts/…/{digest}.json`: a member's forecasts of the rows that select, in scaled units.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SelectDocument {
    /// The member that forecast.
    pub member: MemberName,
    /// The digest of the artifact that forecast.
    pub artifact: Digest,
    /// The digest of the cut.
    pub cut: Digest,
    /// The first forecast row of each forecast, counted from 0.
    pub origins: Vec<usize>,
    /// The forecast values, in the transform's scale.
    ///
    /// # Shapes
    /// `[origins, steps, targets]`, row-major.
    pub values: Vec<f64>,
}

/// The outputs of `infer`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InferFacts {
    /// The digest of the [`ForecastDocument`].
    pub forecast: Digest,
    /// The champion's generation, from 1.
    pub generation: u64,
    /// The time of the last observed row, UTC seconds.
    pub origin: i64,
    /// The steps that were forecast.
    pub steps: usize,
}

/// Whether a forecast looks ahead or covers the holdout.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForecastKind {
    /// From the last observed row on.
    Future,
    /// The last forecasts of the holdout that do not overlap, for people and plots.
    Holdout,
}

/// `forecasts/…/{digest}.json`: a forecast in original units.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ForecastDocument {
    /// Whether it looks ahead or covers the holdout.
    pub kind: ForecastKind,
    /// The dataset that was forecast.
    pub dataset: Dataset,
    /// The part of the dataset.
    pub part: PartId,
    /// The member that forecast.
    pub member: MemberName,
    /// The digest of the artifact that forecast.
    pub artifact: Digest,
    /// The champion's generation; `None` for a holdout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// The digest of the clean part whose rows were the history.
    pub clean: Digest,
    /// The time of the last observed row, UTC seconds.
    pub origin: i64,
    /// The distance of two steps.
    pub frequency: Frequency,
    /// The names of the target columns, in the order of `mean`.
    pub targets: Vec<String>,
    /// The time of each step, RFC 3339 UTC.
    pub times: Vec<String>,
    /// The point forecasts: one list per target, one number per step.
    pub mean: Vec<Vec<f64>>,
    /// Quantiles by level (`0.1` to `0.9`), each in the shape of `mean`; empty if the model has no intervals.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quantiles: BTreeMap<String, Vec<Vec<f64>>>,
    /// `true` if the quantiles were calibrated on rows that no fit has seen, `false` if they come from training residuals,
    /// `None` without quantiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<bool>,
    /// The observed values of a holdout in the shape of `mean`, `null` where missing; `None` for a forecast ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<Vec<Vec<Option<f64>>>>,
    /// The steps of each of a holdout's forecasts, which stand one after another; `None` for a forecast ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// The steps up to which the model was scored; 0 if it is a forecast by rule, without any score; `None` for a holdout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scored: Option<usize>,
    /// The step, from 1, from which on a windowed model takes its own forecasts as inputs; `None` if it never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extrapolates_from: Option<usize>,
}

/// `forecasts/…/latest.json`: which forecast is the newest. It only moves forward, by generation and then by origin.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Latest {
    /// The champion's generation, from 1.
    pub generation: u64,
    /// The time of the last observed row, UTC seconds.
    pub origin: i64,
    /// The digest of the [`ForecastDocument`].
    pub forecast: Digest,
    /// The key of the [`ForecastDocument`].
    pub key: String,
}
