//! How the adapters handle answers that a well-behaved server rarely gives. The server here follows a script.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use contract::Stage;
use platform::{
    ETag, Outbox as _, Queue, QueueError, Secret, Store, StoreError,
    aws::{Access, Endpoint, S3Store, SqsQueue, connect_queue, connect_store},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

const DATE: &str = "Date: Mon, 23 Nov 2026 12:00:10 GMT\r\n";
const MODIFIED: &str = "Last-Modified: Mon, 23 Nov 2026 12:00:00 GMT\r\n";

/// One answer: status, headers, body.
type Answer = (u16, String, String);

/// A server that gives one answer after the other, and repeats the last one.
struct Scripted {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Scripted {
    async fn start(script: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, script.clone(), counter.clone()));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn endpoint(&self) -> (Endpoint, Access) {
        let access = Access {
            key: "k".to_owned(),
            secret: Secret::new("s".to_owned()),
        };
        (
            Endpoint {
                url: Some(self.url.clone()),
                region: None,
            },
            access,
        )
    }

    async fn store(&self) -> S3Store {
        let (endpoint, access) = self.endpoint();
        connect_store("bucket", &endpoint, Some(&access)).await.unwrap()
    }

    async fn queue(&self, configured: &[(Stage, &str)]) -> SqsQueue {
        let (endpoint, access) = self.endpoint();
        let urls = configured
            .iter()
            .map(|(stage, url)| (*stage, (*url).to_owned()))
            .collect::<BTreeMap<_, _>>();
        connect_queue(&endpoint, Some(&access), urls).await.unwrap()
    }
}

/// Answers the requests of one connection.
async fn converse(stream: TcpStream, script: Vec<Answer>, asked: Arc<AtomicUsize>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut length, mut line) = (0_usize, String::new());
        loop {
            line.clear();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        stream.read_exact(&mut vec![0; length]).await.ok()?;
        let number = asked.fetch_add(1, Ordering::SeqCst);
        let (status, headers, body) = script.get(number).or(script.last())?;
        let answer = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        stream.get_mut().write_all(answer.as_bytes()).await.ok()?;
    }
}

fn s3_error(status: u16, code: &str) -> Answer {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>");
    (status, format!("{DATE}Content-Type: application/xml\r\n"), body)
}

fn s3_written() -> Answer {
    (200, format!("{DATE}ETag: \"e\"\r\n"), String::new())
}

fn sqs_error(code: &str, query: &str) -> Answer {
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("x-amzn-query-error: {query};Sender\r\n")
    };
    let headers = format!("Content-Type: application/x-amz-json-1.0\r\n{query}");
    (400, headers, format!("{{\"__type\":\"{code}\",\"message\":\"m\"}}"))
}

fn sqs_answer(body: &str) -> Answer {
    (
        200,
        "Content-Type: application/x-amz-json-1.0\r\n".to_owned(),
        body.to_owned(),
    )
}

#[tokio::test]
async fn a_conditional_write_is_sent_once_and_doubted_after_a_server_error() {
    for answer in [s3_error(500, "InternalError"), s3_error(503, "SlowDown")] {
        let server = Scripted::start(vec![answer]).await;
        let store = server.store().await;
        let created = store.create("a", Bytes::from_static(b"x")).await.unwrap_err();
        let swapped = store
            .swap("a", Bytes::from_static(b"x"), &ETag::new("e"))
            .await
            .unwrap_err();
        assert!(matches!(created, StoreError::Doubt { .. }), "{created:?}");
        assert!(matches!(swapped, StoreError::Doubt { .. }), "{swapped:?}");
        assert_eq!(server.asked(), 2);
    }
}

#[tokio::test]
async fn a_conflict_is_tried_again_and_a_lost_condition_is_not() {
    let conflict = || s3_error(409, "ConditionalRequestConflict");
    let server = Scripted::start(vec![conflict(), conflict(), s3_written()]).await;
    server.store().await.create("a", Bytes::new()).await.unwrap();
    assert_eq!(server.asked(), 3);

    let server = Scripted::start(vec![conflict(), s3_error(412, "PreconditionFailed")]).await;
    let error = server.store().await.create("a", Bytes::new()).await.unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }), "{error:?}");
    assert_eq!(server.asked(), 2);

    let server = Scripted::start(vec![conflict()]).await;
    let error = server
        .store()
        .await
        .swap("a", Bytes::new(), &ETag::new("e"))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert_eq!(server.asked(), 4);
}

