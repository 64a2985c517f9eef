//! The made files of `cases/`: for each, `expected.csv` says how it must be understood.

use std::path::{Path, PathBuf};

use preprocess::{File, Inspection, inspect};

use crate::{recipe, spec};

/// Settings without which a file has several readings.
const SETTINGS: [(&str, &str); 1] = [("18_dst_wallclock_hourly.csv", "data.time_zone=America/New_York")];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/cases")
}

fn inspected(name: &str, sets: &[&str]) -> Inspection {
    let bytes = std::fs::read(directory().join(name))
        .expect("a file of the test")
        .into();
    let spec = spec(sets);
    let file = File {
        name: name.to_owned(),
        bytes,
    };
    inspect(file, None, &recipe(&spec))
}

/// Returns what differs from a row of `expected.csv`.
fn differences(row: &csv::StringRecord) -> Vec<String> {
    let [name, verdict, step, next, targets] = [0, 1, 2, 3, 4].map(|column| row[column].to_owned());
    let sets: Vec<&str> = SETTINGS
        .iter()
        .filter(|(file, _)| *file == name)
        .map(|(_, set)| *set)
        .collect();
    let Inspection { report, problems, .. } = inspected(&name, &sets);
    let messages: Vec<_> = problems.iter().map(|problem| problem.message.clone()).collect();
    if verdict != "ok" {
        return if messages.is_empty() {
            vec!["is not refused".to_owned()]
        } else {
            Vec::new()
        };
    }
    if !messages.is_empty() {
        return messages;
    }
    let understood = report.understood;
    let step_words = understood.step.replace("-end", "").replace("1 dekad", "dekads");
    let step_words = match step_words.split_once(" in sessions") {
        Some((step, _)) => format!("{step} in sessions"),
        None => step_words,
    };
    let have_targets = understood.targets.join("+");
    let mut differences = Vec::new();
    for (what, have, want) in [
        ("step", &step_words, &step),
        ("next", &understood.next, &next),
        ("targets", &have_targets, &targets),
    ] {
        if !want.is_empty() && have != want {
            differences.push(format!("{what} is {have}, not {want}"));
        }
    }
    differences
}

#[test]
fn each_file_is_understood_as_a_person_would() {
    let mut expected = csv::Reader::from_path(directory().join("expected.csv")).expect("the table of the test");
    let mut wrong = Vec::new();
    for row in expected.records() {
        let row = row.expect("a row of the table");
        let differences = differences(&row);
        if !differences.is_empty() {
            wrong.push(format!("{}: {}", &row[0], differences.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
