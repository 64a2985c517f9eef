//! What is sent is what is received.

use aws_sdk_sqs::{
    primitives::Blob,
    types::{MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue},
};

use crate::harness::{ACCESS_KEY, Server, attribute, code};

fn value(kind: &str, text: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type(kind)
        .string_value(text)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_message_comes_back_with_its_digests_and_attributes() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    let bytes = MessageAttributeValue::builder()
        .data_type("Binary")
        .binary_value(Blob::new([0, 1, 255]))
        .build();
    let trace = MessageSystemAttributeValue::builder()
        .data_type("String")
        .string_value("Root=1-2-3")
        .build();
    let sent = server
        .client
        .send_message()
        .queue_url(&url)
        .message_body("héllo ✓")
        .message_attributes("text", value("String.note", "é"))
        .message_attributes("many", value("Number", "12.5"))
        .message_attributes("bytes", bytes.unwrap())
        .message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, trace.unwrap());
    let sent = sent.send().await.unwrap();
    let ask = server
        .client
        .receive_message()
        .queue_url(&url)
        .message_attribute_names("All");
    let got = ask
        .message_system_attribute_names("All".into())
        .send()
        .await
        .unwrap()
        .messages
        .unwrap()
        .remove(0);

    assert_eq!(
        (got.body.as_deref(), &got.message_id),
        (Some("héllo ✓"), &sent.message_id)
    );
    // Computed by Python's hashlib over the layout in AWS's guide.
    assert_eq!(
        sent.md5_of_message_body.as_deref(),
        Some("21b1ae5bc147bb564254200a4731e337")
    );
    assert_eq!(
        sent.md5_of_message_attributes.as_deref(),
        Some("fa2a06048cdb204695b35a37e6c776d0")
    );
    assert_eq!(
        (&got.md5_of_body, &got.md5_of_message_attributes),
        (&sent.md5_of_message_body, &sent.md5_of_message_attributes)
    );
    let attributes = got.message_attributes.as_ref().unwrap();
    assert_eq!(attributes["text"], value("String.note", "é"));
    assert_eq!(attributes["bytes"].binary_value.as_ref().unwrap().as_ref(), [0, 1, 255]);

    assert_eq!(attribute(&got, "SenderId"), Some(ACCESS_KEY));
    assert_eq!(attribute(&got, "ApproximateReceiveCount"), Some("1"));
    assert_eq!(attribute(&got, "AWSTraceHeader"), Some("Root=1-2-3"));
    let [sent_ms, first_ms] = ["SentTimestamp", "ApproximateFirstReceiveTimestamp"]
        .map(|name| attribute(&got, name).unwrap().parse::<i64>().unwrap());
    assert!(server.now_ms() - 60_000 < sent_ms && sent_ms <= first_ms && first_ms <= server.now_ms());
}

#[tokio::test]
async fn attributes_are_given_only_when_asked_for() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[("VisibilityTimeout", "0")]).await;
    let send = server
        .client
        .send_message()
        .queue_url(&url)
        .message_body("x")
        .message_attributes("a.one", value("String", "1"));
    send.message_attributes("a.two", value("String", "2"))
        .message_attributes("b", value("String", "3"))
        .send()
        .await
        .unwrap();
    for (asked, expected) in [
        (None, vec![]),
        (Some("b"), vec!["b"]),
        (Some("a.*"), vec!["a.one", "a.two"]),
        (Some("none"), vec![]),
    ] {
        let got = server
            .client
            .receive_message()
            .queue_url(&url)
            .set_message_attribute_names(asked.map(|name| vec![name.to_owned()]));
        let got = got.send().await.unwrap().messages.unwrap().remove(0);
        let mut names: Vec<_> = got.message_attributes.unwrap_or_default().into_keys().collect();
        names.sort();
        assert_eq!(names, expected, "{asked:?}");
        assert_eq!(
            got.md5_of_message_attributes.is_some(),
            !expected.is_empty(),
            "{asked:?}"
        );
        assert!(got.attributes.is_none());
    }
}

#[tokio::test]
async fn bodies_that_the_service_refuses_are_refused() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    let small = server.queue("small", &[("MaximumMessageSize", "1024")]).await;
    let mebibyte = 1 << 20;
    for (url, body, expected) in [
        (&url, "x".repeat(mebibyte), "fine"),
        (&url, "\u{7f}\"\\".repeat(mebibyte / 3), "fine"),
        (&url, "x".repeat(mebibyte + 1), "InvalidParameterValue"),
        (&url, "\u{1}".to_owned(), "InvalidMessageContents"),
        (&url, "\u{ffff}".to_owned(), "InvalidMessageContents"),
        (&url, String::new(), "MissingParameter"),
        (&small, "x".repeat(1024), "fine"),
        (&small, "x".repeat(1025), "InvalidParameterValue"),
    ] {
        let length = body.len();
        assert_eq!(
            code(
                server
                    .client
                    .send_message()
                    .queue_url(url)
                    .message_body(body)
                    .send()
                    .await
            ),
            expected,
            "{length} bytes"
        );
    }
}

#[tokio::test]
async fn a_delayed_message_is_hidden_until_its_delay_is_over() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[("DelaySeconds", "20")]).await;
    server
        .client
        .send_message()
        .queue_url(&url)
        .message_body("own")
        .delay_seconds(10)
        .send()
        .await
        .unwrap();
    server.send(&url, "the queue's").await;
    server
        .client
        .send_message()
        .queue_url(&url)
        .message_body("none")
        .delay_seconds(0)
        .send()
        .await
        .unwrap();
    assert_eq!(server.counts(&url).await, [1, 0, 2]);
    assert_eq!(server.receive_one(&url).await.body.as_deref(), Some("none"));
    server.advance_s(11);
    assert_eq!(server.receive_one(&url).await.body.as_deref(), Some("own"));
    server.advance_s(11);
    assert_eq!(server.receive_one(&url).await.body.as_deref(), Some("the queue's"));
    let long = server
        .client
        .send_message()
        .queue_url(&url)
        .message_body("x")
        .delay_seconds(901)
        .send()
        .await;
    assert_eq!(code(long), "InvalidParameterValue");
}

#[tokio::test]
async fn a_message_is_dropped_when_its_retention_is_over() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[("MessageRetentionPeriod", "60")]).await;
    server.send(&url, "old").await;
    server.advance_s(30);
    server.send(&url, "young").await;
    server.advance_s(31);
    assert_eq!(server.counts(&url).await, [1, 0, 0]);
    assert_eq!(server.receive_one(&url).await.body.as_deref(), Some("young"));
}
