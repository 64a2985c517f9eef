//! Nothing that a client asks for is silently ignored: it is done or refused, and a refusal changes nothing.

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, Delete, ObjectCannedAcl, ObjectIdentifier,
    ObjectLockLegalHoldStatus, ObjectLockMode, ServerSideEncryption, StorageClass,
};

use crate::harness::{BUCKET, House, refusal};
use crate::raw::Raw;

const NOT_IMPLEMENTED: (u16, &str) = (501, "NotImplemented");
const NO_ACLS: (u16, &str) = (400, "AccessControlListNotSupported");
const NO_LOCK: (u16, &str) = (400, "InvalidRequest");

/// A valid customer key, so that only the request for encryption is wrong.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const KEY_MD5: &str = "hRasmdxgYDKV3nvbahU1MA==";

fn seen((status, code): (u16, String)) -> (u16, &'static str) {
    (status, code.leak())
}

#[tokio::test]
async fn a_put_with_an_ask_that_cannot_be_kept_is_refused_and_changes_nothing() {
    let house = House::start().await;
    house.put("k", b"old".to_vec()).await;
    let put = || {
        house
            .s3
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(b"new".to_vec().into())
    };
    let asks = vec![
        (
            "a customer's key",
            put()
                .sse_customer_algorithm("AES256")
                .sse_customer_key(KEY)
                .sse_customer_key_md5(KEY_MD5),
            NOT_IMPLEMENTED,
        ),
        (
            "encryption",
            put().server_side_encryption(ServerSideEncryption::Aes256),
            NOT_IMPLEMENTED,
        ),
        (
            "a managed key",
            put()
                .server_side_encryption(ServerSideEncryption::AwsKms)
                .ssekms_key_id("k"),
            NOT_IMPLEMENTED,
        ),
        (
            "a lock",
            put()
                .object_lock_mode(ObjectLockMode::Compliance)
                .object_lock_retain_until_date(DateTime::from_secs(4_000_000_000)),
            NO_LOCK,
        ),
        (
            "a legal hold",
            put().object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On),
            NO_LOCK,
        ),
        (
            "another class",
            put().storage_class(StorageClass::Glacier),
            NOT_IMPLEMENTED,
        ),
        (
            "a class that is none",
            put().storage_class("WARM".into()),
            (400, "InvalidStorageClass"),
        ),
        ("an offset", put().write_offset_bytes(3), NOT_IMPLEMENTED),
        (
            "another owner",
            put().expected_bucket_owner("111111111111"),
            (403, "AccessDenied"),
        ),
        ("readers", put().acl(ObjectCannedAcl::PublicRead), NO_ACLS),
        ("a grant", put().grant_read("id=somebody"), NO_ACLS),
        ("a redirect", put().website_redirect_location("/other"), NOT_IMPLEMENTED),
        ("tags", put().tagging("a=b"), NOT_IMPLEMENTED),
        (
            "a digest of something else",
            put().content_md5("1B2M2Y8AsgTpgAmY7PhCfg=="),
            (400, "BadDigest"),
        ),
        (
            "a digest that is none",
            put().content_md5("hello"),
            (400, "InvalidDigest"),
        ),
    ];
    let mut outcomes = Vec::new();
    for (what, put, expected) in asks {
        let found = match put.send().await {
            Ok(_) => (200, "fine"),
            refused => seen(refusal(refused)),
        };
        if found != expected {
            outcomes.push((what, found, expected));
        }
    }
    assert!(outcomes.is_empty(), "what, found, expected: {outcomes:#?}");
    assert_eq!(house.bytes("k").await, b"old");
}

#[tokio::test]
async fn asks_that_are_what_the_store_does_anyway_are_taken() {
    let house = House::start().await;
    let put = house
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(b"new".to_vec().into());
    put.storage_class(StorageClass::Standard)
        .acl(ObjectCannedAcl::Private)
        .expected_bucket_owner("000000000000")
        .tagging("")
        .send()
        .await
        .unwrap();
    let full = house
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(b"new".to_vec().into());
    full.acl(ObjectCannedAcl::BucketOwnerFullControl).send().await.unwrap();
    let head = house.s3.head_object().bucket(BUCKET).key("k");
    head.expected_bucket_owner("000000000000").send().await.unwrap();
}

#[tokio::test]
async fn a_delete_under_a_condition_that_is_not_kept_deletes_nothing() {
    let house = House::start().await;
    house.put("k", b"four".to_vec()).await;
    let delete = || house.s3.delete_object().bucket(BUCKET).key("k");
    for (what, delete, expected) in [
        ("a size", delete().if_match_size(5), NOT_IMPLEMENTED),
        (
            "a time",
            delete().if_match_last_modified_time(DateTime::from_secs(1)),
            NOT_IMPLEMENTED,
        ),
        (
            "another owner",
            delete().expected_bucket_owner("111111111111"),
            (403, "AccessDenied"),
        ),
        ("a device", delete().mfa("serial 123456"), NOT_IMPLEMENTED),
        (
            "a way around a lock",
            delete().bypass_governance_retention(true),
            NO_LOCK,
        ),
    ] {
        assert_eq!(seen(refusal(delete.send().await)), expected, "{what}");
    }
    let sized = ObjectIdentifier::builder().key("k").size(5).build().unwrap();
    let many = Delete::builder().objects(sized).build().unwrap();
    let many = house
        .s3
        .delete_objects()
        .bucket(BUCKET)
        .delete(many)
        .send()
        .await
        .unwrap();
    assert_eq!(many.errors()[0].code(), Some("NotImplemented"));
    assert_eq!(house.bytes("k").await, b"four");
}

