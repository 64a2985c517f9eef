//! `flits inspect`: what it prints for a file, and what the page about files shows.

use std::path::Path;

use serde_json::Value;

use crate::flits::Workspace;

const PAGE: &str = include_str!("../../../examples/your_file.md");

/// Returns the command lines of the page, each with the output that it shows.
fn shown() -> Vec<(&'static str, &'static str)> {
    let blocks = PAGE.split("```sh\n").skip(1);
    let read = |block: &'static str| {
        let (command, rest) = block.split_once("\n```\n").expect("a command");
        let output = rest.trim_start().strip_prefix("```text\n").expect("its output");
        (command, output.split("```").next().expect("an end"))
    };
    blocks.map(read).collect()
}

#[test]
fn the_page_about_files_shows_what_is_printed() {
    let workspace = Workspace::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shapes");
    let shown = shown();
    assert!(shown.len() > 10, "{shown:?}");
    for (command, expected) in shown {
        let mut arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
        let file = arguments[1].rsplit('/').next().unwrap();
        workspace.write(file, std::fs::read(examples.join(file)).unwrap());
        arguments[1] = file;
        let output = workspace.output(&arguments);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{command}");
        assert_eq!(output.status.success(), !expected.contains("\nproblem "), "{command}");
    }
}

#[test]
fn a_program_reads_the_same_and_every_problem_at_once() {
    let workspace = Workspace::new();
    let good = workspace.output(&["inspect", "load.csv", "--json"]);
    let said: Value = serde_json::from_slice(&good.stdout).unwrap();
    assert_eq!((&said["ok"], &said["rows"]), (&true.into(), &80.into()), "{said}");
    assert_eq!(said["targets"], serde_json::json!(["load", "users"]), "{said}");
    assert_eq!(said["next"], "2024-03-04T08:00:00Z", "{said}");
    assert!(!workspace.path(".flits").exists(), "nothing is stored");
    workspace.write("bad.csv", "time,a,b\n2024-01-01,1,x\nnever,2,y\n2024-01-03,3,z\n");
    let bad = workspace.output(&["inspect", "bad.csv", "--json", "--target", "b", "--exclude", "c"]);
    assert!(!bad.status.success());
    let said: Value = serde_json::from_slice(&bad.stdout).unwrap();
    let problems = said["problems"].as_array().unwrap();
    let places: Vec<_> = problems
        .iter()
        .map(|problem| (&problem["row"], &problem["column"]))
        .collect();
    let place = |row: u64, column: &str| (Value::from(row), Value::from(column));
    for expected in [place(3, "time"), place(2, "b"), place(1, "c")] {
        assert!(places.contains(&(&expected.0, &expected.1)), "{expected:?} in {said}");
    }
}
