//! The members of a round: how lists and overrides merge, and what each kind accepts.

use std::{collections::HashSet, sync::Arc};

use forecast::{EnsembleSpec, ModelSpec, NaiveSpec, RecurrentSpec, SearchSpec, SeasonalNaiveSpec};
use toml::Value;

use super::{
    MAX_MEMBERS, Member,
    problem::{Fault, Problems},
    read::{LARGEST, Section},
    tree::{Fields, Leaf, Node, put},
};
use crate::{MemberName, text::shortened};

/// The kinds of the default list, in order.
pub(super) const DEFAULT: [&str; 6] = ["naive", "seasonal-naive", "linear", "gru", "lstm", "prophet"];

/// All kinds that are built.
const KINDS: [&str; ModelSpec::KINDS.len()] = ModelSpec::KINDS;

/// The kinds that are in every round.
const BASELINES: [&str; 2] = ["naive", "seasonal-naive"];

/// The characters of a name that a path shows.
const SHOWN: usize = 60;

/// Names whose objects would collide with a round's own, `round.json` and `decision.json`.
const RESERVED: [&str; 2] = ["round", "decision"];

/// One member as it was written.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) fields: Fields,
    origin: Arc<str>,
}

impl Entry {
    pub(super) fn of_kind(kind: &str, origin: &Arc<str>) -> Self {
        let leaf = Leaf {
            value: Value::String(kind.to_owned()),
            text: None,
            origin: origin.clone(),
        };
        Self {
            fields: Fields::from([("kind".to_owned(), Node::Leaf(leaf))]),
            origin: origin.clone(),
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
        }
    }

    pub(super) fn kind(&self) -> Option<&str> {
        self.text("kind")
    }

