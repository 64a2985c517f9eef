//! What is done again and what is not.

use crate::flits::{Workspace, csv, worked};

#[test]
fn the_same_upload_again_reuses_every_stage() {
    let workspace = Workspace::new();
    let first = workspace.run(&["load.csv", "--spec", "spec.toml"]);
    assert_eq!(first["ok"], true, "{first}");
    let again = workspace.run(&["load.csv", "--spec", "spec.toml"]);
    assert_eq!(worked(&again), Vec::<String>::new());
    assert_eq!(again["champion"], first["champion"]);
    assert_eq!(again["forecast"], first["forecast"]);
    assert_eq!(again["scores"], first["scores"]);
    assert!(workspace.path(".flits/plots/load.svg").is_file());
}

#[test]
fn a_model_that_is_added_is_the_only_one_that_trains() {
    let workspace = Workspace::new();
    workspace.run(&["load.csv", "--spec", "spec.toml"]);
    let more = format!(
        "{}[[models]]\nkind = \"lstm\"\nhidden = 3\nlayers = 1\nepochs = 2\n",
        std::fs::read_to_string(workspace.path("spec.toml")).unwrap()
    );
    workspace.write("more.toml", more);
    let result = workspace.run(&["load.csv", "--spec", "more.toml"]);
    let trained: Vec<_> = worked(&result)
        .into_iter()
        .filter(|stage| stage.starts_with("train"))
        .collect();
    assert_eq!(trained, ["train lstm"]);
    assert!(result["scores"]["gru"]["rmsse"].is_number() && result["scores"]["lstm"]["rmsse"].is_number());
    assert_eq!(result["champion"]["generation"], 3, "the round decides: {result}");
}

#[test]
fn one_changed_value_setting_or_salt_is_a_new_round() {
    let workspace = Workspace::new();
    let first = workspace.run(&["load.csv", "--spec", "spec.toml"]);
    assert_eq!(first["champion"]["generation"], 2, "the winner, then its refit");
    workspace.write("load.csv", csv(80).replacen(",100,", ",101,", 1));
    let data = workspace.run(&["load.csv", "--spec", "spec.toml"]);
    assert!(worked(&data).contains(&"train gru".to_owned()), "{:?}", worked(&data));
    let setting = workspace.run(&["load.csv", "--spec", "spec.toml", "--set", "promote.margin=0.02"]);
    assert!(
        !worked(&setting).contains(&"train gru".to_owned()),
        "a margin changes no fit: {:?}",
        worked(&setting)
    );
    assert_eq!(setting["champion"]["generation"], 5, "but the round is decided anew");
    let salted = workspace.run(&["load.csv", "--spec", "spec.toml", "--set", "salt=pepper"]);
    assert!(worked(&salted).contains(&"train gru".to_owned()));
    let forced = workspace.run(&["load.csv", "--spec", "spec.toml", "--force"]);
    assert!(worked(&forced).contains(&"preprocess".to_owned()));
}

#[test]
fn two_datasets_of_the_same_bytes_have_a_champion_each() {
    let workspace = Workspace::new();
    let one = workspace.run(&["load.csv", "--spec", "spec.toml", "--dataset", "one"]);
    let two = workspace.run(&["load.csv", "--spec", "spec.toml", "--dataset", "two"]);
    for (result, dataset) in [(&one, "one"), (&two, "two")] {
        assert_eq!(result["champion"]["generation"], 2);
        assert!(
            result["forecast"]
                .as_str()
                .unwrap()
                .starts_with(&format!("forecasts/{dataset}/")),
            "{result}"
        );
    }
    assert!(worked(&two).contains(&"train gru".to_owned()), "datasets share nothing");
}

#[test]
fn a_second_command_in_the_directory_is_a_client_and_outlives_the_first() {
    let workspace = Workspace::new();
    let spawn = |dataset: &str| {
        let arguments = ["run", "load.csv", "--spec", "spec.toml", "--dataset", dataset, "--json"];
        workspace
            .command(&arguments)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let both = [spawn("one"), spawn("two"), spawn("three")];
    for child in both {
        let output = child.wait_with_output().unwrap();
        assert_eq!(crate::flits::result(&output)["ok"], true);
    }
    let status = workspace.output(&["status", "--json"]);
    let lines = String::from_utf8(status.stdout).unwrap();
    assert_eq!(
        lines.lines().filter(|line| line.contains("\"champion\"")).count(),
        3,
        "{lines}"
    );
}

#[test]
fn what_was_found_can_be_read_back() {
    let workspace = Workspace::new();
    let result = workspace.run(&["load.csv", "--spec", "spec.toml"]);
    let text = |arguments: &[&str]| String::from_utf8(workspace.output(arguments).stdout).unwrap();
    let scores = text(&["scores", "load"]);
    let champion = result["champion"]["model"].as_str().unwrap();
    assert!(
        scores.contains("rmsse") && scores.contains(&format!("{champion} reigns")),
        "{scores}"
    );
    let csv = text(&["forecast", "load", "--csv"]);
    let header = "time,load,users,load_0.1,load_0.9,users_0.1,users_0.9";
    assert!(csv.starts_with(&format!("{header}\n2024-03-04T08:00:00Z,")), "{csv}");
    let numbers = |line: &str| -> Vec<f64> { line.split(',').skip(1).map(|cell| cell.parse().unwrap()).collect() };
    for line in csv.lines().skip(1) {
        let [load, users, load_low, load_high, users_low, users_high] = numbers(line)[..] else {
            panic!("{line}");
        };
        assert!(
            load_low <= load && load <= load_high && users_low <= users && users <= users_high,
            "{line}"
        );
    }
    assert_eq!(csv.lines().count(), 21, "a quarter of 80 rows, and the header: {csv}");
    let unknown = workspace.output(&["forecast", "nobody"]);
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("`nobody`"));
}
