//! All layers of a spec, merged into one tree in which every value knows where it was written.

use std::sync::Arc;

use toml::Value;

use super::{
    members::{self, RawMember},
    node::{Fields, put, section_of},
    problem::{Fault, Problems},
};

/// The most keys of a path that can be set; the deepest path that is read has six.
const MAX_DEPTH: usize = 16;

/// The merged layers.
pub(super) struct Tree {
    /// The sections and values at the top, other than `models`.
    pub(super) fields: Fields,
    pub(super) models: Vec<RawMember>,
    /// The layer that last said something about `models`.
    pub(super) models_origin: Arc<str>,
}

impl Tree {
    /// Makes a tree with the default members. All other defaults stand where their key is read.
    pub(super) fn new() -> Self {
        let origin: Arc<str> = Arc::from("default");
        Self {
            fields: Fields::new(),
            models: members::default(&origin),
            models_origin: origin,
        }
    }

    /// Returns the names of the members so far that are a `gru` or an `lstm`.
    pub(super) fn recurrent(&self) -> Vec<String> {
        let recurrent = |member: &&RawMember| matches!(member.kind(), Some("gru" | "lstm"));
        let names = self.models.iter().filter(recurrent).filter_map(RawMember::called);
        names.map(str::to_owned).collect()
    }

    /// Merges a TOML document.
    pub(super) fn merge_table(&mut self, table: toml::Table, origin: &Arc<str>, problems: &mut Problems) {
        for (key, value) in table {
            if key == "models" {
                self.merge_models(value, None, origin, problems);
            } else {
                put(&mut self.fields, key, value, None, origin);
            }
        }
    }

    /// Merges one `--set` pair.
    pub(super) fn merge_pair(&mut self, path: &str, text: &str, origin: &Arc<str>, problems: &mut Problems) {
        let segments: Vec<&str> = path.split('.').take(MAX_DEPTH + 1).collect();
        if segments.len() > MAX_DEPTH {
            problems.add(
                origin,
                path,
                text,
                Fault::Syntax(format!("is a path of more than {MAX_DEPTH} keys")),
            );
            return;
        }
        if segments.iter().any(|segment| segment.is_empty()) {
            problems.add(
                origin,
                path,
                text,
                Fault::Syntax("is not a dotted path such as `window.context`".to_owned()),
            );
            return;
        }
        self.set(&segments, scalar(text), Some(text), origin, problems);
    }

    /// Sets the value at a path; `text` is what a person or a variable wrote, where that is not TOML.
    pub(super) fn set(
        &mut self,
        segments: &[&str],
        value: Value,
        text: Option<&str>,
        origin: &Arc<str>,
        problems: &mut Problems,
    ) {
        let Some((first, rest)) = segments.split_first() else {
            return;
        };
        if *first == "models" {
            let nested = rest.iter().rev().fold(value, |inner, key| nest(key, inner));
            self.merge_models(nested, text, origin, problems);
            return;
        }
        let mut fields = &mut self.fields;
        let (last, sections) = segments.split_last().unwrap_or((first, rest));
        for section in sections {
            fields = section_of(fields, section);
        }
        put(fields, (*last).to_owned(), value, text, origin);
    }

    fn merge_models(&mut self, value: Value, text: Option<&str>, origin: &Arc<str>, problems: &mut Problems) {
        members::merge(&mut self.models, value, text, origin, problems);
        self.models_origin = origin.clone();
    }
}

fn nest(key: &str, inner: Value) -> Value {
    Value::Table(toml::Table::from_iter([(key.to_owned(), inner)]))
}

/// Reads a `--set` value as TOML, or else as plain text.
fn scalar(text: &str) -> Value {
    let plain = || Value::String(text.to_owned());
    let Ok(mut table) = format!("value = {text}").parse::<toml::Table>() else {
        return plain();
    };
    if table.len() != 1 {
        return plain();
    }
    table.remove("value").unwrap_or_else(plain)
}