#[tokio::test]
async fn what_is_safe_to_repeat_is_repeated() {
    let found = (200, format!("{DATE}{MODIFIED}ETag: \"e\"\r\n"), "hello".to_owned());
    let server = Scripted::start(vec![s3_error(500, "InternalError"), found]).await;
    let object = server.store().await.get("a", 10).await.unwrap();
    assert_eq!((object.bytes.as_ref(), object.meta.age_s()), (b"hello".as_slice(), 10));
    assert_eq!(server.asked(), 2);

    let server = Scripted::start(vec![s3_error(500, "InternalError"), s3_written()]).await;
    server.store().await.put("a", Bytes::new()).await.unwrap();
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn an_answer_without_the_stores_time_is_no_answer() {
    let server = Scripted::start(vec![(200, format!("{MODIFIED}ETag: \"e\"\r\n"), "x".to_owned())]).await;
    let error = server.store().await.get("a", 10).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_taken_for_the_object() {
    let scratch = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 16 * 1024];
            let _ = stream.read(&mut request).await;
            let head = format!("HTTP/1.1 200 X\r\nContent-Length: 100\r\n{DATE}{MODIFIED}ETag: \"e\"\r\n\r\nonly this");
            let _ = stream.write_all(head.as_bytes()).await;
        }
    });
    let endpoint = Endpoint {
        url: Some(url),
        region: None,
    };
    let access = Access {
        key: "k".to_owned(),
        secret: Secret::new("s".to_owned()),
    };
    let store = connect_store("bucket", &endpoint, Some(&access)).await.unwrap();
    let error = store
        .download("a", &ETag::new("e"), &scratch.path().join("f"), 1000)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
}

// versitygw refuses a request that names an algorithm and brings no checksum.
#[tokio::test]
async fn a_named_blob_is_sent_with_its_checksum() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint {
        url: Some(format!("http://{}", listener.local_addr().unwrap())),
        region: None,
    };
    let access = Access {
        key: "k".to_owned(),
        secret: Secret::new("s".to_owned()),
    };
    let store = connect_store("bucket", &endpoint, Some(&access)).await.unwrap();
    let head = async {
        let (stream, _) = listener.accept().await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        let mut head = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap().filter(|line| !line.is_empty()) {
            head.push(line);
        }
        head
    };
    let head = tokio::select! {
        head = head => head,
        answer = store.put_named("blob", "123456789".into()) => panic!("nobody has answered, but the store says {answer:?}"),
    };
    // The check value of CRC-32C: RFC 3720, appendix B.4, and the catalogue of parametrised CRC algorithms.
    assert!(head.contains(&"x-amz-checksum-crc32c: 4waSgw==".to_owned()), "{head:?}");
}

