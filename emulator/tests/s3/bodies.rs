//! What a client announces about a body is true, or the body is refused.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{BUCKET, House, refusal};
use crate::raw::{self, Raw};

/// The bytes `hello` as a chunk with a trailer.
fn chunked(trailer: &str) -> Vec<u8> {
    format!("5\r\nhello\r\n0\r\n{trailer}\r\n").into_bytes()
}

async fn put_chunked(house: &House, announced: &str, length: &str, body: &[u8]) -> raw::Answer {
    let request = Raw {
        method: "PUT",
        target: "/house/k",
        headers: &[
            ("content-encoding", "aws-chunked"),
            ("x-amz-decoded-content-length", length),
            ("x-amz-trailer", announced),
        ],
        payload: "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        body,
        ..Raw::default()
    };
    request.send(house).await
}

#[tokio::test]
async fn an_announced_trailer_must_come() {
    let house = House::start().await;
    // The CRC-32 of `hello`.
    let sum = "x-amz-checksum-crc32:NhCmhg==\r\n";
    for (announced, trailer, expected) in [
        ("x-amz-checksum-crc32", sum, (200, "")),
        ("x-amz-checksum-crc32", "", (400, "MalformedTrailerError")),
        (
            "x-amz-checksum-crc32",
            "x-amz-checksum-sha1:qvTGHdzF6KLavt4PO0gs2a6pQ00=\r\n",
            (400, "MalformedTrailerError"),
        ),
        (
            "x-amz-checksum-crc32",
            "x-amz-checksum-crc32:AAAAAA==\r\n",
            (400, "BadDigest"),
        ),
        (
            "x-amz-checksum-xor",
            "x-amz-checksum-xor:AA==\r\n",
            (400, "InvalidRequest"),
        ),
    ] {
        let _ = house.s3.delete_object().bucket(BUCKET).key("k").send().await;
        let answer = put_chunked(&house, announced, "5", &chunked(trailer)).await;
        assert_eq!(
            (answer.status, answer.code()),
            expected,
            "{announced} {trailer:?}: {answer:?}"
        );
        let stored = house.s3.head_object().bucket(BUCKET).key("k").send().await.is_ok();
        assert_eq!(stored, expected.0 == 200, "{announced} {trailer:?}");
    }
}

#[tokio::test]
async fn a_decoded_length_that_is_wrong_is_refused() {
    let house = House::start().await;
    let body = chunked("x-amz-checksum-crc32:NhCmhg==\r\n");
    for length in ["4", "6", "0", "500000"] {
        let answer = put_chunked(&house, "x-amz-checksum-crc32", length, &body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "IncompleteBody"),
            "{length}: {answer:?}"
        );
        let stored = house.s3.head_object().bucket(BUCKET).key("k").send().await;
        assert_eq!(refusal(stored).0, 404, "{length}");
    }
    assert_eq!(
        put_chunked(&house, "x-amz-checksum-crc32", "5", &body).await.status,
        200
    );
}

#[tokio::test]
async fn a_request_to_delete_that_is_too_large_is_the_clients_fault() {
    let house = House::start().await;
    house.put("k", b"x".to_vec()).await;
    let mut body = b"<Delete>".to_vec();
    while body.len() < 30_000_000 {
        body.extend_from_slice(b"<Object><Key>k</Key></Object>");
    }
    body.extend_from_slice(b"</Delete>");
    let request = Raw {
        method: "POST",
        target: "/house?delete=",
        body: &body,
        ..Raw::default()
    };
    // The answer is read while the body is sent, because the server need not read all of it.
    let stream = TcpStream::connect(raw::address(&house)).await.unwrap();
    let (mut reads, mut writes) = stream.into_split();
    let head = request.head(&house);
    let sent = async {
        let _ = writes.write_all(head.as_bytes()).await;
        let _ = writes.write_all(&body).await;
    };
    let answered = async {
        let mut answer = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut reads, &mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let (answer, ()) = tokio::join!(answered, sent);
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("MaxMessageLengthExceeded"), "{answer}");
    assert_eq!(house.bytes("k").await, b"x");
}

#[tokio::test]
async fn a_digest_of_a_request_to_delete_is_checked() {
    let house = House::start().await;
    house.put("k", b"x".to_vec()).await;
    let body = b"<Delete><Object><Key>k</Key></Object></Delete>";
    for (header, value, expected) in [
        ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==", (400, "BadDigest")),
        ("content-md5", "none", (400, "InvalidDigest")),
        ("x-amz-checksum-crc32", "AAAAAA==", (400, "BadDigest")),
    ] {
        let request = Raw {
            method: "POST",
            target: "/house?delete=",
            headers: &[(header, value)],
            body,
            ..Raw::default()
        };
        let answer = request.send(&house).await;
        assert_eq!((answer.status, answer.code()), expected, "{header}: {answer:?}");
        assert_eq!(house.bytes("k").await, b"x", "{header}");
    }
}

// A client that reused the connection found it closed and its request unanswered.
#[tokio::test]
async fn an_answer_that_comes_before_the_body_says_that_the_connection_ends() {
    let house = House::start().await;
    for (target, expected) in [("/nowhere/k", "close"), ("/house/k", "none")] {
        let put = Raw {
            method: "PUT",
            target,
            headers: &[("content-length", "5")],
            ..Raw::default()
        };
        let head = put.head(&house).replace("connection: close\r\n", "");
        let mut stream = TcpStream::connect(raw::address(&house)).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        if expected == "none" {
            stream.write_all(b"hello").await.unwrap();
        }
        // Whichever comes first: the server closes the connection, or the client has no more requests.
        stream.shutdown().await.unwrap();
        let answer = raw::read(&mut stream).await;
        assert_eq!(
            answer.header("connection").unwrap_or("none"),
            expected,
            "{target}: {answer:?}"
        );
    }
}
