//! The types of a resolved spec, in the shape in which users write TOML.

use forecast::{ModelSpec, SearchSpec};
use serde::{Serialize, Serializer};
use series::{Clean, Sampling, Split, WindowShape};

use super::duration;
use crate::{Digest, MemberName};

/// A checked spec with every default written out. Its canonical JSON is stored as `resolved/{dataset}/{digest}.json`.
///
/// A spec is made by [`resolve`](super::resolve) from what users write, and read back by [`Spec::from_json`], which checks
/// it again. `docs/spec.md` says what each key means.
///
/// # Example
/// ```
/// use contract::spec::{Choice, Layer, Spec, resolve};
///
/// let file = "[window]\ncontext = 24\n\n[[models]]\nkind = \"gru\"\nepochs = 3\n";
/// let spec: Spec = resolve(&[Layer::toml("specs/retail.toml", file)])?;
///
/// assert_eq!(spec.window.context, Choice::Given(24));
/// assert_eq!(spec.window.horizon, Choice::Auto, "a default");
/// let members: Vec<_> = spec.models.iter().map(|member| member.name.as_str()).collect();
/// assert_eq!(members, ["naive", "seasonal-naive", "gru"], "the baselines are in every round");
///
/// let refused = resolve(&[Layer::toml("specs/retail.toml", "[window]\ncontext = 0\n")]).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "the spec has a problem: specs/retail.toml: `window.context` = 0 must be `auto` or a whole number from 1 to 4096",
/// );
/// # Ok::<(), contract::spec::SpecErrors>(())
/// ```
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Spec {
    /// Part of every identity and read by no stage: a new salt makes all work be done again. Empty unless set; at most 200
    /// bytes.
    pub salt: String,
    /// `[data]`: what the columns mean.
    pub data: DataSection,
    /// `[clean]`: imputation, clipping, lags, calendar columns and scaling.
    pub clean: Clean,
    /// `[split]`: which rows are held out and which validate.
    pub split: SplitSection,
    /// `[sample]`: which of the training rows are used.
    pub sample: Sampling,
    /// `[window]`: the windows that models are fitted on.
    pub window: WindowSection,
    /// `[forecast]`: how far `infer` forecasts, and which values it may forecast.
    pub forecast: ForecastSection,
    /// `[promote]`: how the champion is chosen.
    pub promote: PromoteSection,
    /// `[[models]]`: the members of the round, in order, the baselines included.
    pub models: Vec<Member>,
}

/// `[data]`: what the columns mean.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DataSection {
    /// The name of the time column. `Auto`: found by its name or its values.
    pub time: Choice<String>,
    /// The names of the target columns. `Auto`: all columns of numbers that are not in `past` and vary.
    pub targets: Choice<Vec<String>>,
    /// The names of input columns whose future is unknown.
    pub past: Vec<String>,
    /// Input columns whose future the caller gives. Always empty: not built yet.
    pub known: Vec<String>,
    /// Inputs that do not change within a series. Always empty: not built yet.
    #[serde(rename = "static")]
    pub fixed: Vec<String>,
    /// The column that names the series of a long table. Always empty: not built yet.
    pub series_id: String,
    /// The distance of two steps. `Auto`: found from the times.
    pub frequency: Choice<series::Frequency>,
    /// The IANA time zone of times that are written without an offset.
    pub time_zone: String,
    /// How the times are written, as `strftime` names it. `Auto`: found from the values.
    pub time_format: Choice<String>,
    /// The lines before the header that are no data. `Auto`: found from the lines.
    pub skip_rows: Choice<usize>,
    /// Whether names stand above the columns. `Auto`: found from the lines.
    pub header: Choice<bool>,
    /// The decimal sign of numbers in text. `Auto`: found from the values.
    pub decimal: Choice<Decimal>,
    /// Numbers that stand for a missing value, such as -999.
    pub missing: Vec<f64>,
    /// The names of columns that are not used.
    pub exclude: Vec<String>,
    /// Into how many parts the dataset is cut. Always 1: more are not built yet.
    pub parts: u32,
    /// How several uploads of the dataset are combined.
    pub mode: Mode,
}

/// A setting that is given, or found from the data where it is `auto`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice<T> {
    /// Found from the data, written `auto`.
    Auto,
    /// The value that was given.
    Given(T),
}

/// The sign between the whole digits of a number and its fraction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Decimal {
    /// A point: `1,234.5`.
    #[serde(rename = ".")]
    Point,
    /// A comma: `1.234,5`.
    #[serde(rename = ",")]
    Comma,
}

/// How several uploads of one dataset are combined.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The newest upload replaces all earlier ones.
    Replace,
}

