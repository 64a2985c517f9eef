//! The workspace as cargo and the files describe it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// One crate of the workspace.
pub(crate) struct Crate {
    pub(crate) name: String,
    /// The directory relative to the root of the workspace, for example `functions/part`.
    pub(crate) place: String,
    /// Dependencies of the crate itself and of its build script; optional ones too.
    pub(crate) dependencies: BTreeSet<String>,
    /// Dependencies of its tests, benches and examples alone.
    pub(crate) dev_dependencies: BTreeSet<String>,
}

/// A Rust source file.
pub(crate) struct Source {
    /// The path relative to the root of the workspace.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Returns the root directory of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Returns all crates of the workspace by name.
pub(crate) fn crates() -> BTreeMap<String, Crate> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        metadata.status.success(),
        "{}",
        String::from_utf8_lossy(&metadata.stderr)
    );
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(package)
        .map(|package| (package.name.clone(), package))
        .collect()
}

fn package(package: &Value) -> Crate {
    let of_kind = |dev: bool| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let dependencies = dependencies.filter(|dependency| (dependency["kind"] == "dev") == dev);
        dependencies.map(|dependency| text(&dependency["name"])).collect()
    };
    let manifest = PathBuf::from(text(&package["manifest_path"]));
    let place = manifest.parent().unwrap().strip_prefix(root()).unwrap();
    Crate {
        name: text(&package["name"]),
        place: place.to_str().unwrap().to_owned(),
        dependencies: of_kind(false),
        dev_dependencies: of_kind(true),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Returns all Rust files below a directory, which is relative to the root of the workspace.
pub(crate) fn sources(below: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut directories = vec![root().join(below)];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = directory.read_dir() else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target" && name != ".git") {
                    directories.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}
