//! Reads the settings of a model into the type that defines them, key by key, so that every wrong one is named.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value as Json};
use toml::Value;

use super::{
    node::{Node, first_origin, join},
    problem::Fault,
    read::Section,
};

impl Section<'_> {
    /// Reads all remaining keys as one type. Keys that are missing or wrong have their default.
    pub(super) fn typed<T: DeserializeOwned + Serialize + Default>(&mut self) -> T {
        let mut good = Map::new();
        for (key, node) in std::mem::take(&mut self.fields) {
            let json = json(&node);
            let alone = Map::from_iter([(key.clone(), json.clone())]);
            match serde_json::from_value::<T>(Json::Object(alone)) {
                Ok(_) => drop(good.insert(key, json)),
                Err(error) => self.refuse(&key, &node, &error.to_string()),
            }
        }
        // Each key could be read alone, and keys depend on each other only where ranges are checked.
        serde_json::from_value(Json::Object(good)).unwrap_or_default()
    }

    fn refuse(&mut self, key: &str, node: &Node, error: &str) {
        if self.problems.is_full() {
            return self.problems.skip();
        }
        let (origin, value) = match node {
            Node::Leaf(leaf) => (leaf.origin.to_string(), leaf.value.to_string()),
            Node::Section(fields) => (first_origin(fields).unwrap_or_default(), String::new()),
        };
        let fault = fault(error);
        self.problems.add(&origin, &join(&self.path, key), &value, fault);
    }
}

/// Translates serde's message about a value into the words that other settings use.
fn fault(error: &str) -> Fault {
    let plain = error.replace('`', "");
    let Some((wrong, expected)) = plain.split_once("expected ") else {
        return match plain.strip_prefix("must be ") {
            Some(bound) => Fault::Bound(bound.to_owned()),
            None => Fault::Syntax(format!("cannot be read: {plain}")),
        };
    };
    if wrong.starts_with("unknown field") {
        return Fault::Unknown {
            // Two names are written as `a or b`, more as `one of a, b, c`.
            known: expected.trim_start_matches("one of ").replace(" or ", ", "),
        };
    }
    Fault::Bound(
        match expected {
            "usize" | "u32" | "u64" => "a whole number from 0",
            "i32" => "a whole number",
            "a sequence" => "a list",
            "a map" => "a table",
            structure if structure.starts_with("struct ") => "a table",
            "f64" => "a number",
            "a boolean" => "true or false",
            "a string" => "a text",
            other => other,
        }
        .to_owned(),
    )
}

fn json(node: &Node) -> Json {
    match node {
        Node::Leaf(leaf) => value(&leaf.value),
        Node::Section(fields) => fields.iter().map(|(key, node)| (key.clone(), json(node))).collect(),
    }
}

fn value(toml: &Value) -> Json {
    match toml {
        Value::String(text) => Json::from(text.as_str()),
        Value::Integer(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::Boolean(flag) => Json::from(*flag),
        Value::Datetime(time) => Json::from(time.to_string()),
        Value::Array(items) => items.iter().map(value).collect(),
        Value::Table(table) => table.iter().map(|(key, item)| (key.clone(), value(item))).collect(),
    }
}
