//! Batches: their bounds, and entries that fail alone.

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry as Change, ChangeMessageVisibilityBatchResultEntry,
    DeleteMessageBatchRequestEntry as Delete, DeleteMessageBatchResultEntry, SendMessageBatchRequestEntry as Send,
    SendMessageBatchResultEntry,
};

use crate::harness::{Server, code, handle};

fn send(id: &str, body: &str) -> Send {
    Send::builder().id(id).message_body(body).build().unwrap()
}

#[tokio::test]
async fn batches_have_one_to_ten_entries_with_ids_of_their_own() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    let many = |count: usize| (0..count).map(|n| send(&n.to_string(), "x")).collect::<Vec<_>>();
    let half = "x".repeat(600_000);
    for (entries, expected) in [
        (many(10), "fine"),
        (vec![], "AWS.SimpleQueueService.EmptyBatchRequest"),
        (many(11), "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
        (
            vec![send("a", "x"), send("a", "y")],
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        ),
        (vec![send("a b", "x")], "AWS.SimpleQueueService.InvalidBatchEntryId"),
        (
            vec![send("a", &half), send("b", &half)],
            "AWS.SimpleQueueService.BatchRequestTooLong",
        ),
    ] {
        let count = entries.len();
        let sent = server
            .client
            .send_message_batch()
            .queue_url(&url)
            .set_entries(Some(entries))
            .send()
            .await;
        assert_eq!(code(sent), expected, "{count} entries");
    }
    assert_eq!(server.counts(&url).await, [10, 0, 0]);
}

#[tokio::test]
async fn one_bad_entry_does_not_hold_up_its_neighbours() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    let late = Send::builder()
        .id("late")
        .message_body("x")
        .delay_seconds(901)
        .build()
        .unwrap();
    let entries = vec![send("good", "x"), send("bad", "\u{1}"), late, send("fine", "y")];
    let sent = server
        .client
        .send_message_batch()
        .queue_url(&url)
        .set_entries(Some(entries))
        .send()
        .await
        .unwrap();
    let successful: Vec<_> = sent.successful().iter().map(SendMessageBatchResultEntry::id).collect();
    let failed: Vec<_> = sent
        .failed()
        .iter()
        .map(|one| (one.id(), one.code(), one.sender_fault()))
        .collect();
    assert_eq!(successful, ["good", "fine"]);
    assert_eq!(
        failed,
        [
            ("bad", "InvalidMessageContents", true),
            ("late", "InvalidParameterValue", true)
        ]
    );
    assert_eq!(
        sent.successful()[0].md5_of_message_body(),
        "9dd4e461268c8034f5c8564e155c67a6"
    );
    assert_eq!(server.counts(&url).await, [2, 0, 0]);
}

#[tokio::test]
async fn deletions_and_visibility_changes_come_in_batches_too() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    let entries: Vec<_> = (0..4).map(|n| send(&n.to_string(), "x")).collect();
    server
        .client
        .send_message_batch()
        .queue_url(&url)
        .set_entries(Some(entries))
        .send()
        .await
        .unwrap();
    let got = server.receive(&url).await;

    let change = |id: &str, handle: &str, seconds| {
        Change::builder()
            .id(id)
            .receipt_handle(handle)
            .visibility_timeout(seconds)
            .build()
            .unwrap()
    };
    let entries = vec![
        change("back", handle(&got[0]), 0),
        change("bad", "nonsense", 0),
        change("long", handle(&got[1]), 50_000),
    ];
    let changed = server
        .client
        .change_message_visibility_batch()
        .queue_url(&url)
        .set_entries(Some(entries))
        .send()
        .await
        .unwrap();
    assert_eq!(
        changed
            .successful()
            .iter()
            .map(ChangeMessageVisibilityBatchResultEntry::id)
            .collect::<Vec<_>>(),
        ["back"]
    );
    let codes: Vec<_> = changed.failed().iter().map(|one| (one.id(), one.code())).collect();
    assert_eq!(
        codes,
        [("bad", "ReceiptHandleIsInvalid"), ("long", "InvalidParameterValue")]
    );
    assert_eq!(server.counts(&url).await, [1, 3, 0]);

    let delete = |id: &str, handle: &str| Delete::builder().id(id).receipt_handle(handle).build().unwrap();
    let entries = vec![
        delete("a", handle(&got[1])),
        delete("b", handle(&got[2])),
        delete("bad", "nonsense"),
    ];
    let deleted = server
        .client
        .delete_message_batch()
        .queue_url(&url)
        .set_entries(Some(entries))
        .send()
        .await
        .unwrap();
    assert_eq!(
        deleted
            .successful()
            .iter()
            .map(DeleteMessageBatchResultEntry::id)
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(deleted.failed()[0].code(), "ReceiptHandleIsInvalid");
    assert_eq!(server.counts(&url).await, [1, 1, 0]);
}
