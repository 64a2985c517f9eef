//! Dead-letter queues.

use crate::harness::{Server, attribute};

const DEAD: &str = "arn:aws:sqs:eu-west-1:000000000000:jobs-dlq";

async fn pair(server: &Server, max: u32) -> (String, String) {
    let dead = server.queue("jobs-dlq", &[]).await;
    let policy = format!(r#"{{"deadLetterTargetArn":"{DEAD}","maxReceiveCount":"{max}"}}"#);
    (server.queue("jobs", &[("RedrivePolicy", &policy)]).await, dead)
}

#[tokio::test]
async fn a_message_received_too_often_moves_to_the_dead_letter_queue_with_its_id() {
    let server = Server::start().await;
    let (url, dead) = pair(&server, 2).await;
    let id = server.send(&url, "poison").await;
    for _ in 0..2 {
        assert_eq!(server.receive_one(&url).await.body.as_deref(), Some("poison"));
        server.advance_s(31);
    }
    server.send(&url, "good").await;
    // The move happens inside a receive, which goes on to the next message.
    assert_eq!(server.receive_one(&url).await.body.as_deref(), Some("good"));
    let moved = server.receive_one(&dead).await;
    assert_eq!(
        (moved.body.as_deref(), moved.message_id.as_deref()),
        (Some("poison"), Some(id.as_str()))
    );
    assert_eq!(attribute(&moved, "ApproximateReceiveCount"), Some("3"));
    assert_eq!(
        attribute(&moved, "DeadLetterQueueSourceArn"),
        Some("arn:aws:sqs:eu-west-1:000000000000:jobs")
    );
}

#[tokio::test]
async fn the_sources_of_a_dead_letter_queue_are_listed() {
    let server = Server::start().await;
    let (url, dead) = pair(&server, 3).await;
    let listed = server
        .client
        .list_dead_letter_source_queues()
        .queue_url(&dead)
        .send()
        .await
        .unwrap();
    assert_eq!(listed.queue_urls(), std::slice::from_ref(&url));
    let none = server
        .client
        .list_dead_letter_source_queues()
        .queue_url(&url)
        .send()
        .await
        .unwrap();
    assert!(none.queue_urls().is_empty());
}
