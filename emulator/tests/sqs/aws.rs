//! Answers as AWS gives them, and requests that are refused rather than ignored.

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};
use serde_json::json;

use crate::harness::{Server, attribute, code, handle};
use crate::raw::post;

#[tokio::test]
async fn an_answer_leaves_out_what_is_empty() {
    let server = Server::start().await;
    let (_, _, none) = post(&server, "ListQueues", &json!({})).await;
    assert_eq!(none, json!({}));
    let url = server.queue("jobs", &[]).await;
    let (_, _, none) = post(&server, "ListQueues", &json!({"QueueNamePrefix": "other"})).await;
    assert_eq!(none, json!({}));
    let (_, _, some) = post(&server, "ListQueues", &json!({})).await;
    assert_eq!(some, json!({"QueueUrls": [url]}));
    let batch = |body: &str| json!({"QueueUrl": url, "Entries": [{"Id": "a", "MessageBody": body}]});
    let (_, _, sent) = post(&server, "SendMessageBatch", &batch("x")).await;
    assert!(sent["Successful"].is_array() && sent.get("Failed").is_none(), "{sent}");
    let (_, _, refused) = post(&server, "SendMessageBatch", &batch("\u{1}")).await;
    assert!(
        refused["Failed"].is_array() && refused.get("Successful").is_none(),
        "{refused}"
    );
    // Fields that AWS's model requires stay, even when they are empty.
    let (_, _, sources) = post(&server, "ListDeadLetterSourceQueues", &json!({"QueueUrl": url})).await;
    assert_eq!(sources, json!({"queueUrls": []}));
}

async fn delete(server: &Server, url: &str, message: &Message) -> String {
    let delete = server.client.delete_message().queue_url(url);
    code(delete.receipt_handle(handle(message)).send().await)
}

async fn extend(server: &Server, url: &str, message: &Message, seconds: i32) -> String {
    let extend = server.client.change_message_visibility().queue_url(url);
    let extend = extend.receipt_handle(handle(message)).visibility_timeout(seconds);
    code(extend.send().await)
}

#[tokio::test]
async fn a_superseded_handle_deletes_nothing_and_is_told_nothing() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    server.send(&url, "x").await;
    let old = server.receive_one(&url).await;
    server.advance_s(31);
    let new = server.receive_one(&url).await;
    assert_eq!(delete(&server, &url, &old).await, "fine");
    let entry = DeleteMessageBatchRequestEntry::builder()
        .id("a")
        .receipt_handle(handle(&old));
    let batch = server.client.delete_message_batch().queue_url(&url);
    let batch = batch.entries(entry.build().unwrap()).send().await.unwrap();
    assert_eq!((batch.successful().len(), batch.failed().len()), (1, 0));
    assert_eq!(server.counts(&url).await, [0, 1, 0]);
    assert_eq!(extend(&server, &url, &old, 0).await, "InvalidParameterValue");
    assert_eq!(server.counts(&url).await, [0, 1, 0]);
    assert_eq!(delete(&server, &url, &new).await, "fine");
    assert_eq!(server.counts(&url).await, [0, 0, 0]);
    assert_eq!(extend(&server, &url, &new, 10).await, "InvalidParameterValue");
}

#[tokio::test]
async fn a_late_extension_is_taken_while_nobody_received_the_message_again() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    server.send(&url, "x").await;
    let message = server.receive_one(&url).await;
    server.advance_s(31);
    assert_eq!(server.counts(&url).await, [1, 0, 0]);
    assert_eq!(extend(&server, &url, &message, 30).await, "fine");
    assert_eq!(server.counts(&url).await, [0, 1, 0]);
    assert!(server.receive(&url).await.is_empty());
    assert_eq!(delete(&server, &url, &message).await, "fine");
    assert_eq!(server.counts(&url).await, [0, 0, 0]);
}

#[tokio::test]
async fn a_group_of_a_fair_queue_comes_back_with_its_message() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    let send = server.client.send_message().queue_url(&url).message_body("x");
    send.message_group_id("tenant-1").send().await.unwrap();
    let message = server.receive_one(&url).await;
    assert_eq!(attribute(&message, "MessageGroupId"), Some("tenant-1"));
    for group in [String::new(), "x".repeat(129), "a b".to_owned()] {
        let send = server.client.send_message().queue_url(&url).message_body("x");
        let outcome = send.message_group_id(&group).send().await;
        assert_eq!(code(outcome), "InvalidParameterValue", "{group:?}");
    }
    let send = server.client.send_message().queue_url(&url).message_body("x");
    let fifo = send.message_deduplication_id("d").send().await;
    assert_eq!(code(fifo), "InvalidParameterValue");
}

