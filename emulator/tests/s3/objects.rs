//! What is put can be read again, whatever its key, size and headers.

use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{Delete, MetadataDirective, ObjectIdentifier};

use crate::harness::{BUCKET, House, LARGE, bytes, collect, refusal};

#[tokio::test]
async fn bodies_of_any_size_come_back_as_they_went() {
    let house = House::start().await;
    for size in [0, 1, 65_535, 65_536, 65_537, LARGE, 3 << 20] {
        let body = bytes(size);
        house.put("body", body.clone()).await;
        let got = house.get("body").await;
        assert_eq!(got.content_length, i64::try_from(size).ok(), "size {size}");
        assert!(collect(got).await == body, "size {size}");
    }
}

#[tokio::test]
async fn the_tag_is_the_md5_of_the_body() {
    let house = House::start().await;
    assert_eq!(
        house.put("hello", b"hello".to_vec()).await,
        "\"5d41402abc4b2a76b9719d911017c592\""
    );
    assert_eq!(
        house.put("empty", Vec::new()).await,
        "\"d41d8cd98f00b204e9800998ecf8427e\""
    );
}

#[tokio::test]
async fn any_legal_key_works() {
    let house = House::start().await;
    let longest = "k".repeat(1024);
    let keys = [
        "a",
        "a/b",
        "a+b",
        "a b",
        "raw/ü/温度.csv",
        "p/../x",
        "../x",
        "dir/",
        "/lead",
        "a//b",
        ".",
        "%2F",
        "a&b=c?d#e",
        "'\"<>",
        &longest,
    ];
    for key in keys {
        house.put(key, key.as_bytes().to_vec()).await;
    }
    for key in keys {
        assert_eq!(house.bytes(key).await, key.as_bytes(), "key {key}");
    }
    let listed = house.s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    let mut expected = keys.to_vec();
    expected.sort_unstable();
    let listed: Vec<&str> = listed.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn a_key_of_more_than_1024_bytes_is_refused() {
    let house = House::start().await;
    let put = house.s3.put_object().bucket(BUCKET).key("k".repeat(1025)).send().await;
    assert_eq!(refusal(put), (400, "KeyTooLongError".to_owned()));
}

#[tokio::test]
async fn keys_are_never_paths() {
    let house = House::start().await;
    for key in ["p/../../../x", "/etc/passwd", "..", "../../outside"] {
        house.put(key, bytes(LARGE)).await;
    }
    house.holds_files(4).await;
    assert!(!house.dir.path().parent().unwrap().join("outside").exists());
}

#[tokio::test]
async fn headers_and_metadata_come_back() {
    let house = House::start().await;
    let expires = DateTime::from_secs(2_000_000_000);
    let put = house
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(ByteStream::from_static(b"x"));
    let put = put
        .content_type("text/csv")
        .cache_control("no-store")
        .content_disposition("attachment");
    let put = put.content_encoding("gzip").content_language("ca").expires(expires);
    put.metadata("flits-spec", "abc")
        .metadata("other", "ü")
        .send()
        .await
        .unwrap();
    let got = house.get("k").await;
    let head = house.s3.head_object().bucket(BUCKET).key("k").send().await.unwrap();
    for metadata in [got.metadata().unwrap(), head.metadata().unwrap()] {
        assert_eq!(metadata["flits-spec"], "abc");
        // As AWS gives it: headers are ASCII, so other text comes encoded as RFC 2047 has it.
        assert_eq!(metadata["other"], "=?UTF-8?B?w7w=?=");
        assert_eq!(metadata.len(), 2);
    }
    assert_eq!(got.content_type(), Some("text/csv"));
    assert_eq!(got.cache_control(), Some("no-store"));
    assert_eq!(got.content_disposition(), Some("attachment"));
    assert_eq!(got.content_encoding(), Some("gzip"));
    assert_eq!(got.content_language(), Some("ca"));
    assert_eq!(got.expires_string(), Some("Wed, 18 May 2033 03:33:20 GMT"));
    assert_eq!(head.content_length(), Some(1));
    assert_eq!(head.e_tag(), got.e_tag());
    assert_eq!(head.last_modified(), got.last_modified());
}

#[tokio::test]
async fn ranges_give_their_bytes_and_no_others() {
    let house = House::start().await;
    for size in [1000, LARGE] {
        let body = bytes(size);
        house.put("k", body.clone()).await;
        for (range, expected) in [
            ("bytes=0-0".to_owned(), 0..1),
            ("bytes=10-99".to_owned(), 10..100),
            ("bytes=990-".to_owned(), 990..size),
            ("bytes=-10".to_owned(), size - 10..size),
            (format!("bytes=500-{}", size * 2), 500..size),
            (format!("bytes=-{}", size * 2), 0..size),
        ] {
            let got = house
                .s3
                .get_object()
                .bucket(BUCKET)
                .key("k")
                .range(&range)
                .send()
                .await
                .unwrap();
            let content_range = format!("bytes {}-{}/{size}", expected.start, expected.end - 1);
            assert_eq!(got.content_range(), Some(content_range.as_str()), "{range} of {size}");
            assert!(collect(got).await == body[expected], "{range} of {size}");
        }
        let beyond = house
            .s3
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .range(format!("bytes={size}-"))
            .send()
            .await;
        assert_eq!(refusal(beyond), (416, "InvalidRange".to_owned()));
    }
}

#[tokio::test]
async fn what_is_missing_is_said_to_be_missing() {
    let house = House::start().await;
    let get = house.s3.get_object().bucket(BUCKET).key("none").send().await;
    assert_eq!(refusal(get), (404, "NoSuchKey".to_owned()));
    assert_eq!(
        refusal(house.s3.head_object().bucket(BUCKET).key("none").send().await).0,
        404
    );
    let get = house.s3.get_object().bucket("nobucket").key("none").send().await;
    assert_eq!(refusal(get), (404, "NoSuchBucket".to_owned()));
    let put = house.s3.put_object().bucket("nobucket").key("k").send().await;
    assert_eq!(refusal(put), (404, "NoSuchBucket".to_owned()));
    let list = house.s3.list_objects_v2().bucket("nobucket").send().await;
    assert_eq!(refusal(list), (404, "NoSuchBucket".to_owned()));
    house
        .s3
        .delete_object()
        .bucket(BUCKET)
        .key("none")
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_bucket_is_made_once_found_listed_and_deleted_when_empty() {
    let house = House::start().await;
    let again = house.s3.create_bucket().bucket(BUCKET).send().await;
    again.unwrap();
    house.s3.create_bucket().bucket("annex").send().await.unwrap();
    let listed = house.s3.list_buckets().send().await.unwrap();
    let names: Vec<_> = listed.buckets().iter().filter_map(|bucket| bucket.name()).collect();
    assert_eq!(names, ["annex", BUCKET]);
    let versioning = house.s3.get_bucket_versioning().bucket("annex").send().await;
    assert_eq!(versioning.unwrap().status(), None);
    let nowhere = house.s3.get_bucket_versioning().bucket("nowhere").send().await;
    assert_eq!(refusal(nowhere), (404, "NoSuchBucket".to_owned()));
    house.put("k", b"x".to_vec()).await;
    let full = house.s3.delete_bucket().bucket(BUCKET).send().await;
    assert_eq!(refusal(full), (409, "BucketNotEmpty".to_owned()));
    house.s3.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    house.s3.delete_bucket().bucket(BUCKET).send().await.unwrap();
    assert_eq!(refusal(house.s3.head_bucket().bucket(BUCKET).send().await).0, 404);
    house.s3.head_bucket().bucket("annex").send().await.unwrap();
}

#[tokio::test]
async fn a_copy_has_the_bytes_and_the_metadata_asked_for() {
    let house = House::start().await;
    for size in [100, LARGE] {
        let body = bytes(size);
        let put = house
            .s3
            .put_object()
            .bucket(BUCKET)
            .key("raw/a b+c")
            .body(body.clone().into());
        put.metadata("of", "source")
            .content_type("text/csv")
            .send()
            .await
            .unwrap();
        let source = format!("{BUCKET}/raw/a%20b%2Bc");
        let copy = || house.s3.copy_object().bucket(BUCKET).copy_source(&source);
        copy().key("same").send().await.unwrap();
        let replaced = copy()
            .key("other")
            .metadata_directive(MetadataDirective::Replace)
            .metadata("of", "copy");
        replaced.send().await.unwrap();
        house
            .s3
            .delete_object()
            .bucket(BUCKET)
            .key("raw/a b+c")
            .send()
            .await
            .unwrap();
        let (same, other) = (house.get("same").await, house.get("other").await);
        assert_eq!(same.metadata().unwrap()["of"], "source");
        assert_eq!(same.content_type(), Some("text/csv"));
        assert_eq!(other.metadata().unwrap()["of"], "copy");
        assert_eq!(same.e_tag(), other.e_tag());
        assert!(
            collect(same).await == body && collect(other).await == body,
            "size {size}"
        );
    }
    let onto_itself = house
        .s3
        .copy_object()
        .bucket(BUCKET)
        .key("same")
        .copy_source(format!("{BUCKET}/same"));
    let onto_itself = onto_itself
        .metadata_directive(MetadataDirective::Replace)
        .metadata("of", "itself");
    onto_itself.send().await.unwrap();
    assert!(house.bytes("same").await == bytes(LARGE));
}

#[tokio::test]
async fn many_keys_are_deleted_at_once() {
    let house = House::start().await;
    for key in ["a", "b+c", "d e", "kept"] {
        house.put(key, bytes(LARGE)).await;
    }
    let object = |key: &str| ObjectIdentifier::builder().key(key).build().unwrap();
    let delete = Delete::builder().set_objects(Some(["a", "b+c", "d e", "never"].map(object).to_vec()));
    let done = house
        .s3
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete.build().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(done.deleted().len(), 4);
    assert!(done.errors().is_empty());
    let left = house.s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!(left.contents().len(), 1);
    house.holds_files(1).await;
}

#[tokio::test]
async fn replaced_and_deleted_bodies_leave_no_files() {
    let house = House::start().await;
    for _ in 0..3 {
        house.put("k", bytes(LARGE)).await;
    }
    house.holds_files(1).await;
    house.put("k", b"small".to_vec()).await;
    house.holds_files(0).await;
    house.put("k", bytes(LARGE)).await;
    house.s3.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    house.holds_files(0).await;
}

#[tokio::test]
async fn a_body_that_is_being_read_is_read_to_its_end_although_it_is_replaced() {
    let house = House::start().await;
    let body = bytes(8 << 20);
    house.put("k", body.clone()).await;
    let slow = house.get("k").await;
    house.put("k", b"new".to_vec()).await;
    assert_eq!(house.bytes("k").await, b"new");
    assert!(collect(slow).await == body);
}

#[tokio::test]
async fn wrong_digests_are_refused_and_store_nothing() {
    let house = House::start().await;
    for size in [5, LARGE] {
        let put = || house.s3.put_object().bucket(BUCKET).key("k").body(bytes(size).into());
        let md5 = put().content_md5("1B2M2Y8AsgTpgAmY7PhCfg==").send().await;
        assert_eq!(refusal(md5), (400, "BadDigest".to_owned()));
        let sha256 = put()
            .checksum_sha256("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
            .send()
            .await;
        assert_eq!(refusal(sha256), (400, "BadDigest".to_owned()));
        let crc32 = put().checksum_crc32("AAAAAA==").send().await;
        assert_eq!(refusal(crc32), (400, "BadDigest".to_owned()));
    }
    assert_eq!(
        refusal(house.s3.head_object().bucket(BUCKET).key("k").send().await).0,
        404
    );
    house.holds_files(0).await;
}

#[tokio::test]
async fn checksums_that_were_sent_are_told_again() {
    use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};
    let house = House::start().await;
    for (algorithm, expected) in [
        (ChecksumAlgorithm::Crc32, "NhCmhg=="),
        (ChecksumAlgorithm::Crc32C, "mnG7TA=="),
        (ChecksumAlgorithm::Sha1, "qvTGHdzF6KLavt4PO0gs2a6pQ00="),
        (
            ChecksumAlgorithm::Sha256,
            "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
        ),
    ] {
        let put = house
            .s3
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(ByteStream::from_static(b"hello"));
        put.checksum_algorithm(algorithm.clone()).send().await.unwrap();
        let head = house
            .s3
            .head_object()
            .bucket(BUCKET)
            .key("k")
            .checksum_mode(ChecksumMode::Enabled);
        let head = head.send().await.unwrap();
        let told = [
            head.checksum_crc32(),
            head.checksum_crc32_c(),
            head.checksum_sha1(),
            head.checksum_sha256(),
        ];
        assert!(told.contains(&Some(expected)), "{algorithm}: {told:?}");
    }
}
