//! The predecessor's environment variables, which override settings of the spec.
//!
//! [`TABLE`] says what each name sets; [`Layer::environment`](crate::spec::Layer::environment) applies it. This crate reads
//! no environment: the caller passes the variables in.

mod destination;
mod table;

use std::sync::Arc;

use toml::Value;

pub use table::{Override, TABLE};

use super::{
    problem::{Fault, Problems},
    tree::Tree,
};
use destination::{Destination, flag, models, respelled, within};
use table::Meaning::{
    Flag, FrontDoor, MemberFlag, MemberNumber, MemberWhole, Models, Number, Refused, Text, Together, Whole, Word,
};

/// Returns the dataset that `DATASET_NAME` names, or `None` if it is unset or empty.
#[must_use]
pub fn dataset(variables: &[(String, String)]) -> Option<&str> {
    find(variables, "DATASET_NAME")
}

/// Returns whether `FORCE_REPROCESS` asks for a new salt.
///
/// Only the command makes a salt, once per run. A function must not: a redelivered event would become another job.
#[must_use]
pub fn force(variables: &[(String, String)]) -> bool {
    find(variables, "FORCE_REPROCESS").and_then(flag) == Some(true)
}

/// Applies variables to the tree. Each value remembers the variable that set it.
pub(super) fn apply(variables: &[(String, String)], tree: &mut Tree, problems: &mut Problems) {
    for row in TABLE {
        if let Some(text) = find(variables, row.name) {
            let origin = origin(row.name);
            row.apply(
                text,
                &mut Destination {
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

impl Override {
    fn apply(&self, text: &str, to: &mut Destination<'_>) {
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

/// Applies `CLIP_ENABLE`, `CLIP_METHOD` and `CLIP_FACTOR`, which together set `clean.outliers`.
fn clip(variables: &[(String, String)], tree: &mut Tree, problems: &mut Problems) {
    let mut to = Destination {
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

/// Applies `LAGS_ENABLE`, `LAGS_N` and `LAGS_STEP`, which together set `clean.lags`.
fn lags(variables: &[(String, String)], tree: &mut Tree, problems: &mut Problems) {
    let mut to = Destination {
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

/// Returns the value of a variable, or `None` if it is unset or empty.
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
