//! `flits lineage`: from a forecast back to the uploaded bytes, and what it says where a link is missing.

use bytes::Bytes;
use contract::Digest;
use serde_json::Value;

use crate::flits::Workspace;

const RUN: [&str; 3] = ["load.csv", "--spec", "spec.toml"];

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{path} in {value}"))
}

#[tokio::test]
async fn every_object_of_a_walk_leads_back_to_the_uploaded_bytes() {
    let workspace = Workspace::new();
    let run = workspace.run(&RUN);
    let bytes = Digest::of(&std::fs::read(workspace.path("load.csv")).unwrap());
    let (lineage, ok) = workspace.result(&["lineage", "load"]);
    assert!(
        ok && lineage["ok"] == true && lineage.get("missing").is_none(),
        "{lineage}"
    );
    assert_eq!(lineage["forecast"]["key"], run["forecast"]);
    assert_eq!(lineage["champion"]["generation"], 2);
    assert_eq!(lineage["model"]["digest"], run["champion"]["digest"]);
    let parent = format!("models/load/0-of-1/{}.safetensors", text(&run, "/champion/parent"));
    assert_eq!(
        text(&lineage, "/model/parent/key"),
        parent,
        "a refit names what it was fitted from"
    );
    assert!(text(&lineage, "/champion/spec/key").starts_with("resolved/load/"));

    let mut keys = vec![
        "load".to_owned(),
        "forecasts/load/0-of-1/latest.json".to_owned(),
        parent,
    ];
    keys.push("champion/load/0-of-1/current.json".to_owned());
    for path in [
        "/forecast/key",
        "/champion/key",
        "/model/key",
        "/cut/key",
        "/clean/0/key",
    ] {
        keys.push(text(&lineage, path).to_owned());
    }
    let holdouts = workspace.objects("forecasts/").await.into_keys();
    keys.extend(holdouts);
    for key in &keys {
        let (from, ok) = workspace.result(&["lineage", key]);
        assert!(ok, "{key}: {from}");
        assert_eq!(text(&from, "/clean/0/uploads/0/key"), "raw/load/load.csv", "{key}");
        assert_eq!(text(&from, "/clean/0/uploads/0/digest"), bytes.hex(), "{key}");
        assert_eq!(from["clean"][0]["uploads"][0]["stored"], true, "{key}");
    }
    let tree = String::from_utf8(workspace.output(&["lineage", "load"]).stdout).unwrap();
    let last = tree.lines().last().unwrap();
    assert!(
        last.trim_start().starts_with("upload  raw/load/load.csv") && last.contains(&bytes.hex()),
        "{tree}"
    );
}

#[tokio::test]
async fn a_test_file_is_an_upload_of_its_own() {
    let workspace = Workspace::new();
    let all = crate::flits::csv(100);
    let lines: Vec<&str> = all.lines().collect();
    workspace.write("load.csv", lines[..80].join("\n"));
    workspace.write("rest.csv", [&lines[..1], &lines[80..]].concat().join("\n"));
    let run = workspace.run(&["load.csv", "--test", "rest.csv", "--spec", "spec.toml"]);
    assert_eq!(run["ok"], true, "{run}");
    let (lineage, _) = workspace.result(&["lineage", "load"]);
    let uploads = lineage["clean"][0]["uploads"].as_array().unwrap();
    let mut keys: Vec<&str> = uploads.iter().map(|upload| text(upload, "/key")).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["raw/load/load.csv", "raw/load/load_test.csv"], "{lineage}");
}

#[tokio::test]
async fn what_retention_takes_away_does_not_break_the_way_and_what_does_is_named() {
    let workspace = Workspace::new();
    workspace.run(&RUN);
    // Ledgers shorten the way; clean parts and cuts are named by what was made of them.
    for prefix in ["jobs/", "clean/", "samples/"] {
        assert!(workspace.take_away(prefix, |_, _| true).await > 0);
        let (lineage, ok) = workspace.result(&["lineage", "load"]);
        assert!(ok, "without {prefix}: {lineage}");
        assert_eq!(text(&lineage, "/clean/0/uploads/0/key"), "raw/load/load.csv");
    }
    let (lineage, _) = workspace.result(&["lineage", "load"]);
    assert_eq!(
        (&lineage["clean"][0]["stored"], &lineage["cut"]["stored"]),
        (&false.into(), &false.into())
    );

    assert_eq!(workspace.take_away("uploads/", |_, _| true).await, 1);
    let (lineage, ok) = workspace.result(&["lineage", "load"]);
    assert!(
        !ok && text(&lineage, "/missing/0").contains("the receipt of the uploaded bytes"),
        "{lineage}"
    );
    assert!(
        text(&lineage, "/clean/0/manifest").starts_with("work/"),
        "what is known is said: {lineage}"
    );
    workspace.take_away("work/", |_, _| true).await;
    let said = workspace.refusal(&["lineage", "load"]);
    assert!(said.contains("no manifest names it as an output"), "{said}");
    workspace.take_away("champion/", |key, _| key.contains("/log/")).await;
    let (lineage, ok) = workspace.result(&["lineage", "load"]);
    assert!(
        !ok && text(&lineage, "/missing/0").contains("log/0000000002.json` is gone"),
        "{lineage}"
    );
}

#[tokio::test]
async fn an_unknown_key_and_a_damaged_object_are_told_apart() {
    let workspace = Workspace::new();
    let run = workspace.run(&RUN);
    let model = format!("models/load/0-of-1/{}.safetensors", text(&run, "/champion/digest"));
    let session = workspace.session().await;
    session
        .platform
        .store
        .put(&model, Bytes::from_static(b"other bytes"))
        .await
        .unwrap();
    session.close().await;
    let nothing = format!("clean/load/0-of-1/{}.parquet", Digest::of(b"nothing"));
    for (key, expected) in [
        ("nobody", "dataset `nobody` has no forecast here"),
        ("raw/load/load.csv", "is no key of a forecast"),
        ("models/load/0-of-1/none.safetensors", "is no key of a forecast"),
        ("champion/load/0-of-1/log/0000000009.json", "0000000009.json` is gone"),
        (&nothing, "no manifest names it"),
        (&model, "is damaged: its digest is"),
    ] {
        let said = workspace.refusal(&["lineage", key]);
        assert!(said.contains(expected), "{key}: {said}");
    }
}
