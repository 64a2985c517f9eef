//! Files and names that were made to be misread by a terminal, a spreadsheet, the arithmetic or this program.

use std::fmt::Write as _;

use crate::flits::{Workspace, csv, result};

/// A quick round.
const SPEC: &str = "[window]\ncontext = 4\n[[models]]\nkind = \"linear\"\n";

/// Erases the screen, reverses the direction of writing, and begins a new line.
const COMMANDS: &str = "\u{1b}[2J\u{202e}\nchampion  evil";

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("spec.toml", SPEC);
    workspace
}

/// A column of that name beside an ordinary one; `value` returns its text by row.
fn file(name: &str, rows: u32, value: impl Fn(u32) -> String) -> String {
    let mut text = format!("time,\"{}\"\n", name.replace('"', "\"\""));
    for row in 0..rows {
        let (day, hour) = (1 + row / 24, row % 24);
        writeln!(text, "2024-03-{day:02} {hour:02}:00:00,{}", value(row)).unwrap();
    }
    text
}

fn wave(row: u32) -> String {
    (10 + row % 24).to_string()
}

/// Runs a command to its end and returns all that it prints.
fn seen(workspace: &Workspace, arguments: &[&str]) -> String {
    let output = workspace.output(arguments);
    let (out, err) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    format!("{}{}", out.unwrap(), err.unwrap())
}

fn assert_plain(text: &str, about: &str) {
    let commands = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(commands), "{about}: {text:?}");
    let forged = text.lines().any(|line| line.starts_with("champion  evil"));
    assert!(!forged, "{about}: {text}");
}

#[test]
fn names_and_values_of_a_file_command_no_terminal_and_begin_no_line() {
    let workspace = workspace();
    workspace.write("name.csv", file(&format!("a{COMMANDS}"), 80, wave));
    workspace.write(
        "value.csv",
        file(COMMANDS, 80, |row| {
            if row == 40 {
                format!("\"x{COMMANDS}\"")
            } else {
                wave(row)
            }
        }),
    );
    let constant = file("load", 80, wave).replacen("\"load\"", &format!("\"load\",\"c{COMMANDS}\""), 1);
    workspace.write("notice.csv", constant.replace(":00:00,", ":00:00,7,"));
    for arguments in [
        &["run", "name.csv", "--spec", "spec.toml"][..],
        &["forecast", "name"],
        &["scores", "name"],
        &["run", "value.csv", "--spec", "spec.toml"],
        &["run", "notice.csv", "--spec", "spec.toml"],
        &["run", "name.csv", "--target", COMMANDS],
        &["run", "name.csv", "--dataset", COMMANDS],
        &["run", "name.csv", "--set", &format!("window.{COMMANDS}=3")],
        &["run", "name.csv", "--spec", COMMANDS],
        &["status"],
        &["status", COMMANDS],
    ] {
        let text = seen(&workspace, arguments);
        assert!(!text.is_empty(), "{arguments:?}");
        assert_plain(&text, &format!("{arguments:?}"));
    }
    let refusal = seen(&workspace, &["run", "value.csv", "--spec", "spec.toml"]);
    let last = refusal
        .lines()
        .find(|line| line.starts_with("raw/value/value.csv: "))
        .unwrap();
    assert_eq!(last.matches("x\\u{1b}[2J").count(), 1, "the value is said once: {last}");
    assert_eq!(
        last.matches("row 43").count(),
        1,
        "the line of the file is said once: {last}"
    );
    assert_eq!(
        last.matches("a number with a decimal point").count(),
        1,
        "the bound is said once: {last}"
    );
}

