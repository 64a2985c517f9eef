//! `flits sweep`: an upload whose notification was lost begins after all.

use std::time::Duration;

use contract::Stage;

use crate::flits::Workspace;

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_notification_was_lost_begins_after_a_sweep() {
    let workspace = Workspace::new();
    let uploaded = workspace.output(&["upload", "load.csv", "--spec", "spec.toml"]);
    assert!(uploaded.status.success(), "{uploaded:?}");
    let session = workspace.session().await;
    let queue = session.platform.queue.clone();
    for lost in queue.receive(Stage::Preprocess, 10, Duration::ZERO).await.unwrap() {
        queue.delete(Stage::Preprocess, &lost.handle).await.unwrap();
    }
    session.close().await;

    let (usual, _) = workspace.result(&["sweep"]);
    assert_eq!(
        (&usual["listed"], &usual["uploads"]),
        (&1.into(), &0.into()),
        "it is too young: {usual}"
    );
    let (deep, ok) = workspace.result(&["sweep", "--deep"]);
    assert!(ok && deep["ok"] == true && deep["uploads"] == 1, "{deep}");
    workspace
        .up_until(async |store| store.head("forecasts/load/0-of-1/latest.json").await.is_ok())
        .await;
    let (deep, _) = workspace.result(&["sweep", "--deep"]);
    assert_eq!(deep["uploads"], 0, "it has begun: {deep}");
}
