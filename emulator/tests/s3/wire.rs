//! The protocol itself: signatures, presigned requests, dates, bodies that break off.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{BUCKET, House, KEY_ID, LARGE, SECRET, bytes, client, refusal};

fn an_hour() -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_hours(1)).unwrap()
}

/// Sends bytes as they are and returns the head and the body of the answer.
async fn exchange(house: &House, request: &str) -> (String, String) {
    let mut stream = connect(house).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

async fn connect(house: &House) -> TcpStream {
    TcpStream::connect(address(house)).await.unwrap()
}

fn address(house: &House) -> &str {
    house.emulator.s3_url.strip_prefix("http://").unwrap()
}

fn request(house: &House, method: &str, target: &str, body: &str) -> String {
    let (host, length) = (address(house), body.len());
    format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn path_of(url: &str) -> String {
    let start = url.find(BUCKET).unwrap() - 1;
    url[start..].to_owned()
}

#[tokio::test]
async fn only_signed_requests_are_answered() {
    let house = House::start().await;
    house.put("k", b"x".to_vec()).await;
    let get = |id: &str, secret: &str| {
        client(&house.emulator.s3_url, id, secret)
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .send()
    };
    assert_eq!(
        refusal(get(KEY_ID, "wrong").await),
        (403, "SignatureDoesNotMatch".to_owned())
    );
    assert_eq!(
        refusal(get("unknown", SECRET).await),
        (403, "InvalidAccessKeyId".to_owned())
    );
    let (head, body) = exchange(&house, &request(&house, "GET", "/house/k", "")).await;
    assert!(head.starts_with("http/1.1 403"), "{head}");
    assert!(body.contains("AccessDenied"), "{body}");
    let put = client(&house.emulator.s3_url, KEY_ID, "wrong")
        .put_object()
        .bucket(BUCKET)
        .key("k");
    assert_eq!(refusal(put.body(bytes(10).into()).send().await).0, 403);
    assert_eq!(house.bytes("k").await, b"x");
}

#[tokio::test]
async fn presigned_requests_work_until_somebody_changes_them() {
    let house = House::start().await;
    let put = house
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("a b+c")
        .presigned(an_hour())
        .await
        .unwrap();
    let target = path_of(put.uri());
    let (head, _) = exchange(&house, &request(&house, "PUT", &target, "hello")).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(house.bytes("a b+c").await, b"hello");
    let get = house
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("a b+c")
        .presigned(an_hour())
        .await
        .unwrap();
    let target = path_of(get.uri());
    let (head, body) = exchange(&house, &request(&house, "GET", &target, "")).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(body, "hello");
    let (head, _) = exchange(&house, &request(&house, "GET", &target.replace("b%2Bc", "other"), "")).await;
    assert!(head.starts_with("http/1.1 403"), "{head}");
}

#[tokio::test]
async fn dates_are_whole_seconds_of_one_clock() {
    let house = House::start().await;
    house.put("k", b"x".to_vec()).await;
    let get = house
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .presigned(an_hour())
        .await
        .unwrap();
    let (head, _) = exchange(&house, &request(&house, "GET", &path_of(get.uri()), "")).await;
    let stamp = |name: &str| {
        let line = head.lines().find(|line| line.starts_with(name)).unwrap();
        let value = line.split_once(": ").unwrap().1;
        let names = [
            ("mon", "Mon"),
            ("tue", "Tue"),
            ("wed", "Wed"),
            ("thu", "Thu"),
            ("fri", "Fri"),
            ("sat", "Sat"),
        ];
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let mut value = value.replace("gmt", "GMT").replace("sun", "Sun");
        for (small, right) in names {
            value = value.replace(small, right);
        }
        for month in months {
            value = value.replace(&month.to_lowercase(), month);
        }
        DateTime::from_str(&value, DateTimeFormat::HttpDate).unwrap().secs()
    };
    let age = stamp("date") - stamp("last-modified");
    assert!((0..60).contains(&age), "{age} s");
    let now = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(stamp("date").try_into().unwrap());
    assert!(now.elapsed().is_ok_and(|off| off.as_secs() < 60));
}

#[tokio::test]
async fn a_body_that_breaks_off_stores_nothing() {
    let house = House::start().await;
    let put = house
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .presigned(an_hour())
        .await
        .unwrap();
    let mut stream = connect(&house).await;
    let whole = "x".repeat(LARGE);
    let request = request(&house, "PUT", &path_of(put.uri()), &whole);
    stream
        .write_all(&request.as_bytes()[..request.len() - 10])
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // Whether the server answers before it closes the connection does not matter.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    assert_eq!(
        refusal(house.s3.head_object().bucket(BUCKET).key("k").send().await).0,
        404
    );
    house.holds_files(0).await;
}

#[tokio::test]
async fn unknown_operations_are_refused_as_not_implemented() {
    let house = House::start().await;
    let tags = house.s3.get_object_tagging().bucket(BUCKET).key("k").send().await;
    assert_eq!(refusal(tags), (501, "NotImplemented".to_owned()));
    let tagged = house
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .tagging("a=b")
        .send()
        .await;
    assert_eq!(refusal(tagged), (501, "NotImplemented".to_owned()));
}
