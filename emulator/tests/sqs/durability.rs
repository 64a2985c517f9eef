//! What is left after the process ended or was killed.

use std::path::Path;

use emulator::Faults;
use tempfile::TempDir;

use crate::harness::{Server, bodies, handle};

/// What a kill would leave: the file as it is on disk while the server still runs.
fn killed(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(dir.join("store.redb"), copy.path().join("store.redb")).unwrap();
    copy
}

#[tokio::test]
async fn sent_messages_and_deletions_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), Faults::none()).await;
    let url = server.queue("jobs", &[("VisibilityTimeout", "900")]).await;
    for body in ["deleted", "held", "waiting"] {
        server.send(&url, body).await;
    }
    let got = server.receive(&url).await;
    server
        .client
        .delete_message()
        .queue_url(&url)
        .receipt_handle(handle(&got[0]))
        .send()
        .await
        .unwrap();
    server.send(&url, "last").await;

    let copy = killed(dir.path());
    let after = Server::open(copy.path(), Faults::none()).await;
    let url = after
        .client
        .get_queue_url()
        .queue_name("jobs")
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    after.queues.release_in_flight().await.unwrap();
    let mut left = after.receive(&url).await;
    left.sort_by_key(|message| message.body.clone());
    assert_eq!(bodies(&left), ["held", "last", "waiting"]);
}

#[tokio::test]
async fn a_restart_makes_in_flight_messages_visible_and_leaves_delayed_ones() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::open(dir.path(), Faults::none()).await;
    let url = server.queue("jobs", &[("VisibilityTimeout", "900")]).await;
    server.send(&url, "held").await;
    server
        .client
        .send_message()
        .queue_url(&url)
        .message_body("delayed")
        .delay_seconds(600)
        .send()
        .await
        .unwrap();
    let held = server.receive_one(&url).await;
    assert_eq!(server.counts(&url).await, [0, 1, 1]);
    assert_eq!(server.queues.release_in_flight().await.unwrap(), 1);
    assert_eq!(server.counts(&url).await, [1, 0, 1]);
    // Its receiver may still delete it as long as it was not received again.
    server
        .client
        .delete_message()
        .queue_url(&url)
        .receipt_handle(handle(&held))
        .send()
        .await
        .unwrap();
    assert_eq!(server.counts(&url).await, [0, 0, 1]);
}
