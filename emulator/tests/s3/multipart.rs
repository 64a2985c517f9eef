//! Uploads in parts.

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use futures_util::future::join_all;

use crate::harness::{BUCKET, House, bytes, collect, refusal};

const PART: usize = 5 << 20;

async fn begin(house: &House, key: &str) -> String {
    let begun = house
        .s3
        .create_multipart_upload()
        .bucket(BUCKET)
        .key(key)
        .metadata("of", "parts");
    begun.send().await.unwrap().upload_id.unwrap()
}

async fn part(house: &House, key: &str, id: &str, number: i32, body: &[u8]) -> CompletedPart {
    let put = house
        .s3
        .upload_part()
        .bucket(BUCKET)
        .key(key)
        .upload_id(id)
        .part_number(number);
    let done = put.body(body.to_vec().into()).send().await.unwrap();
    CompletedPart::builder()
        .part_number(number)
        .e_tag(done.e_tag.unwrap())
        .build()
}

fn all(parts: &[CompletedPart]) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder()
        .set_parts(Some(parts.to_vec()))
        .build()
}

#[tokio::test]
async fn parts_become_one_object() {
    let house = House::start().await;
    let body = bytes(2 * PART + 1000);
    let id = begin(&house, "big").await;
    let mut parts = Vec::new();
    // In any order, and one of them twice: the last upload of a number counts.
    part(&house, "big", &id, 2, &bytes(PART + 7)).await;
    for number in [3, 1, 2] {
        let (start, end) = ((number - 1) * PART, (number * PART).min(body.len()));
        parts.push(part(&house, "big", &id, i32::try_from(number).unwrap(), &body[start..end]).await);
    }
    parts.sort_by_key(CompletedPart::part_number);
    let listed = house
        .s3
        .list_parts()
        .bucket(BUCKET)
        .key("big")
        .upload_id(&id)
        .send()
        .await
        .unwrap();
    assert_eq!(
        listed.parts().iter().map(|part| part.size().unwrap()).sum::<i64>(),
        i64::try_from(body.len()).unwrap()
    );
    assert_eq!(
        refusal(house.s3.head_object().bucket(BUCKET).key("big").send().await).0,
        404
    );
    let complete = house
        .s3
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key("big")
        .upload_id(&id);
    let done = complete.multipart_upload(all(&parts)).send().await.unwrap();
    assert!(done.e_tag().unwrap().ends_with("-3\""));
    let got = house.get("big").await;
    assert_eq!(got.metadata().unwrap()["of"], "parts");
    assert!(collect(got).await == body);
    // The last part is small enough for a row.
    house.holds_files(2).await;
    let across = house.s3.get_object().bucket(BUCKET).key("big");
    let across = across
        .range(format!("bytes={}-{}", PART - 10, 2 * PART + 9))
        .send()
        .await
        .unwrap();
    assert!(collect(across).await == body[PART - 10..2 * PART + 10]);
    let third = house
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("big")
        .part_number(3)
        .send()
        .await
        .unwrap();
    assert!(collect(third).await == body[2 * PART..]);
    house.s3.delete_object().bucket(BUCKET).key("big").send().await.unwrap();
    house.holds_files(0).await;
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let house = House::start().await;
    let id = begin(&house, "k").await;
    part(&house, "k", &id, 1, &bytes(PART)).await;
    let uploads = house.s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
    assert_eq!(uploads.uploads()[0].upload_id(), Some(id.as_str()));
    let abort = || {
        house
            .s3
            .abort_multipart_upload()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&id)
            .send()
    };
    abort().await.unwrap();
    house.holds_files(0).await;
    assert_eq!(refusal(abort().await), (404, "NoSuchUpload".to_owned()));
    let late = house
        .s3
        .upload_part()
        .bucket(BUCKET)
        .key("k")
        .upload_id(&id)
        .part_number(1)
        .send()
        .await;
    assert_eq!(refusal(late), (404, "NoSuchUpload".to_owned()));
}