    /// Gives the name that was given, else the kind.
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
/// A list replaces the list: its tables are new members, its texts name members of the list so far, which keep their
/// settings, or else kinds. A table (`models.gru.epochs = 3`) changes members of the list so far by name.
pub(super) fn merge(
    list: &mut Vec<Entry>,
    value: Value,
    text: Option<&str>,
    origin: &Arc<str>,
    problems: &mut Problems,
) {
    match value {
        Value::Array(items) if items.len() > MAX_MEMBERS => too_many(items.len(), origin, problems),
        Value::Array(items) => {
            let entries = items.into_iter().filter_map(|item| entry(list, item, origin, problems));
            *list = entries.collect();
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

fn entry(list: &[Entry], item: Value, origin: &Arc<str>, problems: &mut Problems) -> Option<Entry> {
    match item {
        Value::String(name) => Some(named(list, &name, origin)),
        Value::Table(table) => Some(Entry::of_table(table, origin)),
        other => {
            let fault = Fault::Bound("a kind or a table with a `kind`".to_owned());
            problems.add(origin, "models", &other.to_string(), fault);
            None
        }
    }
}

fn named(list: &[Entry], name: &str, origin: &Arc<str>) -> Entry {
    let known = list.iter().find(|entry| entry.called() == Some(name)).cloned();
    known.unwrap_or_else(|| Entry::of_kind(name, origin))
}

fn change(
    list: &mut [Entry],
    name: &str,
    settings: Value,
    text: Option<&str>,
    origin: &Arc<str>,
    problems: &mut Problems,
) {
    let path = format!("models.{}", shortened(name, SHOWN));
    let Some(place) = list.iter().position(|entry| entry.called() == Some(name)) else {
        let known = list.iter().filter_map(Entry::called).map(|name| shortened(name, SHOWN));
        let known = known.collect::<Vec<_>>().join(", ");
        problems.add(origin, &path, &settings.to_string(), Fault::Unknown { known });
        return;
    };
    let entry = &mut list[place];
    let Value::Table(settings) = settings else {
        let fault = Fault::Bound(format!("settings, such as `{path}.seed`"));
        problems.add(origin, &path, &settings.to_string(), fault);
        return;
    };
    for (key, value) in settings {
        put(&mut entry.fields, key, value, text, origin);
    }
}

/// Checks the merged list and adds the baselines that it does not name.
pub(super) fn read(mut list: Vec<Entry>, origin: &str, problems: &mut Problems) -> Vec<Member> {
    refuse_doubles(&list, problems);
    if list.is_empty() && !problems.has("models") {
        let allowed = format!("a list of at least one of {}", KINDS.join(", "));
        problems.add(origin, "models", "[]", Fault::Bound(allowed));
    }
    let missing = BASELINES
        .iter()
        .filter(|kind| !list.iter().any(|entry| entry.kind() == Some(kind)));
    let missing: Vec<_> = missing
        .map(|kind| Entry::of_kind(kind, &Arc::from("default")))
        .collect();
    list.splice(0..0, missing);
    if list.len() > MAX_MEMBERS {
        let bound = Fault::Bound(format!("at most {MAX_MEMBERS} members"));
        let have = format!("{} members, the baselines among them", list.len());
        problems.add(origin, "models", &have, bound);
    }
    let mut members: Vec<Member> = Vec::new();
    for (index, entry) in list.into_iter().enumerate() {
        let Some(member) = member(index, entry, problems) else {
            continue;
        };
        members.push(member);
    }
    members
}

/// Notes every name that two members share.
fn refuse_doubles(list: &[Entry], problems: &mut Problems) {
    let mut names = HashSet::new();
    for entry in list {
        let Some(name) = entry.called() else { continue };
        if !names.insert(name) {
            let fault = Fault::Bound("a name that no other member has; give one of them a `name`".to_owned());
            problems.add(&entry.origin, &format!("models.{name}"), &format!("\"{name}\""), fault);
        }
    }
}

fn member(index: usize, entry: Entry, problems: &mut Problems) -> Option<Member> {
    let path = entry.called().map_or_else(
        || format!("models[{index}]"),
        |name| format!("models.{}", shortened(name, SHOWN)),
    );
    let written = entry.fields.clone();
    let mut section = Section::new(path.clone(), entry.fields, problems);
    let kind = kind(&mut section, &entry.origin, &path)?;
    let name = name(&mut section, &kind);
    if let Some(leaf) = section.leaf("quantiles") {
        section.not_yet("quantiles", &leaf, "leaving it out");
    }
    let search = section.child("search").map(|mut search| search.typed::<SearchSpec>());
    let model = model(&mut section, &kind);
    section.close();
    let wrong = model.problems("");
    let (wrong, found) = (!wrong.is_empty(), wrong);
    for problem in found {
        let key = problem.path.trim_start_matches('.');
        let setting = key.split(['.', '[']).next().unwrap_or_default();
        let origin = match written.get(setting) {
            Some(Node::Leaf(leaf)) => &leaf.origin,
            // It is missing, or all settings together are the problem.
            _ => &entry.origin,
        };
        let value = match written.get(key) {
            Some(Node::Leaf(leaf)) => leaf.value.to_string(),
            _ => problem.value,
        };
        let at = format!("{path}{}", problem.path);
        problems.add(origin, &at, &value, Fault::Bound(problem.range));
    }
    // Settings are tried on top of good ones.
    if let (Some(search), false) = (&search, wrong) {
        for problem in search.problems("search", &model) {
            let at = format!("{path}.{}", problem.path);
            problems.add(&entry.origin, &at, &problem.value, Fault::Bound(problem.range));
        }
    }
    Some(Member {
        name: name?,
        model,
        search,
    })
}

fn kind(section: &mut Section<'_>, origin: &str, path: &str) -> Option<String> {
    let Some(leaf) = section.leaf("kind") else {
        let fault = Fault::Syntax(format!("has no `kind`; allowed: {}", KINDS.join(", ")));
        section.problems.add(origin, path, "", fault);
        return None;
    };
    let kind = leaf.as_text().unwrap_or_default();
    if KINDS.contains(&kind.as_str()) {
        return Some(kind);
    }
    section.wrong("kind", &leaf, &format!("one of {}", KINDS.join(", ")));
    None
}

fn name(section: &mut Section<'_>, kind: &str) -> Option<MemberName> {
    let Some(leaf) = section.leaf("name") else {
        return MemberName::try_from(kind.to_owned()).ok();
    };
    let text = leaf.as_text().unwrap_or_default();
    let taken = KINDS.contains(&text.as_str()) && text != kind;
    match MemberName::try_from(text.clone()) {
        Ok(name) if !taken && !RESERVED.contains(&text.as_str()) => Some(name),
        Ok(_) if taken => {
            section.wrong("name", &leaf, "a name other than that of another kind");
            None
        }
        Ok(_) => {
            section.wrong("name", &leaf, "a name other than `round` and `decision`");
            None
        }
        Err(_) => {
            section.wrong("name", &leaf, "1 to 40 characters of [a-z0-9-]");
            None
        }
    }
}

/// Reads what the kind accepts; its keys and ranges are those that the kind itself states.
///
/// `scope` may be `part` or `series` for every kind: while a dataset has one series, both mean the same.
fn model(section: &mut Section<'_>, kind: &str) -> ModelSpec {
    match kind {
        "linear" => ModelSpec::Linear(section.typed()),
        "gru" => ModelSpec::Gru(recurrent(section)),
        "lstm" => ModelSpec::Lstm(recurrent(section)),
        "ets" => ModelSpec::Ets(section.typed()),
        "theta" => ModelSpec::Theta(section.typed()),
        "mstl" => ModelSpec::Mstl(section.typed()),
        "prophet" => ModelSpec::Prophet(section.typed()),
        "ensemble" => ModelSpec::Ensemble(EnsembleSpec::default()),
        "seasonal-naive" => {
            scope(section);
            ModelSpec::SeasonalNaive(SeasonalNaiveSpec {})
        }
        _ => {
            scope(section);
            ModelSpec::Naive(NaiveSpec {})
        }
    }
}

fn scope(section: &mut Section<'_>) {
    section.word("scope", &[("part", ()), ("series", ())], &[], ());
}

fn recurrent(section: &mut Section<'_>) -> RecurrentSpec {
    if let Some(leaf) = section.peek("backend")
        && leaf.as_text().as_deref() == Some("cuda")
    {
        section.leaf("backend");
        section.not_yet("backend", &leaf, "`rust`, `tch`");
    }
    section.word("device", &[("cpu", ())], &["cuda", "gpu"], ());
    // JSON carries no larger number exactly, and a spec is one.
    if let Some(leaf) = section.peek("seed")
        && leaf.as_whole().is_none_or(|seed| seed > LARGEST)
    {
        section.leaf("seed");
        section.wrong("seed", &leaf, &format!("a whole number from 0 to {LARGEST}"));
    }
    section.typed()
}
