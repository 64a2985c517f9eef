//! Visibility, receipt handles and long polls.

use std::time::{Duration, Instant};

use crate::harness::{Server, attribute, bodies, code, handle};

/// Ends a test that would hang; much longer than any wait in it should take.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_received_message_is_hidden_until_its_timeout_and_counts_its_receives() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    server.send(&url, "x").await;
    let first = server.receive_one(&url).await;
    assert!(server.receive(&url).await.is_empty());
    assert_eq!(server.counts(&url).await, [0, 1, 0]);
    server.advance_s(31);
    let second = server.receive_one(&url).await;
    assert_eq!(first.message_id, second.message_id);
    assert_eq!(attribute(&second, "ApproximateReceiveCount"), Some("2"));
    assert_eq!(
        attribute(&second, "ApproximateFirstReceiveTimestamp"),
        attribute(&first, "ApproximateFirstReceiveTimestamp")
    );
}

#[tokio::test]
async fn the_oldest_messages_come_first_and_no_more_than_asked() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    let sent: Vec<_> = (0..12).map(|n| format!("{n:02}")).collect();
    for body in &sent {
        server.send(&url, body).await;
    }
    let one = server.client.receive_message().queue_url(&url).send().await.unwrap();
    assert_eq!(bodies(one.messages()), ["00"]);
    assert_eq!(bodies(&server.receive(&url).await), sent[1..11]);
    assert_eq!(bodies(&server.receive(&url).await), ["11"]);
    for (max, wait, visibility) in [(0, 0, 0), (11, 0, 0), (1, 21, 0), (1, 0, 43_201)] {
        let ask = server
            .client
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(max);
        let outcome = ask.wait_time_seconds(wait).visibility_timeout(visibility).send().await;
        assert_eq!(
            code(outcome),
            "InvalidParameterValue",
            "{max} messages, {wait} s, {visibility} s"
        );
    }
}

#[tokio::test]
async fn a_delivery_can_be_extended_shortened_and_given_back() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    server.send(&url, "x").await;
    let change = async |handle: &str, seconds| {
        let change = server
            .client
            .change_message_visibility()
            .queue_url(&url)
            .receipt_handle(handle);
        code(change.visibility_timeout(seconds).send().await)
    };
    let message = server.receive_one(&url).await;
    assert_eq!(change(handle(&message), 43_201).await, "InvalidParameterValue");
    assert_eq!(change(handle(&message), -1).await, "InvalidParameterValue");
    assert_eq!(change(handle(&message), 120).await, "fine");
    server.advance_s(60);
    assert!(server.receive(&url).await.is_empty());
    assert_eq!(change(handle(&message), 0).await, "fine");
    let again = server.receive_one(&url).await;
    assert_eq!(change(handle(&again), 43_200).await, "fine");
}

#[tokio::test]
async fn the_newest_handle_deletes_twice_and_after_a_timeout_that_nobody_used() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    server.send(&url, "x").await;
    let message = server.receive_one(&url).await;
    server.advance_s(31);
    assert_eq!(server.counts(&url).await, [1, 0, 0]);
    for _ in 0..2 {
        server
            .client
            .delete_message()
            .queue_url(&url)
            .receipt_handle(handle(&message))
            .send()
            .await
            .unwrap();
        assert_eq!(server.counts(&url).await, [0, 0, 0]);
    }
}

#[tokio::test]
async fn a_handle_of_another_queue_or_of_nowhere_is_refused() {
    let server = Server::start().await;
    let (one, other) = (server.queue("one", &[]).await, server.queue("other", &[]).await);
    server.send(&one, "x").await;
    let message = server.receive_one(&one).await;
    for (url, handle) in [(&other, handle(&message)), (&one, "nonsense")] {
        let delete = server
            .client
            .delete_message()
            .queue_url(url)
            .receipt_handle(handle)
            .send()
            .await;
        assert_eq!(code(delete), "ReceiptHandleIsInvalid", "{handle}");
    }
}

#[tokio::test]
async fn a_long_poll_waits_its_time_when_nothing_comes() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[("ReceiveMessageWaitTimeSeconds", "1")]).await;
    let begun = Instant::now();
    assert!(server.receive(&url).await.is_empty());
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_long_poll_is_woken_by_a_message_however_it_becomes_visible() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    let poll = || {
        let ask = server.client.receive_message().queue_url(&url).wait_time_seconds(20);
        let begun = Instant::now();
        async move {
            let messages = tokio::time::timeout(PATIENCE, ask.send())
                .await
                .unwrap()
                .unwrap()
                .messages
                .unwrap();
            (messages, begun.elapsed())
        }
    };
    let sent_later = async |body: &str, delay| {
        let send = server
            .client
            .send_message()
            .queue_url(&url)
            .message_body(body)
            .delay_seconds(delay);
        send.send().await.unwrap();
    };
    // A message that is sent while the poll waits, or just before it: both must be seen.
    let ((sent, waited), ()) = tokio::join!(poll(), sent_later("sent", 0));
    assert_eq!(bodies(&sent), ["sent"]);
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    // One whose delay ends.
    let ((delayed, waited), ()) = tokio::join!(poll(), sent_later("delayed", 1));
    assert_eq!(bodies(&delayed), ["delayed"]);
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    // One whose visibility timeout ends.
    let change = server
        .client
        .change_message_visibility()
        .queue_url(&url)
        .receipt_handle(handle(&delayed[0]));
    change.visibility_timeout(1).send().await.unwrap();
    let (again, waited) = poll().await;
    assert_eq!(bodies(&again), ["delayed"]);
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    // One whose visibility timeout is set to 0.
    let give_back = async || {
        let change = server
            .client
            .change_message_visibility()
            .queue_url(&url)
            .receipt_handle(handle(&again[0]));
        change.visibility_timeout(0).send().await.unwrap();
    };
    let ((back, waited), ()) = tokio::join!(poll(), give_back());
    assert_eq!(bodies(&back), ["delayed"]);
    assert!(waited < Duration::from_secs(10), "{waited:?}");
}

#[tokio::test]
async fn one_message_wakes_many_polls_and_reaches_one() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    let polls: Vec<_> = (0..6)
        .map(|_| {
            server
                .client
                .receive_message()
                .queue_url(&url)
                .wait_time_seconds(2)
                .send()
        })
        .collect();
    let (answers, _) = tokio::join!(futures_util::future::join_all(polls), server.send(&url, "x"));
    let got: usize = answers.into_iter().map(|answer| answer.unwrap().messages().len()).sum();
    assert_eq!(got, 1);
}

#[tokio::test]
async fn closing_ends_long_polls_at_once() {
    let server = Server::start().await;
    let url = server.queue("jobs", &[]).await;
    let ask = server
        .client
        .receive_message()
        .queue_url(&url)
        .wait_time_seconds(20)
        .send();
    let begun = Instant::now();
    let (answer, ()) = tokio::join!(ask, async { server.queues.close() });
    assert!(answer.unwrap().messages().is_empty());
    assert!(begun.elapsed() < Duration::from_secs(10));
}
