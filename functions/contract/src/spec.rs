//! The resolved spec: what a user asked for, checked, with every default written out.
//!
//! Raw text becomes a [`Spec`] in one place, [`resolve`], which reports every problem at once with its path and allowed
//! range. A `Spec` that exists is valid; parts of the design that are not built are refused as "not supported yet".

use forecast::ModelSpec;
use serde::{Deserialize, Serialize};
use series::{Clean, Sampling, Split, WindowShape};

use crate::{Digest, MemberName};

/// A checked spec. Its canonical JSON is `resolved/{dataset}/{digest}.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Changes every identity and nothing else.
    pub salt: String,
    /// What the columns mean.
    pub data: DataSection,
    /// How rows become clean numbers.
    pub clean: Clean,
    /// Which rows are held out.
    pub split: SplitSection,
    /// Which training rows are used.
    pub sample: Sampling,
    /// The windows that models see.
    pub window: WindowShape,
    /// What `infer` writes.
    pub forecast: ForecastSection,
    /// Who is promoted.
    pub promote: PromoteSection,
    /// Who takes part, in order.
    pub models: Vec<Member>,
}

/// What the columns mean.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// The time column, or `auto`.
    pub time: Choice<String>,
    /// The target columns, or `auto`: all numeric ones.
    pub targets: Choice<Vec<String>>,
    /// Inputs whose future is unknown.
    pub past: Vec<String>,
    /// Inputs whose future the caller gives.
    pub known: Vec<String>,
    /// Inputs that do not change.
    #[serde(rename = "static")]
    pub fixed: Vec<String>,
    /// The column that names the series of a long table.
    pub series_id: String,
    /// The grid, or `auto`.
    pub frequency: Choice<series::Frequency>,
    /// The IANA time zone of stamps without one.
    pub time_zone: String,
    /// Into how many parts the dataset is cut.
    pub parts: u32,
    /// How uploads add up.
    pub mode: Mode,
}

/// A given value, or `auto`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice<T> {
    /// Found from the data.
    Auto,
    /// As given.
    Given(T),
}

/// How uploads of one dataset add up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The newest upload is the dataset.
    Replace,
}

/// Which rows are held out, and how long to wait for a test file.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitSection {
    /// What is held out.
    pub holdout: series::Holdout,
    /// What validates.
    pub validation: series::Validation,
    /// How long to wait for the test file, in seconds.
    pub wait: u64,
}

/// What `infer` writes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForecastSection {
    /// Steps, or `auto`: at least the window's horizon and one season, at most 1,000.
    pub horizon: Choice<usize>,
}

/// Who is promoted.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromoteSection {
    /// The metric that decides; lower is better.
    pub metric: Metric,
    /// By which fraction a model must beat the better baseline.
    pub margin: f64,
    /// What one decision covers.
    pub by: PromoteBy,
    /// Whether the winner is trained again on all rows.
    pub refit: bool,
}

/// A metric that can decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Root mean squared scaled error.
    Rmsse,
    /// Root mean squared error, original units.
    Rmse,
    /// Mean absolute error, original units.
    Mae,
    /// Symmetric mean absolute percentage error.
    Smape,
    /// Mean absolute scaled error.
    Mase,
    /// 0.5 RMSE + 0.3 MAE + 0.2 MSE on scaled values, as the predecessor had it.
    Composite,
}

/// What one decision covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromoteBy {
    /// One champion per part.
    Part,
}

/// One member of the round.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Its name, unique in the round; the kind unless given.
    pub name: MemberName,
    /// What it is.
    #[serde(flatten)]
    pub model: ModelSpec,
}

impl Spec {
    /// Gives the digest under which the spec is stored and messages name it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_json(self)
    }

    /// Finds a member by name.
    #[must_use]
    pub fn member(&self, name: &MemberName) -> Option<&Member> {
        self.models.iter().find(|member| member.name == *name)
    }
}

impl SplitSection {
    /// Gives the part that decides rows, without the waiting time.
    #[must_use]
    pub fn shape(&self) -> Split {
        Split { holdout: self.holdout, validation: self.validation }
    }
}
