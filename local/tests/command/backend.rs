//! Nets that libtorch fits: equal to those of the built-in backend up to rounding, or a failure where libtorch is not
//! built in.

use crate::flits::Workspace;
#[cfg(not(feature = "tch"))]
use crate::flits::csv;

/// Enough hours for rows that select, which a search needs.
const HOURS: u32 = 400;

#[cfg(not(feature = "tch"))]
const TCH: &str = "[[models]]\nkind = \"lstm\"\nbackend = \"tch\"\n";

#[cfg(not(feature = "tch"))]
#[test]
fn a_round_decides_without_the_net_that_this_build_cannot_fit() {
    let workspace = Workspace::new();
    workspace.write("load.csv", csv(HOURS));
    let spec = std::fs::read_to_string(workspace.path("spec.toml")).unwrap();
    let search = "[models.search.space]\nhidden = [2, 3]\n";
    for text in [format!("{spec}{TCH}"), format!("{spec}{TCH}{search}")] {
        workspace.write("tch.toml", text);
        let result = workspace.run(&["load.csv", "--spec", "tch.toml"]);
        assert_eq!(result["ok"], true, "{result}");
        let out = &result["out"];
        assert!(out["lstm"].as_str().unwrap().contains("`--features tch`"), "{out}");
        assert!(result["scores"]["gru"]["rmsse"].is_number(), "{result}");
        assert!(result["champion"]["model"].is_string(), "{result}");
    }
}

#[cfg(feature = "tch")]
mod with_libtorch {
    use std::collections::BTreeMap;

    use forecast::{Artifact, Data};

    use super::*;

    /// How far scores may differ, as a share.
    const SCORES: f64 = 1e-4;
    /// How far numbers of an artifact may differ, as a share of the tensor's largest: single precision sums in another
    /// order, and Adam divides by roots of gradients near 0.
    const NUMBERS: f64 = 1e-4;

    const OURS: &str = r#"models=[
        {kind="ensemble"},
        {kind="gru", hidden=9, epochs=4, lr=3e-3, batch=8},
        {kind="lstm", hidden=9, epochs=4, lr=3e-3, batch=8, dropout=0.2, optimizer="adamw", schedule="cosine"},
        {kind="gru", name="sought", epochs=2, batch=8, search={space={hidden=[3,5], lr=[1e-4,3e-3]}}},
    ]"#;

    #[tokio::test]
    async fn a_round_on_libtorch_gives_the_scores_and_artifacts_of_one_on_our_own_arithmetic() {
        let (ours, theirs) = (Workspace::new(), Workspace::new());
        let models = OURS.replace("kind=\"gru\"", "backend=\"tch\", kind=\"gru\"");
        let models = models.replace("kind=\"lstm\"", "backend=\"tch\", kind=\"lstm\"");
        let run = |workspace: &Workspace, models: &str| {
            workspace.write("load.csv", level(HOURS));
            workspace.run(&[
                "load.csv",
                "--set",
                "window.context=4",
                "--set",
                "forecast.horizon=1",
                "--set",
                models,
            ])
        };
        let (one, other) = (run(&ours, OURS), run(&theirs, &models));
        for result in [&one, &other] {
            assert_eq!(result["ok"], true, "{result}");
            assert!(
                result["out"].as_object().is_none_or(serde_json::Map::is_empty),
                "{result}"
            );
        }
        assert_eq!(one["champion"]["model"], other["champion"]["model"]);
        for member in ["ensemble", "gru", "lstm", "sought"] {
            let [a, b] = [&one, &other].map(|result| result["scores"][member]["rmsse"].as_f64().unwrap());
            println!("{member}: rmsse {a} on our own, {b} on libtorch");
            assert!((a - b).abs() <= SCORES * a, "{member}: {a} and {b}");
        }
        let (one, other) = (nets(&ours).await, nets(&theirs).await);
        assert_eq!((one.len(), other.len()), (3, 3), "three nets");
        for (name, artifact) in &one {
            assert_alike(name, artifact, &other[name]);
        }
    }

    /// Returns hourly rows around one level, on which nets beat the baselines and so are mixed.
    fn level(hours: u32) -> String {
        let row = |hour: u32| {
            let (day, time, load) = (1 + hour / 24, hour % 24, 100 + (hour * 7_919) % 97);
            format!("2024-03-{day:02} {time:02}:00:00,{load},{}\n", load / 3 + time % 4)
        };
        let rows: String = (0..hours).map(row).collect();
        format!("time,load,users\n{rows}")
    }

    /// Returns the artifacts of nets by their settings, as if the built-in backend had fitted all of them.
    async fn nets(workspace: &Workspace) -> BTreeMap<String, Artifact> {
        let mut nets = BTreeMap::new();
        for bytes in workspace.objects("models/").await.into_values() {
            let Ok(artifact) = Artifact::parse(&bytes) else {
                continue;
            };
            if matches!(artifact.about.settings.kind(), "gru" | "lstm") {
                let settings = serde_json::to_string(&artifact.about.settings).unwrap();
                nets.insert(settings.replace("\"tch\"", "\"rust\""), artifact);
            }
        }
        nets
    }

    fn assert_alike(name: &str, ours: &Artifact, theirs: &Artifact) {
        assert_eq!(ours.about.epochs.len(), theirs.about.epochs.len(), "{name}");
        assert!(ours.tensors.keys().eq(theirs.tensors.keys()), "{name}");
        for (tensor, ours) in &ours.tensors {
            let theirs = &theirs.tensors[tensor];
            assert_eq!(ours.shape, theirs.shape, "{name}: {tensor}");
            let (a, b) = (numbers(&ours.data), numbers(&theirs.data));
            let largest = a.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
            let apart = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(
                apart <= NUMBERS * largest,
                "{name}: {tensor} is {apart} apart of {largest}"
            );
        }
    }

    fn numbers(data: &Data) -> Vec<f64> {
        match data {
            Data::F32(values) => values.iter().map(|&value| f64::from(value)).collect(),
            Data::F64(values) => values.clone(),
        }
    }
}
