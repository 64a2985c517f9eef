//! Bad input ends as a failure that says where it is bad, and the next good upload works.

use serde_json::Value;

use crate::flits::{Workspace, csv};

/// Runs an upload that must fail and returns its one failure.
fn failure(workspace: &Workspace, arguments: &[&str]) -> Value {
    let result = workspace.run(arguments);
    assert_eq!(result["ok"], false, "{result}");
    let failed = result["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 1, "{result}");
    failed[0].clone()
}

#[tokio::test]
async fn each_kind_of_bad_file_fails_with_a_place_and_leaves_the_rest_alone() {
    let workspace = Workspace::new();
    let good = csv(80);
    let parquet = [b"PAR1".as_slice(), &[0; 64], b"PAR1"].concat();
    let cases: [(&str, Vec<u8>, &[&str]); 7] = [
        ("empty.csv", Vec::new(), &["empty"]),
        ("header.csv", b"time,load\n".to_vec(), &["header"]),
        (
            "ragged.csv",
            good.replacen(",100,33", ",100", 1).into_bytes(),
            &["ragged.csv", "2"],
        ),
        (
            "words.csv",
            good.replacen(",100,", ",many,", 1).into_bytes(),
            &["words.csv", "load", "many"],
        ),
        (
            "mixed.csv",
            good.replacen("2024-03-02 00:00:00", "02/03/2024", 1).into_bytes(),
            &["mixed.csv", "02/03/2024"],
        ),
        ("really-parquet.csv", parquet, &["really-parquet.csv", "Parquet"]),
        ("really-csv.parquet", good.clone().into_bytes(), &["really-csv.parquet"]),
    ];
    for (name, bytes, expected) in cases {
        workspace.write(name, bytes);
        let failure = failure(&workspace, &[name, "--spec", "spec.toml", "--target", "load"]);
        let message = failure.to_string();
        for text in expected {
            assert!(message.contains(text), "{name}: `{text}` in {message}");
        }
        let key = format!("failed/{}.json", failure["job"].as_str().unwrap());
        assert!(workspace.results().await.contains_key(&key), "{name}: {key}");
    }
    let words = failure(&workspace, &["words.csv", "--spec", "spec.toml", "--target", "load"]);
    assert_eq!(
        (&words["row"], &words["column"], &words["value"]),
        (&2.into(), &"load".into(), &"many".into()),
        "{words}"
    );
    assert_eq!(
        workspace.run(&["load.csv", "--spec", "spec.toml"])["ok"],
        true,
        "the next good upload works"
    );
}

#[test]
fn wrong_names_and_settings_are_refused_with_what_is_allowed() {
    let workspace = Workspace::new();
    for (arguments, expected) in [
        (&["load.csv", "--target", "speed"][..], &["speed", "load"][..]),
        (&["load.csv", "--time", "when"], &["when", "time"]),
        (&["load.csv", "--set", "window.contxt=3"], &["contxt", "context"]),
        (
            &["load.csv", "--set", "window.context=0", "--set", "promote.margin=7"],
            &["window.context", "promote.margin"],
        ),
        (&["load.csv", "--set", "data.mode=append"], &["not supported yet"]),
        (&["load.csv", "--dataset", "../x"], &["../x"]),
    ] {
        let failure = failure(&workspace, arguments).to_string();
        for text in expected {
            assert!(failure.contains(text), "{arguments:?}: `{text}` in {failure}");
        }
    }
    let missing = workspace.output(&["run", "nowhere.csv"]);
    assert!(!missing.status.success() && String::from_utf8_lossy(&missing.stderr).contains("`nowhere.csv`"));
    assert_eq!(workspace.run(&["load.csv", "--spec", "spec.toml"])["ok"], true);
}

#[test]
fn a_round_without_any_score_forecasts_by_rule_and_says_so() {
    let workspace = Workspace::new();
    let rows = csv(80);
    let mut lines: Vec<&str> = rows.lines().collect();
    let unseen: Vec<String> = lines.split_off(60).iter().map(|line| empty(line)).collect();
    workspace.write("seen.csv", lines.join("\n"));
    workspace.write("unseen.csv", format!("{}\n{}\n", lines[0], unseen.join("\n")));
    let result = workspace.run(&["seen.csv", "--test", "unseen.csv", "--spec", "spec.toml"]);
    assert_eq!(
        (&result["ok"], &result["lengths"]["scored"]),
        (&true.into(), &0.into()),
        "{result}"
    );
    let said = workspace.output(&["scores", "seen"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("unscored") && said.contains("by rule"), "{said}");
}

#[test]
fn a_few_rows_are_enough_for_a_forecast() {
    let workspace = Workspace::new();
    for (rows, scored) in [(1, 0), (2, 1), (3, 1), (9, 2)] {
        workspace.write("few.csv", csv(rows));
        let result = workspace.run(&["few.csv", "--target", "load", "--set", "data.frequency=1h"]);
        assert_eq!(result["ok"], true, "{rows} rows: {result}");
        assert_eq!(result["lengths"]["scored"], scored, "{rows} rows: {result}");
    }
}

#[test]
fn what_was_left_out_of_a_file_is_told_with_its_result() {
    let workspace = Workspace::new();
    let rows = csv(80);
    let mut lines: Vec<String> = rows.lines().map(|line| format!("{line},north")).collect();
    lines[0] = lines[0].replace("north", "place");
    lines.push(lines[1].clone());
    workspace.write("odd.csv", lines.join("\n"));
    let result = workspace.run(&["odd.csv", "--spec", "spec.toml"]);
    let expected = [
        "left out, no number: place",
        "1 of 80 rows are equal to a later one",
        "1 of 80 rows stand out of time order and were sorted",
    ];
    assert_eq!(result["stages"][0]["notices"], serde_json::json!(expected), "{result}");
    let other = workspace.write("other.csv", std::fs::read(workspace.path("odd.csv")).unwrap());
    let shown = workspace.output(&["run", &other.to_string_lossy(), "--spec", "spec.toml"]);
    let said = String::from_utf8_lossy(&shown.stderr).into_owned();
    let (understood, trained) = said.split_once("\ntrain ").expect("it trains");
    for line in [
        "80 rows, 1 series, a step of 1h from 2024-03-01T00:00:00Z to 2024-03-04T07:00:00Z; time in time as ISO 8601, UTC",
        "targets load, users; left out place (no number)",
    ] {
        assert!(understood.contains(line), "{line}: {said}");
        assert!(!trained.contains(line), "once: {said}");
    }
    let shown = String::from_utf8_lossy(&shown.stdout);
    for notice in expected {
        assert!(shown.contains(&format!("  preprocess: {notice}\n")), "{shown}");
    }
}

/// A row whose values are all missing.
fn empty(line: &str) -> String {
    let (time, values) = line.split_once(',').unwrap();
    let commas = values.chars().filter(|char| *char == ',').count();
    format!("{time},{}", ",".repeat(commas))
}

#[test]
fn errors_too_large_to_be_squared_are_compared_as_they_are() {
    let workspace = Workspace::new();
    let rows = csv(80);
    let enlarge = |line: &str| match line.split_once(',') {
        Some((time, values)) if !time.contains("time") => format!("{time},{}e290", values.replace(',', "e290,")),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = rows.lines().map(enlarge).collect();
    workspace.write("large.csv", lines.join("\n"));
    let result = workspace.run(&["large.csv", "--spec", "spec.toml"]);
    assert_eq!(result["ok"], true, "{result}");
    let champion = result["champion"]["model"].as_str().unwrap();
    assert!(result["scores"][champion]["mae"].as_f64().unwrap() > 1e290, "{result}");
}
