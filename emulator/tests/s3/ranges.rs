//! Malformed ranges are ignored, as RFC 9110 says; those that cannot be satisfied are refused.

use crate::harness::{BUCKET, House, bytes, collect, refusal};
use crate::raw::Raw;

#[tokio::test]
async fn a_range_that_is_none_or_many_gives_the_whole_object() {
    let house = House::start().await;
    let body = bytes(1000);
    house.put("k", body.clone()).await;
    for range in [
        "bytes=0-1,5-9",
        "bytes=9-5",
        "bytes=a-b",
        "bytes",
        "bytes=",
        "bytes=-",
        "lines=0-5",
        "0-5",
    ] {
        let got = house.s3.get_object().bucket(BUCKET).key("k").range(range).send().await;
        let got = got.unwrap_or_else(|error| panic!("{range}: {error:?}"));
        assert_eq!(
            (got.content_range(), got.content_length()),
            (None, Some(1000)),
            "{range}"
        );
        assert!(collect(got).await == body, "{range}");
        let head = house.s3.head_object().bucket(BUCKET).key("k").range(range).send().await;
        assert_eq!(head.unwrap().content_length(), Some(1000), "{range}");
    }
    let one = house
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .range("bytes=5-9")
        .send()
        .await;
    assert_eq!(one.unwrap().content_range(), Some("bytes 5-9/1000"));
    for range in ["bytes=1000-", "bytes=2000-3000", "bytes=-0"] {
        let beyond = house.s3.get_object().bucket(BUCKET).key("k").range(range).send().await;
        assert_eq!(refusal(beyond), (416, "InvalidRange".to_owned()), "{range}");
    }
}

#[tokio::test]
async fn an_ignored_range_opens_no_door() {
    let house = House::start().await;
    house.put("k", bytes(10)).await;
    let wrong = crate::harness::client(&house.emulator.s3_url, crate::harness::KEY_ID, "wrong");
    let get = wrong
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .range("lines=1-2")
        .send()
        .await;
    assert_eq!(refusal(get), (403, "SignatureDoesNotMatch".to_owned()));
    let request = format!(
        "GET /house/k HTTP/1.1\r\nhost: {}\r\nrange: lines=1-2\r\nconnection: close\r\n\r\n",
        crate::raw::address(&house)
    );
    let mut stream = tokio::net::TcpStream::connect(crate::raw::address(&house))
        .await
        .unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
        .await
        .unwrap();
    assert_eq!(crate::raw::read(&mut stream).await.status, 403);
    let odd = Raw {
        target: "/house/k",
        headers: &[("range", "lines=1-2"), ("x-amz-tomorrow", "1")],
        ..Raw::default()
    };
    assert_eq!(odd.send(&house).await.status, 501);
    let missing = house
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("none")
        .range("lines=1-2")
        .send()
        .await;
    assert_eq!(refusal(missing), (404, "NoSuchKey".to_owned()));
}
