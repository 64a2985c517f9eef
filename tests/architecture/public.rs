//! What is public is used by somebody else: another crate, a test, or a document.

use std::collections::{HashMap, HashSet};

use crate::workspace::{crates, sources};

/// Public items of crates that others may use outside this workspace.
const LIBRARIES: [&str; 2] = ["connections", "emulator"];

#[test]
fn nothing_is_public_that_nobody_else_uses() {
    let crates = crates();
    let everything = sources("");
    let mut users = HashMap::<&str, HashSet<&str>>::new();
    for source in &everything {
        for word in words(&source.text) {
            users.entry(word).or_default().insert(owner(&source.path));
        }
    }
    let mut unused = Vec::new();
    let ships = crates
        .values()
        .filter(|one| one.name != "tests" && !LIBRARIES.contains(&one.name.as_str()));
    for one in ships {
        let own = format!("{}/src", one.place);
        let inside = || everything.iter().filter(|source| owner(&source.path) == own);
        let mut declared = HashMap::<&str, usize>::new();
        for word in inside().flat_map(|source| declarations(&source.text)).flat_map(words) {
            *declared.entry(word).or_default() += 1;
        }
        for source in inside() {
            for item in items(&source.text) {
                let elsewhere = users[item].iter().any(|user| *user != own);
                // Declared twice: by itself, and by one that takes it or hands it out.
                if !elsewhere && declared.get(item).copied().unwrap_or_default() < 2 {
                    unused.push(format!("{}: {item}", source.path));
                }
            }
        }
    }
    assert!(
        unused.is_empty(),
        "public, and used by nobody else:\n{}",
        unused.join("\n")
    );
}

/// Returns the `src` directory of a file, or its own where it belongs to tests.
fn owner(path: &str) -> &str {
    match path.find("/src/") {
        Some(at) => &path[..at + "/src".len()],
        None => path,
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
        .filter(|word| !word.is_empty())
}

/// Returns the names of the items and methods that a file makes public without a bound such as `pub(crate)`.
fn items(text: &str) -> impl Iterator<Item = &str> {
    const KINDS: [&str; 8] = ["fn", "struct", "enum", "trait", "const", "static", "type", "union"];
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(str::trim_start);
    lines.filter_map(|line| {
        let mut words = words(line.strip_prefix("pub ")?).skip_while(|word| ["async", "unsafe"].contains(word));
        let kind = words.next()?;
        let kind = if kind == "const" && line.contains(" fn ") {
            words.next()?
        } else {
            kind
        };
        KINDS.contains(&kind).then(|| words.next()).flatten()
    })
}

/// Returns the lines of a file that declare what others get to see: functions, fields, parameters and variants.
fn declarations(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//") && !line.starts_with("pub use"));
    lines.filter(|line| {
        let is_function = ["fn ", "async fn ", "pub ", "type ", "impl"]
            .iter()
            .any(|start| line.starts_with(start));
        let is_field = line.contains(": ") && line.ends_with(',') && !line.contains(['(', '"', '.']);
        let is_variant =
            line.starts_with(char::is_uppercase) && line.ends_with("),") && !line.contains(['.', '"', ':']);
        let returns = line.contains(") -> ");
        is_function || is_field || is_variant || returns || line.starts_with("#[from]") || line.starts_with("#[source]")
    })
}
