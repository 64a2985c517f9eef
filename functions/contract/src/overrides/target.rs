//! Reads a variable's text as a value and puts it where it belongs, or notes that it is none.

use std::sync::Arc;

use toml::Value;

use crate::spec::{Fault, Problems, Tree};

/// Where one variable's value goes.
pub(super) struct Target<'a> {
    pub(super) tree: &'a mut Tree,
    pub(super) origin: Arc<str>,
    pub(super) problems: &'a mut Problems,
}

impl Target<'_> {
    pub(super) fn set(&mut self, path: &str, value: Value, text: &str) {
        let segments: Vec<&str> = path.split('.').collect();
        self.tree.set(&segments, value, Some(text), &self.origin, self.problems);
    }

    pub(super) fn set_recurrent(&mut self, key: &str, value: &Value, text: &str) {
        for member in self.tree.recurrent() {
            self.set(&format!("models.{member}.{key}"), value.clone(), text);
        }
    }

    pub(super) fn wrong(&mut self, text: &str, bound: &str) {
        self.problems
            .add(&self.origin, "", text, Fault::Bound(bound.to_owned()));
    }

    /// Reads the value, or notes that it is none.
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

/// Reads `GRU, Seasonal_Naive` as a list of kinds.
pub(super) fn models(text: &str) -> Value {
    let kinds = text
        .split(',')
        .map(|kind| kind.trim().to_ascii_lowercase().replace(['_', ' '], "-"));
    Value::Array(kinds.filter(|kind| !kind.is_empty()).map(Value::String).collect())
}

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

pub(super) fn within(text: &str, most: i64) -> Option<i64> {
    text.parse().ok().filter(|n| (1..=most).contains(n))
}

fn number(text: &str) -> Option<Value> {
    text.parse::<f64>().ok().filter(|x| x.is_finite()).map(Value::Float)
}

pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}
