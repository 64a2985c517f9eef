//! Modules of a crate import each other in one direction: a circle of them can only be read all at once.

use std::collections::{BTreeMap, BTreeSet};

use crate::workspace::{Source, crates, sources};

/// For each module of a crate (named by the path below `src`, without its ending) the modules that it imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn modules_import_each_other_in_one_direction() {
    let (mut looked_at, mut circles) = (0, Vec::new());
    for one in crates().values() {
        let imports = imports(&one.place);
        looked_at += imports.values().map(BTreeSet::len).sum::<usize>();
        circles.extend(circle(&imports).map(|circle| format!("{}: {}", one.place, circle.join(" -> "))));
    }
    assert!(circles.is_empty(), "modules form circles:\n{}", circles.join("\n"));
    assert!(
        looked_at > 500,
        "only {looked_at} imports were found, so this test looks at the wrong thing"
    );
}

#[test]
fn a_circle_is_found_through_groups_and_parents() {
    let of = |path: &str, text: &str| Source {
        path: format!("src/{path}.rs"),
        text: text.to_owned(),
    };
    let circles = [
        of("a", "use crate::{\n    b::{One, Two},\n    c,\n};\n"),
        of("b/mod", "mod inner;\npub use inner::One;\n"),
        of("b/inner", "use super::super::a::Thing;\n"),
        of("c", ""),
    ];
    assert_eq!(circle(&read(&circles, "src/")).unwrap(), ["a", "b", "b/inner", "a"]);
    let straight = [
        of("a", "use crate::{b, c};\n"),
        of("b", "use crate::c::C;\n"),
        of("c", ""),
    ];
    assert_eq!(circle(&read(&straight, "src/")), None);
}

fn imports(place: &str) -> Imports {
    let below = format!("{place}/src/");
    read(&sources(&below), &below)
}

fn read(sources: &[Source], below: &str) -> Imports {
    let name = |source: &Source| {
        let path = source.path.strip_prefix(below).unwrap().trim_end_matches(".rs");
        path.strip_suffix("/mod").unwrap_or(path).to_owned()
    };
    let names: BTreeSet<String> = sources.iter().map(name).collect();
    // The root names its modules in order to hand their items on; nobody should need it to understand one of them.
    let modules = sources
        .iter()
        .filter(|source| !["lib", "main"].contains(&name(source).as_str()));
    modules
        .map(|source| {
            let own = name(source);
            let used = used(&source.text).into_iter();
            let mut found: BTreeSet<String> = used.filter_map(|path| resolve(&path, &own, &names)).collect();
            found.remove(&own);
            (own, found)
        })
        .collect()
}

/// Returns the module that a path names, as seen from the module `own`.
fn resolve(path: &[String], own: &str, names: &BTreeSet<String>) -> Option<String> {
    let mut place: Vec<&str> = own.split('/').collect();
    let mut rest = path;
    match rest.first()?.as_str() {
        "crate" => place.clear(),
        "super" => {
            while rest.first().is_some_and(|part| part == "super") {
                place.pop();
                rest = &rest[1..];
            }
            rest = &path[path.len() - rest.len() - 1..];
        }
        "self" => {}
        // A path that begins with a module of its own.
        child => {
            let child = format!("{own}/{child}");
            return names.contains(&child).then_some(child);
        }
    }
    let mut found = None;
    for part in &rest[1..] {
        place.push(part);
        let name = place.join("/");
        if !names.contains(&name) {
            break;
        }
        found = Some(name);
    }
    found
}

/// Returns the paths that a file names in `use` statements and in its code, groups taken apart; code of its own tests is
/// left out.
fn used(text: &str) -> Vec<Vec<String>> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code: String = lines.collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for statement in code.split(';') {
        if let Some((before, tree)) = statement.rsplit_once("use ")
            && ends_a_statement(before)
        {
            apart(tree.trim(), &[], &mut found);
        }
    }
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let path = code[at..].split(|letter: char| !(letter.is_alphanumeric() || "_:".contains(letter)));
            // What ends in `::` is the head of a group, which was taken apart above.
            let path = path.take(1).filter(|path| !path.ends_with("::"));
            found.extend(path.map(|path| path.split("::").map(str::to_owned).collect()));
        }
    }
    found
}

/// Returns whether a `use` may follow: a statement, an attribute or `pub` stands before it.
fn ends_a_statement(before: &str) -> bool {
    let before = before.trim_end();
    before.is_empty() || before.ends_with(['}', ']', ')']) || before.ends_with("pub")
}

/// Takes one tree of imports apart, for example `crate::{a::{A, B}, c}`.
fn apart(tree: &str, before: &[String], found: &mut Vec<Vec<String>>) {
    let (path, group) = match tree.split_once('{') {
        Some((path, group)) => (path, Some(group.rsplit_once('}').map_or(group, |(group, _)| group))),
        None => (tree, None),
    };
    let mut whole = before.to_vec();
    let parts = path.split("::").map(str::trim).filter(|part| !part.is_empty());
    whole.extend(parts.map(|part| part.split(" as ").next().unwrap_or_default().to_owned()));
    let Some(group) = group else {
        found.push(whole);
        return;
    };
    let (mut depth, mut start) = (0, 0);
    for (at, letter) in group.char_indices().chain([(group.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let one = group[start..at].trim();
                if !one.is_empty() {
                    apart(one, &whole, found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// Returns the first circle, from a module back to itself.
fn circle(imports: &Imports) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    imports
        .keys()
        .find_map(|start| walk(start, imports, &mut Vec::new(), &mut done))
}

fn walk(
    module: &String,
    imports: &Imports,
    path: &mut Vec<String>,
    done: &mut BTreeSet<String>,
) -> Option<Vec<String>> {
    if let Some(start) = path.iter().position(|earlier| earlier == module) {
        let mut circle = path[start..].to_vec();
        circle.push(module.clone());
        return Some(circle);
    }
    if !done.insert(module.clone()) {
        return None;
    }
    path.push(module.clone());
    let next = imports.get(module).into_iter().flatten();
    let found = next.into_iter().find_map(|next| walk(next, imports, path, done));
    path.pop();
    found
}
