//! Whether `docs/spec.md` says what the code does: the same keys, defaults and ranges.

use std::collections::BTreeSet;

use contract::{
    Spec,
    spec::{Fault, Layer, Problem, SpecErrors, resolve},
};
use forecast::{ModelSpec, SearchSpec};
use serde_json::Value;

const PAGE: &str = include_str!("../../../docs/spec.md");

/// What stands for the default of a key that has none.
const NOT_SET: &str = "–";

/// One row of a table of the page.
#[derive(Debug)]
struct Row {
    /// What the heading above the table names: a section such as `[window]`, a kind, or a list of tables.
    table: &'static str,
    key: &'static str,
    kind: &'static str,
    default: &'static str,
    range: &'static str,
}

/// Reads the rows of all tables; one whose heading names two kinds counts for both.
fn rows() -> Vec<Row> {
    let (mut rows, mut tables) = (Vec::new(), Vec::new());
    for line in PAGE.lines() {
        if line.starts_with('#') {
            tables = line.split('`').skip(1).step_by(2).collect();
        }
        let Some(cells) = line.strip_prefix("| `") else {
            continue;
        };
        let cells: Vec<_> = cells.trim_end_matches(" |").split(" | ").collect();
        let [key, kind, default, range, _meaning] = cells[..] else {
            panic!("a row has five cells: {line}")
        };
        let [key, default] = [key, default].map(|cell| cell.trim_matches('`'));
        rows.extend(tables.iter().map(|table| Row {
            table,
            key,
            kind,
            default,
            range,
        }));
    }
    rows
}

/// Resolves a spec that has a member of every kind and in which one key of a table is set.
fn resolve_with(table: &str, key: &str, value: &str) -> (String, Result<Spec, SpecErrors>) {
    let (path, value) = match table {
        "salt" => (key.to_owned(), value.to_owned()),
        "search" => (format!("models.gru.search.{key}"), value.to_owned()),
        "seasonalities" | "holidays" | "regressors" | "condition" => nested(table, key, value),
        section if section.starts_with('[') => {
            (format!("{}.{key}", section.trim_matches(['[', ']'])), value.to_owned())
        }
        kind => (format!("models.{kind}.{key}"), value.to_owned()),
    };
    let kinds = Layer::toml("kinds", &format!("models = {:?}", ModelSpec::KINDS));
    (path.clone(), resolve(&[kinds, Layer::set([(path, value)])]))
}

/// Returns the path and the value of a list with one entry, in which one key is set.
fn nested(table: &str, key: &str, value: &str) -> (String, String) {
    let condition = format!("{{ {key} = {value} }}");
    let (list, key, value) = match table {
        "condition" => ("seasonalities", "condition", condition.as_str()),
        list => (list, key, value),
    };
    let required = match list {
        "seasonalities" => &[("name", "\"s\""), ("period", "7.0"), ("fourier_order", "3")][..],
        "holidays" => &[("name", "\"h\""), ("dates", "[\"2024-01-01\"]")],
        _ => &[("name", "\"r\"")],
    };
    let own = [(key, value)];
    let others = required.iter().filter(|(name, _)| *name != key);
    let fields = others.chain(&own).map(|(name, value)| format!("{name} = {value}"));
    let fields: Vec<_> = fields.collect();
    (
        format!("models.prophet.{list}"),
        format!("[{{ {} }}]", fields.join(", ")),
    )
}

fn problems(result: Result<Spec, SpecErrors>) -> Vec<Problem> {
    result.map_or_else(|errors| errors.0, |_| Vec::new())
}

/// Returns what the page must say, or `None` where a resolved spec has no default to compare with: in entries of lists.
fn expected_default(defaults: &Value, row: &Row) -> Option<String> {
    let default = match (row.table, row.key) {
        ("salt", key) => defaults.get(key).cloned(),
        ("search", key) => serde_json::to_value(SearchSpec::default()).ok()?.get(key).cloned(),
        (section, key) if section.starts_with('[') => defaults[section.trim_matches(['[', ']'])].get(key).cloned(),
        (kind, "name") if ModelSpec::KINDS.contains(&kind) => return Some("the kind".to_owned()),
        (kind, "kind") if ModelSpec::KINDS.contains(&kind) => None,
        (kind, key) if ModelSpec::KINDS.contains(&kind) => member(defaults, kind).get(key).cloned(),
        _ => return None,
    };
    Some(default.map_or(NOT_SET.to_owned(), |value| value.to_string()))
}

