//! Reads the text of a variable as a value and sets it in the tree, or notes what is wrong with it.

use std::sync::Arc;

use toml::Value;

use crate::spec::{
    problem::{Fault, Problems},
    tree::Tree,
};

/// Where the value of one variable is set.
pub(super) struct Destination<'a> {
    pub(super) tree: &'a mut Tree,
    pub(super) origin: Arc<str>,
    pub(super) problems: &'a mut Problems,
}

impl Destination<'_> {
    /// Sets the value at a dotted path.
    pub(super) fn set(&mut self, path: &str, value: Value, text: &str) {
        let segments: Vec<&str> = path.split('.').collect();
        self.tree.set(&segments, value, Some(text), &self.origin, self.problems);
    }

    /// Sets a setting of every member that is a `gru` or an `lstm`.
    pub(super) fn set_recurrent(&mut self, key: &str, value: &Value, text: &str) {
        for member in self.tree.recurrent() {
            self.set(&format!("models.{member}.{key}"), value.clone(), text);
        }
    }

    /// Notes that the value breaks a bound.
    pub(super) fn wrong(&mut self, text: &str, bound: &str) {
        self.problems
            .add(&self.origin, "", text, Fault::Bound(bound.to_owned()));
    }

    /// Reads the value, or notes that it breaks the bound and returns `None`.
    pub(super) fn read<T>(&mut self, text: &str, parse: impl Fn(&str) -> Option<T>, bound: &str) -> Option<T> {
        let value = parse(text);
        if value.is_none() {
            self.wrong(text, bound);
        }
        value
    }

    pub(super) fn whole(&mut self, text: &str) -> Option<Value> {
        self.read(text, whole, "a whole number")
    }

    pub(super) fn number(&mut self, text: &str) -> Option<Value> {
        self.read(text, number, "a number")
    }

    pub(super) fn flag(&mut self, text: &str) -> Option<bool> {
        self.read(text, flag, "true, false, 1, 0, yes or no")
    }
}

/// Reads a list such as `GRU, Seasonal_Naive` as kinds.
pub(super) fn models(text: &str) -> Value {
    let kinds = text
        .split(',')
        .map(|kind| kind.trim().to_ascii_lowercase().replace(['_', ' '], "-"));
    Value::Array(kinds.filter(|kind| !kind.is_empty()).map(Value::String).collect())
}

/// Returns our word for the predecessor's spelling; other texts in lower case.
pub(super) fn respelled(text: &str, spellings: &[(&str, &str)]) -> String {
    let lower = text.to_ascii_lowercase();
    spellings
        .iter()
        .find(|(theirs, _)| *theirs == lower)
        .map_or(lower.clone(), |(_, ours)| (*ours).to_owned())
}

fn whole(text: &str) -> Option<Value> {
    text.parse().ok().map(Value::Integer)
}

/// Reads a whole number from 1 to `most`.
pub(super) fn within(text: &str, most: i64) -> Option<i64> {
    text.parse().ok().filter(|n| (1..=most).contains(n))
}

fn number(text: &str) -> Option<Value> {
    text.parse::<f64>().ok().filter(|x| x.is_finite()).map(Value::Float)
}

/// Reads a switch: `true`, `1`, `yes`, `on` and their opposites, in any case.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}
