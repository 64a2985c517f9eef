//! The resolved spec: what a user asked for, checked, with every default written out.
//!
//! Raw text becomes a [`Spec`] in one place, [`resolve`], which reports every problem at once with its path and allowed
//! range. A `Spec` that exists is valid; parts of the design that are not built are refused as "not supported yet".

mod duration;
mod models;
mod problem;
mod read;
mod sections;
mod tree;
mod typed;

use forecast::{ModelSpec, SearchSpec};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use series::{Clean, Sampling, Split, WindowShape};

pub(crate) use self::{problem::Problems, tree::Tree};
pub use self::{
    problem::{Fault, Problem, SpecErrors},
    sections::MAX_FORECAST,
    tree::Layer,
};
use crate::{Digest, MemberName};

/// A checked spec. Its canonical JSON is `resolved/{dataset}/{digest}.json`.
///
/// It is written in the shape in which users write TOML. Reading it back goes through the same check.
#[derive(Clone, PartialEq, Debug, Serialize)]
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
#[derive(Clone, PartialEq, Debug, Serialize)]
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The newest upload is the dataset.
    Replace,
}

/// Which rows are held out, and how long to wait for a test file.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SplitSection {
    /// What is held out.
    pub holdout: series::Holdout,
    /// What validates.
    pub validation: series::Validation,
    /// How long to wait for the test file, in seconds.
    #[serde(serialize_with = "write_wait")]
    pub wait: u64,
}

/// What `infer` writes.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ForecastSection {
    /// Steps, or `auto`: at least the window's horizon and one season, at most 1,000.
    pub horizon: Choice<usize>,
}

/// Who is promoted.
#[derive(Clone, PartialEq, Debug, Serialize)]
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
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
    /// The weighted quantile loss of the intervals.
    Wql,
}

/// What one decision covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromoteBy {
    /// One champion per part.
    Part,
}

/// One member of the round.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Member {
    /// Its name, unique in the round; the kind unless given.
    pub name: MemberName,
    /// What it is.
    #[serde(flatten)]
    pub model: ModelSpec,
    /// Which other settings are tried on the rows that select, if any are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchSpec>,
}

/// Settings as they were typed: dotted path and value.
pub type Pairs = Vec<(String, String)>;

/// The sections of a spec.
const SECTIONS: &str = "salt, data, clean, split, sample, window, forecast, promote, models";

/// The largest text of one layer, in bytes: a file, all of `--set`, or all of the predecessor's variables.
pub const MAX_TEXT: usize = 1 << 20;

/// The most members of a round, baselines among them.
pub const MAX_MEMBERS: usize = 64;

/// The most columns that one setting names: as many as a file may have.
pub const MAX_COLUMNS: usize = 2_000;

/// Resolves layers, the later over the earlier, over the defaults.
///
/// Takes time and memory in proportion to the text, which has at most [`MAX_TEXT`] bytes a layer: tens of milliseconds.
///
/// # Errors
/// The problems of every layer at once, 100 of them at most and how many more there are: what is too large, cannot be read,
/// is unknown, out of range or not supported yet.
pub fn resolve(layers: &[Layer]) -> Result<Spec, SpecErrors> {
    let mut problems = Problems::default();
    let mut tree = Tree::new();
    for layer in layers {
        tree.merge(layer, &mut problems);
    }
    check(tree, problems)
}

/// Splits a `--set` argument, `path=value`.
///
/// # Errors
/// When there is no `=` or no path before it.
pub fn parse_set(argument: &str) -> Result<(String, String), SpecErrors> {
    match argument.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() => Ok((path.trim().to_owned(), value.trim().to_owned())),
        _ => {
            let mut problems = Problems::default();
            let what = "is not `path=value`, for example `window.context=24`".to_owned();
            problems.add("--set", argument, "", Fault::Syntax(what));
            Err(problems.into_errors())
        }
    }
}

/// Splits `host.*` settings off, without their prefix: they configure a host and are part of no spec.
///
/// Gives the spec's settings, then the host's.
#[must_use]
pub fn split_host(sets: Pairs) -> (Pairs, Pairs) {
    let (host, spec): (Pairs, Pairs) = sets.into_iter().partition(|(path, _)| path.starts_with("host."));
    let host = host
        .into_iter()
        .map(|(path, value)| (path["host.".len()..].to_owned(), value));
    (spec, host.collect())
}

fn check(mut tree: Tree, mut problems: Problems) -> Result<Spec, SpecErrors> {
    let (fields, problems_found) = (&mut tree.fields, &mut problems);
    let window = sections::window(fields, problems_found);
    let spec = Spec {
        salt: sections::salt(fields, problems_found),
        data: sections::data(fields, problems_found),
        clean: sections::clean(fields, problems_found),
        split: sections::split(fields, problems_found),
        sample: sections::sample(fields, problems_found),
        forecast: sections::forecast(fields, &window, problems_found),
        window,
        promote: sections::promote(fields, problems_found),
        models: models::read(tree.models, &tree.models_origin, problems_found),
    };
    read::unknown_fields("", &tree.fields, SECTIONS, problems_found);
    if problems.is_empty() {
        Ok(spec)
    } else {
        Err(problems.into_errors())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn write_wait<S: Serializer>(seconds: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&duration::text(*seconds))
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        stored(toml::Table::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A resolved spec that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum StoredSpecError {
    /// Not JSON, or not a table.
    #[error("resolved spec is not one of ours")]
    Shape(#[source] serde_json::Error),
    /// Not what this code takes.
    #[error("resolved spec is wrong")]
    Wrong(#[source] SpecErrors),
}

impl StoredSpecError {
    /// Returns whether newer code wrote the spec: it has what this code does not know.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        let newer = |problem: &Problem| matches!(problem.fault, Fault::Unknown { .. } | Fault::NotYet { .. });
        match self {
            Self::Shape(_) => false,
            Self::Wrong(SpecErrors(problems)) => problems.iter().any(newer),
        }
    }
}

impl Spec {
    /// Reads a resolved spec.
    ///
    /// # Errors
    /// When it is not one, or not one that this code takes.
    pub fn from_json(json: &[u8]) -> Result<Self, StoredSpecError> {
        let table = serde_json::from_slice(json).map_err(StoredSpecError::Shape)?;
        stored(table).map_err(StoredSpecError::Wrong)
    }
}

fn stored(table: toml::Table) -> Result<Spec, SpecErrors> {
    let (mut tree, mut problems) = (Tree::new(), Problems::default());
    tree.merge_table(table, &std::sync::Arc::from("stored spec"), &mut problems);
    check(tree, problems)
}

impl<T: Serialize> Serialize for Choice<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Given(value) => value.serialize(serializer),
        }
    }
}

impl<T> Choice<T> {
    /// Gives the given value.
    pub fn given(&self) -> Option<&T> {
        match self {
            Self::Auto => None,
            Self::Given(value) => Some(value),
        }
    }
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
        Split {
            holdout: self.holdout,
            validation: self.validation,
        }
    }
}
