//! Checks the merged list of members: what each kind accepts, and that the baselines are among them.

use std::{collections::HashSet, sync::Arc};

use forecast::{DriftSpec, EnsembleSpec, ModelSpec, NaiveSpec, RecurrentSpec, SearchSpec, SeasonalNaiveSpec};

use super::{
    members::{self, MAX_MEMBERS, RawMember},
    node::{Fields, Node},
    problem::{Fault, Problems},
    read::{LARGEST, Section},
    resolved::{Choice, Member},
};
use crate::MemberName;

/// The kinds that are in every round.
const BASELINES: [&str; 2] = ["naive", "seasonal-naive"];

/// Names whose objects would have the key of a round's own documents, `round.json` and `decision.json`.
const RESERVED: [&str; 2] = ["round", "decision"];

/// Checks the merged list and adds the baselines that it does not name.
pub(super) fn read(mut list: Vec<RawMember>, origin: &str, problems: &mut Problems) -> Vec<Member> {
    refuse_doubles(&list, problems);
    if list.is_empty() && !problems.has("models") {
        let allowed = format!("a list of at least one of {}", ModelSpec::KINDS.join(", "));
        problems.add(origin, "models", "[]", Fault::Bound(allowed));
    }
    add_baselines(&mut list);
    if list.len() > MAX_MEMBERS {
        let bound = Fault::Bound(format!("at most {MAX_MEMBERS} members"));
        let have = format!("{} members, the baselines among them", list.len());
        problems.add(origin, "models", &have, bound);
    }
    let members = list.into_iter().enumerate();
    members
        .filter_map(|(index, raw)| member(index, raw, problems))
        .collect()
}

/// Notes every name that two members share.
fn refuse_doubles(list: &[RawMember], problems: &mut Problems) {
    let mut names = HashSet::new();
    for member in list {
        let Some(name) = member.called() else { continue };
        if !names.insert(name) {
            let fault = Fault::Bound("a name that no other member has; give one of them a `name`".to_owned());
            problems.add(&member.origin, &format!("models.{name}"), &format!("\"{name}\""), fault);
        }
    }
}

/// Puts the baselines that are missing at the front.
fn add_baselines(list: &mut Vec<RawMember>) {
    let is_missing = |kind: &&&str| !list.iter().any(|member| member.kind() == Some(kind));
    let missing = BASELINES.iter().filter(is_missing);
    let missing: Vec<_> = missing
        .map(|kind| RawMember {
            asked: false,
            ..RawMember::of_kind(kind, &Arc::from("default"))
        })
        .collect();
    list.splice(0..0, missing);
}

fn member(index: usize, raw: RawMember, problems: &mut Problems) -> Option<Member> {
    let path = raw.called().map_or_else(|| format!("models[{index}]"), members::path);
    let written = raw.fields.clone();
    let mut section = Section::new(path.clone(), raw.fields, problems);
    let kind = kind(&mut section, &raw.origin, &path)?;
    let name = name(&mut section, &kind);
    if let Some(leaf) = section.leaf("quantiles") {
        section.not_yet("quantiles", &leaf, "leaving it out");
    }
    let from_rows = from_rows(&mut section, raw.asked);
    let search = search(&mut section);
    let model = model(&mut section, &kind);
    section.close();
    let sound = check_model(&model, &path, &written, &raw.origin, problems);
    // A search tries settings on top of the member's own, so those must be right first.
    if let (Some(search), true) = (&search, sound) {
        for problem in search.problems("search", &model) {
            let at = format!("{path}.{}", problem.path);
            problems.add(&raw.origin, &at, &problem.value, Fault::Bound(problem.range));
        }
    }
    Some(Member {
        name: name?,
        from_rows,
        model,
        search,
    })
}

/// Reads with how many rows a member takes part: one that was asked for always, those of the default list from where they
/// make sense.
fn from_rows(section: &mut Section<'_>, asked: bool) -> Choice<usize> {
    if section.has("from_rows") {
        section.choice("from_rows", 1..=LARGEST)
    } else if asked {
        Choice::Given(1)
    } else {
        Choice::Auto
    }
}

/// Notes the settings that break a range of the kind; returns whether none does.
fn check_model(model: &ModelSpec, path: &str, written: &Fields, member: &str, problems: &mut Problems) -> bool {
    let found = model.problems("");
    let sound = found.is_empty();
    for problem in found {
        let key = problem.path.trim_start_matches('.');
        let setting = key.split(['.', '[']).next().unwrap_or_default();
        let origin = match written.get(setting) {
            Some(Node::Leaf(leaf)) => &leaf.origin,
            // The setting is missing, or all settings together are the problem.
            _ => member,
        };
        let value = match written.get(key) {
            Some(Node::Leaf(leaf)) => leaf.value.to_string(),
            _ => problem.value,
        };
        let at = format!("{path}{}", problem.path);
        problems.add(origin, &at, &value, Fault::Bound(problem.range));
    }
    sound
}

fn search(section: &mut Section<'_>) -> Option<SearchSpec> {
    if let Some(mut search) = section.child("search") {
        return Some(search.typed());
    }
    if let Some(leaf) = section.leaf("search") {
        section.wrong("search", &leaf, "a table with a `space`");
    }
    None
}

fn kind(section: &mut Section<'_>, origin: &str, path: &str) -> Option<String> {
    let Some(leaf) = section.leaf("kind") else {
        let fault = Fault::Syntax(format!("has no `kind`; allowed: {}", ModelSpec::KINDS.join(", ")));
        section.problems.add(origin, path, "", fault);
        return None;
    };
    let kind = leaf.as_text().unwrap_or_default();
    if ModelSpec::KINDS.contains(&kind.as_str()) {
        return Some(kind);
    }
    section.wrong("kind", &leaf, &format!("one of {}", ModelSpec::KINDS.join(", ")));
    None
}

fn name(section: &mut Section<'_>, kind: &str) -> Option<MemberName> {
    let Some(leaf) = section.leaf("name") else {
        return MemberName::try_from(kind.to_owned()).ok();
    };
    let text = leaf.as_text().unwrap_or_default();
    let taken = ModelSpec::KINDS.contains(&text.as_str()) && text != kind;
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

/// Reads the settings of a kind. Keys and ranges are those that the kind's own type states.
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
        "arima" => ModelSpec::Arima(section.typed()),
        "croston" => ModelSpec::Croston(section.typed()),
        "prophet" => ModelSpec::Prophet(section.typed()),
        "ensemble" => ModelSpec::Ensemble(EnsembleSpec::default()),
        "seasonal-naive" => {
            scope(section);
            ModelSpec::SeasonalNaive(SeasonalNaiveSpec {})
        }
        "drift" => {
            scope(section);
            ModelSpec::Drift(DriftSpec {})
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
    // A spec is stored as JSON, which carries no larger whole number exactly.
    if let Some(leaf) = section.peek("seed")
        && leaf.as_whole().is_none_or(|seed| seed > LARGEST)
    {
        section.leaf("seed");
        section.wrong("seed", &leaf, &format!("a whole number from 0 to {LARGEST}"));
    }
    section.typed()
}
