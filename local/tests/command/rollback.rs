//! `flits rollback`: an earlier champion forecasts again, and reigns until it is unpinned.

use contract::Latest;

use crate::flits::{Workspace, csv};

const RUN: [&str; 3] = ["load.csv", "--spec", "spec.toml"];

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_champion_forecasts_again_and_reigns_until_it_is_unpinned() {
    let workspace = Workspace::new();
    let first = workspace.run(&RUN);
    let parent = first["champion"]["parent"].clone();
    assert!(parent.is_string(), "the champion is a refit: {first}");

    let (pinned, _) = workspace.result(&["rollback", "load"]);
    assert_eq!(
        (&pinned["kind"], &pinned["champion"]["generation"]),
        (&"pinned".into(), &3.into()),
        "{pinned}"
    );
    assert_eq!(pinned["champion"]["digest"], parent, "the newest with another artifact");
    workspace
        .up_until(async |store| {
            let latest = store.get("forecasts/load/0-of-1/latest.json", 1 << 20).await.unwrap();
            serde_json::from_slice::<Latest>(&latest.bytes).unwrap().generation == 3
        })
        .await;

    workspace.write("load.csv", csv(90));
    let kept = workspace.run(&RUN);
    assert_eq!(
        kept["champion"]["digest"], parent,
        "a round does not replace it: {kept}"
    );
    let (unpinned, _) = workspace.result(&["rollback", "load", "--unpin"]);
    assert_eq!(
        (&unpinned["kind"], &unpinned["job"]),
        (&"kept".into(), &serde_json::Value::Null),
        "{unpinned}"
    );
    workspace.write("load.csv", csv(100));
    assert_ne!(workspace.run(&RUN)["champion"]["digest"], parent, "now one does");
}

#[test]
fn what_cannot_be_pinned_or_unpinned_is_named_with_its_bound() {
    let workspace = Workspace::new();
    workspace.run(&RUN);
    for (arguments, expected) in [
        (
            &["rollback", "load", "--to", "9"][..],
            "dataset `load` has no generation 9; it has 1 to 2",
        ),
        (
            &["rollback", "load", "--unpin"],
            "dataset `load` is not pinned; its newest generation 2 is `refit`",
        ),
        (&["rollback", "nobody"], "dataset `nobody` has no champion"),
        (&["rollback", "load", "--to", "1", "--unpin"], "cannot be used with"),
    ] {
        let said = workspace.refusal(arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}
