//! A signature for another region is answered with the one that is right, on every operation.

use aws_sdk_s3::config::Region;
use aws_sdk_s3::error::ProvideErrorMetadata;

use crate::harness::{BUCKET, House, refusal};
use crate::raw::Raw;

#[tokio::test]
async fn another_region_is_told_the_right_one_on_every_operation() {
    let house = House::start().await;
    house.put("k", b"x".to_vec()).await;
    for region in ["US", "eu-west-1", "us-east-2"] {
        for (method, target) in [
            ("GET", "/"),
            ("PUT", "/another"),
            ("GET", "/house?location="),
            ("GET", "/house?list-type=2"),
            ("GET", "/house/k"),
            ("PUT", "/house/k"),
            ("DELETE", "/house/k"),
            ("POST", "/house/k?uploads="),
        ] {
            let request = Raw {
                method,
                target,
                region,
                ..Raw::default()
            };
            let answer = request.send(&house).await;
            let told = (answer.status, answer.code(), answer.between("<Region>", "</Region>"));
            let expected = (400, "AuthorizationHeaderMalformed", "us-east-1");
            assert_eq!(told, expected, "{region} {method} {target}: {answer:?}");
            assert_eq!(answer.header("x-amz-bucket-region"), Some("us-east-1"), "{answer:?}");
        }
    }
    assert_eq!(house.bytes("k").await, b"x");
    assert_eq!(house.s3.list_buckets().send().await.unwrap().buckets().len(), 1);
}

#[tokio::test]
async fn a_head_of_another_region_tells_the_right_one_in_a_header() {
    let house = House::start().await;
    let head = Raw {
        method: "HEAD",
        target: "/house",
        region: "eu-west-1",
        ..Raw::default()
    };
    let answer = head.send(&house).await;
    assert_eq!(
        (answer.status, answer.header("x-amz-bucket-region")),
        (400, Some("us-east-1")),
        "{answer:?}"
    );
    let head = house.s3.head_bucket().bucket(BUCKET).send().await.unwrap();
    assert_eq!(head.bucket_region(), Some("us-east-1"));
}

#[tokio::test]
async fn a_presigned_request_of_another_region_is_told_too() {
    let house = House::start().await;
    let config = house.s3.config().to_builder().region(Region::new("eu-west-1"));
    let elsewhere = aws_sdk_s3::Client::from_conf(config.build());
    let get = elsewhere.get_object().bucket(BUCKET).key("k").send().await;
    assert_eq!(get.as_ref().unwrap_err().code(), Some("AuthorizationHeaderMalformed"));
    assert_eq!(refusal(get).0, 400);
    let hour = std::time::Duration::from_hours(1);
    let hour = aws_sdk_s3::presigning::PresigningConfig::expires_in(hour).unwrap();
    let url = elsewhere
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .presigned(hour)
        .await
        .unwrap();
    let target = &url.uri()[house.emulator.s3_url.len()..];
    let request = format!(
        "GET {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
        crate::raw::address(&house)
    );
    let mut stream = tokio::net::TcpStream::connect(crate::raw::address(&house))
        .await
        .unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
        .await
        .unwrap();
    let answer = crate::raw::read(&mut stream).await;
    assert_eq!(
        (answer.status, answer.code(), answer.between("<Region>", "</Region>")),
        (400, "AuthorizationQueryParametersError", "us-east-1"),
        "{answer:?}"
    );
}
