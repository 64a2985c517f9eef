//! The nodes of the tree into which layers are merged: sections, and values that know where they were written.

use std::{collections::BTreeMap, sync::Arc};

use toml::Value;

/// A value as it was written.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) value: Value,
    /// The text as it was typed, for values of `--set` and of variables: a key that wants a text must not turn `007` into 7.
    pub(super) text: Option<String>,
    /// The layer that wrote it, as error messages name it.
    pub(super) origin: Arc<str>,
}

/// A value or a section.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Leaf(Leaf),
    Section(Fields),
}

pub(super) type Fields = BTreeMap<String, Node>;

impl Leaf {
    /// Returns the text, as it was typed where it comes from `--set` or a variable; `None` for any other type.
    pub(super) fn as_str(&self) -> Option<&str> {
        match (&self.value, &self.text) {
            (Value::String(text), _) => Some(text),
            (Value::Array(_) | Value::Table(_), _) | (_, None) => None,
            (_, Some(text)) => Some(text),
        }
    }

    /// Returns [`Self::as_str`] as a `String`.
    pub(super) fn as_text(&self) -> Option<String> {
        self.as_str().map(str::to_owned)
    }

    /// Returns a whole number from 0, or `None`.
    pub(super) fn as_whole(&self) -> Option<u64> {
        self.value.as_integer().and_then(|n| u64::try_from(n).ok())
    }

    /// Returns a whole number from 0; `usize::MAX` for any other value, so that every range refuses it.
    pub(super) fn as_count(&self) -> usize {
        self.as_whole()
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(usize::MAX)
    }

    /// Returns a number, whole or not, or `None`.
    pub(super) fn as_number(&self) -> Option<f64> {
        match self.value {
            Value::Float(x) => Some(x),
            Value::Integer(n) => i32::try_from(n).ok().map(f64::from),
            _ => None,
        }
    }
}

/// Puts a value into a section. Tables are merged, any other value is replaced.
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

/// Returns the section of that name; makes it where it is missing or a plain value stands.
pub(super) fn section_of<'a>(fields: &'a mut Fields, key: &str) -> &'a mut Fields {
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

/// Joins a path and a key with a dot.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Returns the layer that wrote the first value of a section, or `None` for an empty section.
pub(super) fn first_origin(fields: &Fields) -> Option<String> {
    fields.values().find_map(|node| match node {
        Node::Leaf(leaf) => Some(leaf.origin.to_string()),
        Node::Section(inner) => first_origin(inner),
    })
}