#[test]
fn a_forecast_opened_in_a_spreadsheet_runs_nothing() {
    let workspace = workspace();
    workspace.write("sheet.csv", file("=cmd|' /C calc'!A0", 80, wave));
    assert_eq!(workspace.run(&["sheet.csv", "--spec", "spec.toml"])["ok"], true);
    let output = workspace.output(&["forecast", "sheet", "--csv"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    assert!(header.split(',').all(|cell| !cell.starts_with('=')), "{header}");
    assert!(header.contains("'=cmd|"), "{header}");
    for cell in rows.lines().flat_map(|row| row.split(',').skip(1)) {
        assert!(cell.parse::<f64>().is_ok_and(f64::is_finite), "{cell}");
    }
}

#[tokio::test]
async fn values_near_the_largest_number_are_refused_with_the_bound_and_the_largest_that_pass_are_drawn() {
    let workspace = workspace();
    for (name, value) in [
        (
            "last.csv",
            (|row| if row == 79 { "1.7e308".to_owned() } else { wave(row) }) as fn(u32) -> String,
        ),
        ("all.csv", |row| format!("1.797693134862315{}e308", 5 + row % 3)),
    ] {
        workspace.write(name, file("load", 80, value));
        let result = workspace.run(&[name, "--spec", "spec.toml"]);
        assert_eq!(result["ok"], false, "{result}");
        let failure = &result["failed"][0];
        assert_eq!(failure["column"], "load", "{failure}");
        assert_eq!(failure["bound"], "between -1e300 and 1e300", "{failure}");
        assert!(failure["value"].as_str().unwrap().ends_with("e308"), "{failure}");
    }
    assert!(workspace.objects("samples/").await.is_empty(), "a cut was written");
    for (name, value) in [
        (
            "large.csv",
            (|row| format!("{}e298", 1 + row % 24)) as fn(u32) -> String,
        ),
        ("ulp.csv", |row| {
            if row % 2 == 0 {
                "1".to_owned()
            } else {
                "1.0000000000000002".to_owned()
            }
        }),
        ("small.csv", |row| format!("{}e-320", 1 + row % 24)),
    ] {
        workspace.write(name, file("load", 80, value));
        let result = workspace.run(&[name, "--spec", "spec.toml"]);
        assert_eq!(result["ok"], true, "{name}: {result}");
        let plot = result["plot"].as_str().unwrap();
        assert!(
            std::fs::read_to_string(workspace.path(plot))
                .unwrap()
                .ends_with("</svg>\n"),
            "{plot}"
        );
    }
    for (key, bytes) in workspace.objects("").await {
        let documents = ["samples/", "forecasts/", "rounds/", "champion/", "work/"];
        let documents = documents.iter().any(|prefix| key.starts_with(prefix));
        if documents && let Ok(value) = serde_json::from_slice(&bytes) {
            assert!(!has_null_in_numbers(&value), "{key}: {value}");
        }
    }
}

/// Returns whether a list of numbers has a `null` in it: what NaN and infinity used to become.
fn has_null_in_numbers(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Array(items) => {
            let numbers = items.iter().any(serde_json::Value::is_number);
            (numbers && items.iter().any(serde_json::Value::is_null)) || items.iter().any(has_null_in_numbers)
        }
        serde_json::Value::Object(fields) => {
            let fitted = ["fill", "offset", "scale"];
            let null = |(name, value): (&String, &serde_json::Value)| {
                (value.is_null() && fitted.contains(&name.as_str())) || has_null_in_numbers(value)
            };
            fields.iter().any(null)
        }
        _ => false,
    }
}

#[tokio::test]
async fn a_dataset_with_a_slash_is_refused_and_nothing_is_uploaded() {
    let workspace = workspace();
    for name in ["a/b", "/a", "a/", "../x", ""] {
        let output = workspace.output(&["run", "load.csv", "--spec", "spec.toml", "--dataset", name, "--json"]);
        let result = result(&output);
        assert_eq!(
            (output.status.success(), &result["ok"]),
            (false, &false.into()),
            "{name}: {result}"
        );
        assert!(
            result["failed"][0]["message"]
                .as_str()
                .unwrap()
                .contains("1 to 100 characters")
                || name != "a/b",
            "{result}"
        );
    }
    assert!(workspace.objects("raw/").await.is_empty());
}

#[test]
fn a_name_of_a_column_above_256_bytes_is_refused_with_its_size_and_the_bound() {
    let workspace = workspace();
    workspace.write("good.csv", file(&"é".repeat(128), 80, wave));
    workspace.write("long.csv", file(&"é".repeat(129), 80, wave));
    assert_eq!(workspace.run(&["good.csv", "--spec", "spec.toml"])["ok"], true);
    let result = workspace.run(&["long.csv", "--spec", "spec.toml"]);
    let failure = &result["failed"][0];
    assert_eq!(
        (&failure["value"], &failure["bound"]),
        (&"258 bytes".into(), &"at most 256 bytes".into()),
        "{failure}"
    );
}

#[test]
fn a_refusal_that_lists_columns_fits_into_its_ledger_and_is_told() {
    let workspace = workspace();
    let names: Vec<_> = (0..1_500).map(|n| format!("c{n}{}", "\u{1}".repeat(80))).collect();
    let cells = vec!["1"; names.len()].join(",");
    let rows: String = (0..20)
        .map(|hour| format!("2024-01-01T{hour:02}:00:00,{cells}\n"))
        .collect::<Vec<_>>()
        .concat();
    workspace.write("wide.csv", format!("time,{}\n{rows}", names.join(",")));
    for _ in 0..2 {
        let result = workspace.run(&["wide.csv", "--spec", "spec.toml", "--target", "nope"]);
        let message = result["failed"][0]["message"].as_str().unwrap();
        assert!(
            message.contains("no column `nope`") && message.len() < 20_000,
            "{message}"
        );
    }
}

#[test]
fn a_spec_that_is_too_large_is_refused_before_anything_is_uploaded() {
    let workspace = workspace();
    workspace.write(
        "many.toml",
        (0..20_000)
            .map(|n| format!("[[models]]\nkind=\"gru\"\nname=\"m{n}\"\n"))
            .collect::<Vec<_>>()
            .concat(),
    );
    let failure = workspace.run(&["load.csv", "--spec", "many.toml"])["failed"][0].to_string();
    assert!(
        failure.contains("20000 members") && failure.contains("at most 64 members"),
        "{failure}"
    );
    workspace.write("long.toml", "#".repeat(2 << 20));
    let text = seen(&workspace, &["run", "load.csv", "--spec", "long.toml"]);
    assert!(text.contains("`long.toml` has more than 1048576 bytes"), "{text}");
    workspace.write("load.csv", csv(80));
}