#[tokio::test]
async fn a_star_asks_for_all_message_attributes() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[("VisibilityTimeout", "0")]).await;
    let attributes = json!({"a": {"DataType": "String", "StringValue": "1"}});
    let ask = json!({"QueueUrl": url, "MessageBody": "x", "MessageAttributes": attributes});
    post(&server, "SendMessage", &ask).await;
    for asked in ["*", "All", ".*"] {
        let ask = json!({"QueueUrl": url, "MessageAttributeNames": [asked]});
        let (_, _, got) = post(&server, "ReceiveMessage", &ask).await;
        assert_eq!(got["Messages"][0]["MessageAttributes"], attributes, "{asked}");
    }
}

#[tokio::test]
async fn a_field_that_is_not_known_is_refused_and_nothing_happens() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    for (operation, ask) in [
        (
            "SendMessage",
            json!({"QueueUrl": url, "MessageBody": "x", "Priority": 1}),
        ),
        (
            "SendMessageBatch",
            json!({"QueueUrl": url, "Entries": [{"Id": "a", "MessageBody": "x", "Priority": 1}]}),
        ),
        (
            "SendMessageBatch",
            json!({"QueueUrl": url, "Entries": [{"Id": "a", "MessageBody": "x"}], "Priority": 1}),
        ),
        (
            "SendMessage",
            json!({"QueueUrl": url, "MessageBody": "x", "MessageAttributes": {"a": {"DataType": "String", "StringListValues": ["1"]}}}),
        ),
        ("PurgeQueue", json!({"QueueUrl": url, "Priority": 1})),
        ("ReceiveMessage", json!({"QueueUrl": url, "Priority": 1})),
        ("ListQueues", json!({"Priority": 1})),
        ("CreateQueue", json!({"QueueName": "other", "tags": {"team": "a"}})),
    ] {
        let (status, code, answer) = post(&server, operation, &ask).await;
        assert_eq!(status, 400, "{operation} {ask}: {answer}");
        assert!(!code.is_empty(), "{operation} {ask}: {answer}");
    }
    assert_eq!(server.counts(&url).await, [0, 0, 0]);
    assert_eq!(server.client.list_queues().send().await.unwrap().queue_urls().len(), 1);
}

#[tokio::test]
async fn another_owner_another_attempt_and_unknown_names_are_refused() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    server.send(&url, "x").await;
    for (operation, ask, expected) in [
        (
            "GetQueueUrl",
            json!({"QueueName": "jobs", "QueueOwnerAWSAccountId": "111111111111"}),
            (400, "AWS.SimpleQueueService.NonExistentQueue"),
        ),
        (
            "GetQueueUrl",
            json!({"QueueName": "jobs", "QueueOwnerAWSAccountId": "000000000000"}),
            (200, ""),
        ),
        (
            "ReceiveMessage",
            json!({"QueueUrl": url, "ReceiveRequestAttemptId": "a"}),
            (400, "InvalidParameterValue"),
        ),
        (
            "ReceiveMessage",
            json!({"QueueUrl": url, "MessageSystemAttributeNames": ["Colour"]}),
            (400, "InvalidAttributeName"),
        ),
        (
            "ReceiveMessage",
            json!({"QueueUrl": url, "AttributeNames": ["Colour"]}),
            (400, "InvalidAttributeName"),
        ),
        (
            "TagQueue",
            json!({"QueueUrl": url, "Tags": {"a": "b"}}),
            (400, "AWS.SimpleQueueService.UnsupportedOperation"),
        ),
        (
            "StartMessageMoveTask",
            json!({"SourceArn": "arn:aws:sqs:eu-west-1:000000000000:jobs"}),
            (400, "AWS.SimpleQueueService.UnsupportedOperation"),
        ),
    ] {
        let (status, code, answer) = post(&server, operation, &ask).await;
        assert_eq!((status, code.as_str()), expected, "{operation} {ask}: {answer}");
    }
    assert_eq!(server.counts(&url).await, [1, 0, 0]);
}

#[tokio::test]
async fn attributes_that_would_need_another_server_are_refused() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    let deny =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}"#;
    let allow = deny.replace("Deny", "Allow");
    for (name, value, expected) in [
        ("KmsMasterKeyId", "alias/aws/sqs", "InvalidAttributeValue"),
        ("KmsMasterKeyId", "", "fine"),
        ("KmsDataKeyReusePeriodSeconds", "300", "InvalidAttributeValue"),
        ("SqsManagedSseEnabled", "true", "InvalidAttributeValue"),
        ("SqsManagedSseEnabled", "false", "fine"),
        ("Policy", deny, "InvalidAttributeValue"),
        ("Policy", "nonsense", "InvalidAttributeValue"),
        ("Policy", &allow, "fine"),
        (
            "RedriveAllowPolicy",
            r#"{"redrivePermission":"denyAll"}"#,
            "InvalidAttributeValue",
        ),
        ("RedriveAllowPolicy", r#"{"redrivePermission":"allowAll"}"#, "fine"),
    ] {
        let set = server.client.set_queue_attributes().queue_url(&url);
        assert_eq!(
            code(set.attributes(name.into(), value).send().await),
            expected,
            "{name}={value}"
        );
    }
}
