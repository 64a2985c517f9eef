//! Injected duplicates and disorder.

use std::collections::BTreeMap;

use emulator::{Faults, Reorder};

use crate::harness::{Server, handle};

async fn drain(server: &Server, url: &str) -> Vec<String> {
    let mut seen = Vec::new();
    // Bounded by far more rounds than there are messages.
    for _ in 0..100 {
        let got = server.receive(url).await;
        if got.is_empty() {
            break;
        }
        for message in got {
            server
                .client
                .delete_message()
                .queue_url(url)
                .receipt_handle(handle(&message))
                .send()
                .await
                .unwrap();
            seen.push(message.body.unwrap());
        }
    }
    seen
}

#[tokio::test]
async fn every_message_is_delivered_as_often_as_asked_whatever_is_deleted() {
    let server = Server::with_faults(Faults {
        duplicate: 5,
        reorder: Some(Reorder::seeded(7)),
    })
    .await;
    let url = server.queue("jobs", &[]).await;
    for body in ["a", "b", "c", "d"] {
        server.send(&url, body).await;
    }
    let mut counts = BTreeMap::new();
    for body in drain(&server, &url).await {
        *counts.entry(body).or_insert(0) += 1;
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [5, 5, 5, 5]);
}

#[tokio::test]
async fn a_seed_gives_an_order_of_its_own() {
    let sent: Vec<_> = (0..20).map(|n| format!("{n:02}")).collect();
    let mut orders = Vec::new();
    for seed in [1, 1, 2] {
        let server = Server::with_faults(Faults {
            duplicate: 1,
            reorder: Some(Reorder::seeded(seed)),
        })
        .await;
        let url = server.queue("jobs", &[]).await;
        for body in &sent {
            server.send(&url, body).await;
        }
        orders.push(drain(&server, &url).await);
    }
    assert_eq!(orders[0], orders[1]);
    assert_ne!(orders[0], orders[2]);
    assert_ne!(orders[0], sent);
}
