//! Clients that are too slow are cut off; large bodies that come slowly are not.

use std::time::Duration;

use emulator::Timeouts;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{BUCKET, House, refusal};
use crate::raw::{self, Raw};

/// Short enough for a test, and longer than a request on loopback needs.
const LITTLE: Timeouts = Timeouts {
    headers: Duration::from_millis(300),
    body: Duration::from_millis(300),
};

#[tokio::test]
async fn a_client_that_never_ends_its_headers_is_cut_off() {
    let house = House::patient(LITTLE).await;
    for server in [&house.emulator.s3_url, &house.emulator.sqs_url] {
        let address = server.strip_prefix("http://").unwrap();
        for begun in ["", "GET /house/k HTTP/1.1\r\nhost: x\r\nx-slow: "] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            assert!(is_cut_off(&mut stream).await, "{server} {begun:?}");
        }
    }
}

#[tokio::test]
async fn a_client_that_stalls_in_its_body_is_cut_off_and_stores_nothing() {
    let house = House::patient(LITTLE).await;
    for sent in [0, 1, 70_000] {
        let request = Raw {
            method: "PUT",
            target: "/house/k",
            headers: &[("content-length", "100000")],
            ..Raw::default()
        };
        let mut stream = TcpStream::connect(raw::address(&house)).await.unwrap();
        stream.write_all(request.head(&house).as_bytes()).await.unwrap();
        stream.write_all(&vec![b'x'; sent]).await.unwrap();
        let answer = raw::read(&mut stream).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "RequestTimeout"),
            "{sent}: {answer:?}"
        );
        assert_eq!(
            refusal(house.s3.head_object().bucket(BUCKET).key("k").send().await).0,
            404
        );
    }
    house.holds_files(0).await;
}

#[tokio::test]
async fn a_large_body_that_comes_slowly_is_taken_whole() {
    let timeouts = Timeouts {
        body: Duration::from_secs(2),
        ..Timeouts::default()
    };
    let house = House::patient(timeouts).await;
    let stretch = vec![b'x'; 4096];
    let length = (30 * stretch.len()).to_string();
    let request = Raw {
        method: "PUT",
        target: "/house/k",
        headers: &[("content-length", &length)],
        ..Raw::default()
    };
    let mut stream = TcpStream::connect(raw::address(&house)).await.unwrap();
    stream.write_all(request.head(&house).as_bytes()).await.unwrap();
    // Three seconds in all, which is longer than the server waits for any stretch.
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..30 {
        ticks.tick().await;
        stream.write_all(&stretch).await.unwrap();
    }
    let answer = raw::read(&mut stream).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(house.bytes("k").await.len(), 30 * 4096);
}

#[tokio::test]
async fn a_stalled_request_to_a_queue_is_cut_off() {
    let house = House::patient(LITTLE).await;
    let address = house.emulator.sqs_url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: AmazonSQS.ListQueues\r\ncontent-length: 10\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(is_cut_off(&mut stream).await);
}

/// Reads until the server closes the connection.
async fn is_cut_off(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest))
        .await
        .is_ok()
}