fn member(defaults: &Value, kind: &str) -> Value {
    let members = defaults["models"].as_array().expect("a list of members");
    let member = members.iter().find(|member| member["kind"] == kind);
    member.expect("a member of every kind").clone()
}

fn defaults() -> Value {
    let (_, spec) = resolve_with("salt", "salt", "");
    serde_json::to_value(spec.expect("the defaults are valid")).expect("a spec is JSON")
}

/// The keys of a table as the page has them.
fn keys(rows: &[Row], table: &str) -> BTreeSet<&'static str> {
    let of_table = rows.iter().filter(|row| row.table == table);
    of_table.map(|row| row.key).collect()
}

#[test]
fn every_key_of_the_default_spec_is_on_the_page_with_its_default() {
    let (rows, defaults) = (rows(), defaults());
    let wrong: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let expected = expected_default(&defaults, row)?;
            (row.default != expected).then(|| format!("{} of {}: {expected}", row.key, row.table))
        })
        .collect();
    assert!(wrong.is_empty(), "the defaults are:\n{}", wrong.join("\n"));
    for (section, value) in defaults.as_object().expect("a table") {
        let Some(fields) = value.as_object() else { continue };
        let table = format!("[{section}]");
        for key in fields.keys() {
            assert!(
                keys(&rows, &table).contains(key.as_str()),
                "{key} of {table} is missing"
            );
        }
    }
    for kind in ModelSpec::KINDS {
        for key in member(&defaults, kind).as_object().expect("a member").keys() {
            assert!(keys(&rows, kind).contains(key.as_str()), "{key} of {kind} is missing");
        }
    }
}

#[test]
fn the_parser_knows_every_key_of_the_page_and_the_page_every_key_of_the_parser() {
    let rows = rows();
    for row in &rows {
        let unknown = |problem: &Problem| matches!(problem.fault, Fault::Unknown { .. });
        let (_, result) = resolve_with(row.table, row.key, "\"?\"");
        assert!(!problems(result).iter().any(unknown), "{} of {}", row.key, row.table);
    }
    let tables: BTreeSet<_> = rows.iter().map(|row| row.table).collect();
    for table in tables {
        let (_, result) = resolve_with(table, "no_such_key", "1");
        let known = problems(result).into_iter().find_map(|problem| match problem.fault {
            Fault::Unknown { known } => Some(known),
            _ => None,
        });
        for key in known.expect("an unknown key is refused").split(", ") {
            let section = table == "salt" && (key == "models" || !keys(&rows, &format!("[{key}]")).is_empty());
            assert!(
                section || keys(&rows, table).contains(key),
                "{key} of {table} is missing"
            );
        }
    }
}

#[test]
fn the_page_states_ranges_as_the_code_does() {
    let wrong: Vec<_> = rows()
        .iter()
        .filter_map(|row| {
            let bound = bound_of(row)?;
            (row.range.replace('`', "") != bound).then(|| format!("{} of {}: {bound}", row.key, row.table))
        })
        .collect();
    assert!(wrong.is_empty(), "the ranges are:\n{}", wrong.join("\n"));
}

/// Returns what the code says about a value that is out of range, or `None` for texts and lists, whose range is not a bound.
fn bound_of(row: &Row) -> Option<String> {
    let values = match row.kind {
        kind if kind.contains("list of whole") => &["[99]", "1"][..],
        kind if kind.contains("number") => &["4000000000", "1000000000000000000", "-1.0", "1000"],
        _ => &["\"?\""],
    };
    let in_list = ["seasonalities", "holidays", "regressors", "condition"].contains(&row.table);
    values.iter().find_map(|value| {
        let (path, result) = resolve_with(row.table, row.key, value);
        let path = if in_list { format!(".{}", row.key) } else { path };
        let mut found = problems(result).into_iter();
        let problem = found.find(|problem| problem.path == path || in_list && problem.path.ends_with(&path))?;
        Some(problem.bound().replace('`', ""))
    })
}
