//! The list of members while layers are merged: what a list, a name and a table of settings do to it.

use std::sync::Arc;

use toml::Value;

use super::{
    node::{Fields, Leaf, Node, put},
    problem::{Fault, Problems},
};
use crate::text::shortened;

/// The most members of a round, the two baselines included.
pub(super) const MAX_MEMBERS: usize = 64;

/// The kinds of the default list, in order.
const DEFAULT: [&str; 12] = [
    "naive",
    "seasonal-naive",
    "drift",
    "ets",
    "theta",
    "mstl",
    "arima",
    "linear",
    "prophet",
    "gru",
    "lstm",
    "ensemble",
];

/// How many characters of a member's name a path shows.
const SHOWN: usize = 60;

/// A member as it was written, before it is checked.
#[derive(Clone, Debug)]
pub(super) struct RawMember {
    /// All settings, `kind` and `name` among them.
    pub(super) fields: Fields,
    /// The layer that put the member into the list.
    pub(super) origin: Arc<str>,
    /// Whether somebody asked for the member, so that it takes part wherever it can be fitted.
    pub(super) asked: bool,
}

/// Returns the members that a spec has if no layer says anything about `models`.
pub(super) fn default(origin: &Arc<str>) -> Vec<RawMember> {
    let member = |kind: &&str| RawMember {
        asked: false,
        ..RawMember::of_kind(kind, origin)
    };
    DEFAULT.iter().map(member).collect()
}

/// Returns the path of a member's settings, `models.{name}`, with a long name shortened.
pub(super) fn path(name: &str) -> String {
    format!("models.{}", shortened(name, SHOWN))
}

impl RawMember {
    /// Makes a member that was asked for by its kind.
    pub(super) fn of_kind(kind: &str, origin: &Arc<str>) -> Self {
        let leaf = Leaf {
            value: Value::String(kind.to_owned()),
            text: None,
            origin: origin.clone(),
        };
        Self {
            fields: Fields::from([("kind".to_owned(), Node::Leaf(leaf))]),
            origin: origin.clone(),
            asked: true,
        }
    }

    fn of_table(table: toml::Table, origin: &Arc<str>) -> Self {
        let mut fields = Fields::new();
        for (key, value) in table {
            put(&mut fields, key, value, None, origin);
        }
        Self {
            fields,
            origin: origin.clone(),
            asked: true,
        }
    }

    /// Returns the `kind` as it was written, whether there is such a kind or not.
    pub(super) fn kind(&self) -> Option<&str> {
        self.text("kind")
    }

    /// Returns the `name`, or the `kind` of a member without one.
    pub(super) fn called(&self) -> Option<&str> {
        self.text("name").or_else(|| self.kind())
    }

    fn text(&self, key: &str) -> Option<&str> {
        match self.fields.get(key)? {
            Node::Leaf(leaf) => leaf.as_str(),
            Node::Section(_) => None,
        }
    }
}

/// Merges what a layer says about `models` into the list so far.
///
/// A list replaces the list so far. Its tables are new members; its texts are names of members so far, which keep their
/// settings, or else kinds. A table (`models.gru.epochs = 3`) changes settings of members so far, by name.
pub(super) fn merge(
    list: &mut Vec<RawMember>,
    value: Value,
    text: Option<&str>,
    origin: &Arc<str>,
    problems: &mut Problems,
) {
    match value {
        Value::Array(items) if items.len() > MAX_MEMBERS => too_many(items.len(), origin, problems),
        Value::Array(items) => {
            let members = items
                .into_iter()
                .filter_map(|item| listed(list, item, origin, problems));
            *list = members.collect();
        }
        Value::String(names) => {
            let names = || names.split(',').map(str::trim).filter(|name| !name.is_empty());
            let have = names().count();
            if have > MAX_MEMBERS {
                return too_many(have, origin, problems);
            }
            *list = names().map(|name| named(list, name, origin)).collect();
        }
        Value::Table(members) => {
            for (name, settings) in members {
                change(list, &name, settings, text, origin, problems);
            }
        }
        other => {
            let fault = Fault::Bound("a list of kinds or of tables with a `kind`".to_owned());
            problems.add(origin, "models", &other.to_string(), fault);
        }
    }
}

fn too_many(have: usize, origin: &str, problems: &mut Problems) {
    let bound = Fault::Bound(format!("at most {MAX_MEMBERS} members"));
    problems.add(origin, "models", &format!("{have} members"), bound);
}

fn listed(list: &[RawMember], item: Value, origin: &Arc<str>, problems: &mut Problems) -> Option<RawMember> {
    match item {
        Value::String(name) => Some(named(list, &name, origin)),
        Value::Table(table) => Some(RawMember::of_table(table, origin)),
        other => {
            let fault = Fault::Bound("a kind or a table with a `kind`".to_owned());
            problems.add(origin, "models", &other.to_string(), fault);
            None
        }
    }
}

fn named(list: &[RawMember], name: &str, origin: &Arc<str>) -> RawMember {
    let known = list.iter().find(|member| member.called() == Some(name)).cloned();
    let member = known.unwrap_or_else(|| RawMember::of_kind(name, origin));
    RawMember { asked: true, ..member }
}

fn change(
    list: &mut [RawMember],
    name: &str,
    settings: Value,
    text: Option<&str>,
    origin: &Arc<str>,
    problems: &mut Problems,
) {
    let path = path(name);
    let Some(place) = list.iter().position(|member| member.called() == Some(name)) else {
        let known = list
            .iter()
            .filter_map(RawMember::called)
            .map(|name| shortened(name, SHOWN));
        let known = known.collect::<Vec<_>>().join(", ");
        problems.add(origin, &path, &settings.to_string(), Fault::Unknown { known });
        return;
    };
    let member = &mut list[place];
    let Value::Table(settings) = settings else {
        let fault = Fault::Bound(format!("settings, such as `{path}.seed`"));
        problems.add(origin, &path, &settings.to_string(), fault);
        return;
    };
    for (key, value) in settings {
        put(&mut member.fields, key, value, text, origin);
    }
}
