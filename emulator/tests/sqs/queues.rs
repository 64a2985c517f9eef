//! Queues themselves: names, attributes, listings.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName as Name;

use crate::harness::{Server, code};

#[tokio::test]
async fn creating_a_queue_again_is_fine_unless_an_attribute_differs() {
    let server = Server::start().await;
    let first = server.queue("jobs", &[("VisibilityTimeout", "60")]).await;
    assert!(first.ends_with("/000000000000/jobs"), "{first}");
    assert_eq!(server.queue("jobs", &[("VisibilityTimeout", "60")]).await, first);
    assert_eq!(server.queue("jobs", &[]).await, first);
    let other = server
        .client
        .create_queue()
        .queue_name("jobs")
        .attributes(Name::VisibilityTimeout, "61")
        .send()
        .await;
    assert!(
        other
            .as_ref()
            .unwrap_err()
            .as_service_error()
            .unwrap()
            .is_queue_name_exists()
    );
    assert_eq!(code(other), "QueueAlreadyExists");
}

#[tokio::test]
async fn a_first_in_first_out_queue_is_refused_by_name_and_by_attribute() {
    let server = Server::start().await;
    let named = server.client.create_queue().queue_name("jobs.fifo").send().await;
    assert_eq!(code(named), "InvalidParameterValue");
    let asked = server
        .client
        .create_queue()
        .queue_name("jobs")
        .attributes(Name::FifoQueue, "true")
        .send()
        .await;
    assert_eq!(code(asked), "InvalidParameterValue");
    assert!(!server.queues.exists("jobs").unwrap());
}

#[tokio::test]
async fn queues_are_found_by_name_and_listed_in_pages() {
    let server = Server::start().await;
    let url = server.queue("a-1", &[]).await;
    for name in ["a-2", "a-3", "b-1"] {
        server.queue(name, &[]).await;
    }
    let found = server.client.get_queue_url().queue_name("a-1").send().await.unwrap();
    assert_eq!(found.queue_url.as_deref(), Some(url.as_str()));
    let all = server.client.list_queues().send().await.unwrap();
    assert_eq!(all.queue_urls().len(), 4);
    let first = server
        .client
        .list_queues()
        .queue_name_prefix("a-")
        .max_results(2)
        .send()
        .await
        .unwrap();
    assert_eq!(first.queue_urls().len(), 2);
    let rest = server
        .client
        .list_queues()
        .queue_name_prefix("a-")
        .max_results(2)
        .set_next_token(first.next_token);
    let rest = rest.send().await.unwrap();
    assert!(rest.queue_urls().len() == 1 && rest.queue_urls()[0].ends_with("a-3") && rest.next_token.is_none());
}

#[tokio::test]
async fn attributes_have_the_services_defaults_and_can_be_set() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    let attributes = async || {
        let all = server
            .client
            .get_queue_attributes()
            .queue_url(&url)
            .attribute_names(Name::All)
            .send()
            .await;
        let all = all.unwrap().attributes.unwrap();
        all.into_iter()
            .map(|(name, value)| (name.as_str().to_owned(), value))
            .collect::<HashMap<_, _>>()
    };
    let before = attributes().await;
    for (name, value) in [
        ("VisibilityTimeout", "30"),
        ("DelaySeconds", "0"),
        ("MessageRetentionPeriod", "345600"),
        ("MaximumMessageSize", "1048576"),
        ("ReceiveMessageWaitTimeSeconds", "0"),
        ("ApproximateNumberOfMessages", "0"),
        ("QueueArn", "arn:aws:sqs:eu-west-1:000000000000:jobs"),
    ] {
        assert_eq!(before.get(name).map(String::as_str), Some(value), "{name}");
    }
    server.advance_s(5);
    let set = server
        .client
        .set_queue_attributes()
        .queue_url(&url)
        .attributes(Name::VisibilityTimeout, "90");
    set.attributes(Name::Policy, "{}").send().await.unwrap();
    let after = attributes().await;
    assert_eq!(
        (after["VisibilityTimeout"].as_str(), after["Policy"].as_str()),
        ("90", "{}")
    );
    assert_eq!(after["CreatedTimestamp"], before["CreatedTimestamp"]);
    assert!(after["LastModifiedTimestamp"] > before["LastModifiedTimestamp"]);
}

#[tokio::test]
async fn an_attribute_that_breaks_its_rule_changes_nothing() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    for (name, value, expected) in [
        ("VisibilityTimeout", "43201", "InvalidAttributeValue"),
        ("DelaySeconds", "901", "InvalidAttributeValue"),
        ("Colour", "red", "InvalidAttributeName"),
        (
            "RedrivePolicy",
            r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:none","maxReceiveCount":3}"#,
            "InvalidParameterValue",
        ),
    ] {
        let set = server
            .client
            .set_queue_attributes()
            .queue_url(&url)
            .attributes(Name::MaximumMessageSize, "2048");
        assert_eq!(
            code(set.attributes(name.into(), value).send().await),
            expected,
            "{name}"
        );
    }
    let size = server
        .client
        .get_queue_attributes()
        .queue_url(&url)
        .attribute_names(Name::MaximumMessageSize);
    assert_eq!(
        size.send().await.unwrap().attributes.unwrap()[&Name::MaximumMessageSize],
        "1048576"
    );
    let unknown = server
        .client
        .get_queue_attributes()
        .queue_url(&url)
        .attribute_names("Colour".into())
        .send()
        .await;
    assert_eq!(code(unknown), "InvalidAttributeName");
}

#[tokio::test]
async fn a_deleted_queue_is_gone_and_its_name_can_be_used_again_empty() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    server.send(&url, "old").await;
    server.client.delete_queue().queue_url(&url).send().await.unwrap();
    let send = server
        .client
        .send_message()
        .queue_url(&url)
        .message_body("x")
        .send()
        .await;
    assert!(send.unwrap_err().as_service_error().unwrap().is_queue_does_not_exist());
    server.queue("jobs", &[]).await;
    assert!(server.receive(&url).await.is_empty());
}

#[tokio::test]
async fn purging_takes_all_messages_and_leaves_the_queue() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    for body in ["a", "b"] {
        server.send(&url, body).await;
    }
    let held = server.receive(&url).await;
    assert_eq!(held.len(), 2);
    server.send(&url, "c").await;
    server.client.purge_queue().queue_url(&url).send().await.unwrap();
    assert_eq!(server.counts(&url).await, [0, 0, 0]);
}