#[tokio::test]
async fn every_servers_word_for_a_missing_queue_is_understood() {
    for (server_name, answer) in [
        (
            "AWS and moto",
            sqs_error(
                "com.amazonaws.sqs#QueueDoesNotExist",
                "AWS.SimpleQueueService.NonExistentQueue",
            ),
        ),
        ("ElasticMQ", sqs_error("QueueDoesNotExist", "QueueDoesNotExist")),
        ("plain", sqs_error("AWS.SimpleQueueService.NonExistentQueue", "")),
    ] {
        let server = Scripted::start(vec![answer]).await;
        let error = server
            .queue(&[])
            .await
            .send(Stage::Eval, &["x".to_owned()])
            .await
            .unwrap_err();
        assert!(
            matches!(&error, QueueError::NoQueue { queue } if queue == "flits-eval"),
            "{server_name}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_void_handle_is_nothing_to_delete_and_nothing_to_hide() {
    for (server_name, answer) in [
        (
            "ElasticMQ",
            sqs_error("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
        ),
        (
            "AWS, expired",
            sqs_error("com.amazonaws.sqs#InvalidParameterValue", "InvalidParameterValue"),
        ),
        (
            "AWS, not in flight",
            sqs_error(
                "com.amazonaws.sqs#MessageNotInflight",
                "AWS.SimpleQueueService.MessageNotInflight",
            ),
        ),
    ] {
        let server = Scripted::start(vec![answer]).await;
        let queue = server.queue(&[(Stage::Train, &format!("{}/0/q", server.url))]).await;
        queue.delete(Stage::Train, "h").await.unwrap();
        let error = queue
            .extend(Stage::Train, "h", Duration::from_secs(1))
            .await
            .unwrap_err();
        assert!(matches!(error, QueueError::Stale { .. }), "{server_name}: {error:?}");
    }
}

#[tokio::test]
async fn entries_that_a_batch_refused_are_sent_again_and_only_they() {
    let partly = r#"{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"9dd4e461268c8034f5c8564e155c67a6"}],
        "Failed":[{"Id":"1","Code":"InternalError","SenderFault":false}]}"#;
    let fully = r#"{"Successful":[{"Id":"1","MessageId":"n","MD5OfMessageBody":"9dd4e461268c8034f5c8564e155c67a6"}]}"#;
    let server = Scripted::start(vec![sqs_answer(partly), sqs_answer(fully)]).await;
    let queue = server.queue(&[(Stage::Train, &format!("{}/0/q", server.url))]).await;
    queue
        .send(Stage::Train, &["x".to_owned(), "x".to_owned()])
        .await
        .unwrap();
    assert_eq!(server.asked(), 2);

    let wrong = r#"{"Successful":[],"Failed":[{"Id":"0","Code":"InvalidMessageContents","SenderFault":true}]}"#;
    let server = Scripted::start(vec![sqs_answer(wrong)]).await;
    let queue = server.queue(&[(Stage::Train, &format!("{}/0/q", server.url))]).await;
    let error = queue.send(Stage::Train, &["\u{1}".to_owned()]).await.unwrap_err();
    assert!(
        matches!(
            error,
            QueueError::NotSent {
                asked: 1,
                failed: 1,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_queues_url_is_asked_for_once() {
    let listener = sqs_answer(r#"{"QueueUrl":"http://127.0.0.1:1/0/flits-train"}"#);
    let server = Scripted::start(vec![listener, sqs_answer("{}")]).await;
    let queue = server.queue(&[]).await;
    for _ in 0..3 {
        assert_eq!(queue.receive(Stage::Train, 10, Duration::ZERO).await.unwrap(), []);
    }
    assert_eq!(server.asked(), 4);
}

/// Takes bodies at a million bytes a second, on the runtime's paused clock, and then answers that they are written.
async fn slowly(listener: TcpListener) -> Option<()> {
    loop {
        let (stream, _) = listener.accept().await.ok()?;
        let mut stream = BufReader::new(stream);
        let (mut length, mut line) = (0_usize, String::new());
        while stream.read_line(&mut line).await.ok()? > 2 {
            let header = line.to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if header.starts_with("expect:") {
                stream
                    .get_mut()
                    .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                    .await
                    .ok()?;
            }
            line.clear();
        }
        let mut chunk = vec![0; 1_000_000];
        while length > 0 {
            let part = length.min(chunk.len());
            stream.read_exact(&mut chunk[..part]).await.ok()?;
            tokio::time::advance(Duration::from_secs(1)).await;
            length -= part;
        }
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{DATE}ETag: \"e\"\r\n\r\n");
        stream.get_mut().write_all(answer.as_bytes()).await.ok()?;
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_write_over_a_slow_line_has_the_time_that_its_bytes_need() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Scripted {
        url: format!("http://{}", listener.local_addr().unwrap()),
        asked: Arc::default(),
    };
    tokio::spawn(slowly(listener));
    let store = server.store().await;
    let bytes = Bytes::from(vec![b'x'; 16_000_000]);
    for (what, written) in [
        ("put", store.put("k", bytes.clone()).await),
        ("put_named", store.put_named("k", bytes.clone()).await),
        ("create", store.create("k", bytes.clone()).await),
        ("swap", store.swap("k", bytes.clone(), &ETag::new("seen")).await),
    ] {
        assert_eq!(written.unwrap(), ETag::new("e"), "{what}");
    }
}
