//! Layers of raw text become one tree in which every leaf knows where it was written.

use std::{collections::BTreeMap, sync::Arc};

use toml::Value;

use super::{
    MAX_TEXT,
    models::{self, Entry},
    problem::{Fault, Problems},
};
use crate::overrides;

/// The most keys of a path that is set; the deepest that is read has six.
const MAX_DEPTH: usize = 16;

/// One source of settings; a later layer wins over an earlier one, key by key.
#[derive(Clone, Debug)]
pub struct Layer {
    name: String,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Toml(String),
    Environment(Vec<(String, String)>),
    Pairs(Vec<(String, String)>),
}

/// A value as it was written.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) value: Value,
    /// The text of a `--set` value, for keys that want text and must not lose `007`.
    pub(super) text: Option<String>,
    pub(super) origin: Arc<str>,
}

/// A leaf or a section.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Leaf(Leaf),
    Section(Fields),
}

pub(super) type Fields = BTreeMap<String, Node>;

/// All layers merged.
pub(crate) struct Tree {
    pub(super) fields: Fields,
    pub(super) models: Vec<Entry>,
    pub(super) models_origin: Arc<str>,
}

impl Layer {
    /// Takes a TOML text; `name` is what messages call it, for example its key.
    #[must_use]
    pub fn toml(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            content: Content::Toml(text.to_owned()),
        }
    }

    /// Takes environment variables; names that are not in [`overrides::TABLE`] are left alone.
    #[must_use]
    pub fn environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let content = Content::Environment(variables.into_iter().collect());
        Self {
            name: "environment variable".to_owned(),
            content,
        }
    }

    /// Takes `--set` pairs of dotted path and value.
    #[must_use]
    pub fn set(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            name: "--set".to_owned(),
            content: Content::Pairs(pairs.into_iter().collect()),
        }
    }
}

impl Content {
    /// Counts the bytes that are read of it.
    fn bytes(&self) -> usize {
        let read = |name: &str| overrides::TABLE.iter().any(|row| row.name == name);
        match self {
            Self::Toml(text) => text.len(),
            Self::Environment(pairs) => {
                let read = pairs.iter().filter(|(name, _)| read(name));
                read.map(|(name, value)| name.len() + value.len()).sum()
            }
            Self::Pairs(pairs) => pairs.iter().map(|(path, value)| path.len() + value.len()).sum(),
        }
    }
}

impl Tree {
    /// Starts from the default list of members; all other defaults stand where their key is read.
    pub(super) fn new() -> Self {
        let origin: Arc<str> = Arc::from("default");
        let models = models::DEFAULT
            .iter()
            .map(|kind| Entry::of_kind(kind, &origin))
            .collect();
        Self {
            fields: Fields::new(),
            models,
            models_origin: origin,
        }
    }

    pub(super) fn merge(&mut self, layer: &Layer, problems: &mut Problems) {
        let have = layer.content.bytes();
        if have > MAX_TEXT {
            let bound = Fault::Bound(format!("at most {MAX_TEXT} bytes"));
            problems.add(&layer.name, "", &format!("{have} bytes"), bound);
            return;
        }
        match &layer.content {
            Content::Toml(text) => match text.parse::<toml::Table>() {
                Ok(table) => self.merge_table(table, &Arc::from(layer.name.as_str()), problems),
                Err(error) => {
                    let line = error
                        .span()
                        .map_or(0, |span| text[..span.start].matches('\n').count() + 1);
                    let what = format!("is not TOML at line {line}: {}", error.message());
                    problems.add(&layer.name, "", "", Fault::Syntax(what));
                }
            },
            Content::Environment(variables) => overrides::apply(variables, self, problems),
            Content::Pairs(pairs) => {
                let origin = Arc::from(layer.name.as_str());
                for (path, text) in pairs {
                    self.merge_pair(path, text, &origin, problems);
                }
            }
        }
    }

    /// Names the gru and lstm members of the list so far.
    pub(crate) fn recurrent(&self) -> Vec<String> {
        let recurrent = |entry: &&Entry| matches!(entry.kind(), Some("gru" | "lstm"));
        let names = self.models.iter().filter(recurrent).filter_map(Entry::called);
        names.map(str::to_owned).collect()
    }

    pub(super) fn merge_table(&mut self, table: toml::Table, origin: &Arc<str>, problems: &mut Problems) {
        for (key, value) in table {
            if key == "models" {
                self.merge_models(value, None, origin, problems);
            } else {
                put(&mut self.fields, key, value, None, origin);
            }
        }
    }

    fn merge_pair(&mut self, path: &str, text: &str, origin: &Arc<str>, problems: &mut Problems) {
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

    /// Sets one value at a path, as a person or a variable wrote it.
    pub(crate) fn set(
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
        models::merge(&mut self.models, value, text, origin, problems);
        self.models_origin = origin.clone();
    }
}

/// Puts a value into a section; tables are merged, everything else is replaced.
pub(super) fn put(fields: &mut Fields, key: String, value: Value, text: Option<&str>, origin: &Arc<str>) {
    match value {
        Value::Table(table) => {
            let inner = section_of(fields, &key);
            for (key, value) in table {
                put(inner, key, value, text, origin);
            }
        }
        value => {
            let leaf = Leaf {
                value,
                text: text.map(str::to_owned),
                origin: origin.clone(),
            };
            fields.insert(key, Node::Leaf(leaf));
        }
    }
}

/// Finds or makes a section; a plain value that stood there gives way.
fn section_of<'a>(fields: &'a mut Fields, key: &str) -> &'a mut Fields {
    let node = fields
        .entry(key.to_owned())
        .or_insert_with(|| Node::Section(Fields::new()));
    if let Node::Leaf(_) = node {
        *node = Node::Section(Fields::new());
    }
    match node {
        Node::Section(inner) => inner,
        Node::Leaf(_) => unreachable!("a leaf was replaced above"),
    }
}

fn nest(key: &str, inner: Value) -> Value {
    Value::Table(toml::Table::from_iter([(key.to_owned(), inner)]))
}

/// Reads a `--set` value as TOML, else as the text it is.
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