/// `[split]`: which rows are held out, which validate, and how long to wait for a test file.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SplitSection {
    /// The rows that are held out: the last ones, or those of a test file.
    pub holdout: series::Holdout,
    /// The rows before them that validate.
    pub validation: series::Validation,
    /// How long an upload waits for its test file, in seconds, 0 to one day.
    #[serde(serialize_with = "write_wait")]
    pub wait: u64,
}

/// `[window]`: the windows that models are fitted on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct WindowSection {
    /// The rows of history in a window. `Auto`: each windowed model has its own.
    pub context: Choice<usize>,
    /// The rows that a window forecasts: the steps that are trained and scored. `Auto`: those of the forecast.
    pub horizon: Choice<usize>,
    /// The rows between the first rows of two training windows. `Auto`: 1, and for nets so many that an epoch stays short.
    pub stride: Choice<usize>,
}

/// `[forecast]`: how far `infer` forecasts, and which values it may forecast.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ForecastSection {
    /// The steps to forecast. `Auto`: the window's horizon where that is given, else by the frequency.
    pub horizon: Choice<usize>,
    /// The seasons of the series in steps, ascending. `Auto`: those of day, week and year that the training rows show.
    pub seasons: Choice<Vec<usize>>,
    /// Whether forecasts of a target that was never negative are at least 0.
    pub nonnegative: bool,
    /// Whether forecasts are rounded to whole numbers.
    pub integers: bool,
}

/// Whether the winner of a round is fitted again on all rows before it forecasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refit {
    /// Where a fit costs little: all models but nets. Written `auto`.
    Auto,
    /// Always. Written `true`.
    Always,
    /// Never. Written `false`.
    Never,
}

/// `[promote]`: how the champion is chosen.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PromoteSection {
    /// The metric that decides. A lower value is better.
    pub metric: Metric,
    /// By which fraction a model must beat the better baseline to win, from 0 and below 1.
    pub margin: f64,
    /// The scope of one decision.
    pub by: PromoteBy,
    /// Whether the winner is fitted again on all rows.
    pub refit: Refit,
}

/// A metric that can decide a round.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Root mean squared scaled error.
    Rmsse,
    /// Root mean squared error, in original units.
    Rmse,
    /// Mean absolute error, in original units.
    Mae,
    /// Symmetric mean absolute percentage error.
    Smape,
    /// Mean absolute scaled error.
    Mase,
    /// 0.5 RMSE + 0.3 MAE + 0.2 MSE on scaled values: the predecessor's metric.
    Composite,
    /// Weighted quantile loss of the intervals.
    Wql,
}

/// The scope of one decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromoteBy {
    /// One champion per part of the dataset.
    Part,
}

/// One entry of `[[models]]`: a member of the round.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Member {
    /// The member's name, unique in the round; the kind's name unless given.
    pub name: MemberName,
    /// With how many rows before the holdout it takes part. `Auto`: from where its kind makes sense.
    pub from_rows: Choice<usize>,
    /// The kind and its settings.
    #[serde(flatten)]
    pub model: ModelSpec,
    /// Other settings to try on the rows that select; `None` without a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchSpec>,
}

impl<T: Serialize> Serialize for Choice<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Given(value) => value.serialize(serializer),
        }
    }
}

impl Serialize for Refit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Always => serializer.serialize_bool(true),
            Self::Never => serializer.serialize_bool(false),
        }
    }
}

impl<T> Choice<T> {
    /// Returns the given value, or `None` for `Auto`.
    #[must_use]
    pub fn given(&self) -> Option<&T> {
        match self {
            Self::Auto => None,
            Self::Given(value) => Some(value),
        }
    }
}

impl Spec {
    /// Returns the digest under which the spec is stored and by which messages name it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_json(self)
    }

    /// Returns the member of that name, or `None`.
    #[must_use]
    pub fn member(&self, name: &MemberName) -> Option<&Member> {
        self.models.iter().find(|member| member.name == *name)
    }
}

impl WindowSection {
    /// Returns the windows of a context and a horizon, for settings that are `auto`.
    #[must_use]
    pub fn shape(&self, context: usize, horizon: usize) -> WindowShape {
        WindowShape {
            context: *self.context.given().unwrap_or(&context),
            horizon: *self.horizon.given().unwrap_or(&horizon),
            stride: *self.stride.given().unwrap_or(&1),
        }
    }
}

impl SplitSection {
    /// Returns what decides which rows are held out and validate, without the waiting time.
    #[must_use]
    pub fn shape(&self) -> Split {
        Split {
            holdout: self.holdout,
            validation: self.validation,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn write_wait<S: Serializer>(seconds: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&duration::text(*seconds))
}