#[tokio::test]
async fn parts_are_copied_from_objects() {
    let house = House::start().await;
    let body = bytes(PART + 70_000);
    let tag = house.put("dir/from ü+", body.clone()).await;
    let id = begin(&house, "to").await;
    let copy = |number: i32, range: Option<&str>| {
        let copy = house.s3.upload_part_copy().bucket(BUCKET).key("to").upload_id(&id);
        let source = format!("{BUCKET}/dir/from%20%C3%BC%2B");
        copy.part_number(number)
            .copy_source(source)
            .set_copy_source_range(range.map(str::to_owned))
    };
    let mut parts = Vec::new();
    for (number, range) in [(1, None), (2, Some("bytes=69999-5312878")), (3, Some("bytes=7-7"))] {
        let copied = copy(number, range).copy_source_if_match(&tag).send().await.unwrap();
        let copied = copied.copy_part_result.unwrap();
        assert!(copied.last_modified.is_some());
        let part = CompletedPart::builder().part_number(number);
        parts.push(part.e_tag(copied.e_tag.unwrap()).build());
    }
    let end = format!("bytes=0-{}", body.len());
    for (range, status, code) in [
        (end.as_str(), 416, "InvalidRange"),
        ("bytes=5-", 400, "InvalidArgument"),
        ("bytes=-5", 400, "InvalidArgument"),
        ("5-6", 400, "InvalidArgument"),
    ] {
        let refused = copy(4, Some(range)).send().await;
        assert_eq!(refusal(refused), (status, code.to_owned()), "{range}");
    }
    assert_eq!(
        refusal(copy(4, None).copy_source_if_match("\"other\"").send().await).0,
        412
    );
    let nothing = copy(4, None).copy_source(format!("{BUCKET}/none")).send().await;
    assert_eq!(refusal(nothing), (404, "NoSuchKey".to_owned()));
    assert_eq!(
        refusal(copy(10_001, None).send().await),
        (400, "InvalidArgument".to_owned())
    );
    let complete = house
        .s3
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key("to")
        .upload_id(&id);
    complete.multipart_upload(all(&parts)).send().await.unwrap();
    let expected = [&body[..], &body[69_999..=5_312_878], &body[7..=7]].concat();
    assert!(house.bytes("to").await == expected);
    // The copy does not depend on its source.
    house
        .s3
        .delete_object()
        .bucket(BUCKET)
        .key("dir/from ü+")
        .send()
        .await
        .unwrap();
    assert!(house.bytes("to").await == expected);
    house.holds_files(2).await;
}

#[tokio::test]
async fn wrong_completions_are_refused_and_the_upload_stays() {
    let house = House::start().await;
    let id = begin(&house, "k").await;
    let (small, last) = (
        part(&house, "k", &id, 1, b"small").await,
        part(&house, "k", &id, 2, b"last").await,
    );
    let complete = |parts: &[CompletedPart]| {
        let complete = house
            .s3
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&id);
        complete.multipart_upload(all(parts)).send()
    };
    let unknown = CompletedPart::builder().part_number(3).e_tag("\"x\"").build();
    let other_tag = CompletedPart::builder()
        .part_number(1)
        .e_tag(last.e_tag().unwrap())
        .build();
    for (parts, code) in [
        (vec![small.clone(), last.clone()], "EntityTooSmall"),
        (vec![last.clone(), small.clone()], "InvalidPartOrder"),
        (vec![unknown], "InvalidPart"),
        (vec![other_tag], "InvalidPart"),
        (vec![], "MalformedXML"),
    ] {
        assert_eq!(refusal(complete(&parts).await), (400, code.to_owned()));
    }
    complete(&[last]).await.unwrap();
    assert_eq!(house.bytes("k").await, b"last");
}

#[tokio::test]
async fn completing_keeps_conditions() {
    let house = House::start().await;
    let tag = house.put("k", b"there".to_vec()).await;
    let id = begin(&house, "k").await;
    let parts = all(&[part(&house, "k", &id, 1, b"parts").await]);
    let complete = || {
        let complete = house
            .s3
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&id);
        complete.multipart_upload(parts.clone())
    };
    let exists = complete().if_none_match("*").send().await;
    assert_eq!(refusal(exists), (412, "PreconditionFailed".to_owned()));
    assert_eq!(
        refusal(complete().if_match("\"other\"").send().await),
        (412, "PreconditionFailed".to_owned())
    );
    complete().if_match(&tag).send().await.unwrap();
    assert_eq!(house.bytes("k").await, b"parts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_create_only_completions_have_one_winner() {
    let house = House::start().await;
    for round in 0..10 {
        let key = format!("race/{round}");
        let uploads = (0..8).map(|racer: u8| {
            let (house, key) = (&house, key.as_str());
            async move {
                let id = begin(house, key).await;
                let parts = all(&[part(house, key, &id, 1, &[racer; 100]).await]);
                (id, parts)
            }
        });
        let uploads = join_all(uploads).await;
        let racers = uploads.iter().map(|(id, parts)| {
            let complete = house
                .s3
                .complete_multipart_upload()
                .bucket(BUCKET)
                .key(&key)
                .upload_id(id);
            complete.multipart_upload(parts.clone()).if_none_match("*").send()
        });
        let outcomes = join_all(racers).await;
        assert_eq!(
            outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
            1,
            "round {round}"
        );
    }
}