#[tokio::test]
async fn reads_listings_and_buckets_keep_what_is_asked_or_say_so() {
    let house = House::start().await;
    house.put("k", b"x".to_vec()).await;
    let get = || house.s3.get_object().bucket(BUCKET).key("k");
    let with_key = get()
        .sse_customer_algorithm("AES256")
        .sse_customer_key(KEY)
        .sse_customer_key_md5(KEY_MD5);
    assert_eq!(seen(refusal(with_key.send().await)), NOT_IMPLEMENTED);
    let other = get().expected_bucket_owner("111111111111");
    assert_eq!(seen(refusal(other.send().await)), (403, "AccessDenied"));
    let list = house.s3.list_objects_v2().bucket(BUCKET);
    assert_eq!(
        seen(refusal(list.expected_bucket_owner("1").send().await)),
        (403, "AccessDenied")
    );
    let owners = house
        .s3
        .list_objects_v2()
        .bucket(BUCKET)
        .fetch_owner(true)
        .send()
        .await
        .unwrap();
    assert!(owners.contents()[0].owner().is_some_and(|owner| owner.id().is_some()));
    let plain = house
        .s3
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .response_content_type("text/csv");
    assert_eq!(plain.send().await.unwrap().content_type(), Some("text/csv"));
    let locked = house
        .s3
        .create_bucket()
        .bucket("other")
        .object_lock_enabled_for_bucket(true);
    assert_eq!(seen(refusal(locked.send().await)), NOT_IMPLEMENTED);
    let elsewhere = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1);
    let elsewhere = house
        .s3
        .create_bucket()
        .bucket("other")
        .create_bucket_configuration(elsewhere.build());
    assert_eq!(
        seen(refusal(elsewhere.send().await)),
        (400, "IllegalLocationConstraintException")
    );
    assert_eq!(house.s3.list_buckets().send().await.unwrap().buckets().len(), 1);
}

#[tokio::test]
async fn a_header_or_a_parameter_that_is_not_known_is_refused() {
    let house = House::start().await;
    house.put("k", b"x".to_vec()).await;
    let put = Raw {
        method: "PUT",
        target: "/house/k",
        headers: &[("x-amz-tomorrow", "1")],
        body: b"new",
        ..Raw::default()
    };
    let answer = put.send(&house).await;
    assert_eq!((answer.status, answer.code()), NOT_IMPLEMENTED, "{answer:?}");
    assert!(answer.body.contains("x-amz-tomorrow"), "{answer:?}");
    for target in [
        "/house/k?tomorrow=1",
        "/house?list-type=2&tomorrow=1",
        "/house?versions=",
        "/house?policy=",
    ] {
        let answer = Raw {
            target,
            ..Raw::default()
        };
        let answer = answer.send(&house).await;
        assert_eq!((answer.status, answer.code()), NOT_IMPLEMENTED, "{target} {answer:?}");
    }
    // A presigned address may carry headers, and they are checked too.
    for (target, expected) in [
        ("/house/k?x-amz-tomorrow=1", NOT_IMPLEMENTED),
        ("/house/k?x-amz-expected-bucket-owner=1", (403, "AccessDenied")),
        (
            "/house/k?x-amz-server-side-encryption-customer-algorithm=AES256",
            NOT_IMPLEMENTED,
        ),
    ] {
        let asked = Raw {
            target,
            ..Raw::default()
        };
        let answer = asked.send(&house).await;
        assert_eq!((answer.status, answer.code()), expected, "{target} {answer:?}");
    }
    // A condition of reads is refused on a write.
    let conditional = Raw {
        method: "PUT",
        target: "/house/k",
        headers: &[("if-modified-since", "Mon, 01 Jan 2001 00:00:00 GMT")],
        body: b"new",
        ..Raw::default()
    };
    let answer = conditional.send(&house).await;
    assert_eq!((answer.status, answer.code()), NOT_IMPLEMENTED, "{answer:?}");
    assert_eq!(house.bytes("k").await, b"x");
}

#[tokio::test]
async fn a_form_of_a_browser_is_refused() {
    let house = House::start().await;
    let form = "--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nnew\r\n--x--\r\n";
    let post = Raw {
        method: "POST",
        target: "/house",
        headers: &[("content-type", "multipart/form-data; boundary=x")],
        body: form.as_bytes(),
        ..Raw::default()
    };
    let answer = post.send(&house).await;
    assert_eq!((answer.status, answer.code()), NOT_IMPLEMENTED, "{answer:?}");
}

#[tokio::test]
async fn an_element_of_a_body_that_is_not_known_is_refused() {
    let house = House::start().await;
    house.put("k", b"x".to_vec()).await;
    for (method, target, body) in [
        (
            "PUT",
            "/other",
            "<CreateBucketConfiguration><Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags></CreateBucketConfiguration>",
        ),
        (
            "POST",
            "/house?delete=",
            "<Delete><Object><Key>k</Key><Colour>red</Colour></Object></Delete>",
        ),
        (
            "PUT",
            "/house?notification=",
            "<NotificationConfiguration><Colour>red</Colour></NotificationConfiguration>",
        ),
    ] {
        let request = Raw {
            method,
            target,
            body: body.as_bytes(),
            ..Raw::default()
        };
        let answer = request.send(&house).await;
        assert_eq!((answer.status, answer.code()), NOT_IMPLEMENTED, "{body} {answer:?}");
    }
    assert_eq!(house.bytes("k").await, b"x");
    assert_eq!(house.s3.list_buckets().send().await.unwrap().buckets().len(), 1);
}
