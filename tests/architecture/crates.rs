//! Which crate may depend on which. `[dev-dependencies]` are free but for what is said of `testing`.

use std::collections::BTreeMap;

use crate::workspace::{Crate, crates};

/// The longest chain of crates that depend on each other.
const DEEPEST: usize = 6;

/// What makes a crate one that speaks to a cloud.
const CLOUD: [&str; 4] = ["aws-config", "aws-sdk-s3", "aws-sdk-sqs", "lambda_runtime"];

/// Runtimes and clients, which neither models nor messages need.
const IO: [&str; 6] = ["tokio", "hyper", "axum", "reqwest", "aws_lambda_events", "redb"];

/// Returns the longest chain of crates that ends at `name`.
fn chain(name: &str, crates: &BTreeMap<String, Crate>) -> Vec<String> {
    let ours = crates[name]
        .dependencies
        .iter()
        .filter(|name| crates.contains_key(*name));
    let mut longest = ours
        .map(|name| chain(name, crates))
        .max_by_key(Vec::len)
        .unwrap_or_default();
    longest.push(name.to_owned());
    longest
}

fn assert_without(name: &str, forbidden: &[&str], why: &str) {
    let all = crates();
    let found: Vec<_> = all[name]
        .dependencies
        .iter()
        .filter(|name| forbidden.contains(&name.as_str()))
        .collect();
    assert!(found.is_empty(), "`{name}` depends on {found:?}: {why}");
}

#[test]
fn the_chain_of_crates_is_at_most_six_deep() {
    let crates = crates();
    for name in crates.keys() {
        let chain = chain(name, &crates);
        assert!(chain.len() <= DEEPEST, "{}", chain.join(" <- "));
    }
}

#[test]
fn models_depend_on_models_only_and_do_no_io() {
    let crates = crates();
    for model in crates.values().filter(|one| one.place.starts_with("models/")) {
        let others = model.dependencies.iter().filter_map(|name| crates.get(name));
        for other in others {
            assert!(
                other.place.starts_with("models/"),
                "`{}` depends on `{}`",
                model.name,
                other.name
            );
        }
        assert_without(&model.name, &[&CLOUD[..], &IO].concat(), "models know no I/O");
    }
}

#[test]
fn messages_and_clean_parts_know_no_cloud_and_no_runtime() {
    for name in ["contract", "part"] {
        assert_without(
            name,
            &[&CLOUD[..], &IO, &["platform"]].concat(),
            "a test or a tool must be able to use it",
        );
    }
}

#[test]
fn only_platform_speaks_to_a_cloud() {
    for name in crates().keys().filter(|name| *name != "platform") {
        assert_without(name, &CLOUD, "only `platform` speaks to a cloud");
    }
}

#[test]
fn stages_do_not_know_each_other() {
    const STAGES: [&str; 5] = ["preprocess", "sample", "train", "eval", "infer"];
    for stage in STAGES {
        assert_without(stage, &STAGES, "stages share messages and documents, not code");
        assert_without(stage, &["emulator", "flits"], "a stage does not know where it runs");
    }
}

#[test]
fn the_emulator_knows_no_crate_of_ours_but_the_loop_of_its_connections() {
    let crates = crates();
    let all: Vec<&str> = crates.keys().map(String::as_str).collect();
    assert_without("connections", &all, "it serves any router");
    let all: Vec<&str> = all.into_iter().filter(|name| *name != "connections").collect();
    assert_without("emulator", &all, "others can use it without flits");
}

#[test]
fn nothing_that_ships_depends_on_what_tests_share() {
    let crates = crates();
    for name in crates.keys().filter(|name| *name != "testing" && *name != "tests") {
        assert_without(
            name,
            &["testing", "tests", "proptest", "insta"],
            "it is for tests alone",
        );
    }
    let users = crates
        .values()
        .filter(|one| one.dev_dependencies.contains("testing"))
        .count();
    assert!(
        users > 3,
        "`testing` is used by {users} crates, so this test looks at the wrong thing"
    );
}
