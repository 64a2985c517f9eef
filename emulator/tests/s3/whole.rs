//! Checksums of whole objects that were uploaded in parts, and completions that are repeated.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{BUCKET, House, bytes, refusal};

const PART: usize = 5 << 20;

/// The CRC of some bytes, in the protocol's form; computed bit by bit, unlike the server's.
fn crc(algorithm: &ChecksumAlgorithm, bytes: &[u8]) -> String {
    let (polynomial, width) = match algorithm {
        ChecksumAlgorithm::Crc32 => (0xEDB8_8320_u64, 4),
        ChecksumAlgorithm::Crc32C => (0x82F6_3B78, 4),
        ChecksumAlgorithm::Crc64Nvme => (0x9A6C_9329_AC4B_C9B5, 8),
        other => panic!("{other:?} is no CRC"),
    };
    let ones = u64::MAX >> (64 - 8 * width);
    let table: Vec<u64> = (0..256)
        .map(|byte| (0..8).fold(byte, |crc, _| (crc >> 1) ^ if crc & 1 == 1 { polynomial } else { 0 }))
        .collect();
    let crc = bytes.iter().fold(ones, |crc, byte| {
        let index = usize::try_from((crc ^ u64::from(*byte)) & 0xff).unwrap();
        table[index] ^ (crc >> 8)
    });
    let sum = (crc ^ ones).to_be_bytes();
    STANDARD.encode(&sum[8 - width..])
}

fn of(head: &aws_sdk_s3::operation::head_object::HeadObjectOutput, algorithm: &ChecksumAlgorithm) -> Option<String> {
    let sum = match algorithm {
        ChecksumAlgorithm::Crc32 => head.checksum_crc32(),
        ChecksumAlgorithm::Crc32C => head.checksum_crc32_c(),
        _ => head.checksum_crc64_nvme(),
    };
    sum.map(str::to_owned)
}

async fn uploaded(house: &House, algorithm: &ChecksumAlgorithm, body: &[u8]) -> (String, CompletedMultipartUpload) {
    let begun = house
        .s3
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .checksum_algorithm(algorithm.clone())
        .checksum_type(ChecksumType::FullObject)
        .send()
        .await
        .unwrap();
    assert_eq!(begun.checksum_type(), Some(&ChecksumType::FullObject), "{algorithm:?}");
    let id = begun.upload_id.unwrap();
    let mut parts = CompletedMultipartUpload::builder();
    for (number, part) in (1..).zip(body.chunks(PART)) {
        let put = house.s3.upload_part().bucket(BUCKET).key("k").upload_id(&id);
        let put = put.part_number(number).checksum_algorithm(algorithm.clone());
        let done = put.body(part.to_vec().into()).send().await.unwrap();
        parts = parts.parts(
            CompletedPart::builder()
                .part_number(number)
                .e_tag(done.e_tag.unwrap())
                .build(),
        );
    }
    (id, parts.build())
}

#[tokio::test]
async fn the_checksum_of_an_upload_in_parts_can_be_that_of_the_whole_object() {
    let house = House::start().await;
    let body = bytes(PART + 1234);
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
    ] {
        let (id, parts) = uploaded(&house, &algorithm, &body).await;
        let complete = || {
            let complete = house.s3.complete_multipart_upload().bucket(BUCKET).key("k");
            complete.upload_id(&id).multipart_upload(parts.clone())
        };
        let with = |sum: String| match algorithm {
            ChecksumAlgorithm::Crc32 => complete().checksum_crc32(sum),
            ChecksumAlgorithm::Crc32C => complete().checksum_crc32_c(sum),
            _ => complete().checksum_crc64_nvme(sum),
        };
        let wrong = crc(&algorithm, b"something else");
        assert_eq!(
            refusal(with(wrong).send().await),
            (400, "BadDigest".to_owned()),
            "{algorithm:?}"
        );
        let other_kind = complete().checksum_type(ChecksumType::Composite);
        assert_eq!(refusal(other_kind.send().await), (400, "InvalidRequest".to_owned()));
        let right = crc(&algorithm, &body);
        with(right.clone())
            .checksum_type(ChecksumType::FullObject)
            .send()
            .await
            .unwrap();
        let head = house.s3.head_object().bucket(BUCKET).key("k");
        let head = head.checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        assert_eq!(of(&head, &algorithm), Some(right), "{algorithm:?}");
        assert_eq!(head.checksum_type(), Some(&ChecksumType::FullObject), "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_kind_of_checksum_that_an_algorithm_does_not_have_is_refused() {
    let house = House::start().await;
    for (algorithm, kind) in [
        (ChecksumAlgorithm::Sha256, ChecksumType::FullObject),
        (ChecksumAlgorithm::Sha1, ChecksumType::FullObject),
        (ChecksumAlgorithm::Crc64Nvme, ChecksumType::Composite),
    ] {
        let begin = house.s3.create_multipart_upload().bucket(BUCKET).key("k");
        let begin = begin.checksum_algorithm(algorithm.clone()).checksum_type(kind);
        let (status, code) = refusal(begin.send().await);
        assert_eq!((status, code.as_str()), (400, "InvalidRequest"), "{algorithm:?}");
    }
    let unknown = house.s3.create_multipart_upload().bucket(BUCKET).key("k");
    let unknown = unknown.checksum_algorithm("XOR".into()).send().await;
    assert_eq!(refusal(unknown), (400, "InvalidRequest".to_owned()));
}

#[tokio::test]
async fn a_completion_that_is_repeated_succeeds_with_the_same_tag() {
    let house = House::start().await;
    let begun = house
        .s3
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    let id = begun.upload_id.unwrap();
    let put = house
        .s3
        .upload_part()
        .bucket(BUCKET)
        .key("k")
        .upload_id(&id)
        .part_number(1);
    let part = put.body(b"last".to_vec().into()).send().await.unwrap();
    let named = |tag: &str| {
        let part = CompletedPart::builder().part_number(1).e_tag(tag).build();
        CompletedMultipartUpload::builder().parts(part).build()
    };
    let complete = |tag: &str| {
        let complete = house.s3.complete_multipart_upload().bucket(BUCKET).key("k");
        // The condition under which the first one created it does not fail the second one.
        let complete = complete.upload_id(&id).if_none_match("*");
        complete.multipart_upload(named(tag)).send()
    };
    let tag = part.e_tag.unwrap();
    let first = complete(&tag).await.unwrap();
    let head = || house.s3.head_object().bucket(BUCKET).key("k").send();
    let modified = head().await.unwrap().last_modified;
    for _ in 0..2 {
        let again = complete(&tag).await.unwrap();
        assert_eq!(again.e_tag(), first.e_tag());
        assert_eq!(head().await.unwrap().last_modified, modified);
    }
    let other = complete("\"00000000000000000000000000000000\"").await;
    assert_eq!(refusal(other), (404, "NoSuchUpload".to_owned()));
    // After another write of the key, the old upload cannot be completed again.
    house.put("k", b"newer".to_vec()).await;
    assert_eq!(refusal(complete(&tag).await), (404, "NoSuchUpload".to_owned()));
    assert_eq!(house.bytes("k").await, b"newer");
}

#[tokio::test]
async fn ones_own_bucket_can_be_created_again() {
    let house = House::start().await;
    house.put("k", b"x".to_vec()).await;
    let again = house.s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    assert_eq!(again.location(), Some("/house"));
    assert_eq!(house.bytes("k").await, b"x");
}
