//! The predecessor's example on its own data, where they are available.

use std::path::PathBuf;

use serde_json::json;

use crate::flits::{Workspace, result};

/// Returns the directory of the measurements, or `None` where it is missing.
#[expect(
    clippy::disallowed_methods,
    reason = "FLITS_DATA names the directory of the measurements"
)]
fn data() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let dir = std::env::var_os("FLITS_DATA").map_or_else(|| PathBuf::from(default), PathBuf::from);
    let there = dir.join("PobleSec.csv").is_file();
    if !there {
        println!("SKIPPED: PobleSec.csv is not in {}", dir.display());
    }
    there.then_some(dir)
}

#[test]
fn fifty_rows_of_poble_sec_are_forty_windows() {
    let Some(data) = data() else { return };
    let workspace = Workspace::new();
    let file = data.join("PobleSec.csv");
    let arguments = [
        "run",
        file.to_str().unwrap(),
        "--target",
        "down",
        "--json",
        "--set",
        "models=[\"naive\",\"linear\"]",
    ];
    let output = workspace
        .command(&arguments)
        .envs([
            ("SAMPLE_TRAIN_ROWS", "50"),
            ("SAMPLE_STRATEGY", "head"),
            ("INPUT_SEQ_LEN", "10"),
            ("OUTPUT_SEQ_LEN", "1"),
        ])
        .output()
        .unwrap();
    let result = result(&output);
    assert_eq!(result["ok"], true, "{result}");
    let stages = result["stages"].as_array().unwrap();
    let stage = |name: &str| stages.iter().find(|stage| stage["stage"] == name).unwrap();
    assert_eq!(
        (&stage("preprocess")["rows"], &stage("preprocess")["columns"]),
        (&json!(15_927), &json!(17))
    );
    assert_eq!(stage("train")["x"], json!([40, 10, 17]));
    assert_eq!(stage("train")["y"], json!([40, 1, 1]));
}
