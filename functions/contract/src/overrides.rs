//! The predecessor's environment names, read as overrides at the front door.
//!
//! One table says what each name sets; [`Layer::environment`](crate::spec::Layer::environment) applies it. The crate
//! itself reads no environment: whoever stands at the front door passes the variables in.

use std::sync::Arc;

use toml::Value;

use crate::spec::{Fault, Problems, Tree};

/// One name of the predecessor.
#[derive(Clone, Copy, Debug)]
pub struct Override {
    /// The environment variable.
    pub name: &'static str,
    /// The spec path it sets, or what it means.
    pub sets: &'static str,
    /// A value it takes.
    pub example: &'static str,
    meaning: Meaning,
}

#[derive(Clone, Copy, Debug)]
enum Meaning {
    /// A whole number at a path.
    Whole(&'static str),
    /// A text at a path.
    Text(&'static str),
    /// A fraction at a path.
    Number(&'static str),
    /// A switch at a path.
    Flag(&'static str),
    /// A word at a path, with the predecessor's spelling and ours.
    Word(&'static str, &'static [(&'static str, &'static str)]),
    /// A whole number of every recurrent member.
    MemberWhole(&'static str),
    /// A number of every recurrent member.
    MemberNumber(&'static str),
    /// A switch of every recurrent member.
    MemberFlag(&'static str),
    /// The list of members.
    Models,
    /// Read with other names: [`clip`] and [`lags`].
    Together,
    /// Read by [`dataset`] or [`force`], part of no spec.
    FrontDoor,
    /// Not built; the values listed ask for nothing and pass.
    Refused(&'static [&'static str]),
}

use Meaning::{
    Flag, FrontDoor, MemberFlag, MemberNumber, MemberWhole, Models, Number, Refused, Text, Together, Whole, Word,
};

const fn row(name: &'static str, sets: &'static str, example: &'static str, meaning: Meaning) -> Override {
    Override {
        name,
        sets,
        example,
        meaning,
    }
}

const MISSING: &[(&str, &str)] = &[
    ("true", "interpolate"),
    ("1", "interpolate"),
    ("yes", "interpolate"),
    ("false", "drop"),
    ("0", "drop"),
    ("no", "drop"),
    ("linear", "interpolate"),
    ("ffill", "forward"),
    ("knn", "nearest-k"),
];

const SCALERS: &[(&str, &str)] = &[
    ("minmaxscaler", "minmax"),
    ("standardscaler", "standard"),
    ("robustscaler", "robust"),
    ("maxabsscaler", "maxabs"),
];

/// Every name that is read, in the order in which it is applied.
pub const TABLE: &[Override] = &[
    row(
        "DATASET_NAME",
        "the dataset's name, as `--dataset`",
        "poblesec",
        FrontDoor,
    ),
    row(
        "FORCE_REPROCESS",
        "a new salt for this run, as `--force`",
        "true",
        FrontDoor,
    ),
    row("EXTRA_HASH_SALT", "`salt`", "v2", Text("salt")),
    row(
        "EXPECTED_MODEL_TYPES",
        "`models`; the baselines are always in the round",
        "GRU,LSTM",
        Models,
    ),
    row("SAMPLE_TRAIN_ROWS", "`sample.rows`", "50", Whole("sample.rows")),
    row(
        "SAMPLE_STRATEGY",
        "`sample.strategy`",
        "head",
        Word("sample.strategy", &[]),
    ),
    row("SAMPLE_SEED", "`sample.seed`", "42", Whole("sample.seed")),
    row(
        "SAMPLE_TEST_ROWS",
        "refused unless 0: all rows of a test file are scored",
        "0",
        Refused(&["0"]),
    ),
    row("INPUT_SEQ_LEN", "`window.context`", "10", Whole("window.context")),
    row("OUTPUT_SEQ_LEN", "`window.horizon`", "1", Whole("window.horizon")),
    row(
        "HIDDEN_SIZE",
        "`hidden` of every gru and lstm",
        "128",
        MemberWhole("hidden"),
    ),
    row(
        "NUM_LAYERS",
        "`layers` of every gru and lstm",
        "2",
        MemberWhole("layers"),
    ),
    row(
        "BATCH_SIZE",
        "`batch` of every gru and lstm",
        "64",
        MemberWhole("batch"),
    ),
    row("EPOCHS", "`epochs` of every gru and lstm", "10", MemberWhole("epochs")),
    row(
        "LEARNING_RATE",
        "`lr` of every gru and lstm",
        "0.0001",
        MemberNumber("lr"),
    ),
    row(
        "EARLY_STOPPING",
        "`early_stopping` of every gru and lstm",
        "true",
        MemberFlag("early_stopping"),
    ),
    row(
        "PATIENCE",
        "`patience` of every gru and lstm",
        "5",
        MemberWhole("patience"),
    ),
    row(
        "HANDLE_NANS",
        "`clean.missing`: true is interpolate, false is drop",
        "true",
        Word("clean.missing", MISSING),
    ),
    row(
        "NANS_THRESHOLD",
        "`clean.missing_threshold`",
        "0.3",
        Number("clean.missing_threshold"),
    ),
    row(
        "NANS_KNN",
        "refused: filling from nearest neighbours is not supported yet",
        "3",
        Refused(&[]),
    ),
    row(
        "CLIP_ENABLE",
        "`clean.outliers`: true is iqr, false is none",
        "true",
        Together,
    ),
    row(
        "CLIP_METHOD",
        "`clean.outliers`, unless CLIP_ENABLE is false",
        "iqr",
        Together,
    ),
    row(
        "CLIP_FACTOR",
        "`clean.outliers.iqr.factor`, unless CLIP_ENABLE is false",
        "1.5",
        Together,
    ),
    row(
        "SCALER",
        "`clean.scaler`",
        "MinMaxScaler",
        Word("clean.scaler", SCALERS),
    ),
    row(
        "TIME_FEATURES_ENABLE",
        "`clean.calendar`",
        "true",
        Flag("clean.calendar"),
    ),
    row("LAGS_ENABLE", "`clean.lags`: false is none", "true", Together),
    row(
        "LAGS_N",
        "how many lags `clean.lags` has, unless LAGS_ENABLE is false",
        "3",
        Together,
    ),
    row("LAGS_STEP", "the distance of the lags, 1 unless given", "1", Together),
];

/// Gives the dataset that `DATASET_NAME` names.
#[must_use]
pub fn dataset(variables: &[(String, String)]) -> Option<&str> {
    find(variables, "DATASET_NAME")
}

/// Says whether `FORCE_REPROCESS` asks for a new salt.
///
/// The command gives the salt, once per run. A function must not: a redelivered event would become another job.
#[must_use]
pub fn force(variables: &[(String, String)]) -> bool {
    find(variables, "FORCE_REPROCESS").and_then(flag) == Some(true)
}

/// Renders the table for the README.
#[must_use]
pub fn markdown() -> String {
    let head = "| Name | Sets | Example |\n| --- | --- | --- |\n".to_owned();
    TABLE.iter().fold(head, |text, row| {
        text + &format!("| `{}` | {} | `{}` |\n", row.name, row.sets, row.example)
    })
}

/// Applies variables to the tree; each value knows the variable it came from.
pub(crate) fn apply(variables: &[(String, String)], tree: &mut Tree, problems: &mut Problems) {
    for row in TABLE {
        if let Some(text) = find(variables, row.name) {
            let origin = origin(row.name);
            row.apply(
                text,
                &mut Target {
                    tree: &mut *tree,
                    origin,
                    problems: &mut *problems,
                },
            );
        }
    }
    clip(variables, tree, problems);
    lags(variables, tree, problems);
}

/// Where one variable's value goes.
struct Target<'a> {
    tree: &'a mut Tree,
    origin: Arc<str>,
    problems: &'a mut Problems,
}

impl Target<'_> {
    fn set(&mut self, path: &str, value: Value, text: &str) {
        let segments: Vec<&str> = path.split('.').collect();
        self.tree.set(&segments, value, Some(text), &self.origin, self.problems);
    }

    fn set_recurrent(&mut self, key: &str, value: &Value, text: &str) {
        for member in self.tree.recurrent() {
            self.set(&format!("models.{member}.{key}"), value.clone(), text);
        }
    }

    fn wrong(&mut self, text: &str, bound: &str) {
        self.problems
            .add(&self.origin, "", text, Fault::Bound(bound.to_owned()));
    }

    /// Reads the value, or notes that it is none.
    fn read<T>(&mut self, text: &str, parse: impl Fn(&str) -> Option<T>, bound: &str) -> Option<T> {
        let value = parse(text);
        if value.is_none() {
            self.wrong(text, bound);
        }
        value
    }

    fn whole(&mut self, text: &str) -> Option<Value> {
        self.read(text, whole, "a whole number")
    }

    fn number(&mut self, text: &str) -> Option<Value> {
        self.read(text, number, "a number")
    }

    fn flag(&mut self, text: &str) -> Option<bool> {
        self.read(text, flag, "true, false, 1, 0, yes or no")
    }
}

impl Override {
    fn apply(&self, text: &str, to: &mut Target<'_>) {
        match self.meaning {
            Whole(path) => drop(to.whole(text).map(|value| to.set(path, value, text))),
            Number(path) => drop(to.number(text).map(|value| to.set(path, value, text))),
            Flag(path) => drop(to.flag(text).map(|on| to.set(path, Value::Boolean(on), text))),
            Text(path) => to.set(path, Value::String(text.to_owned()), text),
            Word(path, spellings) => to.set(path, Value::String(respelled(text, spellings)), text),
            MemberWhole(key) => drop(to.whole(text).map(|value| to.set_recurrent(key, &value, text))),
            MemberNumber(key) => drop(to.number(text).map(|value| to.set_recurrent(key, &value, text))),
            MemberFlag(key) => drop(to.flag(text).map(|on| to.set_recurrent(key, &Value::Boolean(on), text))),
            Models => to.set("models", models(text), text),
            Refused(passing) if !passing.contains(&text) => {
                let allowed = if passing.is_empty() {
                    "leaving it out".to_owned()
                } else {
                    passing.join(", ")
                };
                to.problems.add(&to.origin, "", text, Fault::NotYet { allowed });
            }
            FrontDoor if self.name == "FORCE_REPROCESS" => drop(to.flag(text)),
            Refused(_) | Together | FrontDoor => {}
        }
    }
}

/// `CLIP_ENABLE`, `CLIP_METHOD` and `CLIP_FACTOR` set one value.
fn clip(variables: &[(String, String)], tree: &mut Tree, problems: &mut Problems) {
    let mut to = Target {
        tree,
        origin: origin("CLIP_ENABLE"),
        problems,
    };
    if let Some(text) = find(variables, "CLIP_ENABLE") {
        let Some(on) = to.flag(text) else { return };
        to.set(
            "clean.outliers",
            Value::String(if on { "iqr" } else { "none" }.to_owned()),
            text,
        );
        if !on {
            return;
        }
    }
    if let Some(text) = find(variables, "CLIP_METHOD") {
        to.origin = origin("CLIP_METHOD");
        to.set("clean.outliers", Value::String(text.to_ascii_lowercase()), text);
        if !text.eq_ignore_ascii_case("iqr") {
            return;
        }
    }
    if let Some(text) = find(variables, "CLIP_FACTOR") {
        to.origin = origin("CLIP_FACTOR");
        let Some(factor) = to.number(text) else { return };
        to.set("clean.outliers.iqr.factor", factor, text);
    }
}

/// `LAGS_ENABLE`, `LAGS_N` and `LAGS_STEP` set one list.
fn lags(variables: &[(String, String)], tree: &mut Tree, problems: &mut Problems) {
    let mut to = Target {
        tree,
        origin: origin("LAGS_ENABLE"),
        problems,
    };
    let on = match find(variables, "LAGS_ENABLE") {
        Some(text) => to.flag(text),
        None => find(variables, "LAGS_N").map(|_| true),
    };
    match on {
        None => return,
        Some(false) => return to.set("clean.lags", Value::Array(Vec::new()), "false"),
        Some(true) => {}
    }
    let Some(count) = find(variables, "LAGS_N") else {
        return to.wrong("true", "given together with LAGS_N, how many lags");
    };
    to.origin = origin("LAGS_N");
    let bound = "a whole number from 1 to 1000";
    let Some(count) = to.read(count, |text| within(text, 1_000), bound) else {
        return;
    };
    let mut step = 1;
    if let Some(text) = find(variables, "LAGS_STEP") {
        to.origin = origin("LAGS_STEP");
        let Some(given) = to.read(text, |text| within(text, 100_000), "a whole number from 1 to 100000") else {
            return;
        };
        step = given;
    }
    let lags = (1..=count).map(|n| Value::Integer(n * step)).collect();
    to.set("clean.lags", Value::Array(lags), "");
}

/// Finds a variable; an empty one counts as not set.
fn find<'a>(variables: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let value = variables
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.trim());
    value.filter(|value| !value.is_empty())
}

fn origin(name: &str) -> Arc<str> {
    Arc::from(format!("environment variable {name}"))
}

/// Reads `GRU, Seasonal_Naive` as a list of kinds.
fn models(text: &str) -> Value {
    let kinds = text
        .split(',')
        .map(|kind| kind.trim().to_ascii_lowercase().replace(['_', ' '], "-"));
    Value::Array(kinds.filter(|kind| !kind.is_empty()).map(Value::String).collect())
}

fn respelled(text: &str, spellings: &[(&str, &str)]) -> String {
    let lower = text.to_ascii_lowercase();
    spellings
        .iter()
        .find(|(theirs, _)| *theirs == lower)
        .map_or(lower.clone(), |(_, ours)| (*ours).to_owned())
}

fn whole(text: &str) -> Option<Value> {
    text.parse().ok().map(Value::Integer)
}

fn within(text: &str, most: i64) -> Option<i64> {
    text.parse().ok().filter(|n| (1..=most).contains(n))
}

fn number(text: &str) -> Option<Value> {
    text.parse::<f64>().ok().filter(|x| x.is_finite()).map(Value::Float)
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}
